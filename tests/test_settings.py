import ast
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from app.domain.access import Auth
from app.domain.environment import Dsn, Environment, OnDrift, OnFailure, OutOfOrder, Protection
from app.domain.errors import ConfigurationInvalid
from app.registry.environments import default_protection
from app.settings import Settings, Timing, load_settings

ROOT = Path(__file__).resolve().parents[1]
DATABASE = "postgresql://ann:s3cret@db.example/control"
REDIS = "redis://:r3dis@redis.example:6379/0"
NEEDED = {"DATABASE_URL": DATABASE, "REDIS_URL": REDIS, "LIFTLOCK_CONFIG": "-"}
WAYS = {"environ", "environb", "getenv", "getenvb"}
READERS_OF_THE_ENVIRONMENT = {
    "app/settings.py", "app/measures.py", "app/cli/local/demo.py", "app/cli/local/up.py",
    # on the machine of whoever asks, which is another than the service's
    "app/cli/settings.py", "app/client/__init__.py",
}  # fmt: skip


def load(**changed: str) -> Settings:
    return load_settings(NEEDED | changed)


def problems_of(environ: Mapping[str, str]) -> list[str]:
    with pytest.raises(ConfigurationInvalid) as refused:
        load_settings(environ)
    first, *problems = refused.value.detail.split("\n")
    assert first == "Liftlock cannot start with this configuration:"
    return [problem.strip() for problem in problems]


def configure(folder: Path, text: str, **environ: str) -> dict[str, str]:
    """An environment whose liftlock.toml says `text`."""
    path = folder / "liftlock.toml"
    path.write_text(text, encoding="utf-8")
    return NEEDED | {"LIFTLOCK_CONFIG": str(path)} | environ


def load_toml(folder: Path, text: str, **environ: str) -> Mapping[str, Environment]:
    return load_settings(configure(folder, text, **environ)).environments


def test_two_addresses_are_all_that_is_needed() -> None:
    assert load() == Settings(
        database=Dsn(DATABASE),
        redis_url=REDIS,
        environments={"development": Environment("development", Dsn(DATABASE))},
        default_environment="development",
        migrations=Path("migrations").absolute(),
        host="127.0.0.1",
        port=3000,
        allowed_hosts=frozenset(),
        auto_run=False,
        read_only=False,
        max_file_bytes=16 * 1024 * 1024,
        lock_tries=10,
        log_level="INFO",
        shortcut=True,
        timing=Timing(),
    )


def test_the_times_are_those_of_the_checked_protocol() -> None:
    timing = load().timing
    assert (timing.lease_ttl_ms, timing.beat_every_ms, timing.sweep_every_ms) == (30_000, 10_000, 5_000)
    assert (timing.lock_timeout_ms, timing.fence_timeout_ms) == (2_000, 5_000)


@pytest.mark.parametrize(
    ("variable", "given", "field", "value"),
    [
        ("REDIS_URL", "rediss://host:6380/1", "redis_url", "rediss://host:6380/1"),
        ("REDIS_URL", "rediss://redis.example", "redis_url", "rediss://redis.example"),
        ("LIFTLOCK_HOST", "localhost", "host", "localhost"),
        ("LIFTLOCK_HOST", "::1", "host", "::1"),
        ("LIFTLOCK_PORT", "8080", "port", 8080),
        ("LIFTLOCK_MIGRATIONS", "/srv/migrations", "migrations", Path("/srv/migrations")),
        ("LIFTLOCK_ALLOWED_HOSTS", "A.example, b.example,,", "allowed_hosts", frozenset({"a.example", "b.example"})),
        ("AUTO_RUN_MIGRATIONS", "true", "auto_run", True),
        ("LIFTLOCK_READ_ONLY", "1", "read_only", True),
        ("LIFTLOCK_MAX_FILE_MB", "2", "max_file_bytes", 2 * 1024 * 1024),
        ("LIFTLOCK_LOCK_TRIES", "3", "lock_tries", 3),
        ("LIFTLOCK_LOG_LEVEL", "debug", "log_level", "DEBUG"),
        ("LIFTLOCK_NO_SHORTCUT", "yes", "shortcut", False),
    ],
)
def test_a_variable_is_read(variable: str, given: str, field: str, value: object) -> None:
    assert getattr(load(**{variable: given}), field) == value


