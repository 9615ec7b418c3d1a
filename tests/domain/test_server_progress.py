"""How far the server is, as a sentence of a job's message."""

import pytest

from app.domain.server_progress import ServerProgress


@pytest.mark.parametrize(
    ("progress", "said"),
    [
        (ServerProgress("CREATE INDEX", "building index", "a.b", 45, 100), "CREATE INDEX on a.b: building index, 45 %"),
        (ServerProgress("COPY FROM", "12 rows", "orders"), "COPY FROM on orders: 12 rows"),
        (ServerProgress("VACUUM FULL", "seq scanning heap", None, 1, 3), "VACUUM FULL: seq scanning heap, 33 %"),
        # the server counts what has come meanwhile
        (ServerProgress("ANALYZE", "acquiring sample rows", "t", 7, 5), "ANALYZE on t: acquiring sample rows, 100 %"),
    ],
)
def test_a_share_is_said_where_the_whole_is_known(progress: ServerProgress, said: str) -> None:
    assert progress.said() == said
