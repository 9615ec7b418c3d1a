"""A SQL migration: a header of comments, then the sections `-- migrate:up`, `:down` and `:verify`.

Markers count only where they are comments: one inside a string or a function's body is text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from app.adapters.sources.naming import identity_problems, parse_file_name
from app.domain.allowances import allowances
from app.domain.batch import directives, has_batches
from app.domain.migration import Checksum, Migration, MigrationName, SqlScript
from app.domain.probes import probe_of
from app.domain.problem import Problem
from app.domain.statements import Comment, ScriptProblemCode, Statement, StatementKind, comments, token_text

SECTIONS = ("up", "down", "verify")
CHANGES_ROLE = ("SET ROLE", "SET SESSION AUTHORIZATION")
COPY_DATA = (ScriptProblemCode.UNTERMINATED_COPY_DATA, ScriptProblemCode.TEXT_AFTER_COPY)
"""Of what is refused whole, it is no help to say how its rows should be written."""
OPTIONS = ("", "transaction:true", "transaction:false")

_MARKER = re.compile(r"^--\s*migrate:(?P<section>\S*)(?P<options>.*)$")
_HEADER = re.compile(r"^--\s*(?P<key>name|version|dependencies|irreversible)\s*:\s*(?P<value>.*?)\s*$")
_NEARLY = re.compile(r"^--\s*(?P<key>depend(?:s|ency|encies)(?:[ _-]on)?|irreversible)\s*:", re.IGNORECASE)


@dataclass(slots=True)
class _Draft:
    """What is found on the way through the file."""

    file: str
    header: dict[str, str] = field(default_factory=dict)
    sections: dict[str, SqlScript] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    inside: list[str] = field(default_factory=list)

    def refuse(self, code: str, message: str, line: int | None = None, column: int | None = None) -> None:
        name = self.header.get("name")
        self.problems.append(Problem(code, message, migration=name, file=self.file, line=line, column=column))


def read_sql(file: str, raw: bytes, text: str) -> Migration | tuple[Problem, ...]:
    """The migration, or every problem of the file. `text` is `raw` decoded, without a byte order mark."""
    draft = _Draft(file)
    markers = list(_markers(draft, text))
    _cut(draft, text, markers)
    for section, script in draft.sections.items():
        _check_script(draft, section, script)
    known = parse_file_name(file)
    name = draft.header.get("name", known.name)
    version = draft.header.get("version", known.version)
    problems = (*draft.problems, *identity_problems(file, name, version))
    if problems or version is None:
        return problems
    return Migration(
        name=MigrationName(name),
        version=version,
        up=draft.sections["up"],
        down=_if_any(draft.sections.get("down")),
        verify=_if_any(draft.sections.get("verify")),
        checksum=Checksum.of(raw, token_text(text) + repr(sorted(draft.header.items()))),
        file=file,
        dependencies=_dependencies(draft.header.get("dependencies", "")),
        irreversible=draft.header.get("irreversible"),
    )


@dataclass(frozen=True, slots=True)
class _Marker:
    section: str
    options: str
    comment: Comment


def _markers(draft: _Draft, text: str) -> Iterator[_Marker]:
    """The section markers in order; header lines before the first one are noted on the way."""
    first = True
    for comment in comments(text):
        marker = _MARKER.match(comment.text.rstrip())
        if marker is not None:
            first = False
            if _is_section(draft, marker, comment):
                yield _Marker(marker["section"], marker["options"].strip(), comment)
            continue
        header = _HEADER.match(comment.text.rstrip()) if first else None
        if header is not None:
            _note_header(draft, header["key"], header["value"], comment)
        elif first and (nearly := _NEARLY.match(comment.text)):
            # left out without a word, it would be missed in production only
            key = "irreversible" if nearly["key"].lower() == "irreversible" else "dependencies"
            message = f"`{nearly['key']}` is not read; write -- {key}: … in small letters"
            draft.refuse("unknown_header", message, comment.line, comment.column)


def _is_section(draft: _Draft, marker: "re.Match[str]", comment: Comment) -> bool:
    section, options = marker["section"], marker["options"].strip()
    if section not in SECTIONS:
        message = f"there is no section {section!r}; write -- migrate:up, -- migrate:down or -- migrate:verify"
        draft.refuse("unknown_section", message, comment.line, comment.column)
        return False
    if options not in OPTIONS or (options and section == "verify"):
        message = (
            f"the option {options!r} is not known here; write -- migrate:{section} alone, or, above an up or down "
            f"that may have no transaction around it, transaction:false"
        )
        draft.refuse("unknown_option", message, comment.line, comment.column)
    return True


def _note_header(draft: _Draft, key: str, value: str, comment: Comment) -> None:
    if key in draft.header:
        draft.refuse("repeated_header", f"`{key}` is given twice; keep one", comment.line, comment.column)
    elif not value and key != "dependencies":
        draft.refuse("empty_header", f"`{key}` has no value; give one, or remove the line", comment.line)
    draft.header.setdefault(key, value)


def _cut(draft: _Draft, text: str, markers: list[_Marker]) -> None:
    """Give each section the text below its marker, up to the next one."""
    starts = [*(marker.comment.offset for marker in markers), len(text)]
    for marker, end in zip(markers, starts[1:], strict=True):
        section, comment = marker.section, marker.comment
        begin, line = _below(text, comment)
        if section in draft.sections:
            message = f"there are two `-- migrate:{section}` sections; join them"
            draft.refuse("repeated_section", message, comment.line, comment.column)
            continue
        alone = marker.options == "transaction:false" or has_batches(text[begin:end])
        draft.sections[section] = SqlScript(text[begin:end], draft.file, line, alone)
        if marker.options == "transaction:true":
            draft.inside.append(section)
    if "up" not in draft.sections:
        message = "there is no `-- migrate:up` line; put it above the statements that make the change"
        draft.refuse("missing_up", message, 1)
        return
    before = SqlScript(text[: starts[0]], draft.file)
    _check_allowances(draft, "", before)
    if before.parsed.statements:
        line = before.parsed.statements[0].line
        draft.refuse("statement_before_up", "a statement stands above the first section; move it below", line)
    up = draft.sections["up"]
    if not up.parsed.statements and not up.parsed.problems:
        draft.refuse("empty_up", "the up section holds no statement; write one, or remove the file", up.line)


def _below(text: str, comment: Comment) -> tuple[int, int]:
    """The offset and the line of what follows a comment. A carriage return alone ends a comment, not a line."""
    begin = comment.offset + len(comment.text)
    begin += text.startswith("\r", begin)
    is_line_end = text.startswith("\n", begin)
    return begin + is_line_end, comment.line + is_line_end


def _check_script(draft: _Draft, section: str, script: SqlScript) -> None:
    for problem in script.parsed.problems:
        if problem.code is ScriptProblemCode.MIXED_TRANSACTIONS and script.declared_alone and not script.parsed.wrapped:
            # declared: each statement that can has a transaction of its own
            continue
        if problem.code not in COPY_DATA:
            draft.refuse(problem.code.value, problem.message, problem.line + script.line - 1, problem.column)
    for found in directives(script.text):
        if found.problem is not None:
            draft.refuse("batch", found.problem, found.line + script.line - 1, found.column)
        elif section == "verify" or section in draft.inside:
            message = "a batch is many transactions, and this runs inside one; move it"
            draft.refuse("batch", message, found.line + script.line - 1, found.column)
    _check_allowances(draft, section, script)
    for statement in script.parsed.statements:
        refused = _refusal(draft, section, statement)
        if refused is not None:
            draft.refuse(*refused, statement.line + script.line - 1, statement.column)


def _check_allowances(draft: _Draft, section: str, script: SqlScript) -> None:
    """`section` '' is what stands above the first marker."""
    for found in allowances(script.text):
        problem = found.problem
        if problem is None and section not in ("up", "down"):
            problem = "a hazard is allowed in the up or the down section, for its statements; move the line"
        if problem is not None:
            draft.refuse("allow", problem, found.line + script.line - 1, found.column)


def _refusal(draft: _Draft, section: str, statement: Statement) -> tuple[str, str] | None:
    if statement.kind is StatementKind.COPY_IN:
        return (
            "copy_from_stdin",
            "COPY … FROM STDIN has no input here; write INSERT (pg_dump --inserts does), or a Python migration",
        )
    if not draft.sections[section].transactional and statement.verb in CHANGES_ROLE:
        return (
            "non_transactional",
            "a script without a transaction may not change the role; its records are made by it too",
        )
    if statement.kind is not StatementKind.NON_TRANSACTIONAL:
        return None
    verb = statement.verb
    if verb == "DISCARD ALL":
        return (
            "non_transactional",
            "DISCARD ALL would let go of the lock of this run; the session is reset after each migration anyway",
        )
    if verb == "CREATE INDEX CONCURRENTLY" and probe_of(statement) is None:
        return "non_transactional", f"{verb} needs a plain name here: after a crash the index is looked up by it"
    if section == "verify" or section in draft.inside:
        where = "a verify block runs" if section == "verify" else "transaction:true says that this runs"
        return "non_transactional", f"{verb} must run outside a transaction, and {where} inside one; move or remove it"
    return None


def _if_any(script: SqlScript | None) -> SqlScript | None:
    """A section without a statement does nothing: it is no way back and no proof."""
    return script if script is not None and script.parsed.statements else None


def _dependencies(value: str) -> tuple[MigrationName, ...]:
    names = (name.strip() for name in value.strip("[]").split(","))
    return tuple(MigrationName(name) for name in dict.fromkeys(names) if name)
