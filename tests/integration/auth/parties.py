"""Who takes part in a sign-in: a browser with its cookies and forms, and clients that hold their keys."""

import base64
import hashlib
import json
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from deploy.local import keys
from deploy.local.environment import Platform
from libs.common.contracts.envelope import applicant_key
from libs.common.contracts.registry import ClearedPerson, PersonInChargeDesignated, RegistrationActivated
from libs.common.ids import new_id
from tests.descriptions import as_described
from tests.kit import Running

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
OF_THIS_FORM = re.compile(r'(?:name="form_token"|maxlength="64") value="[^"]*"')
PASSWORD = "a lake that nobody else remembers"
PORTAL = ("portal", "http://127.0.0.1:18090/callback")
CLIC_REVENU = ("clic-revenu", "http://127.0.0.1:18091/callback")


class _Forms(HTMLParser):
    """The first form of a page: where it goes and what it carries."""

    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}
        self.inputs: dict[str, dict[str, str | None]] = {}
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "form" and not self.action:
            self.action = found.get("action") or ""
        if tag == "input" and found.get("name"):
            self.inputs.setdefault(str(found["name"]), found)
            self.fields.setdefault(str(found["name"]), found.get("value") or "")
        if tag == "a" and found.get("href"):
            self.links.append(str(found["href"]))


def read_page(answer: httpx.Response) -> _Forms:
    page = _Forms()
    page.feed(answer.text)
    return page


def without_tokens(answer: httpx.Response) -> str:
    """What the page says to whoever reads it: forms carry a token of this browser, and the code that was typed."""
    return OF_THIS_FORM.sub("", answer.text)


@dataclass
class Browser:
    """Follows redirects within auth and stops where they leave it."""

    http: httpx.AsyncClient
    last: httpx.Response | None = None

    async def get(self, address: str, **headers: str) -> httpx.Response:
        return await self._follow(await self.http.get(address, headers=headers))

    async def submit(self, typed: Mapping[str, str], *, page: httpx.Response | None = None) -> httpx.Response:
        shown = page or self.page
        form = read_page(shown)
        answer = await self.http.post(form.action, data={**form.fields, **typed})
        return await self._follow(answer, form_of=shown)

    @property
    def page(self) -> httpx.Response:
        assert self.last is not None
        return self.last

    async def _follow(self, answer: httpx.Response, *, form_of: httpx.Response | None = None) -> httpx.Response:
        while answer.is_redirect and _is_here(answer.headers["location"], self.http):
            answer = await self.http.get(answer.headers["location"])
        if form_of is not None and answer.is_redirect:
            assert may_lead_to(form_of, answer.headers["location"]), "a browser stops here"
        self.last = answer
        return answer


def may_lead_to(page: httpx.Response, location: str) -> bool:
    """Whether browsers let a form of this page end there (CSP level 3, `form-action`)."""
    policy = page.headers["content-security-policy"]
    [targets] = [one.split()[1:] for one in policy.split("; ") if one.startswith("form-action ")]
    parts = urlsplit(location)
    return bool({f"{parts.scheme}:", f"{parts.scheme}://{parts.netloc}"} & set(targets))


def _is_here(location: str, http: httpx.AsyncClient) -> bool:
    return location.startswith(("/", str(http.base_url)))


def new_browser(service: Running, *, address: str = "127.0.0.1") -> Browser:
    transport = httpx.ASGITransport(service.apps[0], client=(address, 40001))
    headers = {"accept-language": "en"}
    hooks = as_described(service.apps[0])
    base_url = service.settings.public_url
    return Browser(httpx.AsyncClient(transport=transport, base_url=base_url, headers=headers, event_hooks=hooks))


def answer_of(redirect: httpx.Response) -> dict[str, str]:
    """What a redirect to a client says."""
    assert redirect.status_code == 303, redirect.text
    return {name: values[0] for name, values in parse_qs(urlsplit(redirect.headers["location"]).query).items()}