@pytest.mark.parametrize("field", Timing.__slots__)
def test_every_time_has_its_variable(field: str) -> None:
    given = {"LIFTLOCK_BEAT_EVERY_MS": "500", f"LIFTLOCK_{field.upper()}": "1234"}
    assert getattr(load(**given).timing, field) == 1234


def test_a_beat_that_comes_too_late_for_its_lease_is_refused() -> None:
    with pytest.raises(ConfigurationInvalid, match="at most half of LIFTLOCK_LEASE_TTL_MS"):
        load(LIFTLOCK_LEASE_TTL_MS="1000", LIFTLOCK_BEAT_EVERY_MS="900")


@pytest.mark.parametrize(
    ("given", "value"),
    [("1", True), ("TRUE", True), ("yes", True), (" on ", True), ("0", False), ("False", False), ("no", False),
     ("off", False), ("", False)],
)  # fmt: skip
def test_a_flag_is_said_in_any_of_these_words(given: str, value: bool) -> None:
    assert load(AUTO_RUN_MIGRATIONS=given).auto_run is value


@pytest.mark.parametrize(
    "variable",
    ["LIFTLOCK_HOST", "LIFTLOCK_PORT", "LIFTLOCK_MIGRATIONS", "LIFTLOCK_ALLOWED_HOSTS", "AUTO_RUN_MIGRATIONS",
     "LIFTLOCK_READ_ONLY", "LIFTLOCK_MAX_FILE_MB", "LIFTLOCK_LOCK_TRIES", "LIFTLOCK_LOG_LEVEL",
     "LIFTLOCK_NO_SHORTCUT", "LIFTLOCK_ENVIRONMENT", "LIFTLOCK_LEASE_TTL_MS"],
)  # fmt: skip
def test_a_variable_that_is_empty_counts_as_not_set(variable: str) -> None:
    assert load(**{variable: ""}) == load()


@pytest.mark.parametrize(
    ("variable", "given", "problem"),
    [
        ("LIFTLOCK_PORT", "http", "LIFTLOCK_PORT=http: takes a whole number from 1 to 65535"),
        ("LIFTLOCK_PORT", "0", "LIFTLOCK_PORT=0: takes a whole number from 1 to 65535"),
        ("LIFTLOCK_PORT", "65536", "LIFTLOCK_PORT=65536: takes a whole number from 1 to 65535"),
        ("LIFTLOCK_MAX_FILE_MB", "1.5", "LIFTLOCK_MAX_FILE_MB=1.5: takes a whole number from 1 to 1024"),
        ("LIFTLOCK_LOCK_TRIES", "-1", "LIFTLOCK_LOCK_TRIES=-1: takes a whole number from 1 to 1000"),
        ("LIFTLOCK_LEASE_TTL_MS", "30s", "LIFTLOCK_LEASE_TTL_MS=30s: takes a whole number from 1 to 86400000"),
        ("AUTO_RUN_MIGRATIONS", "maybe", "AUTO_RUN_MIGRATIONS=maybe: takes true or false"),
        ("LIFTLOCK_READ_ONLY", "2", "LIFTLOCK_READ_ONLY=2: takes true or false"),
        ("LIFTLOCK_NO_SHORTCUT", "x", "LIFTLOCK_NO_SHORTCUT=x: takes true or false"),
        ("LIFTLOCK_SCHEMA_CHECK", "often", "LIFTLOCK_SCHEMA_CHECK=often: takes one of OFF, JOB, STEP"),
        ("LIFTLOCK_LOG_LEVEL", "loud", "LIFTLOCK_LOG_LEVEL=loud: takes one of DEBUG, INFO, WARNING, ERROR"),
        ("LIFTLOCK_AUTH", "basic", "LIFTLOCK_AUTH=basic: takes one of off, token"),
        ("LIFTLOCK_ENVIRONMENT", "moon", "LIFTLOCK_ENVIRONMENT=moon: takes one of development"),
        ("LIFTLOCK_CONFIG", "/no/such.toml", "LIFTLOCK_CONFIG=/no/such.toml: there is no such file; - means none"),
    ],
)
def test_a_wrong_value_is_named_with_what_it_takes(variable: str, given: str, problem: str) -> None:
    assert problems_of(NEEDED | {variable: given}) == [problem]


