"""What a process says of the work beside its work."""

from concurrent.futures import CancelledError
from typing import cast

from structlog.testing import capture_logs

from app.caretaker import Caretaker
from app.domain.census import ProcessKind
from app.portal import PortalClosed
from app.wiring import Services


def test_what_ends_with_the_process_is_no_error_in_its_log() -> None:
    for ended in (CancelledError(), PortalClosed()):
        caretaker = Caretaker(cast(Services, object()), ProcessKind.API)

        def work(ended: Exception = ended) -> None:
            raise ended

        with capture_logs() as said:
            assert caretaker._tried("install", work) is False
        assert said == []
