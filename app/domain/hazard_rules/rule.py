"""What a rule is: it looks at one statement in its scene and says what it finds."""

from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from app.domain.hazards import HazardCode, Risk
from app.domain.words import Stated, Words

_CONSTRAINTS = frozenset({"CONSTRAINT", "CHECK", "UNIQUE", "PRIMARY", "FOREIGN", "EXCLUDE"})


@dataclass(frozen=True, slots=True)
class Found:
    """`object` with its schema; an empty sentence or None takes what the code's kind says."""

    code: HazardCode
    object: str
    happens: str = ""
    to_do: str = ""
    risk: Risk | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """What is known when a statement's turn comes.

    `created`: tables, views and indexes made earlier in the plan, so nobody reads or writes them yet.
    `column_types`: by table and column, as the target has them, where somebody has looked.
    `checked`: tables with a validated CHECK, `not_null`: columns that one proves to hold no NULL.
    `script`: all statements of the script. `transactional`: whether they are one transaction.
    """

    created: AbstractSet[str] = frozenset()
    column_types: Mapping[tuple[str, str], str] = field(default_factory=dict)
    checked: AbstractSet[str] = frozenset()
    not_null: AbstractSet[tuple[str, str]] = frozenset()
    script: tuple[Stated, ...] = ()
    transactional: bool = True

    def later(self, stated: Stated) -> tuple[Stated, ...]:
        return self.script[stated.index + 1 :]


@dataclass(frozen=True, slots=True)
class Rule:
    """`verbs`: the statements it looks at, as `classify` names them."""

    verbs: tuple[str, ...]
    judge: Callable[[Stated, Scene], Iterator[Found]]


def actions(stated: Stated, scene: Scene) -> Iterator[tuple[str, Words]]:
    """The table and each action of an ALTER TABLE on a table that stood before this plan."""
    altered = stated.altered
    if altered.table not in scene.created:
        for action in altered.actions:
            yield altered.table, action


def added_column(action: Words) -> tuple[str, Words] | None:
    """ADD COLUMN: its name and the words from its type on; None for any other action."""
    if not action.begins("ADD"):
        return None
    at = action.skipping(1, "COLUMN")
    if at == 1 and action.word(at) in _CONSTRAINTS:
        return None
    at = action.skipping(at, "IF", "NOT", "EXISTS")
    name = action.column(at)
    return (name, action.between(at + 1)) if name else None


def added_constraint(action: Words) -> Words | None:
    """ADD [CONSTRAINT name]: the words from CHECK, UNIQUE, PRIMARY, FOREIGN or EXCLUDE on."""
    if not action.begins("ADD") or action.word(1) not in _CONSTRAINTS:
        return None
    return action.between(3 if action.word(1) == "CONSTRAINT" else 1)


def function_key(name: str) -> str:
    """How a function stands among what the plan has made: a table may bear the same name."""
    return f"{name}()"


def unvalidated(constraint: Words) -> bool:
    return constraint.has_at_top("VALID") and constraint.has("NOT", "VALID")


def dropped(stated: Stated) -> tuple[str, ...]:
    """The names of a DROP of tables, views, types or anything else that takes a list of plain names."""
    words = stated.words
    at = words.skipping(len(stated.verb.split()), "IF", "EXISTS")
    return words.names(at)


def made_again(stated: Stated, scene: Scene, verb: str, name: str) -> bool:
    """Whether a later statement of the script begins with CREATE … of the same name."""
    noun = verb.split()[1:]
    for later in scene.later(stated):
        if later.verb == verb:
            words = later.words
            at = words.find(*noun) + len(noun)
            if words.name(words.skipping(at, "IF", "NOT", "EXISTS"))[0] == name:
                return True
    return False


def written_rows(words: Words, *phrase: str) -> Iterator[tuple[int, Words]]:
    """Each place after `phrase`, such as DELETE FROM, with the rest of that statement: also those inside WITH."""
    at = words.find(*phrase)
    while at >= 0:
        start = at + len(phrase)
        yield start, words.between(start, _end_of_level(words, start))
        at = words.find(*phrase, start=start)


def _end_of_level(words: Words, start: int) -> int:
    depth = 0
    for at in range(start, len(words)):
        depth += (words.upper[at] == "(") - (words.upper[at] == ")")
        if depth < 0:
            return at
    return len(words)
