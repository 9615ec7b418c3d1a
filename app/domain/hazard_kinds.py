"""What each hazard means, how bad it is, and from which protection on it needs consent.

The rule behind `asks_from`: what acts on the server itself asks everywhere; what loses rows, opens access or is sure to
break callers asks from `confirm` on; what costs time, or may break something, asks where an environment is `locked`.
"""

from collections.abc import Mapping

from app.domain.environment import Protection
from app.domain.hazards import HazardCode, Kind, Risk

_EVERYWHERE, _CONFIRM, _LOCKED = Protection.OPEN, Protection.CONFIRM, Protection.LOCKED

KINDS: Mapping[HazardCode, Kind] = {
    HazardCode.DATA_LOSS: Kind(
        "Rows are lost",
        "Every row of the table is removed.",
        "Make sure that nobody needs them, or copy them into another table first.",
        Risk.HIGH,
        _CONFIRM,
    ),
    HazardCode.TABLE_DROPPED: Kind(
        "A table is dropped",
        "The table is gone with its rows, and every statement that names it fails.",
        "Deploy the code that no longer uses it first; rename it and drop it in a later migration.",
        Risk.HIGH,
        _CONFIRM,
    ),
    HazardCode.COLUMN_DROPPED: Kind(
        "A column is dropped",
        "The column is gone with its values, and every statement that names it fails.",
        "Deploy the code that no longer uses it first, then drop it.",
        Risk.HIGH,
        _CONFIRM,
    ),
    HazardCode.SCHEMA_DROPPED: Kind(
        "A schema is dropped",
        "The schema is gone, with CASCADE everything in it too.",
        "Drop what is in it by name, one migration each, so that it is seen what goes.",
        Risk.HIGH,
        _CONFIRM,
    ),
    HazardCode.VIEW_DROPPED: Kind(
        "A view is dropped",
        "Every statement that names the view fails.",
        "Deploy the code that no longer uses it first, then drop it.",
        Risk.MEDIUM,
        _CONFIRM,
    ),
    HazardCode.VIEW_CHANGED: Kind(
        "A view is dropped and made again",
        "The grants on the view are lost, and columns that the new one does not have are missing to its readers.",
        "Use CREATE OR REPLACE VIEW, which keeps grants and refuses to lose columns; or grant again.",
        Risk.MEDIUM,
        _LOCKED,
    ),
    HazardCode.FUNCTION_DROPPED: Kind(
        "A function is dropped",
        "Every statement that calls the function fails.",
        "Deploy the code that no longer calls it first, then drop it.",
        Risk.MEDIUM,
        _CONFIRM,
    ),
    HazardCode.FUNCTION_CHANGED: Kind(
        "A function is dropped and made again",
        "Its arguments or its result may differ, so callers written for the old one fail; its grants are lost.",
        "Add the new one beside the old one, move the callers, then drop the old one.",
        Risk.MEDIUM,
        _LOCKED,
    ),
    HazardCode.OBJECT_DROPPED: Kind(
        "A type, sequence or other object is dropped",
        "Whatever names it fails; a database is gone with everything in it.",
        "Make sure that nothing uses it; drop it in a migration of its own.",
        Risk.MEDIUM,
        _CONFIRM,
    ),
    HazardCode.EXTENSION_DROPPED: Kind(
        "An extension is dropped",
        "Its types, functions and operators are gone, with CASCADE the columns and indexes that use them too.",
        "Take everything away that uses it first, and drop it without CASCADE.",
        Risk.HIGH,
        _CONFIRM,
    ),
    HazardCode.CONSTRAINT_DROPPED: Kind(
        "A constraint is dropped",
        "Rows that the constraint refused are accepted from now on.",
        "Add the new constraint before the old one goes, so that there is no gap.",
        Risk.MEDIUM,
        _LOCKED,
    ),
    HazardCode.TRIGGER_REMOVED: Kind(
        "A trigger or rule is dropped or switched off",
        "What it did at every change is no longer done: checks, audit rows, copies.",
        "Make sure that something else does it, or nobody needs it.",
        Risk.MEDIUM,
        _LOCKED,
    ),
    HazardCode.ROW_SECURITY_WEAKENED: Kind(
        "Row security is weakened",
        "Rows that a policy hid can be seen or changed, or, without any policy left, none can.",
        "Create the new policy in the same transaction, and have somebody look at it.",
        Risk.HIGH,
        _CONFIRM,
    ),
    HazardCode.CASCADE_USED: Kind(
        "CASCADE is used",
        "Everything that depends on it goes too, and the file does not say what that is.",
        "Leave CASCADE out: PostgreSQL then lists what depends on it; name each in the migration.",
        Risk.HIGH,
        _CONFIRM,
    ),
    HazardCode.OBJECT_RENAMED: Kind(
        "Something is renamed",
        "Code that uses the old name fails from the moment of the commit.",
        "Add the new name beside the old one (a view, a second column), move the code, then drop the old one.",
        Risk.HIGH,
        _CONFIRM,
    ),
    HazardCode.ENUM_LABEL_CHANGED: Kind(
        "A label of an enum is renamed or removed",
        "Code that writes or compares the old label fails, and a removed one leaves rows that cannot be read.",
        "Add the new label, move rows and code, and leave the old one where it is.",
        Risk.HIGH,
        _CONFIRM,
    ),
    HazardCode.TYPE_NARROWED: Kind(
        "A column's type is narrowed",
        "Values that do not fit make the statement fail, or are cut off or rounded without a word.",
        "Count the rows that do not fit first; add a column of the new type and move the values.",
        Risk.HIGH,
        _CONFIRM,
    ),
    HazardCode.REQUIRED_COLUMN: Kind(
        "A column becomes required",
        "The statement fails when the table has rows, and writers that do not know the column fail afterwards.",
        "Add it with a default, or without NOT NULL, fill it, and require it later.",
        Risk.HIGH,
        _CONFIRM,
    ),
    HazardCode.ALL_ROWS_CHANGED: Kind(
        "Every row is changed",
        "An UPDATE without WHERE overwrites a value in every row and writes the whole table anew.",
        "Say which rows with WHERE, or send it in ranges with -- liftlock: batch.",
        Risk.MEDIUM,
        _CONFIRM,
    ),
    HazardCode.MIXED_DATA_CHANGE: Kind(
        "Schema and rows are changed in one migration",
        "The locks of the schema change are held until the rows are done.",
        "Put the rows into a migration of their own, in ranges with -- liftlock: batch when they are many.",
        Risk.MEDIUM,
        _LOCKED,
    ),
    HazardCode.TABLE_REWRITE: Kind(
        "A table is written anew",
        "The whole table and its indexes are copied, and nobody reads or writes it meanwhile.",
        "Add a new column or table beside the old one, fill it in ranges, and switch over.",
        Risk.HIGH,
        _LOCKED,
    ),
    HazardCode.BLOCKS_READS: Kind(
        "Reads and writes wait",
        "Nobody can read or write the table while the statement runs, which takes the longer the larger it is.",
        "Use the form that does not wait, which the hazard names, or run it when nobody needs the table.",
        Risk.HIGH,
        _LOCKED,
    ),
    HazardCode.BLOCKS_WRITES: Kind(
        "Writes wait",
        "Nobody can write the table while the statement runs; reads go on.",
        "Use the form that does not wait, which the hazard names, or run it when nobody writes.",
        Risk.MEDIUM,
        _LOCKED,
    ),
    HazardCode.INDEX_BUILD: Kind(
        "An index is built while the table is in use",
        "The table is read twice and transactions that are open are waited for: extra I/O, and it can take long.",
        "Run it when there is little load; what it leaves behind on failure is dropped and built again.",
        Risk.LOW,
        _LOCKED,
    ),
    HazardCode.GRANT_TO_PUBLIC: Kind(
        "Something is granted to everybody",
        "Every role of the server has the privilege, also those that are made later.",
        "Grant it to the roles that need it.",
        Risk.HIGH,
        _CONFIRM,
    ),
    HazardCode.PRIVILEGE_REVOKED: Kind(
        "A privilege is taken away",
        "Sessions of the role fail at the next statement that needs it.",
        "Make sure that nothing of the role's still needs it.",
        Risk.MEDIUM,
        _LOCKED,
    ),
    HazardCode.UNSAFE_DEFINER: Kind(
        "A SECURITY DEFINER function has no search_path",
        "A caller can put objects of its own into the search path and have them run with the owner's rights.",
        "Add SET search_path = pg_catalog, pg_temp, and write the schema before every other name.",
        Risk.HIGH,
        _CONFIRM,
    ),
    HazardCode.SERVER_PROGRAM: Kind(
        "A program is run on the database's machine",
        "COPY … PROGRAM runs a shell command as the operating system's user of PostgreSQL.",
        "Remove it: load the rows from outside.",
        Risk.HIGH,
        _EVERYWHERE,
    ),
    HazardCode.SERVER_SETTING: Kind(
        "A setting of the whole server is changed",
        "Every database of the server is affected, and no rollback takes it back.",
        "Set it for the database or the role, or where the server is configured.",
        Risk.HIGH,
        _EVERYWHERE,
    ),
    HazardCode.ROLE_CHANGED: Kind(
        "A role is made, changed or dropped",
        "Roles belong to the whole server: other databases see it, and a second target on it fails at CREATE.",
        "Keep roles where the server is configured; in a migration only grant to roles that are there.",
        Risk.MEDIUM,
        _CONFIRM,
    ),
    HazardCode.UNSEEN_STATEMENTS: Kind(
        "What it does cannot be read from the file",
        "The statements are made while it runs, so nobody has judged them.",
        "Try it with POST /migrations/verify, which shows what it does; or write the statements out.",
        Risk.MEDIUM,
        _LOCKED,
    ),
    HazardCode.LINT: Kind(
        "Advice of the linter",
        "The linter has something to say about the statement.",
        "Follow it where it fits; it stops nothing.",
        Risk.LOW,
        None,
    ),
}
