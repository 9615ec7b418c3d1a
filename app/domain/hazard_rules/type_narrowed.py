"""ALTER COLUMN … TYPE to a type that cannot hold every value of the old one."""

from collections.abc import Iterator

from app.domain.casts import Cast, cast_between, may_narrow, read_type, type_of
from app.domain.hazard_rules.rule import Found, Rule, Scene, actions
from app.domain.hazard_rules.type_changed import retyped
from app.domain.hazards import HazardCode, Risk
from app.domain.words import Stated, shown


def _judge(stated: Stated, scene: Scene) -> Iterator[Found]:
    for table, action in actions(stated, scene):
        found = retyped(action)
        if found is None:
            continue
        column, rest = found
        old, new = scene.column_types.get((table, column)), read_type(rest)
        name = f"{table}.{column}"
        if old is None:
            if may_narrow(new):
                happens = f"{shown(name)} may hold values that do not fit: its type now is not known here."
                yield Found(HazardCode.TYPE_NARROWED, name, happens, risk=Risk.MEDIUM)
        elif cast_between(type_of(old), new) in (Cast.NARROWED, Cast.UNKNOWN):
            yield Found(HazardCode.TYPE_NARROWED, name, f"Values of {shown(name)}, which is {old} now, may not fit.")


RULE = Rule(("ALTER TABLE",), _judge)
