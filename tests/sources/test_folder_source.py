import asyncio
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.adapters.sources.folder import READERS, FolderSource
from app.adapters.sources.sql import read_sql
from app.domain.migration import Catalog
from tests.sources.reading import Parsed

ONE_MIB = 1024 * 1024
SELECT = "-- migrate:up\nSELECT 1;\n"


def read(source: FolderSource) -> Catalog:
    return asyncio.run(source.read())


def names(catalog: Catalog) -> list[str]:
    return [migration.name for migration in catalog.migrations]


def problems(catalog: Catalog) -> list[tuple[str, str | None, int | None]]:
    return [(problem.code, problem.file, problem.line) for problem in catalog.problems]


def is_empty(catalog: Catalog) -> bool:
    return (catalog.migrations, catalog.problems) == ((), ())


def touch_later(path: Path) -> None:
    """As if it were written a second after it was: file systems may be too coarse to tell."""
    later = path.stat().st_mtime_ns + 1_000_000_000
    os.utime(path, ns=(later, later))


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that were parsed, in order: what a cache saves is work, which is counted and not timed."""
    seen: list[str] = []

    def counted(file: str, raw: bytes, text: str) -> Parsed:
        seen.append(file)
        return read_sql(file, raw, text)

    monkeypatch.setitem(READERS, ".sql", counted)
    return seen


def test_every_sql_and_python_file_is_a_migration(folder: Path) -> None:
    (folder / "1_a.sql").write_text(SELECT)
    (folder / "2_b.py").write_text("async def up(c): pass\n")
    assert names(read(FolderSource(folder, ONE_MIB))) == ["a", "b"]


def test_a_folder_stays_where_it_was_when_the_working_directory_changes(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "1_a.sql").write_text(SELECT)
    monkeypatch.chdir(folder.parent)
    source = FolderSource(Path(folder.name), ONE_MIB)
    monkeypatch.chdir("/")
    assert names(read(source)) == ["a"]


def test_an_empty_folder_is_an_empty_catalog(folder: Path) -> None:
    assert is_empty(read(FolderSource(folder, ONE_MIB)))


@pytest.mark.parametrize(
    "name", ["README.md", "_shared.py", "__init__.py", ".hidden.sql", ".#1_a.sql", "1_a.sql~", "1_a.SQL.bak", "sql"]
)
def test_other_files_are_ignored(name: str, folder: Path) -> None:
    (folder / name).write_text("not a migration")
    assert is_empty(read(FolderSource(folder, ONE_MIB)))


def test_folders_inside_are_ignored_also_under_a_files_name(folder: Path) -> None:
    (folder / "1_a.sql").mkdir()
    (folder / "old").mkdir()
    (folder / "old" / "1_b.sql").write_text(SELECT)
    assert is_empty(read(FolderSource(folder, ONE_MIB)))


def test_a_link_to_a_file_is_followed(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.txt").write_text(SELECT)
    (folder / "1_a.sql").symlink_to(tmp_path / "elsewhere.txt")
    assert names(read(FolderSource(folder, ONE_MIB))) == ["a"]


def test_a_missing_folder_is_a_problem_that_names_it(tmp_path: Path) -> None:
    catalog = read(FolderSource(tmp_path / "nowhere", ONE_MIB))
    assert problems(catalog) == [("unreadable_folder", str(tmp_path / "nowhere"), None)]
    assert "set LIFTLOCK_MIGRATIONS" in catalog.problems[0].message


def test_a_folder_that_appears_later_is_read(tmp_path: Path) -> None:
    source = FolderSource(tmp_path / "later", ONE_MIB)
    read(source)
    (tmp_path / "later").mkdir()
    (tmp_path / "later" / "1_a.sql").write_text(SELECT)
    assert read(source).problems == ()
    assert names(read(source)) == ["a"]


@pytest.mark.parametrize("target", ["nowhere.sql", "1_a.sql"], ids=["to nothing", "to itself"])
def test_a_link_that_leads_nowhere_is_that_files_problem_and_no_others(target: str, folder: Path) -> None:
    (folder / "1_a.sql").symlink_to(target)
    (folder / "2_b.sql").write_text(SELECT)
    catalog = read(FolderSource(folder, ONE_MIB))
    assert problems(catalog) == [("unreadable_file", "1_a.sql", None)]
    assert names(catalog) == ["b"]


def test_a_byte_order_mark_is_left_out_of_the_text_and_counts_for_the_raw_checksum(folder: Path) -> None:
    (folder / "1_a.sql").write_bytes(b"\xef\xbb\xbf" + SELECT.encode())
    (folder / "1_b.sql").write_text(SELECT)
    marked, plain = read(FolderSource(folder, ONE_MIB)).migrations
    assert marked.up.text == plain.up.text
    assert marked.checksum.token == plain.checksum.token
    assert marked.checksum.raw != plain.checksum.raw


@pytest.mark.parametrize("name", ["1_a.sql", "1_a.py"])
def test_a_file_that_is_not_utf_8_is_a_problem_with_its_line(name: str, folder: Path) -> None:
    (folder / name).write_bytes(b"-- migrate:up\nSELECT 1;\n-- gr\xfc\xdfe\n")
    catalog = read(FolderSource(folder, ONE_MIB))
    assert problems(catalog) == [("not_utf8", name, 3)]
    assert "byte 29, line 3" in catalog.problems[0].message


def test_a_file_that_is_too_large_is_not_read(folder: Path) -> None:
    (folder / "1_a.sql").write_bytes(b"\xff" * (ONE_MIB + 1))
    catalog = read(FolderSource(folder, ONE_MIB))
    assert problems(catalog) == [("file_too_large", "1_a.sql", None)]
    assert "at most 1 are read" in catalog.problems[0].message


def test_a_file_of_just_the_limit_is_read(folder: Path) -> None:
    (folder / "1_a.sql").write_text(SELECT)
    assert names(read(FolderSource(folder, len(SELECT)))) == ["a"]


def test_the_problems_of_all_files_are_told_and_the_sound_ones_are_read(folder: Path) -> None:
    (folder / "1_a.sql").write_text("-- migrate:up\nCOMMIT;\n")
    (folder / "2_b.py").write_text("def up(c): ...\n")
    (folder / "3_c.sql").write_text(SELECT)
    catalog = read(FolderSource(folder, ONE_MIB))
    assert problems(catalog) == [("transaction_control", "1_a.sql", 2), ("not_async", "2_b.py", 1)]
    assert names(catalog) == ["c"]


def test_a_nul_character_is_a_problem_with_its_line(folder: Path) -> None:
    (folder / "1_a.sql").write_bytes(b"-- migrate:up\nSELECT 1;\n\x00")
    (folder / "2_b.py").write_bytes(b"async def up(c): pass\n\x00")
    assert problems(read(FolderSource(folder, ONE_MIB))) == [
        ("nul_character", "1_a.sql", 3),
        ("nul_character", "2_b.py", 2),
    ]


def test_deep_nesting_is_read_or_refused_and_never_a_crash(folder: Path) -> None:
    (folder / "1_a.sql").write_text(f"-- migrate:up\nSELECT {'(' * 50_000}1{')' * 50_000};\n")
    (folder / "2_b.py").write_text(f"x = {'-' * 100_000}1\nasync def up(c): pass\n")
    catalog = read(FolderSource(folder, ONE_MIB))
    assert names(catalog) == ["a"]
    assert problems(catalog) == [("python_syntax", "2_b.py", None)]


def test_a_second_reading_parses_nothing_and_gives_the_same_value(folder: Path, parsed: list[str]) -> None:
    for number in range(3):
        (folder / f"{number}_m.sql").write_text(SELECT)
    source = FolderSource(folder, ONE_MIB)
    first = read(source)
    assert len(parsed) == 3
    assert read(source) is first
    assert len(parsed) == 3


def test_ten_thousand_files_are_parsed_once(folder: Path, parsed: list[str]) -> None:
    for number in range(10_000):
        (folder / f"{number}_m{number}.sql").write_text(SELECT)
    source = FolderSource(folder, ONE_MIB)
    assert len(read(source).migrations) == 10_000
    assert read(source).problems == ()
    assert len(parsed) == 10_000


def test_only_a_changed_file_is_parsed_again(folder: Path, parsed: list[str]) -> None:
    (folder / "1_a.sql").write_text(SELECT)
    (folder / "2_b.sql").write_text(SELECT)
    source = FolderSource(folder, ONE_MIB)
    before = read(source)
    (folder / "2_b.sql").write_text("-- migrate:up\nSELECT 2;\n")
    touch_later(folder / "2_b.sql")
    after = read(source)
    assert sorted(parsed[:2]) == ["1_a.sql", "2_b.sql"] and parsed[2:] == ["2_b.sql"]
    assert after.by_name()["b"].checksum != before.by_name()["b"].checksum


def test_a_file_that_is_replaced_by_one_of_the_same_size_and_moment_is_seen(folder: Path) -> None:
    (folder / "1_a.sql").write_text("-- migrate:up\nSELECT 1;\n")
    source = FolderSource(folder, ONE_MIB)
    before = read(source)
    moment = (folder / "1_a.sql").stat().st_mtime_ns
    (folder / "new").write_text("-- migrate:up\nSELECT 2;\n")
    os.utime(folder / "new", ns=(moment, moment))
    (folder / "new").replace(folder / "1_a.sql")
    assert read(source).migrations[0].checksum != before.migrations[0].checksum


def test_a_removed_file_is_gone(folder: Path) -> None:
    (folder / "1_a.sql").write_text(SELECT)
    (folder / "2_b.sql").write_text(SELECT)
    source = FolderSource(folder, ONE_MIB)
    read(source)
    (folder / "1_a.sql").unlink()
    assert names(read(source)) == ["b"]


def test_an_added_file_is_there(folder: Path, parsed: list[str]) -> None:
    (folder / "2_b.sql").write_text(SELECT)
    source = FolderSource(folder, ONE_MIB)
    read(source)
    (folder / "1_a.sql").write_text(SELECT)
    assert names(read(source)) == ["a", "b"]
    assert parsed == ["2_b.sql", "1_a.sql"]


def test_a_problem_is_gone_when_its_file_is_corrected(folder: Path) -> None:
    (folder / "1_a.sql").symlink_to("nowhere.txt")
    source = FolderSource(folder, ONE_MIB)
    read(source)
    (folder / "nowhere.txt").write_text(SELECT)
    assert names(read(source)) == ["a"]
    assert read(source).problems == ()


def test_readers_at_the_same_time_parse_each_file_once(folder: Path, parsed: list[str]) -> None:
    (folder / "1_a.sql").write_text(SELECT)
    source = FolderSource(folder, ONE_MIB)

    async def read_twice() -> tuple[Catalog, Catalog]:
        return await asyncio.gather(source.read(), source.read())

    one, other = asyncio.run(read_twice())
    assert one is other
    assert parsed == ["1_a.sql"]


@given(st.binary(max_size=80), st.sampled_from(["1_a.sql", "1_a.py"]))
def test_any_bytes_are_a_migration_or_a_problem_of_that_file(
    tmp_path_factory: pytest.TempPathFactory, raw: bytes, name: str
) -> None:
    made = tmp_path_factory.mktemp("bytes")
    (made / name).write_bytes(raw)
    catalog = read(FolderSource(made, ONE_MIB))
    assert catalog.migrations or {problem.file for problem in catalog.problems} == {name}
