"""Asks one rule about the scripts of a plan, and gives what it finds as text: `CODE object`."""

from collections.abc import Mapping

from app.domain.hazard_rules import rules_for
from app.domain.hazard_rules.rule import Found, Rule, Scene
from app.domain.progress import Progress
from app.domain.statements import parse_script
from app.domain.words import Stated, shown


def found(rule: Rule, *scripts: str, types: Mapping[str, str] | None = None, transactional: bool = True) -> list[str]:
    """`types`: by `table.column`, the table in public."""
    return [
        f"{one.code} {shown(one.object)}" for one in findings(rule, *scripts, types=types, transactional=transactional)
    ]


def findings(
    rule: Rule, *scripts: str, types: Mapping[str, str] | None = None, transactional: bool = True
) -> list[Found]:
    columns = {
        (f"public.{name.partition('.')[0]}", name.partition(".")[2]): kind for name, kind in (types or {}).items()
    }
    progress = Progress()
    results: list[Found] = []
    for script in scripts:
        stated = tuple(Stated(one, index) for index, one in enumerate(parse_script(script).statements))
        for one in stated:
            scene = Scene(progress.created, columns, progress.checked, progress.not_null, stated, transactional)
            if rule in rules_for(one.verb):
                results += rule.judge(one, scene)
            progress.pass_over(one)
        progress.end_script()
    return results
