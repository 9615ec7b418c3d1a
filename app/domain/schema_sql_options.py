"""Storage options of tables, views and indexes as SQL."""

from collections.abc import Iterator

from app.domain.schema import SchemaObject


def options_sql(alter: str, before: SchemaObject, after: SchemaObject) -> Iterator[str]:
    was, now = before.texts("options"), after.texts("options")
    gone = {one.split("=", 1)[0] for one in was} - {one.split("=", 1)[0] for one in now}
    if gone:
        yield f"{alter} RESET ({', '.join(sorted(gone))})"
    if new := [one for one in now if one not in was]:
        yield f"{alter} SET ({options_clause(tuple(new))})"


def options_clause(options: tuple[str, ...]) -> str:
    pairs = (one.partition("=") for one in options)
    return ", ".join(f"{name} = '{value}'" for name, _, value in pairs)
