"""Who is signed in to the dashboard, on PostgreSQL."""

from sqlalchemy import delete, insert, select

from app.adapters.control.database import ControlDatabase
from app.adapters.control.tables import sessions
from app.domain.access import SignedIn


class ControlSessions:
    """Implements ports.Sessions."""

    def __init__(self, database: ControlDatabase) -> None:
        self._database = database

    async def add(self, session: SignedIn) -> None:
        values = {
            "digest": session.digest,
            "token_id": session.token_id,
            "token_digest": session.token_digest,
            "created_at": session.created_at,
            "expires_at": session.expires_at,
        }
        async with self._database.single() as connection:
            await connection.execute(delete(sessions).where(sessions.c.expires_at <= session.created_at))
            await connection.execute(insert(sessions).values(values))

    async def find(self, digest: bytes) -> SignedIn | None:
        async with self._database.single() as connection:
            row = (await connection.execute(select(sessions).where(sessions.c.digest == digest))).mappings().first()
        if row is None:
            return None
        return SignedIn(
            digest=bytes(row["digest"]),
            token_id=row["token_id"],
            token_digest=bytes(row["token_digest"]),
            created_at=row["created_at"],
            expires_at=row["expires_at"],
        )

    async def remove(self, digest: bytes) -> None:
        async with self._database.single() as connection:
            await connection.execute(delete(sessions).where(sessions.c.digest == digest))
