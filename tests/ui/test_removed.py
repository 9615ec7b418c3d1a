"""Pages while an environment is no longer in liftlock.toml: it is seen, and nothing of the rest is in its way."""

from collections.abc import Iterator

import pytest

from app.domain.job import Origin
from tests.api.leaving import add, leave_out
from tests.api.stand import ONE, THREE, TWO, standing
from tests.ui.browser import Browser


@pytest.fixture(scope="module")
def left() -> Iterator[Browser]:
    with standing(applied=(ONE, TWO, THREE)) as stand:
        add(stand)
        leave_out(stand)
        yield Browser(stand)


def test_the_overview_shows_what_is_to_be_decided_and_offers_nothing_else(left: Browser) -> None:
    page = left.get("/ui/")
    _, _, card = page.html.partition('id="env-3"')
    card = card.partition("</article>")[0]
    assert "removed</span>" in card and "staging is no longer in liftlock.toml, and has 1 job on record" in card
    assert "Plan a change" not in card and "Scan drift" not in card
    assert '<th scope="col">staging</th>' not in page.html
    assert page.html.count('<th scope="col">production</th>') == 1


@pytest.mark.parametrize(
    "path",
    [
        "/ui/drift",
        "/ui/graph",
        "/ui/preserved",
        "/ui/compare",
        "/ui/settings",
        "/ui/plans/new",
        "/ui/migrations/orders",
        "/ui/jobs?environment=staging",
        "/ui/history?environment=staging",
        "/ui/conflicts?environment=staging",
    ],
)
def test_no_page_is_broken_by_it(left: Browser, path: str) -> None:
    assert left.get(path).status == 200


def test_it_is_not_offered_where_something_is_done_and_is_where_its_past_is_read(left: Browser) -> None:
    assert ">staging</option>" not in left.get("/ui/plans/new").html
    assert ">staging</option>" in left.get("/ui/jobs").html


def test_a_registered_one_that_cannot_be_used_has_a_card_that_says_why() -> None:
    with standing() as stand:
        stand.run(stand.registry.put("qa", {"url": "postgresql://db/qa", "requires": ["gone"]}, None, Origin()))
        stand.run(stand.services.registry.refresh())
        page = Browser(stand).get("/ui/").html
    _, _, card = page.partition('id="unusable-1"')
    card = card.partition("</article>")[0]
    assert "unusable</span>" in card and "qa is registered, and cannot be used here: requires" in card
    assert '<th scope="col">qa</th>' not in page
