"""The rules of the house that a program can check."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CODE = sorted([*ROOT.glob("app/**/*.py"), *ROOT.glob("worker/**/*.py")])
PURE = [*sorted(ROOT.glob("app/domain/**/*.py")), *sorted(ROOT.glob("app/ports/*.py"))]
TESTS = sorted(ROOT.glob("tests/**/test_*.py"))

MOST_LINES = 300
WITH_IO = {
    "flask", "celery", "sqlalchemy", "asyncpg", "redis", "httpx", "asyncio", "os", "pathlib", "time", "logging",
    "structlog", "random", "secrets", "socket", "subprocess", "threading",
}  # fmt: skip
CHECKS = ("assert_", "expect_", "check_")


def test_imports_run_downward() -> None:
    lint = subprocess.run(
        [
            sys.executable,
            "-c",
            "from importlinter.cli import lint_imports_command; lint_imports_command()",
            "--no-cache",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert lint.returncode == 0, lint.stdout + lint.stderr
    assert " 0 broken." in lint.stdout


@pytest.mark.parametrize("file", CODE, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_file_can_be_read_in_one_sitting(file: Path) -> None:
    lines = len(file.read_text(encoding="utf-8").splitlines())
    assert lines <= MOST_LINES


@pytest.mark.parametrize("file", PURE, ids=lambda file: str(file.relative_to(ROOT)))
def test_the_domain_and_the_ports_import_nothing_that_does_io(file: Path) -> None:
    assert _imported(file) & WITH_IO == set()


@pytest.mark.parametrize("file", PURE, ids=lambda file: str(file.relative_to(ROOT)))
def test_the_domain_asks_no_clock_and_makes_no_random_id(file: Path) -> None:
    asked = {node.attr for node in ast.walk(_tree(file)) if isinstance(node, ast.Attribute)}
    assert asked & {"now", "today", "utcnow", "uuid1", "uuid4"} == set()


@pytest.mark.parametrize("file", TESTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_test_checks_something(file: Path) -> None:
    assert [test.name for test in _test_functions(_tree(file)) if not _checks_something(test)] == []


@pytest.mark.parametrize(
    ("body", "checks"),
    [
        ("assert x", True),
        ("with pytest.raises(ValueError):\n        f()", True),
        ("expect_error(x)", True),
        ("page.assert_shown(x)", True),
        ("with check_quiet():\n        f()", True),
        ("f()", False),
        ("for x in y:\n        f(x)", False),
    ],
)
def test_the_scan_knows_a_test_that_checks_nothing(body: str, checks: bool) -> None:
    (test,) = _test_functions(ast.parse(f"def test_it():\n    {body}\n"))
    assert _checks_something(test) is checks


Function = ast.FunctionDef | ast.AsyncFunctionDef


def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def _imported(file: Path) -> set[str]:
    """The top-level packages that a file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(_tree(file)):
        match node:
            case ast.Import(names=names):
                found |= {name.name.split(".")[0] for name in names}
            case ast.ImportFrom(module=str() as module, level=0):
                found.add(module.split(".")[0])
    return found


def _test_functions(tree: ast.Module) -> Iterator[Function]:
    for node in ast.walk(tree):
        if isinstance(node, Function) and node.name.startswith("test_"):
            yield node


def _checks_something(test: Function) -> bool:
    return any(isinstance(node, ast.Assert) or _is_check(node) for node in ast.walk(test))


def _is_check(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            return name == "raises" or name.startswith(CHECKS)
    return False
