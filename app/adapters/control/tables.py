"""The control database's tables as code; `migrations/control/` creates them, a test compares the two."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Integer,
    Interval,
    LargeBinary,
    MetaData,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

SCHEMA = "liftlock_control"
metadata = MetaData(schema=SCHEMA)

MOMENT = DateTime(timezone=True)

targets = Table(
    "targets",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("name", Text),
    Column("epoch", BigInteger),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("seq", BigInteger),
    Column("target_id", BigInteger),
    Column("kind", Text),
    Column("request", JSONB),
    Column("state", Text),
    Column("reason", Text),
    Column("message", Text),
    Column("attempt", Integer),
    Column("starts", Integer),
    Column("max_starts", Integer),
    Column("owner", Text),
    Column("lease_until", MOMENT),
    Column("dispatches", Integer),
    Column("next_dispatch_at", MOMENT),
    Column("parked", Boolean),
    Column("dedupe_key", Text),
    Column("principal_id", Text),
    Column("principal_kind", Text),
    Column("principal_address", Text),
    Column("request_id", Text),
    Column("traceparent", Text),
    Column("error", JSONB),
    Column("notices", JSONB),
    Column("created_at", MOMENT),
    Column("updated_at", MOMENT),
    Column("started_at", MOMENT),
    Column("finished_at", MOMENT),
    Column("schedule", Text),
    Column("due_at", MOMENT),
    Column("cancel_requested_at", MOMENT),
    Column("cancel_requested_by", Text),
    Column("paused_by", Text),
    Column("not_before", MOMENT),
    Column("principal_name", Text),
    Column("approvals_needed", Integer),
)

environments = Table(
    "environments",
    metadata,
    Column("name", Text, primary_key=True),
    Column("document", JSONB),
    Column("version", Integer),
    Column("updated_at", MOMENT),
    Column("updated_by", Text),
)

file_environments = Table(
    "file_environments",
    metadata,
    Column("name", Text, primary_key=True),
    Column("address", Text),
    Column("protection", Text),
    Column("first_seen_at", MOMENT),
    Column("last_seen_at", MOMENT),
    Column("removed_at", MOMENT),
)

votes = Table(
    "votes",
    metadata,
    Column("job_id", Uuid, primary_key=True),
    Column("at", MOMENT),
    Column("principal_id", Text, primary_key=True),
    Column("principal_kind", Text, primary_key=True),
    Column("principal_address", Text),
    Column("principal_name", Text),
    Column("approved", Boolean),
    Column("note", Text),
)

job_steps = Table(
    "job_steps",
    metadata,
    Column("job_id", Uuid, primary_key=True),
    Column("ordinal", Integer, primary_key=True),
    Column("name", Text),
    Column("version", Text),
    Column("direction", Text),
    Column("state", Text),
    Column("started_at", MOMENT),
    Column("finished_at", MOMENT),
    Column("duration_ms", BigInteger),
    Column("error", JSONB),
    Column("notice", Text),
)

job_events = Table(
    "job_events",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("job_id", Uuid),
    Column("at", MOMENT),
    Column("from_state", Text),
    Column("to_state", Text),
    Column("attempt", Integer),
    Column("reason", Text),
)

events = Table(
    "events",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("at", MOMENT),
    Column("type", Text),
    Column("job_id", Uuid),
    Column("environment", Text),
    Column("subject", Text),
    Column("said", Text),
    Column("log_end", BigInteger),
    Column("detail", JSONB),
)

job_locks = Table(
    "job_locks",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("job_id", Uuid),
    Column("at", MOMENT),
    Column("sample", JSONB),
)

convoys = Table(
    "convoys",
    metadata,
    Column("parent_id", Uuid, primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("job_id", Uuid),
)

conflicts = Table(
    "conflicts",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("kind", Text),
    Column("environment", Text),
    Column("job_id", Uuid),
    Column("other_job_id", Uuid),
    Column("migrations", ARRAY(Text)),
    Column("message", Text),
    Column("evidence", JSONB),
    Column("answer", Text),
    Column("fingerprint", Text),
    Column("state", Text),
    Column("count", Integer),
    Column("first_seen_at", MOMENT),
    Column("last_seen_at", MOMENT),
    Column("resolved_at", MOMENT),
    Column("resolution", Text),
    Column("waited_ms", BigInteger),
    Column("resolved_by", Text),
    Column("note", Text),
    Column("resolved_by_job", Uuid),
    Column("ignored_until", MOMENT),
)

schedules = Table(
    "schedules",
    metadata,
    Column("name", Text, primary_key=True),
    Column("kind", Text),
    Column("every", Interval),
    Column("next_due", MOMENT),
    Column("paused", Boolean),
    Column("last_job", Uuid),
    Column("environment", Text),
)

plans = Table(
    "plans",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("environment", Text),
    Column("kind", Text),
    Column("verdict", Text),
    Column("created_at", MOMENT),
    Column("principal_id", Text),
    Column("step_count", Integer),
    Column("hazard_count", Integer),
    Column("content", Text),
)

audit = Table(
    "audit",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("at", MOMENT),
    Column("principal_id", Text),
    Column("principal_kind", Text),
    Column("principal_address", Text),
    Column("request_id", Text),
    Column("action", Text),
    Column("environment", Text),
    Column("subject", Text),
    Column("detail", JSONB),
    Column("principal_name", Text),
    Column("refused", Text),
)

processes = Table(
    "processes",
    metadata,
    Column("name", Text, primary_key=True),
    Column("kind", Text),
    Column("release", Text),
    Column("started_at", MOMENT),
    Column("seen_at", MOMENT),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text),
    Column("digest", LargeBinary),
    Column("role", Text),
    Column("scopes", ARRAY(Text)),
    Column("created_at", MOMENT),
    Column("created_by", Text),
    Column("expires_at", MOMENT),
    Column("last_used_at", MOMENT),
    Column("last_used_from", Text),
    Column("revoked_at", MOMENT),
    Column("revoked_by", Text),
)

sessions = Table(
    "sessions",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("token_id", Uuid),
    Column("token_digest", LargeBinary),
    Column("created_at", MOMENT),
    Column("expires_at", MOMENT),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("client", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("request_hash", LargeBinary),
    Column("token", Uuid),
    Column("job_id", Uuid),
    Column("locked_until", MOMENT),
    Column("answer", JSONB),
    Column("expires_at", MOMENT),
)
