"""What is answered about the protection of an environment."""

from app.api.schemas import Links
from app.api.shapes import Answer, Moment
from app.domain.environment import Protection


class Guarded(Answer):
    """`protection` as it holds now: less strict than it is configured until `unlockedUntil`."""

    environment: str
    protection: Protection
    unlocked_until: Moment | None
    links: Links
