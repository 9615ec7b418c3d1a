"""`liftlock webhook`: whom to tell, and whether they have heard."""

from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING

import click

from app.cli.command import command, listing
from app.cli.exits import Exit
from app.cli.lists import listed
from app.cli.options import Names
from app.cli.out import shown
from app.cli.session import Session
from app.cli.times import ago

if TYPE_CHECKING:
    from app.client.documents.webhooks import Delivery, Webhook


@command("ls", example="liftlock webhook ls")
def ls(session: Session) -> int:
    """Webhooks by name, without their secrets."""

    def row(one: "Webhook") -> Sequence[str]:
        of, where = ", ".join(one.events) or "everything", ", ".join(one.environments) or "everywhere"
        return one.state, one.id, one.name, one.url, of, where

    heads = ("STATE", "ID", "NAME", "URL", "HEARS OF", "IN")
    nobody = "nobody is told of anything; liftlock webhook add NAME URL"
    return listed(session.out, session.client.webhooks.list(), lambda one: one.id, heads, row, states=0, none=nobody)


@command(
    example="liftlock webhook add on-call https://hooks.example.com/liftlock --events job.failed\n"
    "liftlock webhook add chat env:SLACK_URL --format slack"
)
@click.argument("name", metavar="NAME")
@click.argument("receiver", metavar="URL")
@click.option("--format", "form", type=click.Choice(["standard", "slack"]), help="Standard Webhooks, or Slack.")
@click.option("--events", type=Names(), default="", help="Such as job.failed,drift.found; all when left out.")
@click.option("--environments", type=Names(), default="", help="Everywhere when left out.")
def add(
    session: Session,
    name: str,
    receiver: str,
    form: str | None,
    events: tuple[str, ...],
    environments: tuple[str, ...],
) -> int:
    """Make a webhook. Its secret is shown this once; standard output holds nothing else."""
    made = session.client.webhooks.add(name, receiver, form, events, environments)
    if session.out.json:
        session.out.document(made.raw)
        return Exit.DONE
    session.out.answer(made.secret or "")
    session.out.complain(f"  shown this once; try it: liftlock webhook test {made.id}")
    return Exit.DONE


@command(example="liftlock webhook rotate 0198…")
@click.argument("webhook_id", metavar="ID")
def rotate(session: Session, webhook_id: str) -> int:
    """Give it another secret; for a day messages carry the signatures of both."""
    made = session.client.webhooks.rotate(webhook_id)
    if session.out.json:
        session.out.document(made.raw)
    else:
        session.out.answer(made.secret or "")
    return Exit.DONE


@command(example="liftlock webhook test 0198…")
@click.argument("webhook_id", metavar="ID")
def test(session: Session, webhook_id: str) -> int:
    """Send it a test."""
    return _say(session, webhook_id, session.client.webhooks.test(webhook_id))


@command(example="liftlock webhook deliveries 0198…")
@click.argument("webhook_id", metavar="ID")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="At most so many.")
def deliveries(session: Session, webhook_id: str, limit: int) -> int:
    """What was sent, newest first, and how it was answered."""
    found = list(islice(session.client.webhooks.deliveries(webhook_id, min(limit, 500)), limit))
    now = session.now()

    def row(one: "Delivery") -> Sequence[str]:
        return one.state, one.id, one.type, _last(one), ago(one.created_at, now)

    heads = ("STATE", "ID", "EVENT", "ANSWER", "WHEN")
    return listed(session.out, found, lambda one: one.id, heads, row, states=0, none="nothing was sent yet")


@command(example="liftlock webhook redeliver 0198… 0199…")
@click.argument("webhook_id", metavar="ID")
@click.argument("delivery_id", metavar="DELIVERY")
def redeliver(session: Session, webhook_id: str, delivery_id: str) -> int:
    """Send the same message once more."""
    return _say(session, webhook_id, session.client.webhooks.redeliver(webhook_id, delivery_id))


@command(example="liftlock webhook rm 0198…")
@click.argument("webhook_id", metavar="ID")
def rm(session: Session, webhook_id: str) -> int:
    """Remove it, with its deliveries."""
    session.client.webhooks.remove(webhook_id)
    if session.out.json:
        session.out.document({"id": webhook_id, "removed": True})
    else:
        session.out.say(f"{shown(session.out, 'succeeded')}  webhook {webhook_id} is gone")
    return Exit.DONE


def _say(session: Session, webhook_id: str, sent: "Delivery") -> int:
    if session.out.json:
        session.out.document(sent.raw)
    else:
        session.out.say(f"{shown(session.out, sent.state)}  {sent.type}, delivery {sent.id}")
        session.out.say(f"  liftlock webhook deliveries {webhook_id}")
    return Exit.DONE


def _last(delivery: "Delivery") -> str:
    if not delivery.tries:
        return "not sent yet"
    last = delivery.tries[-1]
    return last.error or f"{last.status} in {last.duration_ms} ms"


webhook = listing("webhook", (ls, add, rotate, test, deliveries, redeliver, rm), "Whom to tell.")
