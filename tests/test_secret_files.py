"""Secrets of the settings, as files hold them."""

from pathlib import Path

import pytest

from app.domain.errors import ConfigurationInvalid
from app.settings import load_settings

NEEDED = {"DATABASE_URL": "postgresql://db/control", "REDIS_URL": "redis://redis", "LIFTLOCK_CONFIG": "-"}
OLD, NEW = "o" * 32, "n" * 32


@pytest.mark.parametrize("name", ["LIFTLOCK_SECRET_KEY", "LIFTLOCK_ADMIN_TOKEN"])
def test_a_secret_whose_file_is_empty_is_refused_and_not_taken_for_none(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret").write_text("\n", encoding="utf-8")
    with pytest.raises(ConfigurationInvalid) as refused:
        load_settings(NEEDED | {name: f"file:{tmp_path / 'secret'}"})
    assert refused.value.detail.endswith(f"{name}=file:{tmp_path / 'secret'}: this file is empty")


def test_keys_are_the_same_however_they_are_set_apart(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{NEW},\n{OLD}\n", encoding="utf-8")
    for given in (f"{NEW},{OLD}", f" {NEW}, {OLD}\n", f"file:{tmp_path / 'secret'}"):
        assert load_settings(NEEDED | {"LIFTLOCK_SECRET_KEY": given}).secret_keys == (NEW, OLD)
