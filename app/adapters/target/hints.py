"""What to do about an error of the server's, where that is known better here than there."""

import re
import unicodedata

NO_RIGHT = "42501"

_INSTEAD = {
    "55P04": "a new enum value may only be used after the transaction that adds it has committed: use two files, "
    'and not `"atomic": "run"`',
    # the driver's own hint is about poolers
    "26000": "a statement that is prepared ends with its migration: PREPARE it in the section that uses it",
    "42P05": "the name is taken in this session: choose another one, or DEALLOCATE it before",
}
_ELSE = {
    "42710": "roles and extensions belong to the whole server or database: this one may come from elsewhere",
    "2D000": "what commits by itself has to run outside a transaction: `-- migrate:up transaction:false`",
    NO_RIGHT: "the role that Liftlock connects as needs this right; grant it, or connect as the owner",
}
_UNKNOWN_WORD = frozenset({"42601", "42703", "42704", "42P01"})
PLACEHOLDER = (
    "nobody fills in :name, %s, ? or ${name}: write the value; "
    "in Python write $1, $2 … and give the values after the SQL"
)
ALONE = (
    "write the statement by itself, not in a DO block or a function: a section of such statements has no transaction"
)
_PLACEHOLDERS = re.compile(r'^syntax error at or near "[:%?$]')


def hint_on(state: str, message: str, servers_own: str | None) -> str | None:
    if state == "25001" and message.endswith("cannot run inside a transaction block"):
        return ALONE
    return _INSTEAD.get(state) or servers_own or _ELSE.get(state) or _on_the_text(state, message)


def _on_the_text(state: str, message: str) -> str | None:
    if state == "42601" and _PLACEHOLDERS.match(message):
        return PLACEHOLDER
    strange = next((one for one in message if _looks_like_another(one)), None)
    if strange is None or state not in _UNKNOWN_WORD:
        return None
    name = unicodedata.name(strange, "a character without a name")
    return f"it holds {name} (U+{ord(strange):04X}), which is neither space nor quote to PostgreSQL; type it anew"


def _looks_like_another(one: str) -> bool:
    """Spaces, quotes and what cannot be seen, as word processors and web pages put them in."""
    return not one.isascii() and unicodedata.category(one) in ("Zs", "Zl", "Zp", "Cf", "Pi", "Pf")
