"""Plans: what would run, what it blocks, what it needs; and running it with the consent it takes."""

import json
import shlex
from http import HTTPStatus

from flask import Blueprint, Response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from app.domain.lock_modes import LockMode
from app.ui.asking import Json, segment
from app.ui.looks import several
from app.ui.mount import PREFIX
from app.ui.offers import LIST, NUMBER, TEXT, Offer
from app.ui.paging import next_page
from app.ui.visitor import api, environments

pages = Blueprint("plans", __name__)

KINDS = {
    "run": "Run what is pending",
    "rollback": "Undo the newest",
    "reset": "Undo everything",
    "sync": "Take over from another",
}
MOST_OPEN = 3
"""Steps of a plan that are shown at once; of more only those that need consent."""
DESTRUCTIVE = frozenset({"rollback", "reset"})
BY_ITSELF = ("http://127.0.0.1:3000", "http://localhost:3000")


@pages.get("/plans")
def list_plans() -> str:
    wanted = request.args.get("environment") or None
    answer = api().read("/plans", environment=wanted, page_token=request.args.get("pageToken"))
    return render_template(
        "plans.html", plans=answer.body, wanted=wanted, environments=_environments(), more=next_page(answer)
    )


@pages.get("/plans/new")
def new_plan() -> str:
    """The form, with what the link before it has filled in."""
    kind = request.args.get("kind", "run")
    chosen = kind if kind in KINDS else "run"
    takes = {"environment": TEXT, "kind": TEXT, "to": TEXT, "count": NUMBER, "from": TEXT, "allowHazards": LIST}
    return render_template(
        "plan_new.html",
        kinds=KINDS,
        kind=chosen,
        given=request.args,
        environments=_environments(),
        offer=Offer("POST", "/migrations/plan", f"{PREFIX}/plans", {}, takes),
    )


@pages.get("/plans/<plan_id>")
def plan(plan_id: str) -> str:
    found = api().get(f"/plans/{segment(plan_id)}")
    action = found["actions"][0]
    return render_template(
        "plan.html",
        plan={**found, "steps": [_step(one, len(found["steps"])) for one in found["steps"]]},
        action=action,
        run=_run(found, action),
        curl=_curl(found, action),
        cli=_cli(found),
        rung=_rung(found),
        is_held="planId" in (action["body"] or {}),
        verb=_verb(found),
        lost=[one for step in found["steps"] for one in (step["keeping"] or {"sets": []})["sets"] if not one["kept"]],
    )


@pages.get("/plans/<plan_id>/sql")
def plan_sql(plan_id: str) -> AnyResponse:
    text = api().get(f"/plans/{segment(plan_id)}/sql")
    headers = {"Content-Disposition": f'attachment; filename="plan-{segment(plan_id)}.sql"'}
    return Response(text, HTTPStatus.OK, headers, content_type="text/plain; charset=utf-8")


@pages.get("/plans/latest")
def latest_plan() -> AnyResponse:
    found = api().get("/plans", limit=1)
    return redirect(f"{PREFIX}/plans/{found[0]['id']}" if found else f"{PREFIX}/plans/new", HTTPStatus.SEE_OTHER)


def _step(step: Json, count: int) -> Json:
    """With what is seen before it is opened: the strongest lock, and whether it needs consent."""
    judged = [*step["hazards"], *(hazard for one in step["statements"] for hazard in one["hazards"])]
    locks = [LockMode(lock["mode"]) for one in step["statements"] for lock in one["locks"]]
    lacking = any(one["consent"] is None for one in judged)
    strongest = max(locks, key=lambda mode: mode.strength, default=None)
    return {**step, "lacking": lacking, "strongest": strongest, "folded": count > MOST_OPEN and not lacking}


def _environments() -> list[str]:
    return [one["name"] for one in environments()]


def _rung(plan: Json) -> str:
    """How much has to be said before it runs: `click`, `ask` once more, or `type` the environment's name."""
    needs = plan["consent"]
    if plan["protection"] == "locked" or plan["kind"] == "reset" or (needs is not None and needs["confirm"]):
        return "type"
    if plan["protection"] == "confirm" or plan["kind"] in DESTRUCTIVE:
        return "ask"
    return "click"


def _run(plan: Json, action: Json) -> Offer:
    """What has to be consented to is ticked one by one, whatever the API would take at once."""
    body = dict(action["body"] or {})
    typed = plan["environment"] if _rung(plan) == "type" else None
    if typed is not None and plan["kind"] != "sync":
        body["confirm"] = typed
    ticks = tuple((plan["consent"] or {"hazards": []})["hazards"])
    return Offer(action["method"], action["href"], f"{PREFIX}/plans/{plan['id']}", body, {"note": TEXT}, typed, ticks)


def _verb(plan: Json) -> str:
    """The button's words: `Run 3 on production`."""
    total = plan["summary"]["toApply"] + plan["summary"]["toRollBack"]
    verb = {"run": "Run", "sync": "Run", "rollback": "Roll back", "reset": "Undo"}.get(plan["kind"], "Run")
    return f"{verb} {several(total, 'migration')} on {plan['environment']}"


def _curl(plan: Json, action: Json) -> str:
    if plan["consent"] is not None:
        return str(plan["consent"]["command"])
    body = (
        f" -H 'Content-Type: application/json' -d {shlex.quote(json.dumps(action['body'], ensure_ascii=False))}"
        if action["body"]
        else ""
    )
    return f"curl -X {action['method']} {shlex.quote(request.host_url.rstrip('/') + action['href'])}{body}"


def _cli(plan: Json) -> str | None:
    """As the command line says it; sync has a word of its own there."""
    flags = f" {plan['consent']['flag']}" if plan["consent"] is not None and plan["consent"]["flag"] else ""
    name = shlex.quote(plan["environment"])
    match plan["kind"]:
        case "run" | "rollback":
            return f"liftlock {plan['kind']} {name} --plan {plan['id']}{flags}{_where()}"
        case "reset":
            return f"liftlock reset {name}{flags}{_where()}"
        case _:
            return None


def cli_of_all(plan: Json, whole: str) -> str | None:
    """One job for all targets of an environment, where the command line can ask for the same as the plan."""
    asked = plan["request"]
    to = "" if asked["to"] is None else f" --to {shlex.quote(asked['to'])}"
    match plan["kind"]:
        case "run":
            return f"liftlock run {shlex.quote(whole)}{to}{_where()}"
        case "rollback":
            count = "" if to or asked["count"] is None else f" {asked['count']}"
            return f"liftlock rollback {shlex.quote(whole)}{count}{to}{_where()}"
        case _:
            return None


def _where() -> str:
    """The command line goes to this machine's port 3000 by itself."""
    here = request.host_url.rstrip("/")
    return "" if here in BY_ITSELF else f" --url {shlex.quote(here)}"
