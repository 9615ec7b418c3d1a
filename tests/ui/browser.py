"""A browser without scripts: it keeps cookies, reads pages, and presses the buttons of their forms."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.api.stand import Stand

ADDRESS = "http://localhost:3000"
VOID = frozenset({"input", "br", "link", "meta", "img", "hr"})


@dataclass
class Form:
    action: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str, str]] = field(default_factory=list)
    """Name, value and label."""


class Reader(HTMLParser):
    """The forms, links and text of a page, and what a strict policy would refuse."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: dict[str, str] = {}
        self.disabled: list[str] = []
        self.inline: list[str] = []
        self.words: list[str] = []
        self._form: Form | None = None
        self._button: dict[str, str | None] | None = None
        self._link: str | None = None
        self._label: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.inline += [name for name in given if name == "style" or name.startswith("on")]
        if tag == "style" or (tag == "script" and "src" not in given):
            self.inline.append(tag)
        if tag == "form":
            self._form = Form(given.get("action") or "")
            self.forms.append(self._form)
        elif tag in ("input", "select") and self._form is not None and given.get("name"):
            if given.get("type") not in ("checkbox", "radio"):
                self._form.fields[given["name"] or ""] = given.get("value") or ""
        elif tag == "button":
            self._button, self._label = given, []
        elif tag == "a":
            self._link, self._label = given.get("href"), []

    def handle_endtag(self, tag: str) -> None:
        label = " ".join("".join(self._label).split())
        if tag == "form":
            self._form = None
        elif tag == "button" and self._button is not None:
            if "disabled" in self._button:
                self.disabled.append(label)
            elif self._form is not None and self._button.get("type") != "button":
                self._form.buttons.append((self._button.get("name") or "", self._button.get("value") or "", label))
            self._button = None
        elif tag == "a" and self._link is not None:
            self.links[label] = self._link
            self._link = None

    def handle_data(self, data: str) -> None:
        self._label.append(data)
        self.words.append(data)


class Page:
    def __init__(self, response: TestResponse) -> None:
        self.response, self.status = response, response.status_code
        self.html = response.get_data(as_text=True)
        reader = Reader()
        reader.feed(self.html)
        self.forms, self.links, self.disabled, self.inline = reader.forms, reader.links, reader.disabled, reader.inline
        self.text = " ".join(" ".join(reader.words).split())

    @property
    def buttons(self) -> list[str]:
        return [label for form in self.forms for _, _, label in form.buttons]

    @property
    def deeds(self) -> list[str]:
        """The buttons that would ask the API for something."""
        return [label for form in self.forms if form.action == "/ui/act" for _, _, label in form.buttons]

    def form_with(self, label: str) -> Form:
        return next(form for form in self.forms if any(one == label for _, _, one in form.buttons))


class Browser:
    """One visitor of a stand's dashboard."""

    def __init__(self, stand: Stand) -> None:
        self.client: FlaskClient = stand.client()

    def get(self, path: str, **given: Any) -> Page:
        return Page(self.client.get(path, base_url=ADDRESS, **given))

    def post(self, path: str, data: dict[str, Any], *, follow: bool = True) -> Page:
        return Page(self.client.post(path, data=data, base_url=ADDRESS, follow_redirects=follow))

    def press(self, page: Page, label: str, *, follow: bool = True, **filled: Any) -> Page:
        """Fill in a form and press one of its buttons; a field `a__b` is called `a.b`."""
        form = page.form_with(label)
        name, value, _ = next(one for one in form.buttons if one[2] == label)
        given = {key.replace("__", "."): one for key, one in filled.items()}
        pressed = {name: value} if name else {}
        return self.post(form.action, {**form.fields, **given, **pressed}, follow=follow)

    def sign_in(self, token: str) -> Page:
        return self.press(self.get("/ui/sign-in"), "Sign in", token=token)

    def plan(self, environment: str = "development", **filled: Any) -> Page:
        kind = filled.pop("kind", "run")
        page = self.get(f"/ui/plans/new?kind={kind}")
        return self.press(page, "Plan it", field__environment=environment, **filled)
