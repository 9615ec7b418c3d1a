"""Every rule has a file, a place in the tuple, and a test beside it."""

from pathlib import Path

from app.domain import hazard_rules
from app.domain.hazard_kinds import KINDS
from app.domain.hazard_rules import RULES, rules_for
from app.domain.hazards import HazardCode

NO_RULES = {"__init__", "rule"}


def test_every_rule_is_registered_and_has_a_test_beside_it() -> None:
    files = {path.stem for path in Path(hazard_rules.__file__).parent.glob("*.py")} - NO_RULES
    judged = {rule.judge.__module__.rpartition(".")[2] for rule in RULES}
    tested = {path.stem.removeprefix("test_") for path in Path(__file__).parent.glob("test_*.py")} - {"registry"}
    assert files == judged == tested
    assert len(RULES) == len(files)


def test_every_code_has_a_kind_with_its_words() -> None:
    assert set(KINDS) == set(HazardCode)
    for kind in KINDS.values():
        assert kind.happens.endswith(".") and kind.to_do.endswith(".") and not kind.title.endswith(".")


def test_a_rule_of_a_bare_verb_looks_at_all_that_begin_with_it() -> None:
    names = {rule.judge.__module__.rpartition(".")[2] for rule in rules_for("DROP TYPE")}
    assert names == {"object_dropped", "cascade_used"}
    assert rules_for("SELECT") == ()