def test_missing_addresses_are_named_with_their_shape() -> None:
    assert problems_of({"LIFTLOCK_CONFIG": "-"}) == [
        "DATABASE_URL is not set; it takes postgresql://user:password@host:5432/database",
        "REDIS_URL is not set; it takes redis://host:6379/0",
    ]


@pytest.mark.parametrize(
    "given",
    [
        "mysql://u:s3cret@h/d",
        "postgresql://u:s3cret@h",
        "postgresql://u:s3cret@h:x/d",
        "postgresql://u:s3cret@h:1,h:x/d",
        "s3cret",
    ],
)
def test_an_address_that_is_not_understood_is_not_shown(given: str) -> None:
    (problem,) = problems_of(NEEDED | {"DATABASE_URL": given})
    assert problem == "DATABASE_URL is not understood; it takes postgresql://user:password@host:5432/database"


@pytest.mark.parametrize("hosts", ["one:5432,two:5433", "one,two", "[::1]:5432,[::2]:5433"])
def test_an_address_may_name_several_servers(hosts: str) -> None:
    address = f"postgresql://u:s3cret@{hosts}/d?target_session_attrs=read-write"
    settings = load_settings(NEEDED | {"DATABASE_URL": address})
    assert (settings.database.secret, str(settings.database)) == (address, f"postgresql://u@{hosts}/d")


@pytest.mark.parametrize("given", ["http://:s3cret@h", "redis://:s3cret@h:x/0", "s3cret"])
def test_an_address_of_redis_that_is_not_understood_is_not_shown(given: str) -> None:
    (problem,) = problems_of(NEEDED | {"REDIS_URL": given})
    assert problem == "REDIS_URL is not understood; it takes redis://host:6379/0"


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    wrong = configure(
        tmp_path,
        "surprise = 1\n[environments.staging]\nurl = 'nonsense'\n",
        REDIS_URL="nonsense",
        LIFTLOCK_PORT="x",
        LIFTLOCK_READ_ONLY="x",
        LIFTLOCK_BEAT_EVERY_MS="x",
        LIFTLOCK_HOST="0.0.0.0",
        LIFTLOCK_AUTH="off",
    )
    assert [problem.split(maxsplit=1)[0] for problem in problems_of(wrong)] == [
        "REDIS_URL", "LIFTLOCK_HOST=0.0.0.0", "liftlock.toml:1:", "liftlock.toml:3:", "LIFTLOCK_BEAT_EVERY_MS=x:",
        "LIFTLOCK_PORT=x:", "LIFTLOCK_READ_ONLY=x:",
    ]  # fmt: skip


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "liftlock.example"])
def test_a_host_beyond_loopback_is_refused_without_tokens_with_what_to_do(host: str) -> None:
    (problem,) = problems_of(NEEDED | {"LIFTLOCK_HOST": host, "LIFTLOCK_AUTH": "off"})
    assert problem.startswith(f"LIFTLOCK_HOST={host} with LIFTLOCK_AUTH=off: anybody who reaches this address")
    assert "LIFTLOCK_AUTH=token" in problem
    assert "LIFTLOCK_PUBLISHED_ON_LOOPBACK=1" in problem


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.7", "liftlock.example"])
def test_a_host_beyond_loopback_asks_for_tokens_without_being_told(host: str) -> None:
    settings = load(LIFTLOCK_HOST=host)
    assert (settings.host, settings.auth) == (host, Auth.TOKEN)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_loopback_asks_for_no_token_unless_it_is_told_to(host: str) -> None:
    assert load(LIFTLOCK_HOST=host).auth is Auth.OFF
    assert load(LIFTLOCK_HOST=host, LIFTLOCK_AUTH="token").auth is Auth.TOKEN


