"""Who asks, as the statements that write the audit trail take it."""

from app.domain.job import Origin


def asked_by(origin: Origin) -> dict[str, str | None]:
    who = origin.principal
    return {
        "by": who.id,
        "by_kind": who.kind,
        "by_address": who.address,
        "by_name": who.name,
        "request_id": origin.request_id,
    }
