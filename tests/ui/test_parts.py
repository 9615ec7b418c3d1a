"""What pages are made of: words for times and sizes, the matrix, the timeline, highlighted SQL, and what is served."""

import gzip
import hashlib
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from flask import Flask
from werkzeug.datastructures import MultiDict

from app.domain.conflict import ConflictState
from app.domain.drift import DriftState
from app.domain.job import JobState, StepState
from app.domain.matrix import CellState
from app.domain.planned import PlanVerdict
from app.ui import looks
from app.ui.application import build_dashboard
from app.ui.matrix import folded_rows, matching
from app.ui.offers import NotMeant, NotSealed, Offer, filled, opened, seal
from app.ui.sql import highlighted
from app.ui.timeline import timeline
from tests.api.stand import Stand
from tests.ui.browser import Browser

STATIC = Path(looks.__file__).parent / "static"
MOST_KB = 60
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def at(seconds: float) -> str:
    return (NOON + timedelta(seconds=seconds)).isoformat()


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-0.4, "now"), (-5, "5 s ago"), (-90, "1 m ago"), (-7200, "2 h ago"), (-200_000, "2 d ago"), (61, "in 1 m")],
)
def test_a_moment_is_said_as_people_say_it(seconds: float, said: str) -> None:
    assert looks.relative(seconds) == said


def test_the_exact_moment_is_there_on_hover() -> None:
    assert 'title="2026-01-01 12:00:00 UTC"' in looks.ago(at(0), NOON)


@pytest.mark.parametrize(
    ("ms", "said"),
    [(None, "—"), (320, "320 ms"), (1500, "1.5 s"), (101_000, "1 m 41 s"), (3_600_000, "1 h"), (90_000_000, "1 d 1 h")],
)
def test_a_duration_has_two_figures_that_count(ms: float | None, said: str) -> None:
    assert looks.duration(ms) == said


def test_every_state_there_is_has_a_glyph_and_a_word_of_its_own() -> None:
    every = [*JobState, *StepState, *CellState, *ConflictState, *DriftState, *PlanVerdict, "cancelling"]
    assert [one for one in every if one not in looks.LOOKS] == []


def test_a_fact_of_any_shape_is_escaped() -> None:
    shown = looks.plainly({"<b>": ["<i>", {"x": "<u>\n"}]})
    assert "<b>" not in shown and "<i>" not in shown and "<u>" not in shown
    assert "&lt;b&gt;" in shown and "&lt;i&gt;" in shown and "&lt;u&gt;" in shown


def test_what_stands_between_backticks_is_code_and_still_escaped() -> None:
    assert looks.coded("say `a<b` and <i>") == "say <code>a&lt;b</code> and &lt;i&gt;"


def test_sql_is_told_apart_and_every_character_escaped() -> None:
    text = "SELECT '<b>' AS \"a&b\" -- <i>\nFROM t WHERE n > 1 /* </code> */"
    shown = highlighted(text)
    assert '<span class="k">SELECT</span>' in shown and '<span class="s">&#39;&lt;b&gt;&#39;</span>' in shown
    assert re.sub(r"</?span[^>]*>", "", shown).count("<") == 0


@pytest.mark.parametrize("text", ["'never closed", "/* never closed", "$$ never closed", "(((", "\\copy x", ""])
def test_broken_sql_is_shown_whole(text: str) -> None:
    shown = re.sub(r"</?span[^>]*>", "", highlighted(text))
    assert shown.replace("&#39;", "'").replace("&#34;", '"') == text


def rows(*states: str) -> list[dict[str, Any]]:
    return [{"name": f"m{place}", "version": f"{place}", "cells": [{"state": one}]} for place, one in enumerate(states)]


def test_what_is_applied_everywhere_is_folded_but_for_the_newest() -> None:
    assert folded_rows(rows(*["applied"] * 10, "pending")) == 7
    assert folded_rows(rows(*["applied"] * 4)) == 0
    assert folded_rows(rows("pending", *["applied"] * 10)) == 0


def test_migrations_are_found_by_name_and_version() -> None:
    assert [one["name"] for one in matching(rows("applied", "applied", "pending"), "M2")] == ["m2"]


def sample(seconds: float, blockers: int = 0, blocked: int = 0) -> dict[str, Any]:
    def sessions(count: int) -> list[dict[str, Any]]:
        return [{"pid": place, "application": None, "user": None} for place in range(count)]

    known = {"at": at(seconds), "mode": "AccessExclusiveLock", "relation": "orders"}
    return known | {"blockers": sessions(blockers), "blocked": sessions(blocked)}


STEP = {"ordinal": 0, "name": "add", "state": "applied", "startedAt": at(0), "finishedAt": at(10)}
JOB: dict[str, Any] = {"startedAt": at(0), "finishedAt": at(10), "steps": [STEP]}