def test_a_host_that_is_published_on_loopback_may_go_without_tokens_when_it_says_so() -> None:
    published = {"LIFTLOCK_HOST": "0.0.0.0", "LIFTLOCK_PUBLISHED_ON_LOOPBACK": "1"}
    settings = load(**published, LIFTLOCK_AUTH="off")
    assert (settings.host, settings.auth) == ("0.0.0.0", Auth.OFF)
    assert load(**published).auth is Auth.TOKEN


def test_the_admins_token_is_taken_as_it_is_or_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("x" * 32 + "\n", encoding="utf-8")
    assert load().admin_token is None
    assert load(LIFTLOCK_ADMIN_TOKEN="y" * 32).admin_token == "y" * 32
    assert load(LIFTLOCK_ADMIN_TOKEN=f"file:{tmp_path / 'token'}").admin_token == "x" * 32


@pytest.mark.parametrize("token", ["hush" * 7 + "hus", "hush " * 10, "h\u00fcsh" * 10, "hush\n" * 10])
def test_an_admins_token_that_could_be_guessed_or_not_be_sent_is_refused_without_being_shown(
    tmp_path: Path, token: str
) -> None:
    (tmp_path / "token").write_text(token, encoding="utf-8")
    for given in (token, f"file:{tmp_path / 'token'}"):
        (problem,) = problems_of(NEEDED | {"LIFTLOCK_ADMIN_TOKEN": given})
        assert problem.startswith("LIFTLOCK_ADMIN_TOKEN is not taken: it needs at least 32")
        assert "sh" not in problem.replace("openssl", "").lower()


def test_an_admins_token_whose_file_is_not_there_is_refused(tmp_path: Path) -> None:
    (problem,) = problems_of(NEEDED | {"LIFTLOCK_ADMIN_TOKEN": f"file:{tmp_path / 'none'}"})
    assert problem == f"LIFTLOCK_ADMIN_TOKEN=file:{tmp_path / 'none'}: this file cannot be read"


def test_settings_are_printed_without_any_password() -> None:
    shown = repr(load(LIFTLOCK_ADMIN_TOKEN="hush" * 8))
    assert "s3cret" not in shown
    assert "hush" not in shown
    assert "r3dis" not in shown
    assert "db.example" in shown


def test_liftlock_toml_names_the_environments_and_the_first_is_the_default(tmp_path: Path) -> None:
    settings = load_settings(
        configure(
            tmp_path,
            '[environments.qa]\nurl = "postgresql://db/qa"\n[environments.production]\nurl = "postgresql://db/live"\n',
        )
    )
    assert list(settings.environments) == ["qa", "production"]
    assert settings.default_environment == "qa"
    assert settings.environments["production"].dsn == Dsn("postgresql://db/live")


def test_the_default_environment_may_be_named(tmp_path: Path) -> None:
    text = '[environments.qa]\nurl = "postgresql://db/qa"\n[environments.live]\nurl = "postgresql://db/live"\n'
    environ = configure(tmp_path, text, LIFTLOCK_ENVIRONMENT="live")
    assert load_settings(environ).default_environment == "live"


