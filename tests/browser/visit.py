"""Somebody at a browser: signed in, with every complaint of the browser kept."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.browser.conftest import Harbour

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text(encoding="utf-8")
PICTURES = os.environ.get("LIFTLOCK_PICTURES")
WITHIN_MS = 15_000
MOVED = """() => new Promise(done => {
    new PerformanceObserver(list => done(list.getEntries().filter(one => !one.hadRecentInput)
        .reduce((sum, one) => sum + one.value, 0))).observe({type: "layout-shift", buffered: true});
    setTimeout(() => done(0), 100);
})"""
# not there yet, refused on purpose, or cut off by a test: the browser says so of every such answer
EXPECTED = ("Failed to load resource",)


class Visit:
    """`page` is Playwright's; `complaints`: what scripts, styles or the policy went wrong with."""

    def __init__(self, harbour: Harbour, page: Any) -> None:
        self.harbour, self.page = harbour, page
        self.complaints: list[str] = []
        page.set_default_timeout(WITHIN_MS)
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def go(self, path: str) -> None:
        self.page.goto(self.harbour.url + path)

    def sign_in(self, name: str) -> None:
        self.go("/ui/")
        self.page.get_by_label("Token").fill(self.harbour.tokens[name])
        self.page.get_by_role("button", name="Sign in").click()
        self.page.get_by_role("heading", name="Overview").wait_for()

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name).first.click()

    def expect_text(self, text: str) -> None:
        """Now or soon, without loading anything by hand."""
        self.page.locator("#page").get_by_text(text).first.wait_for()

    def expect_link(self, href: str) -> None:
        """As `expect_text`."""
        self.page.locator(f"#page a[href='{href}']").first.wait_for(state="attached")

    def violations(self, only: tuple[str, ...] = ()) -> list[str]:
        """Of WCAG A and AA, and of axe's own best practices; or of these rules alone."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE)
        options = {"resultTypes": ["violations"]} | ({"runOnly": list(only)} if only else {})
        found = self.page.evaluate("options => axe.run(document, options)", options)
        return [
            f"{one['id']} on {node['target'][0]}: {node['failureSummary']}"
            for one in found["violations"]
            for node in one["nodes"][:2]
        ]

    def moved(self) -> float:
        """By how much what stood on this page has jumped since it was loaded, as browsers count it."""
        return float(self.page.evaluate(MOVED))

    def shoot(self, name: str) -> None:
        """For the README and the docs, where they are asked for."""
        if PICTURES:
            Path(PICTURES).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=str(Path(PICTURES) / f"{name}.png"))

    def _hear(self, message: Any) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(EXPECTED):
            self.complaints.append(message.text)


@contextmanager
def visiting(harbour: Harbour, chromium: Any, who: str | None, **given: Any) -> Iterator[Visit]:
    context = chromium.new_context(viewport={"width": 1280, "height": 860}, **given)
    visit = Visit(harbour, context.new_page())
    try:
        if who is not None:
            visit.sign_in(who)
        yield visit
    except BaseException:
        print(visit.page.url, visit.page.inner_text("body"), sep="\n")
        raise
    finally:
        context.close()
    assert visit.complaints == [], visit.complaints
