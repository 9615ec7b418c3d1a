import os
from pathlib import Path

import pytest

from app.embedded import account
from app.embedded.account import FolderNotOurs, folder_for, reaches, server_account

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="a plain user gives PostgreSQL to nobody else")


def test_a_plain_user_runs_postgresql_himself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert server_account() is None


@needs_root
def test_a_folder_below_a_closed_one_is_not_reached(folder: Path) -> None:
    other = server_account()
    assert other is not None
    (folder / "closed" / "data").mkdir(parents=True)
    assert reaches(other, folder / "closed" / "data")
    (folder / "closed").chmod(0o700)
    assert not reaches(other, folder / "closed" / "data")


@needs_root
def test_where_the_account_cannot_go_the_data_goes_to_a_folder_of_roots(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = server_account()
    assert other is not None
    (folder / "shared").mkdir()
    monkeypatch.setattr(account, "_SHARED", folder / "shared")
    (folder / "closed").mkdir(mode=0o700)
    chosen = folder_for(other, folder / "closed" / "data")
    assert chosen.parent == folder / "shared"
    assert chosen.stat().st_mode & 0o777 == 0o711
    assert folder_for(other, folder / "closed" / "data") == chosen


@needs_root
@pytest.mark.parametrize("prepare", ["writable", "link"])
def test_a_folder_that_someone_else_prepared_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, prepare: str
) -> None:
    other = server_account()
    assert other is not None
    (folder / "shared").mkdir()
    monkeypatch.setattr(account, "_SHARED", folder / "shared")
    (folder / "closed").mkdir(mode=0o700)
    chosen = folder_for(other, folder / "closed" / "data")
    if prepare == "writable":
        chosen.chmod(0o777)
    else:
        chosen.rmdir()
        chosen.symlink_to(folder)
    with pytest.raises(FolderNotOurs):
        folder_for(other, folder / "closed" / "data")