def test_every_key_of_an_environment_is_read(tmp_path: Path) -> None:
    text = """
        [environments.qa]
        url = "postgresql://db/qa"
        protection = "confirm"
        onDrift = "ignore"
        onFailure = "rollback"
        outOfOrder = "allow"
        consent = ["DATA_LOSS"]
    """
    assert load_toml(tmp_path, text)["qa"] == Environment(
        "qa",
        Dsn("postgresql://db/qa"),
        Protection.CONFIRM,
        OnDrift.IGNORE,
        OnFailure.ROLLBACK,
        OutOfOrder.ALLOW,
        frozenset({"DATA_LOSS"}),
    )


@pytest.mark.parametrize(
    ("name", "protection", "on_drift", "out_of_order"),
    [
        ("development", Protection.OPEN, OnDrift.WARN, OutOfOrder.WARN),
        ("anything", Protection.OPEN, OnDrift.WARN, OutOfOrder.WARN),
        ("staging", Protection.CONFIRM, OnDrift.REFUSE, OutOfOrder.REFUSE),
        ("production", Protection.LOCKED, OnDrift.REFUSE, OutOfOrder.REFUSE),
        ("prod", Protection.LOCKED, OnDrift.REFUSE, OutOfOrder.REFUSE),
    ],
)
def test_an_environment_is_protected_as_its_name_says(
    name: str, protection: Protection, on_drift: OnDrift, out_of_order: OutOfOrder, tmp_path: Path
) -> None:
    found = load_toml(tmp_path, f'[environments.{name}]\nurl = "postgresql://db/x"\n')[name]
    assert (found.protection, found.on_drift, found.out_of_order) == (protection, on_drift, out_of_order)
    assert default_protection(name) is protection


def test_an_environment_may_demand_proofs_and_name_a_server_for_them(tmp_path: Path) -> None:
    text = (
        '[environments.qa]\nurl = "postgresql://db/qa"\nrequireProof = true\nscratchUrl = "env:SCRATCH"\n'
        '[environments.open]\nurl = "postgresql://db/x"\n'
    )
    found = load_toml(tmp_path, text, SCRATCH="postgresql://other/postgres")
    assert (found["qa"].require_proof, found["qa"].scratch) == (True, Dsn("postgresql://other/postgres"))
    assert (found["open"].require_proof, found["open"].scratch) == (False, None)


def test_a_file_may_loosen_production(tmp_path: Path) -> None:
    text = '[environments.production]\nurl = "postgresql://db/x"\nprotection = "open"\n'
    assert load_toml(tmp_path, text)["production"].protection is Protection.OPEN


def test_an_address_may_stand_in_a_variable(tmp_path: Path) -> None:
    text = '[environments.qa]\nurl = "env:QA_URL"\n'
    assert load_toml(tmp_path, text, QA_URL="postgresql://db/qa")["qa"].dsn == Dsn("postgresql://db/qa")


def test_an_address_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("postgresql://ann:s3cret@db/qa\n")
    text = f'[environments.qa]\nurl = "file:{tmp_path / "secret"}"\n'
    assert load_toml(tmp_path, text)["qa"].dsn == Dsn("postgresql://ann:s3cret@db/qa")


