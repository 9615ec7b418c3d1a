"""One stand for all tests without tokens, which begin without jobs each; and one with."""

from collections.abc import Iterator

import pytest

from app.domain.access import Auth
from tests.api.stand import ONE, Stand, standing
from tests.ui.browser import Browser

ADMIN = "the-admins-token-of-this-test-long-enough"


@pytest.fixture(scope="package")
def shared() -> Iterator[Stand]:
    with standing(applied=(ONE,)) as made:
        yield made


@pytest.fixture
def stand(shared: Stand) -> Stand:
    shared.store.rows.clear()
    shared.apply(ONE)
    return shared


@pytest.fixture
def browser(stand: Stand) -> Browser:
    return Browser(stand)


@pytest.fixture(scope="package")
def shared_door() -> Iterator[Stand]:
    with standing(changed_settings={"auth": Auth.TOKEN, "admin_token": ADMIN}) as made:
        yield made


@pytest.fixture
def guarded(shared_door: Stand) -> Stand:
    """Who is asked for a token; nobody has tried a wrong one for a while."""
    shared_door.clock.advance(120)
    shared_door.tokens.known.clear()
    return shared_door
