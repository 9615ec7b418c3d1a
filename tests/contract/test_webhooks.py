"""Webhooks and deliveries, in memory and in PostgreSQL."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from app.domain.errors import NameTaken
from app.domain.job import Origin
from app.domain.principal import Principal
from app.domain.webhook import Delivery, DeliveryState, Format, News, Try, Webhook, after_try
from app.ports import AuditWanted, DeliveriesWanted
from tests.contract.conftest import Room

ADA = Origin(Principal("t-1", "token", "10.0.0.7", "ada"), "req-1")


def made(room: Room, name: str = "on-call", **changed: object) -> Webhook:
    hook = Webhook(
        id=room.clock.new_id(),
        name=name,
        url="sealed:u",
        shown="https://x.example/…",
        secret="sealed:s",
        created_at=room.clock.now(),
        created_by="ada",
        format=Format.SLACK,
        events=frozenset({News.JOB_FAILED}),
        environments=("production",),
    )
    hook = replace(hook, **changed)  # type: ignore[arg-type]
    room.run(room.webhooks.add(hook, ADA))
    return hook


def sent(room: Room, hook: Webhook) -> Delivery:
    now, one_id = room.clock.now(), room.clock.new_id()
    delivery = Delivery(one_id, hook.id, one_id, News.TEST, '{"a": 1}', now, next_try_at=now)
    room.run(room.deliveries.add(delivery, "webhooks.test", ADA))
    return delivery


def audited(room: Room) -> list[str]:
    return [row.deed.action for row in room.run(room.trail.find(AuditWanted()))]


def test_a_webhook_comes_back_as_it_was_made(room: Room) -> None:
    hook = made(room)
    assert room.run(room.webhooks.get(hook.id)) == hook
    assert room.run(room.webhooks.get(UUID(int=1))) is None
    assert audited(room) == ["webhooks.add"]


def test_a_name_means_one_webhook_and_they_are_listed_by_it(room: Room) -> None:
    made(room, "b")
    made(room, "a")
    with pytest.raises(NameTaken):
        made(room, "b")
    assert [one.name for one in room.run(room.webhooks.all())] == ["a", "b"]


def test_another_secret_leaves_the_one_before_beside_it(room: Room) -> None:
    hook, until = made(room), room.clock.now() + timedelta(hours=24)
    room.run(room.webhooks.rotate(hook.id, "sealed:new", until, ADA))
    known = room.run(room.webhooks.get(hook.id))
    assert known == replace(hook, secret="sealed:new", previous_secret="sealed:s", previous_until=until)
    assert room.run(room.webhooks.rotate(UUID(int=1), "x", until, ADA)) is None
    assert audited(room)[0] == "webhooks.rotate"


def test_a_webhook_goes_with_its_deliveries(room: Room) -> None:
    hook = made(room)
    sent(room, hook)
    assert room.run(room.webhooks.remove(hook.id, ADA))
    assert not room.run(room.webhooks.remove(hook.id, ADA))
    assert room.run(room.webhooks.all()) == ()
    assert audited(room) == ["webhooks.remove", "webhooks.test", "webhooks.add"]


def test_one_worker_gets_a_delivery_and_for_a_while_no_other_does(room: Room) -> None:
    hook = made(room)
    delivery = sent(room, hook)
    ((taken, whose),) = room.run(room.deliveries.due(10, 60))
    assert (taken.id, whose) == (delivery.id, hook)
    assert room.run(room.deliveries.due(10, 60)) == ()


def test_what_became_of_each_try_is_kept(room: Room) -> None:
    delivery = sent(room, made(room))
    first = after_try(delivery, Try(room.clock.now(), 12, 500, "oh no"), 0.0)
    room.run(room.deliveries.tried(first))
    assert room.run(room.deliveries.get(delivery.id)) == first
    second = after_try(first, Try(room.clock.now(), 3, 204), 0.0)
    room.run(room.deliveries.tried(second))
    known = room.run(room.deliveries.get(delivery.id))
    assert known == second and known.state is DeliveryState.DELIVERED
    assert [one.status for one in known.tries] == [500, 204]


def test_deliveries_are_read_newest_first_page_by_page(room: Room) -> None:
    hook, other = made(room), made(room, "other")
    ids = [sent(room, hook).id for _ in range(3)]
    sent(room, other)
    first = room.run(room.deliveries.page(DeliveriesWanted(hook.id, 2)))
    rest = room.run(room.deliveries.page(DeliveriesWanted(hook.id, 2, first[-1].id)))
    assert [one.id for one in (*first, *rest)] == ids[::-1]


def test_an_end_that_was_disabled_says_so(room: Room) -> None:
    hook = made(room)
    room.run(room.webhooks.disable(hook.id))
    known = room.run(room.webhooks.get(hook.id))
    assert known is not None and known.disabled_at is not None
