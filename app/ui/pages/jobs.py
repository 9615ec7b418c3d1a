"""Jobs: what was asked, how far it is, what stands in its way, and how it ended."""

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, render_template, request

from app.domain.job import JobKind, JobState
from app.ui.asking import Json, segment
from app.ui.files import excerpt
from app.ui.mount import PREFIX
from app.ui.offers import TEXT, Offer
from app.ui.paging import next_page
from app.ui.timeline import timeline
from app.ui.visitor import api

pages = Blueprint("jobs", __name__)

UNDER_WAY = ("running", "cancelling", "waiting", "queued")
MOST_LINES = 500
"""Of a log, on its page: the newest; all of it can be downloaded."""
DONE = ("applied", "skipped")
LABELS = {
    "cancel": "Stop the job",
    "retry": "Ask for the same again",
    "approve": "Approve it",
    "reject": "Say no to it",
    "pause": "Pause it",
    "resume": "Let it go on",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a log: when, what kind of thing, and what is said of it."""

    at: str
    kind: str
    said: str


@pages.get("/jobs")
def list_jobs() -> str:
    """Those under way first; the filters are those of the API."""
    wanted = {name: request.args.get(name) or None for name in ("environment", "state", "kind", "idle")}
    answer = api().read("/jobs", **wanted, page_token=request.args.get("pageToken"))
    jobs: list[Json] = answer.body
    return render_template(
        "jobs.html",
        jobs=sorted(jobs, key=lambda one: one["state"] not in UNDER_WAY),
        wanted=wanted,
        environments=[one["name"] for one in api().get("/environments")],
        kinds=list(JobKind),
        states=list(JobState),
        more=next_page(answer),
    )


@pages.get("/jobs/<job_id>")
def job(job_id: str) -> str:
    found = api().get(f"/jobs/{segment(job_id)}")
    samples = api().get(f"/jobs/{segment(job_id)}/locks") or []
    lines, wanted = _log(found), request.args.get("log", "").strip()
    votes = api().get(f"/jobs/{segment(job_id)}/approvals") if found["approvalsNeeded"] else []
    error = _error(found)
    return render_template(
        "job.html",
        job=found,
        error=error,
        where=None if error is None else excerpt(error),
        done=sum(step["state"] in DONE for step in found["steps"]),
        actions=[_offered(one, found) for one in _actions(found)],
        samples=samples,
        waiting=samples[-1] if samples and samples[-1]["blockers"] else None,
        drawing=timeline(found, samples),
        votes=votes,
        log=None if lines is None else [_line(one) for one in lines if wanted.casefold() in one.casefold()],
        log_lines=MOST_LINES,
        newest_only=lines is not None and len(lines) >= MOST_LINES,
        log_filter=wanted,
    )


def _error(job: Json) -> Json | None:
    """The job's own, or that of the step that failed."""
    errors = [job["error"], *(step["error"] for step in job["steps"])]
    return next((one for one in errors if one is not None), None)


def _actions(job: Json) -> list[Json]:
    """The API's, with pausing beside stopping: what may stop a job may pause it."""
    known = {one["name"]: one for one in job["actions"]}
    cancel = known["cancel"]
    paused = job["pausedBy"] is not None
    name = "resume" if paused else "pause"
    turn = known.get(name, {**cancel, "name": name, "href": f"/jobs/{job['id']}/{name}", "body": None})
    ended = job["finishedAt"] is not None
    shown = [known["retry"]] if ended else [turn, cancel]
    return [*(known[one] for one in ("approve", "reject") if one in known), *shown]


def _offered(action: Json, job: Json) -> dict[str, Any]:
    takes = {"note": TEXT} if action["name"] in ("approve", "reject") else {}
    offer = Offer(action["method"], action["href"], f"{PREFIX}/jobs/{job['id']}", action["body"] or {}, takes)
    return {**action, "label": LABELS.get(action["name"], action["label"]), "offer": offer}


@pages.get("/jobs/<job_id>/log")
def job_log(job_id: str) -> Response:
    """All of it, as a file."""
    text = api().get(f"/jobs/{segment(job_id)}/log")
    headers = {"Content-Disposition": f'attachment; filename="job-{segment(job_id)}.log"'}
    return Response(text or "", headers=headers, content_type="text/plain; charset=utf-8")


def _log(job: Json) -> list[str] | None:
    """Its newest lines; None where this job has no log."""
    if "log" not in job["links"]:
        return None
    text = api().get(job["links"]["log"], tail=MOST_LINES) or ""
    return str(text).split("\n")[:-1]


def _line(text: str) -> Line:
    at, kind, said = (*text.split(None, 2), "", "")[:3]
    return Line(at, kind, said)
