"""Reads JSON documents into frozen dataclasses: camelCase becomes snake_case, RFC 3339 becomes a datetime."""

import dataclasses
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, dataclass_transform, get_args, get_origin, get_type_hints

T = TypeVar("T")

Convert = Callable[[Any], Any]
_BEFORE_CAPITAL = re.compile(r"_([a-z0-9])")


class UnexpectedAnswer(Exception):
    """The service answered something that is not what it promises; it, or this client, may be of another version."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Document:
    """`raw`: the whole document as it came."""

    raw: Mapping[str, Any] = dataclasses.field(default_factory=dict, repr=False, compare=False)


def named(key: str) -> Any:
    """A field whose member in the document has another name."""
    return dataclasses.field(metadata={"key": key})


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(named,))
def document(cls: type[T]) -> type[T]:
    """A class of documents: a frozen dataclass whose fields are given by name."""
    return dataclasses.dataclass(frozen=True, kw_only=True)(cls)


def read(kind: type[T], value: Any) -> T:
    """Members that `kind` does not know are left in `raw`. Raises UnexpectedAnswer."""
    if not isinstance(value, Mapping):
        raise UnexpectedAnswer(f"instead of a {kind.__name__} came {str(value)[:100]!r}")
    given: dict[str, Any] = {"raw": value}
    for member in _members(kind):
        if member.key in value:
            given[member.field] = _converted(kind, member, value[member.key])
        elif not member.optional:
            raise UnexpectedAnswer(f"a {kind.__name__} came without its {member.key!r}")
        elif member.nullable:
            given[member.field] = None
    return kind(**given)


def read_list(kind: type[T], value: Any) -> list[T]:
    if not isinstance(value, list):
        raise UnexpectedAnswer(f"instead of a list of {kind.__name__} came {str(value)[:100]!r}")
    return [read(kind, one) for one in value]


def camel(name: str) -> str:
    return _BEFORE_CAPITAL.sub(lambda found: found[1].upper(), name)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


@dataclasses.dataclass(frozen=True, slots=True)
class _Member:
    """`optional`: it may be left out; `nullable`: and is then None."""

    field: str
    key: str
    convert: Convert
    optional: bool
    nullable: bool


def _converted(kind: type[Any], member: _Member, value: Any) -> Any:
    try:
        return member.convert(value)
    except (TypeError, ValueError, AttributeError) as error:
        raise UnexpectedAnswer(f"{member.key!r} of a {kind.__name__} is not understood: {error}") from error


_KNOWN: dict[type[Any], tuple[_Member, ...]] = {}


def _members(kind: type[Any]) -> tuple[_Member, ...]:
    """Worked out once for each class."""
    if kind not in _KNOWN:
        _KNOWN[kind] = _worked_out(kind)
    return _KNOWN[kind]


def _worked_out(kind: type[Any]) -> tuple[_Member, ...]:
    hints = get_type_hints(kind)
    return tuple(_member(one, hints[one.name]) for one in dataclasses.fields(kind) if one.name != "raw")


def _member(field: "dataclasses.Field[Any]", hint: Any) -> _Member:
    has_default = field.default is not dataclasses.MISSING
    nullable = _is_union(hint) and NoneType in get_args(hint)
    key = field.metadata.get("key") or camel(field.name)
    return _Member(field.name, key, _converter(hint), has_default or nullable, nullable and not has_default)


def _converter(hint: Any) -> Convert:
    if _is_union(hint):
        inner = _converter(next(one for one in get_args(hint) if one is not NoneType))
        return lambda value: None if value is None else inner(value)
    if get_origin(hint) is tuple:
        each = _converter(get_args(hint)[0])
        return lambda value: tuple(map(each, value))
    if hint is datetime:
        return moment
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return lambda value: read(hint, value)
    return lambda value: value


def _is_union(hint: Any) -> bool:
    return get_origin(hint) in (Union, UnionType)
