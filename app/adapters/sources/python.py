"""A Python migration: a class or module with name, version, dependencies, up and down.

What it says of itself is read without running it, so that asking for the list of migrations never
executes anybody's code; the file is loaded by a worker when its step is due.
"""

import ast
import io
import tokenize
from collections.abc import Iterable
from dataclasses import dataclass, field

from app.adapters.sources.naming import identity_problems, parse_file_name
from app.domain.allowances import allowances_of_python
from app.domain.migration import Checksum, Migration, MigrationName, PythonScript
from app.domain.problem import Problem

_BLANK = frozenset({tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENCODING, tokenize.ENDMARKER})
_METHODS = ("up", "down")
_FACTS = ("name", "version", "dependencies", "irreversible", "repeatable")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(slots=True)
class _Draft:
    file: str
    facts: dict[str, object] = field(default_factory=dict)
    methods: dict[str, Function] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def refuse(self, code: str, message: str, line: int | None = None, column: int | None = None) -> None:
        self.problems.append(Problem(code, message, file=self.file, line=line, column=column))


def read_python(file: str, raw: bytes, text: str) -> Migration | tuple[Problem, ...]:
    """The migration, or every problem of the file. Nothing of it is executed."""
    draft = _Draft(file)
    if "\x00" in text:
        message = "the file holds a NUL character, which Python cannot read; save it as UTF-8 text"
        return (Problem("nul_character", message, file=file, line=text.count("\n", 0, text.index("\x00")) + 1),)
    try:
        tree = ast.parse(text, file)
        tokens = _tokens(text)
    except (SyntaxError, tokenize.TokenError, ValueError, RecursionError, MemoryError) as error:
        line, column = getattr(error, "lineno", None), getattr(error, "offset", None)
        said = getattr(error, "msg", None) or str(error) or type(error).__name__
        return (Problem("python_syntax", f"not valid Python: {said}", file=file, line=line, column=column),)
    owner = _owner(draft, tree)
    if owner is None:
        return tuple(draft.problems)
    _collect(draft, owner)
    _refuse_uncalled(draft, owner, tree)
    for found in allowances_of_python(text):
        if found.problem is not None:
            draft.refuse("allow", found.problem, found.line, found.column)
    return _finished(draft, raw, text, tokens)


def _owner(draft: _Draft, tree: ast.Module) -> Iterable[ast.stmt] | None:
    """The body that has an `up`: the module's own, or that of its one class."""
    if any(isinstance(node, Function) and node.name == "up" for node in tree.body):
        return tree.body
    owners = [
        node
        for node in tree.body
        if isinstance(node, ast.ClassDef)
        and any(isinstance(member, Function) and member.name == "up" for member in node.body)
    ]
    if len(owners) == 1:
        return owners[0].body
    if owners:
        message = f"{len(owners)} classes have an `up`; a file is one migration, so split it"
        draft.refuse("several_migrations", message, owners[1].lineno)
    else:
        message = "no class and no module-level function `up`; write `async def up(self, connection)`"
        draft.refuse("missing_up", message, 1)
    return None


def _collect(draft: _Draft, body: Iterable[ast.stmt]) -> None:
    for node in body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() if node.name in _METHODS:
                draft.methods[node.name] = node
                if isinstance(node, ast.FunctionDef):
                    message = f"`{node.name}` must be `async def {node.name}(self, connection)`"
                    draft.refuse("not_async", message, node.lineno, node.col_offset + 1)
            case ast.Assign(targets=[ast.Name(id=key)]) if key in _FACTS:
                _note(draft, key, node.value)
            case ast.AnnAssign(target=ast.Name(id=key), value=ast.expr() as value) if key in _FACTS:
                _note(draft, key, value)


def _refuse_uncalled(draft: _Draft, owner: Iterable[ast.stmt], tree: ast.Module) -> None:
    """A `verify` as in a file of SQL, which nobody would call."""
    called = {getattr(node, "attr", None) or getattr(node, "id", None) for node in ast.walk(tree)}
    for node in owner:
        if isinstance(node, Function) and node.name == "verify" and "verify" not in called:
            message = "nobody calls `verify` of a file in Python; look at the end of `up`, and raise an error there"
            draft.refuse("uncalled_verify", message, node.lineno, node.col_offset + 1)


def _note(draft: _Draft, key: str, value: ast.expr) -> None:
    try:
        literal = ast.literal_eval(value)
    except (ValueError, TypeError, SyntaxError, RecursionError):
        literal = None
    match key:
        case "dependencies":
            fits = isinstance(literal, list | tuple) and all(isinstance(one, str) for one in literal)
            shape = "a list of plain strings"
        case "repeatable":
            fits, shape = isinstance(literal, bool), "True or False"
        case _:
            fits, shape = isinstance(literal, str), "a plain string"
    if fits:
        draft.facts[key] = literal
    else:
        message = f"`{key}` must be {shape}, written out: it is read without running the file"
        draft.refuse("not_literal", message, value.lineno, value.col_offset + 1)


def _finished(draft: _Draft, raw: bytes, text: str, tokens: str) -> Migration | tuple[Problem, ...]:
    known = parse_file_name(draft.file)
    name = str(draft.facts.get("name", known.name))
    version = draft.facts.get("version", known.version)
    spelled = None if version is None else str(version)
    problems = (*draft.problems, *identity_problems(draft.file, name, spelled))
    if problems or spelled is None:
        return problems
    listed = draft.facts.get("dependencies", ())
    assert isinstance(listed, list | tuple)
    irreversible = draft.facts.get("irreversible")
    up, down = (PythonScript(text, draft.file, one, draft.facts.get("repeatable") is not False) for one in _METHODS)
    return Migration(
        name=MigrationName(name),
        version=spelled,
        up=up,
        down=down if _does_something(draft.methods.get("down")) else None,
        checksum=Checksum.of(raw, tokens),
        file=draft.file,
        source_format="python",
        dependencies=tuple(MigrationName(str(one)) for one in dict.fromkeys(listed)),
        irreversible=str(irreversible) if irreversible else None,
    )


def _does_something(method: Function | None) -> bool:
    """A body of `pass`, `...` or a docstring alone undoes nothing."""
    return method is not None and not all(
        isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        for node in method.body
    )


def _tokens(text: str) -> str:
    """The file's tokens without comments and white space; indentation counts, its width does not."""
    found = tokenize.generate_tokens(io.StringIO(text).readline)
    return " ".join(
        token.string.strip() or tokenize.tok_name[token.type] for token in found if token.type not in _BLANK
    )
