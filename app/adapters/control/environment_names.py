"""Which rows concern an environment: those that bear its name, or that of one of its targets."""

from sqlalchemy import ColumnElement, and_, func, or_

from app.domain.environment import PART


def concerns(column: ColumnElement[str], environment: str, *, with_targets: bool) -> ColumnElement[bool]:
    """Queues of chores, `production.eu/scan`, are those of no environment."""
    if not with_targets:
        return column == environment
    of_target = and_(func.starts_with(column, f"{environment}{PART}"), func.strpos(column, "/") == 0)
    return or_(column == environment, of_target)
