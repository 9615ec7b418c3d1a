"""What the services need of the control database to show many environments at once."""

from collections.abc import Collection, Mapping
from typing import Protocol

from app.domain.axes import JobsSeen
from app.domain.drift import DriftCheck


class EnvironmentLog(Protocol):
    """Each answer is one question, however many environments; those that nothing is known of are left out."""

    async def jobs(self, environments: Collection[str]) -> Mapping[str, JobsSeen]:
        """The jobs that change them; jobs without their steps."""
        ...

    async def drift(self, environments: Collection[str]) -> Mapping[str, DriftCheck]:
        """The last looks at their schemas, without the differences that were found."""
        ...
