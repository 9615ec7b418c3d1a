"""The data folder holds passwords, and stands in most people's checkouts."""

from pathlib import Path

import pytest

from app.embedded.private import make_data_dir


def test_git_leaves_out_a_data_folder_that_was_made_here(tmp_path: Path) -> None:
    make_data_dir(tmp_path / "a" / "data")
    make_data_dir(tmp_path / "a" / "data")
    assert (tmp_path / "a" / "data" / ".gitignore").read_text() == "*\n"


def test_a_folder_that_was_there_is_somebody_elses(tmp_path: Path) -> None:
    make_data_dir(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(FileExistsError):
        make_data_dir(tmp_path / "data")
