"""The people, systems and addresses of the story, and what they learn while it is played."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import httpx
import pyotp

from deploy.demo.browser import Browser, Page
from deploy.demo.invented import invent
from deploy.demo.journal import Journal
from deploy.local import keys
from deploy.local.environment import Platform
from deploy.local.layout import Layout
from examples.clic_revenu.credentials import ClientCredential
from examples.clic_revenu.department import Department
from examples.clic_revenu.notices import Heard
from examples.clic_revenu.relying_party import RelyingParty

SERVICES = ("auth", "registry", "delegation", "mailbox")
PORTAL_CALLBACK = "http://127.0.0.1:18090/callback"
CLIC_REVENU_CALLBACK = "http://127.0.0.1:18091/callback"
PATIENCE_SECONDS = 20.0
POLL_SECONDS = 0.05
PURPOSE = "demonstration of the suite"


class StepFailed(Exception):
    """What the story relies on did not hold; the sentence says what was expected and what came."""


def expect(condition: object, sentence: str) -> None:
    if not condition:
        raise StepFailed(sentence)


def answered(answer: httpx.Response, status: int, *, code: str | None = None) -> Any:
    """The JSON of an answer that must have this status, and for a refusal this code."""
    body: Any = answer.json() if answer.content else {}
    place = f"{answer.request.method} {answer.request.url.path}"
    expect(answer.status_code == status, f"{place} should answer {status}, answered {answer.status_code}: {body}")
    expect(code is None or body["code"] == code, f"{place} should refuse with {code}, refused with {body}")
    return body


def audience(service: str) -> str:
    return f"urn:clicsequr:{service}"


@dataclass
class Person:
    """Somebody with a user code (or an agent's name) and the browser in which they work."""

    name: str
    code: str
    password: str = field(repr=False)
    person_id: str = ""
    user_code_id: str = ""
    totp: str | None = field(default=None, repr=False)
    browser: Browser | None = None
    tokens: dict[str, str] = field(default_factory=dict, repr=False)

    def bearer(self, service: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[service]}"}


@dataclass
class World:
    platform: Platform
    layout: Layout
    journal: Journal
    people: dict[str, Person] = field(default_factory=dict)
    applicants: dict[str, UUID] = field(default_factory=dict)
    remembered: dict[str, Any] = field(default_factory=dict)
    heard: list[Heard] = field(default_factory=list)
    clients: list[httpx.AsyncClient] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.http = self._client()
        self.corporation = invent("Boulangerie du Faubourg", prefix="11")
        self.partnership = invent("Morin et Côté", prefix="33")
        issuer = self.platform.issuer
        self.portal = RelyingParty(self._credential("portal"), PORTAL_CALLBACK, self.http)
        self.clic_revenu = RelyingParty(self._credential("clic-revenu"), CLIC_REVENU_CALLBACK, self.http)
        self.revenu_quebec, self.cnesst = (self._department(code) for code in ("revenu-quebec", "cnesst"))
        self.home = issuer

    def url(self, service: str, path: str) -> str:
        return self.platform.public_url(service) + path

    def _client(self) -> httpx.AsyncClient:
        client = self.journal.client()
        self.clients.append(client)
        return client

    def _credential(self, client_id: str) -> ClientCredential:
        return ClientCredential(
            client_id, keys.client_key_file(self.platform.keys, client_id), self.platform.issuer
        )

    def _department(self, code: str) -> Department:
        return Department(
            self._credential(code),
            self.http,
            delegation_url=self.platform.public_url("delegation"),
            mailbox_url=self.platform.public_url("mailbox"),
        )

    async def close(self) -> None:
        for client in self.clients:
            await client.aclose()

    # ── Calls ───────────────────────────────────────────────────────────────────────────────────────

    async def call(
        self,
        who: Person | dict[str, str],
        method: str,
        service: str,
        path: str,
        *,
        body: dict[str, Any] | None = None,
    ) -> httpx.Response:
        """One call with a token; staff state their purpose, and every POST can be repeated safely."""
        headers = who.bearer(service) if isinstance(who, Person) else dict(who)
        if isinstance(who, Person) and who.totp:
            headers["Clicsequr-Purpose"] = PURPOSE
        if method == "POST":
            headers["Idempotency-Key"] = str(uuid4())
        return await self.http.request(method, self.url(service, path), headers=headers, json=body)

    async def until(self, what: str, ask: Any) -> Any:
        """Asks again until there is an answer: facts cross by events, in milliseconds."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while True:
                    answer = await ask()
                    if answer:
                        return answer
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            raise StepFailed(f"waited {PATIENCE_SECONDS:.0f} s in vain for {what}") from None

    async def notice(self, kind: str, applicant_id: UUID, *, after: int = 0) -> Heard:
        """The next notice of a kind about an applicant that Revenu Québec's own consumer has printed."""

        async def look() -> Heard | None:
            return next(
                (
                    heard
                    for heard in self.heard
                    if heard.type == kind
                    and heard.notice["applicant_id"] == str(applicant_id)
                    and heard.sequence > after
                ),
                None,
            )

        found: Heard = await self.until(f"the notice {kind}", look)
        return found

    # ── Signing in ──────────────────────────────────────────────────────────────────────────────────

    def new_browser(self, *, language: str = "fr") -> Browser:
        return Browser(self._client(), home=self.home, language=language)

    async def begin_sign_in(
        self, person: Person, party: RelyingParty, *, scope: str = "openid", resource: str | None = None
    ) -> tuple[Any, Page]:
        """Where the browser stands after user code and password (and an agent's one-time code) were posted."""
        person.browser = self.new_browser()
        attempt = party.begin(resources=[resource] if resource else [], scope=scope)
        page = await person.browser.open(attempt.address)
        expect(page.status == httpx.codes.OK and "password" in page.fields, f"no sign-in page: {page.text[:200]}")
        page = await person.browser.submit(page, user_code=person.code, password=person.password)
        if person.totp and "one_time_code" in page.fields:
            page = await self._give_one_time_code(person.browser, page, totp=pyotp.TOTP(person.totp))
        return attempt, page

    async def _give_one_time_code(self, browser: Browser, page: Page, *, totp: pyotp.TOTP) -> Page:
        """A one-time code serves once: an agent who signs in twice in half a minute waits for the next."""
        answer = await browser.submit(page, one_time_code=totp.now())
        if "one_time_code" in answer.fields:
            await asyncio.sleep(totp.interval - time.time() % totp.interval + 0.1)
            answer = await browser.submit(answer, one_time_code=totp.now())
        return answer

    async def sign_in_to_portal(self, person: Person, *, scope: str = "openid") -> None:
        """One session, four tokens: one per service, each asked for with `resource`."""
        attempt, page = await self.begin_sign_in(person, self.portal, scope=scope, resource=audience(SERVICES[0]))
        browser = person.browser
        expect(browser is not None and page.address.startswith(PORTAL_CALLBACK), f"no sign-in: {page.text[:300]}")
        person.tokens = {}
        for service in SERVICES:
            if service != SERVICES[0]:
                attempt = self.portal.begin(resources=[audience(service)], scope=scope)
                page = await person.browser.open(attempt.address)  # type: ignore[union-attr]
            granted = await self.portal.redeem(attempt, page.address, resource=audience(service))
            person.tokens[service] = granted["access_token"]

    async def agent(self, name: str) -> Person:
        """An agent at work: signed in once, with the one-time code that serves once."""
        person = self.people[name]
        if not person.tokens:
            about, self.journal.about = self.journal.about, None
            await self.sign_in_to_portal(person)
            self.journal.about = about
        return person

    async def change_password(self, person: Person, page: Page, *, password: str) -> Page:
        expect("new_password" in page.fields, f"no page to change the password: {page.text[:300]}")
        expect(person.browser is not None, "nobody sits at the browser")
        changed = await person.browser.submit(  # type: ignore[union-attr]
            page, new_password=password, repeated_password=password
        )
        person.password = password
        return changed
