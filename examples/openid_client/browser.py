"""What a person does in a browser, as far as plain HTML forms need one: cookies, redirects, one form."""

import secrets
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import urljoin

import httpx

REDIRECTS = 10
# The provider asks a person whether they let a vendor's product in.
ALLOW = ("answer", "allow")


class NotSignedIn(Exception):
    """The provider shows another page instead of sending the person back; its words are the message."""


class _Form(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, str] = {}
        self.words: list[str] = []
        self.buttons: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form" and self.action is None:
            self.action = given.get("action", "")
        elif tag == "button" and given.get("name"):
            self.buttons.append((given["name"], given.get("value", "")))
        elif tag == "input" and given.get("name"):
            self.fields.setdefault(given["name"], given.get("value", ""))

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.words.append(data.strip())


@dataclass
class Person:
    """Somebody at the browser. At first use the provider asks for a password of their own: `chosen` is it then."""

    user_code: str
    password: str
    chosen: str | None = None

    def answer(self, form: _Form) -> dict[str, str] | None:
        """What they put into a form; None for one that they do not know."""
        if "new_password" in form.fields:
            self.chosen = secrets.token_urlsafe(18)
            return {"new_password": self.chosen, "repeated_password": self.chosen}
        if {"user_code", "password"} <= form.fields.keys():
            return {"user_code": self.user_code, "password": self.password}
        return dict([ALLOW]) if ALLOW in form.buttons else None


def sign_in(address: str, *, redirect_uri: str, person: Person) -> str:
    """Opens the address, fills in each form once, and answers where the browser is sent. Raises NotSignedIn."""
    with httpx.Client(headers={"Accept-Language": "en"}, trust_env=False) as http:
        page = _follow(http, http.get(address), redirect_uri=redirect_uri)
        seen: set[str] = set()
        while isinstance(page, httpx.Response):
            form = _read(page)
            typed = person.answer(form)
            if form.action is None or typed is None or form.action in seen:
                raise NotSignedIn(" ".join(form.words))
            seen.add(form.action)
            answer = http.post(urljoin(str(page.url), form.action), data={**form.fields, **typed})
            page = _follow(http, answer, redirect_uri=redirect_uri)
        return page


def _follow(http: httpx.Client, answer: httpx.Response, *, redirect_uri: str) -> httpx.Response | str:
    """The page at the end, or the address at the client where the browser is sent."""
    for _ in range(REDIRECTS):
        if not answer.is_redirect:
            return answer
        target = urljoin(str(answer.url), answer.headers["location"])
        if target.startswith(redirect_uri):
            return target
        answer = http.get(target)
    raise NotSignedIn("the provider redirects without end")


def _read(page: httpx.Response) -> _Form:
    form = _Form()
    form.feed(page.text)
    return form
