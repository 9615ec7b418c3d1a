"""What liftlock.toml says of environments that follow one another."""

import tomllib
from datetime import timedelta

import pytest

from app.domain.environment import Environment, SyncPolicy
from app.domain.windows import Window, Windows
from app.registry.environments import read_environments
from app.registry.places import Places

STAGES = """\
[environments.development]
url = "postgresql://db/dev"

[environments.staging]
url = "postgresql://db/staging"
requires = "development"
sync.every = "15m"

[environments.production]
url = "postgresql://db/live"
requires = ["staging"]
soak = "24h"
autoRun = false
lockTimeoutMs = 500
statementTimeoutMs = 60_000
lockTries = 3

[environments.production.windows]
timezone = "Europe/Berlin"
allow = [{ cron = "0 22 * * 1-4", duration = "6h" }]
deny = [
    { cron = "0 0 20 12 *", duration = "14d" },
]
"""
QA = '[environments.qa]\nurl = "postgresql://db/qa"\n'


def read(text: str) -> tuple[dict[str, Environment], list[str]]:
    return read_environments(tomllib.loads(text), {}, "liftlock.toml", text)


def test_environments_that_follow_one_another_are_read_whole() -> None:
    found, problems = read(STAGES)
    assert problems == []
    assert found["development"].sync is None
    assert found["staging"].requires == ("development",)
    assert found["staging"].sync == SyncPolicy("development", timedelta(minutes=15))
    production = found["production"]
    assert (production.requires, production.soak) == (("staging",), timedelta(days=1))
    assert production.sync == SyncPolicy("staging")
    assert production.auto_run is False
    assert (production.lock_timeout_ms, production.statement_timeout_ms, production.lock_tries) == (500, 60_000, 3)
    assert production.windows == Windows(
        (Window("0 22 * * 1-4", timedelta(hours=6), "Europe/Berlin"),),
        (Window("0 0 20 12 *", timedelta(days=14), "Europe/Berlin"),),
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            QA + 'requires = ["stagin"]\n' + QA.replace("qa", "staging"),
            "liftlock.toml:3: [environments.qa]: requires: there is no environment 'stagin'; there is staging",
        ),
        (QA + 'requires = "qa"', "liftlock.toml:3: [environments.qa]: requires: qa names itself"),
        (
            QA + 'requires = "live"\n' + QA.replace("qa", "live") + 'requires = "qa"',
            "liftlock.toml:3: `requires` goes in a circle: qa requires live requires qa; nothing could ever run in any",
        ),
        (
            QA + 'soak = "1h"',
            "liftlock.toml:3: [environments.qa]: `soak` says for how long a migration has to stand where `requires` "
            "wants it; name that too",
        ),
        (
            QA + "requires = [5]",
            'liftlock.toml:3: [environments.qa]: requires = [5]: takes the names of environments, such as ["staging"]',
        ),
        (
            QA + '\n[environments.qa.sync]\nevery = "30s"\nfrom = "live"\n' + QA.replace("qa", "live"),
            "liftlock.toml:5: [environments.qa.sync]: every = '30s': takes at least a minute",
        ),
        (
            QA + '[environments.qa.sync]\nevery = "soon"\nfrom = "live"\n' + QA.replace("qa", "live"),
            'liftlock.toml:4: [environments.qa.sync]: every = \'soon\': takes a duration, such as "30m", "24h" or "2d"',
        ),
        (
            QA + '[environments.qa.sync]\nevery = "30m"\n',
            "liftlock.toml:3: [environments.qa.sync]: `from` is missing; name the environment that this one follows",
        ),
        (
            QA + 'windows.allow = [{ cron = "0 25 * * *", duration = "1h" }]',
            "liftlock.toml:3: [environments.qa.windows]: allow: cron = '0 25 * * *': Bad hour",
        ),
        (
            QA + 'windows.allow = [{ cron = "0 22 * * *", duration = "40d" }]',
            "liftlock.toml:3: [environments.qa.windows]: allow: duration = '40d': takes a duration, such as \"30m\", "
            '"24h" or "2d", of at most 31 days',
        ),
        (
            QA + "windows.deny = ['0 22 * * *']",
            "liftlock.toml:3: [environments.qa.windows]: deny: '0 22 * * *' is no window; write "
            '{ cron = "0 22 * * 1-4", duration = "6h" }',
        ),
        (
            QA + 'windows.timezone = "Mars/Olympus"',
            "liftlock.toml:3: [environments.qa.windows]: timezone = 'Mars/Olympus': takes the name of a time zone, "
            'such as "Europe/Berlin"',
        ),
        (QA + "windows = 5", "liftlock.toml:3: [environments.qa.windows]: takes a table of keys and values"),
        (QA + "autoRun = 1", "liftlock.toml:3: [environments.qa]: autoRun = 1: takes true or false"),
        (
            QA + "lockTries = 0",
            "liftlock.toml:3: [environments.qa]: lockTries = 0: takes a whole number from 1 to 1000",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_line_and_what_to_write(text: str, problem: str) -> None:
    assert read(text)[1] == [problem]


def test_every_problem_of_a_file_is_said_at_once() -> None:
    _, problems = read(QA + 'soak = "x"\nwindows.deny = [1, 2]\nrequires = "nowhere"\ncolour = "red"\n')
    assert [problem.partition(": ")[0].rpartition(":")[2] for problem in problems] == ["6", "3", "4", "4", "5"]


def test_an_address_that_cannot_be_read_hides_no_other_problem() -> None:
    text = (
        '[environments.qa]\nurl = "env:NOT_SET"\nrequires = ["qa"]\nsoak = "x"\n'
        '[environments.a]\nurl = "env:NOT_SET"\nrequires = ["b"]\n'
        '[environments.b]\nrequires = ["a"]\ntargets = [{ name = "E", url = "env:NOT_SET" }, 3]\n'
    )
    problems = read(text)[1]
    assert sorted(problem.partition(": ")[0].rpartition(":")[2] for problem in problems) == [
        "10", "10", "10", "2", "3", "4", "6", "7",
    ]  # fmt: skip
    assert problems[-1].endswith("a requires b requires a; nothing could ever run in any")


def test_lines_are_told_apart_from_what_only_looks_like_them() -> None:
    places = Places('[a]\ntext = """\n[b]\nkey = 1\n"""\n[ "b" . c ] # said twice\n\'key\' = 2\n')
    assert places.line_of(("a", "text")) == 2
    assert places.line_of(("b", "c", "key")) == 7
    assert places.line_of(("b", "c", "inline", "deep")) == 6
    assert places.line_of(("nowhere",)) is None


def test_a_word_of_the_api_names_no_environment() -> None:
    _, problems = read('[environments.compare]\nurl = "postgresql://db/compare"\n')
    assert len(problems) == 1 and "the name 'compare' is a word of Liftlock's own; choose another" in problems[0]


SEVERAL = """\
[environments.shop]
protection = "confirm"
targets = [
    { name = "eu", url = "postgresql://db/eu", directUrl = "postgresql://direct/eu" },
    { name = "us", url = "env:US_URL", scope = "tenant" },
]
"""


def test_several_targets_are_read_in_their_order_and_share_what_is_said_of_the_environment() -> None:
    found, problems = read_environments(tomllib.loads(SEVERAL), {"US_URL": "postgresql://db/us"}, "liftlock.toml", "")
    assert problems == []
    eu, us = found["shop"].each()
    assert (eu.name, str(eu.dsn), str(eu.direct)) == ("shop.eu", "postgresql://db/eu", "postgresql://direct/eu")
    assert (us.name, str(us.dsn), us.scope, us.direct) == ("shop.us", "postgresql://db/us", "tenant", None)
    assert {one.protection.value for one in (eu, us)} == {"confirm"}
    (alone,) = read(QA)[0]["qa"].each()
    assert (alone.name, alone.part_of) == ("qa", None)


@pytest.mark.parametrize(
    ("targets", "problem"),
    [
        (
            "[]",
            '`targets` takes a list of targets, such as [{ name = "eu", url = "env:SHOP_EU_URL" }], from 1 to 100 of',
        ),
        ("{ name = 'eu', url = 'postgresql://u:hush@db/eu' }", "`targets` takes a list of targets"),
        ("[{ url = 'postgresql://db/eu' }]", "[environments.shop.targets.0]: `name` = None: must match"),
        ("[{ name = 'e.u', url = 'postgresql://db/eu' }]", "`name` = 'e.u': must match"),
        ("[{ name = 'eu' }]", "[environments.shop.targets.0]: `url` is missing"),
        (
            "[{ name = 'eu', url = 'postgresql://db/eu', protection = 'open' }]",
            "unknown key 'protection'; it takes name",
        ),
        ("[{ name = 'a', url = 'postgresql://db/a' }, { name = 'a', url = 'postgresql://db/b' }]", "the name 'a'"),
        ("[{ name = 'a', url = 'postgresql://db/a' }, { name = 'b', url = 'postgresql://db/a' }]", "the same database"),
        (
            "[{ name = 'a', url = 'postgresql://db/a', scope = 's' }, { name = 'b', url = 'postgresql://db/a' }]",
            "shop.a and shop.b have the same database",
        ),
        ("[{ name = 'a', url = 'postgresql://db/a', scope = 1 }]", "scope = 1: takes the name of a schema"),
    ],
)
def test_what_is_wrong_with_a_target_is_said_and_no_password_with_it(targets: str, problem: str) -> None:
    said = read(f"[environments.shop]\ntargets = {targets}\n")[1]
    assert len(said) == 1
    assert problem in said[0]
    assert "hush" not in said[0]


def test_one_url_and_several_targets_are_not_said_together() -> None:
    (said,) = read(SEVERAL.replace("env:US_URL", "postgresql://db/us") + 'url = "postgresql://db/one"\n')[1]
    assert said == "liftlock.toml:7: [environments.shop]: `url` stands beside `targets`; put it into one of them"


def test_schemas_of_one_database_are_targets_of_their_own() -> None:
    one, two = (f"{{ name = '{name}', url = 'postgresql://db/a', scope = '{name}' }}" for name in "st")
    assert read(f"[environments.shop]\ntargets = [{one}, {two}]\n")[1] == []
