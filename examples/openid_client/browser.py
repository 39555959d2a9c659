"""What a person does in a browser, as far as plain HTML forms need one: cookies, redirects, one form."""

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


def sign_in(address: str, *, redirect_uri: str, user_code: str, password: str) -> str:
    """Opens the address, fills in the form, and answers where the browser is sent at last. Raises NotSignedIn."""
    with httpx.Client(headers={"Accept-Language": "en"}, trust_env=False) as http:
        page = _follow(http, http.get(address), redirect_uri=redirect_uri)
        if isinstance(page, str):
            return page
        form = _read(page)
        if form.action is None or not {"user_code", "password"} <= form.fields.keys():
            raise NotSignedIn(" ".join(form.words))
        typed = {**form.fields, "user_code": user_code, "password": password}
        answer = http.post(urljoin(str(page.url), form.action), data=typed)
        back = _follow(http, answer, redirect_uri=redirect_uri)
        if isinstance(back, httpx.Response) and ALLOW in (asking := _read(back)).buttons and asking.action:
            allowed = http.post(urljoin(str(back.url), asking.action), data={**asking.fields, **dict([ALLOW])})
            back = _follow(http, allowed, redirect_uri=redirect_uri)
        if isinstance(back, str):
            return back
        raise NotSignedIn(" ".join(_read(back).words))


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
