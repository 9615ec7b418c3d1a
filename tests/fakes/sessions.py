"""Sessions in memory."""

from app.domain.access import SignedIn


class MemorySessions:
    """Implements ports.Sessions."""

    def __init__(self) -> None:
        self.known: dict[bytes, SignedIn] = {}

    async def add(self, session: SignedIn) -> None:
        self.known = {key: one for key, one in self.known.items() if one.expires_at > session.created_at}
        self.known[session.digest] = session

    async def find(self, digest: bytes) -> SignedIn | None:
        return self.known.get(digest)

    async def remove(self, digest: bytes) -> None:
        self.known.pop(digest, None)
