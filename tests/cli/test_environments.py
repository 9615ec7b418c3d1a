"""What is said of environments: of several targets all of them, and when they may be changed."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from app.cli.exits import Exit
from app.domain.environment import Dsn, Environment, Target
from app.domain.errors import BackendUnusable
from app.domain.job import Origin
from app.domain.windows import Window, Windows
from tests.api.leaving import add, leave_out
from tests.api.stand import ONE, THREE, TWO, standing
from tests.cli.typed import Terminal, Worked
from tests.domain.literals import entry


def test_of_several_targets_the_plan_of_each_is_shown(tmp_path: Path) -> None:
    targets = tuple(Target(name, Dsn(f"postgresql://db/{name}")) for name in ("eu", "us"))
    shop = Environment("shop", targets[0].dsn, targets=targets)
    with standing(applied=(ONE, TWO), changed_settings={"environments": {"shop": shop}}) as stand:
        terminal = Terminal(tmp_path, Worked(stand))
        stand.targets.ledger("shop.us").entries.clear()
        said, sql = terminal.type("plan", "shop"), terminal.type("plan", "shop", "--sql")
        assert said.exit_code == sql.exit_code == Exit.DONE
        headings = [line.split()[3] for line in said.stdout.splitlines() if line.startswith("Plan ")]
        assert headings == ["shop.eu", "shop.us"]
        assert [said.stdout.count(name) for name in ("+ 3 orders", "+ 1 create users")] == [2, 1]
        assert [part in sql.stdout for part in ("a run in shop.eu, 1 step", "a run in shop.us, 3 steps")] == [True] * 2
        stand.targets.ledger("shop.eu").entries |= {THREE.name: entry(THREE, 3)}
        assert terminal.type("plan", "shop", "--exit-code").exit_code == Exit.DIFFERENCE
        assert sql.stdout == "".join(stand.get(f"/plans/{one}/sql").text for one in _plans_of(sql.stdout))
        assert terminal.type("history", "shop").exit_code == Exit.DONE
        shown = terminal.type("env", "show", "shop").stdout
        assert "shop.us  postgresql://db/us" in shown and "the whole database" not in shown
        assert "shop.us  " in terminal.type("env", "status", "shop").stdout
        assert "2 targets: liftlock env show shop" in terminal.type("env", "ls").stdout


def test_of_several_targets_one_that_cannot_be_looked_at_has_a_reason_instead(tmp_path: Path) -> None:
    targets = tuple(Target(name, Dsn(f"postgresql://db/{name}")) for name in ("eu", "us"))
    shop = Environment("shop", targets[0].dsn, targets=targets)
    with standing(changed_settings={"environments": {"shop": shop}}) as stand:
        terminal = Terminal(tmp_path, Worked(stand))
        stand.targets.away["shop.us"] = BackendUnusable("us is shut", next_steps=("psql 'postgresql://db/us'",))
        said, sql, shown = (terminal.type("plan", "shop", *more) for more in ((), ("--sql",), ("--json",)))
        assert {one.exit_code for one in (said, sql, shown)} == {Exit.UNREACHABLE}
        assert [line.split()[3] for line in said.stdout.splitlines() if line.startswith("Plan ")] == ["shop.eu"]
        assert said.stdout.endswith("\n\nNo plan for shop.us\n  ✕ us is shut\n    psql 'postgresql://db/us'\n")
        assert "a run in shop.eu, 3 steps" in sql.stdout and "us is shut" not in sql.stdout
        assert "us is shut" in sql.stderr
        without = json.loads(shown.stdout)["withoutPlan"]
        assert [(one["environment"], one["problem"]["status"]) for one in without] == [("shop.us", 503)]


def test_of_several_targets_the_comparison_of_each_is_shown(tmp_path: Path) -> None:
    targets = tuple(Target(name, Dsn(f"postgresql://db/{name}")) for name in ("eu", "us"))
    environments = {
        "shop": Environment("shop", targets[0].dsn, targets=targets),
        "old": Environment("old", Dsn("postgresql://db/old")),
    }
    with standing(applied=(ONE, TWO), changed_settings={"environments": environments}) as stand:
        terminal = Terminal(tmp_path, Worked(stand))
        assert terminal.type("compare", "old", "shop").exit_code == Exit.DONE
        stand.targets.ledger("shop.us").entries.clear()
        said = terminal.type("compare", "old", "shop")
        assert said.exit_code == Exit.DIFFERENCE
        assert "only in shop.eu 0" in said.stdout and "only in old: 1 create users" in said.stdout
        assert said.stdout.count("applied in both") == 2


def _plans_of(sql: str) -> list[str]:
    return [line.split()[3].rstrip(",") for line in sql.splitlines() if ", a run in " in line]


def test_an_environment_that_is_only_denied_is_not_always_open(tmp_path: Path) -> None:
    closed = Windows(deny=(Window("0 0 20 12 *", timedelta(days=14)),))
    shop = Environment("shop", Dsn("postgresql://db/shop"), windows=closed)
    with standing(changed_settings={"environments": {"shop": shop}}) as stand:
        shown = Terminal(tmp_path, Worked(stand)).type("env", "show", "shop").stdout
    assert "0 allow, 1 deny" in shown


@pytest.fixture
def left(tmp_path: Path) -> Iterator[Terminal]:
    """`staging` is no longer in liftlock.toml; one job has ended there, and one waits."""
    with standing(applied=(ONE, TWO)) as stand:
        stand.finish(str(add(stand).id))
        add(stand)
        leave_out(stand)
        yield Terminal(tmp_path, Worked(stand))


def test_one_that_is_left_out_of_the_file_is_said_everywhere_with_what_to_type(left: Terminal) -> None:
    what = "staging is no longer in liftlock.toml, and has 2 jobs on record, of which 1 has not ended"
    type_this = "liftlock env rm staging --confirm staging"
    for typed in (("status",), ("status", "staging"), ("env", "show", "staging")):
        said = left.type(*typed)
        assert said.exit_code == Exit.DONE, typed
        assert what in said.stdout and type_this in said.stdout, typed
    listed = left.type("env", "ls").stdout.splitlines()[-1].split()
    assert (listed[0], listed[-1]) == ("staging", "removed")
    assert "its database is not asked" in left.type("env", "status", "staging").stdout


def test_the_list_of_migrations_is_folded_as_if_it_were_not_there(left: Terminal) -> None:
    assert "STAGING" not in left.type("status").stdout
    assert left.document("status")["removed"][0]["name"] == "staging"


def test_what_is_asked_of_it_is_refused_with_the_remedy(left: Terminal) -> None:
    said = left.type("run", "staging")
    assert said.exit_code == Exit.REFUSED
    assert "no longer in liftlock.toml" in said.stderr
    assert "liftlock env rm staging --confirm staging" in said.stderr


def test_it_is_removed_by_its_name(left: Terminal) -> None:
    assert left.type("env", "rm", "staging").exit_code == Exit.REFUSED
    assert left.type("env", "rm", "staging", "--confirm", "staging").exit_code == Exit.DONE
    assert "staging" not in left.type("env", "ls").stdout


def test_it_may_be_registered_under_its_name(left: Terminal) -> None:
    done = left.type("env", "put", "staging", "--set", "url=postgresql://db/elsewhere")
    assert done.exit_code == Exit.DONE, done.output
    assert "removed" not in left.type("env", "ls").stdout


def test_a_registered_one_that_cannot_be_used_is_said_with_the_reason(tmp_path: Path) -> None:
    with standing(applied=(ONE, TWO)) as stand:
        document = {"url": "postgresql://db/qa", "requires": ["gone"]}
        stand.run(stand.registry.put("qa", document, None, Origin()))
        stand.run(stand.services.registry.refresh())
        terminal = Terminal(tmp_path, Worked(stand))
        found = {one["about"]: one for one in terminal.document("doctor")}["environment qa"]
        asked = (("env", "show", "qa"), ("status", "qa"), ("status",))
        said = [" ".join(terminal.type(*typed).output.split()) for typed in asked]
        listed = terminal.type("env", "ls").stdout.splitlines()[-1].split()
    why = "qa is registered, and cannot be used here: requires: there is no environment 'gone'"
    assert found["ok"] is False and found["says"].startswith(why)
    assert found["fix"] == "liftlock env put qa --set KEY=VALUE, or correct liftlock.toml"
    assert all(why in one for one in said)
    assert (listed[0], listed[-1]) == ("qa", "unusable")


def test_doctor_finds_it(left: Terminal) -> None:
    found = {one["about"]: one for one in left.document("doctor")}["environment staging"]
    assert found["ok"] is False and "2 jobs on record" in found["says"]
    assert "liftlock env rm staging --confirm staging" in found["fix"]