@dataclass
class Client:
    """A client that holds its key; `verifier` and `nonce` are of its latest request."""

    service: Running
    platform: Platform
    client_id: str
    redirect_uri: str = ""
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(8))

    def authorize(self, **changes: str | None) -> str:
        challenge = base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()
        asked: dict[str, str | None] = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": "openid",
            "state": "the-state",
            "nonce": self.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            **changes,
        }
        query = httpx.QueryParams({name: value for name, value in asked.items() if value is not None})
        return f"/oauth/authorize?{query}"

    def assertion(self, *, alg: str = "ES256", key: Any = None, **changes: Any) -> str:
        now = int(time.time())
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self.service.settings.issuer,
            "jti": str(uuid4()),
            "iat": now,
            "exp": now + 60,
            **changes,
        }
        own = ECKey.import_key(keys.read(keys.client_key_file(self.platform.keys, self.client_id)))
        return jwt.encode({"alg": alg}, claims, key or own)

    async def token(self, **form: str | None) -> httpx.Response:
        whole: dict[str, str | None] = {
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": form.get("client_assertion") or self.assertion(),
            **form,
        }
        present = {name: value for name, value in whole.items() if value is not None}
        return await self.service.public.post("/oauth/token", data=present)

    async def redeem(self, given: str, **changes: str | None) -> httpx.Response:
        return await self.token(
            **{
                "grant_type": "authorization_code",
                "code": given,
                "redirect_uri": self.redirect_uri,
                "code_verifier": self.verifier,
                **changes,
            }
        )


def client(service: Running, platform: Platform, named: tuple[str, str] = PORTAL) -> Client:
    return Client(service, platform, *named)


async def claims_of(service: Running, token: str) -> dict[str, Any]:
    """Verified with the published keys, as anybody would."""
    published = (await service.public.get("/oauth/jwks")).json()
    return dict(jwt.decode(token, KeySet.import_key_set(published), algorithms=["ES256"]).claims)


def header_of(token: str) -> dict[str, Any]:
    part = token.partition(".")[0]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


@dataclass
class Person:
    """Somebody with a user code, as the representative was shown it."""

    applicant_id: UUID
    user_code_id: UUID
    user_code: str
    password: str


async def assign(
    service: Running,
    *,
    applicant_id: UUID,
    user_code_id: UUID | None = None,
    by: str = "registry",
) -> Person:
    chosen = user_code_id or new_id()
    answer = await service.internal.put(
        f"/internal/v1/user-codes/{chosen}",
        json={"applicant_id": str(applicant_id), "language": "fr"},
        headers=service.tokens.service(by, "feeds user-codes"),
    )
    assert answer.status_code in {200, 201}, answer.text
    shown = answer.json()
    return Person(applicant_id, chosen, shown["user_code"], shown["one_time_password"])


def designated(person: Person) -> PersonInChargeDesignated:
    return PersonInChargeDesignated(
        applicant_id=person.applicant_id,
        person_id=new_id(),
        user_code_id=person.user_code_id,
        given_name="Ada",
        family_name="Tremblay",
        language="fr",
        email="ada@example.org",
        awaits_form=False,
    )


def activated(person: Person) -> RegistrationActivated:
    cleared = [ClearedPerson(person_id=new_id(), user_code_id=person.user_code_id)]
    return RegistrationActivated(applicant_id=person.applicant_id, applicant_kind="corporation", cleared=cleared)


async def tell(service: Running, event: Any, *, publisher: str = "registry", **members: Any) -> None:
    await service.deliver(event, publisher=publisher, partitionkey=applicant_key(event.applicant_id), **members)


async def park_an_event_of(service: Running, applicant_id: UUID) -> None:
    await service.database.execute(
        "INSERT INTO parked_events VALUES ($1, 'urn:clicsequr:registry', $2, 99, '{}'::jsonb, 'x', now())",
        new_id(),
        applicant_key(applicant_id),
    )


async def new_person_in_charge(service: Running) -> Person:
    """An active code that was never used."""
    person = await assign(service, applicant_id=new_id())
    await tell(service, designated(person))
    await tell(service, activated(person))
    return person


async def sign_in(browser: Browser, relying: Client, person: Person, **asked: str | None) -> httpx.Response:
    await browser.get(relying.authorize(**asked))
    return await browser.submit({"user_code": person.user_code, "password": person.password})


async def first_sign_in(browser: Browser, relying: Client, person: Person) -> httpx.Response:
    """With the one-time password, then with a password of one's own."""
    answer = await sign_in(browser, relying, person)
    assert answer.url.path == "/change-password", answer.text
    answer = await browser.submit({"new_password": PASSWORD, "repeated_password": PASSWORD})
    person.password = PASSWORD
    return answer


async def sessions_person(service: Running, platform: Platform) -> Person:
    """An active person whose password is chosen; nobody is signed in."""
    person = await new_person_in_charge(service)
    await first_sign_in(new_browser(service), client(service, platform), person)
    return person


async def allowed(browser: Browser, answer: httpx.Response) -> httpx.Response:
    """A vendor's product that asks to be let in is let in."""
    return await browser.submit({"answer": "allow"}) if answer.url.path == "/consent" else answer
