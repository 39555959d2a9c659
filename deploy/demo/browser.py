"""A browser as far as plain HTML forms need one: cookies, redirects, forms. No script runs."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

import httpx

REDIRECTS = 10


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[tuple[str, dict[str, str]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append((given.get("action", ""), {}))
        elif tag in {"input", "button"} and self.forms and given.get("name"):
            self.forms[-1][1][given["name"]] = given.get("value", "")

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.text.append(data.strip())


@dataclass(frozen=True)
class Page:
    """`address` is where the browser ended; a redirect away from the provider ends it there."""

    status: int
    address: str
    html: str
    fields: dict[str, str] = field(default_factory=dict)
    action: str = ""
    text: str = ""


class Browser:
    """Keeps the cookies of one person; follows redirects within `home` and stops at those that leave it."""

    def __init__(self, http: httpx.AsyncClient, *, home: str, language: str) -> None:
        self._http = http
        self._home = home
        self._headers = {"Accept-Language": language}

    async def open(self, address: str) -> Page:
        return await self._follow(await self._http.get(address, headers=self._headers))

    async def submit(self, page: Page, **values: str) -> Page:
        """Sends the page's form with these fields filled in."""
        return await self._follow(
            await self._http.post(page.action, data={**page.fields, **values}, headers=self._headers)
        )

    async def _follow(self, answer: httpx.Response) -> Page:
        for _ in range(REDIRECTS):
            if not answer.is_redirect:
                return _page(answer)
            target = urljoin(str(answer.url), answer.headers["location"])
            if not target.startswith(self._home):
                return Page(answer.status_code, target, "")
            answer = await self._http.get(target, headers=self._headers)
        raise RuntimeError("the provider redirects without end")


def _page(answer: httpx.Response) -> Page:
    parser = _Forms()
    parser.feed(answer.text)
    action, fields = parser.forms[0] if parser.forms else ("", {})
    return Page(
        answer.status_code,
        str(answer.url),
        answer.text,
        fields,
        urljoin(str(answer.url), action),
        " ".join(parser.text),
    )