QA = "[environments.qa]\n"
QA_WITH_URL = f"{QA}url = 'postgresql://h/d'\n"
NO_URL = '`url` is missing; write postgresql://user@host/database, "env:NAME" or "file:PATH"'
WRONG_URL = "`url` is not understood; it takes postgresql://user:password@host:5432/database"
KEYS = (
    "url, directUrl, targets, protection, onDrift, onFailure, outOfOrder, consent, maxHoldMs, schemaCheck, scratchUrl, "
    "requireProof, requires, soak, windows, sync, autoRun, lockTimeoutMs, statementTimeoutMs, lockTries, approvals, "
    "beforeRun, beforeRunTimeout, notify"
)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no environment; write [environments.development] with a url"),
        ("[environments]", "no environment; write [environments.development] with a url"),
        ("port = 1\n" + QA_WITH_URL, "unknown key 'port'; it takes [environments.NAME]"),
        (QA, f"[environments.qa]: {NO_URL}"),
        (QA + "url = 5", f"[environments.qa]: {NO_URL}"),
        (QA + "url = 'env:QA_URL'", "[environments.qa]: `url` names the variable QA_URL, which is not set"),
        (QA + "url = 'mysql://u:s3cret@h/d'", f"[environments.qa]: {WRONG_URL}"),
        (QA + "url = 'postgresql://u:s3cret@h:x/d'", f"[environments.qa]: {WRONG_URL}"),
        (
            QA_WITH_URL + "protection = 'none'",
            "[environments.qa]: protection = 'none': takes one of open, confirm, locked",
        ),
        (QA_WITH_URL + "onDrift = 'shrug'", "[environments.qa]: onDrift = 'shrug': takes one of refuse, warn, ignore"),
        (QA_WITH_URL + "onFailure = true", "[environments.qa]: onFailure = True: takes one of stop, rollback"),
        (QA_WITH_URL + "outOfOrder = 'no'", "[environments.qa]: outOfOrder = 'no': takes one of refuse, warn, allow"),
        (
            QA_WITH_URL + "consent = 'DATA_LOSS'",
            '[environments.qa]: `consent` takes a list of hazard names, such as ["DATA_LOSS"]',
        ),
        (
            QA_WITH_URL + "consent = ['INDEX_BUILD', 'DATA_LOS']",
            "[environments.qa]: `consent`: there is no hazard 'DATA_LOS'; did you mean DATA_LOSS?",
        ),
        (QA_WITH_URL + "requireProof = 'yes'", "[environments.qa]: requireProof = 'yes': takes true or false"),
        (QA_WITH_URL + "password = 's3cret'", f"[environments.qa]: unknown key 'password'; it takes {KEYS}"),
        (
            QA_WITH_URL.replace("qa", "QA"),
            "[environments.QA]: the name must match ^[a-z][a-z0-9_-]{0,62}$",
        ),
    ],
)
def test_what_is_wrong_with_the_file_is_named_with_its_place(text: str, problem: str, tmp_path: Path) -> None:
    (said,) = problems_of(configure(tmp_path, text))
    assert re.sub(r"^liftlock.toml(:\d+)?: ", "", said) == problem
    assert "s3cret" not in said


def test_a_file_with_an_address_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (said,) = problems_of(configure(tmp_path, '[environments.qa]\nurl = "file:/no/such/secret"\n'))
    assert "`url` names the file /no/such/secret, which cannot be read" in said


@pytest.mark.parametrize(
    "other",
    [
        "postgresql://bob:x@db/shop",
        "postgres://DB:5432/shop",
        "postgresql://db/shop?sslmode=disable",
        "postgresql://spare:5433,db:5432/shop?target_session_attrs=read-write",
    ],
)
def test_two_environments_on_one_database_are_refused(other: str, tmp_path: Path) -> None:
    text = f"[environments.qa]\nurl = 'postgresql://ann:s3cret@db/shop'\n[environments.live]\nurl = '{other}'\n"
    (said,) = problems_of(configure(tmp_path, text))
    assert said.startswith("liftlock.toml:4: qa and live have the same database postgres")
    assert "s3cret" not in said


def test_a_file_that_is_no_toml_is_named_with_the_line(tmp_path: Path) -> None:
    (said,) = problems_of(configure(tmp_path, "[environments\n"))
    assert "liftlock.toml: " in said
    assert "line 1" in said


def test_a_file_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    (tmp_path / "liftlock.toml").write_bytes(b"# gr\xfc\xdfe\n")
    (said,) = problems_of(NEEDED | {"LIFTLOCK_CONFIG": str(tmp_path / "liftlock.toml")})
    assert "liftlock.toml: " in said