def test_a_sample_holds_until_the_next_one() -> None:
    drawing = timeline(JOB, [sample(2, blockers=1, blocked=3), sample(7)])
    assert drawing is not None
    wait = next(bar for bar in drawing.bars if bar.tone == "waiting")
    whole = next(bar for bar in drawing.bars if bar.tone == "applied")
    assert wait.width == pytest.approx(whole.width / 2, abs=1)
    assert (wait.label, drawing.most_waiting) == ("ACCESS EXCLUSIVE on orders", 3)
    assert drawing.summary == "It waited 5.0 s for locks; at most 3 sessions waited for it at once."


def test_no_bar_leaves_the_picture() -> None:
    drawing = timeline(JOB, [sample(-5, blockers=1), sample(50, blocked=1)])
    assert drawing is not None
    assert all(bar.x >= 0 and bar.x + bar.width <= 100 for bar in (*drawing.bars, *drawing.queue))


def test_the_picture_is_as_high_before_anybody_waits_as_after() -> None:
    quiet, busy = timeline(JOB, []), timeline(JOB, [sample(2, blockers=1, blocked=3)])
    assert quiet is not None and busy is not None
    assert (quiet.height, quiet.lanes) == (busy.height, busy.lanes)


def test_a_job_that_has_not_started_has_no_picture() -> None:
    assert timeline({**JOB, "startedAt": None}, []) is None


def test_an_offer_opens_only_for_the_browser_that_was_shown_it() -> None:
    offer = Offer("POST", "/jobs", "/ui/", {"a": 1}, {"n": "number", "l": "list"}, "production", ("X",))
    made = seal(offer, "mine")
    form = MultiDict({"offer": made.offer, "seal": made.seal})
    assert opened(form, "mine") == offer
    for wrong in ("yours", ""):
        with pytest.raises(NotSealed):
            opened(form, wrong)


def test_what_is_typed_and_ticked_is_held_to_the_offer() -> None:
    offer = Offer("POST", "/jobs", "/ui/", {"a": 1}, {"n": "number", "l": "list"}, "production", ("X", "Y"))
    said = MultiDict([("typed", " production "), ("tick", "X"), ("tick", "Y"), ("field.n", "2"), ("field.l", "a, b")])
    assert filled(offer, said) == {"a": 1, "n": 2, "l": ["a", "b"]}
    for lacking in (("typed", "prod"), ("tick", "X")):
        with pytest.raises(NotMeant):
            filled(offer, MultiDict([one for one in said.items(multi=True) if one[0] != lacking[0]] + [lacking]))


def test_what_a_first_page_loads_is_small() -> None:
    files = [*STATIC.glob("*.js"), *STATIC.glob("*.css"), *STATIC.glob("vendor/*.js")]
    size = sum(len(gzip.compress(one.read_bytes())) for one in files)
    assert size <= MOST_KB * 1024, f"{size} bytes"


def test_what_a_page_loads_is_there_under_an_address_of_its_content(browser: Browser) -> None:
    loaded = re.findall(r'(?:src|href)="(/ui/static/[^"]+)"', browser.get("/ui/").html)
    assert len(loaded) == 5 and all("?v=" in one for one in loaded)
    answers = [browser.get(one).response for one in loaded]
    assert [(one.status_code, one.headers["Cache-Control"]) for one in answers] == [(200, "public, max-age=86400")] * 5


def test_the_files_of_others_are_those_that_are_listed() -> None:
    listed = (STATIC / "vendor" / "VENDOR.txt").read_text()
    for file in STATIC.glob("vendor/*.js"):
        assert f"{file.name}\n" in listed and hashlib.sha256(file.read_bytes()).hexdigest() in listed


def test_the_stream_passes_through_as_rings_and_is_closed(stand: Stand) -> None:
    closed: list[bool] = []

    class Events:
        def __iter__(self) -> Iterator[bytes]:
            yield b"retry: 2000\n\n: here\n\n"
            yield b'id: 7\nevent: job.started\ndata: {"id":"7"}\n\n'

        def close(self) -> None:
            closed.append(True)

    asked: list[dict[str, Any]] = []

    def api(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        asked.append(environ)
        start_response("200 OK", [("Content-Type", "text/event-stream"), ("Cache-Control", "no-store")])
        return cast(Iterable[bytes], Events())

    dashboard: Flask = build_dashboard(stand.services, api)
    got = dashboard.test_client().get("/ui/events?topics=jobs,conflicts", headers={"Last-Event-ID": "6"})
    assert got.get_data() == b'retry: 2000\n\n: here\n\nid: 7\ndata: {"id":"7"}\n\n'
    got.close()
    events = next(one for one in asked if one["PATH_INFO"] == "/events")
    assert (events["QUERY_STRING"], events["HTTP_LAST_EVENT_ID"]) == ("topics=jobs,conflicts", "6")
    assert (got.content_type, closed) == ("text/event-stream", [True])


def test_what_is_not_there_is_not_asked_for_again(browser: Browser) -> None:
    assert 'hx-get="/ui/jobs"' in browser.get("/ui/jobs").response.text
    missing = browser.get("/ui/jobs/nowhere")
    assert (missing.status, "hx-get" in missing.response.text) == (404, False)