def test_the_mark_that_some_editors_begin_a_file_with_is_no_part_of_it(tmp_path: Path) -> None:
    text = '\ufeff[environments.qa]\r\nurl = "postgresql://db/qa"\r\n'
    assert list(load_toml(tmp_path, text)) == ["qa"]


def test_a_number_that_nobody_can_say_is_named_without_it(tmp_path: Path) -> None:
    (said,) = problems_of(
        configure(tmp_path, f'[environments.qa]\nurl = "postgresql://db/qa"\nmaxHoldMs = 0x{"f" * 6_000}')
    )
    assert "maxHoldMs = what holds a number of thousands of digits: takes a whole number" in said


def test_what_may_hold_a_password_is_not_shown_where_it_is_wrong(tmp_path: Path) -> None:
    text = '[environments.qa]\nurl = "postgresql://db/qa"\nbeforeRun = [5, "postgresql://ann:s3cret@db/shop"]'
    (said,) = problems_of(configure(tmp_path, text))
    assert "beforeRun takes a list of arguments" in said and "s3cret" not in said


@pytest.mark.parametrize("text", [f"a = {'9' * 5_000}", f"a = {'[' * 5_000}{']' * 5_000}"])
def test_a_file_that_the_parser_gives_up_is_named_too(text: str, tmp_path: Path) -> None:
    (said,) = problems_of(configure(tmp_path, text))
    assert "liftlock.toml: " in said


def test_liftlock_toml_of_the_folder_is_read_unless_told_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "liftlock.toml").write_text('[environments.qa]\nurl = "postgresql://db/qa"\n')
    monkeypatch.chdir(tmp_path)
    assert list(load_settings({"DATABASE_URL": DATABASE, "REDIS_URL": REDIS}).environments) == ["qa"]
    assert list(load_settings(NEEDED).environments) == ["development"]


def test_without_a_file_the_control_database_is_the_target_of_development(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = load_settings({"DATABASE_URL": DATABASE, "REDIS_URL": REDIS}).environments
    assert found == {"development": Environment("development", Dsn(DATABASE))}


def test_the_processs_own_environment_is_read_when_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**NEEDED, "LIFTLOCK_PORT": "4321"}.items():
        monkeypatch.setenv(name, value)
    assert load_settings().port == 4321


def test_only_the_settings_and_the_launchers_entry_read_the_environment() -> None:
    """The entry passes it on, since what it starts are other processes; the library of the measures is told so."""
    files = [*ROOT.glob("app/**/*.py"), *ROOT.glob("worker/**/*.py")]
    assert {str(file.relative_to(ROOT)) for file in files if _reads_environment(file)} <= READERS_OF_THE_ENVIRONMENT


@pytest.mark.parametrize(
    "text",
    [
        "import os\nos.environ['A']",
        "import os as o\no.getenv('A')",
        "from os import environ",
        "from os import getenv as g",
        "def f():\n    import os\n    return dict(os.environ)",
    ],
)
def test_the_scan_sees_every_way_of_reading_the_environment(text: str, tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text(text)
    assert _reads_environment(tmp_path / "x.py")


def test_the_scan_does_not_take_a_requests_environ_for_the_processs(tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text("import os\nrequest.environ['A']")
    assert not _reads_environment(tmp_path / "x.py")


def _reads_environment(file: Path) -> bool:
    nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    imported = [name for node in nodes if isinstance(node, ast.Import) for name in node.names if name.name == "os"]
    called = {name.asname or name.name for name in imported}
    return any(_is_reading(node, called) for node in nodes)


def _is_reading(node: ast.AST, called: set[str]) -> bool:
    """`called`: the names under which the file knows the module os."""
    match node:
        case ast.ImportFrom(module="os", names=names):
            return any(name.name in WAYS for name in names)
        case ast.Attribute(attr=attribute, value=ast.Name(id=name)):
            return attribute in WAYS and name in called
    return False
