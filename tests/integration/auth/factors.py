"""Binds second factors on the pages, as a person would."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any
from urllib.parse import urlsplit

import httpx
import pyotp
from aiosmtpd.smtp import SMTP, Envelope, Session

from deploy.local.environment import Platform
from services.auth.cookies import form_token
from tests.integration.auth import parties
from tests.integration.auth.authenticator import Authenticator
from tests.integration.auth.parties import Browser, Person, answer_of, claims_of, new_browser, read_page
from tests.kit import Running

PLACE = "/second-factors"
CODE = re.compile(r"[2-9A-Z]{4}(?:-[2-9A-Z]{4}){3}")


@dataclass
class Mails:
    """A mail server that keeps what it is given, or refuses it."""

    port: int = 0
    refuses: bool = False
    kept: list[EmailMessage] = field(default_factory=list)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.refuses:
            return "451 not now"
        assert isinstance(envelope.content, bytes)
        self.kept.append(message_from_bytes(envelope.content, _class=EmailMessage, policy=policy.default))
        return "250 OK"

    def last_code(self) -> str:
        found = re.search(r"^ +(\d{4} \d{4})\s*$", self.kept[-1].get_content(), re.MULTILINE)
        assert found, self.kept[-1].get_content()
        return found[1]


@asynccontextmanager
async def mail_server() -> AsyncIterator[Mails]:
    mails = Mails()
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(mails), "127.0.0.1", 0)
    mails.port = server.sockets[0].getsockname()[1]
    async with server:
        yield mails


def session_token(browser: Browser) -> str:
    return form_token(browser.http.cookies["clicsequr-session"], form="second-factors")


async def post(browser: Browser, path: str, **fields: str) -> httpx.Response:
    """A form of the pages about second factors."""
    answer = await browser.http.post(f"{PLACE}{path}", data={"form_token": session_token(browser), **fields})
    if answer.is_redirect:
        answer = await browser.http.get(answer.headers["location"])
    browser.last = answer
    return answer


async def bind_totp(browser: Browser, name: str = "telephone") -> tuple[pyotp.TOTP, list[str]]:
    """Answers the application, and the recovery codes when they were shown."""
    page = await post(browser, "/totp", name=name)
    assert page.status_code == 200, page.text
    found = re.search(r'class="secret">([^<]+)<', page.text)
    assert found, page.text
    totp = pyotp.TOTP(found[1].replace(" ", ""))
    answer = await post(browser, "/totp/confirm", code=totp.now())
    assert answer.status_code == 200, answer.text
    return totp, CODE.findall(answer.text)


def next_code(totp: pyotp.TOTP) -> str:
    """Good already, and not used for binding."""
    return totp.at(int(time.time()) + 30)


async def signed_in(service: Running, platform: Platform, *, address: str = "127.0.0.1") -> tuple[Browser, Person]:
    """A person with a fresh complete session."""
    person = await parties.new_person_in_charge(service)
    browser = new_browser(service, address=address)
    answer_of(await parties.first_sign_in(browser, parties.client(service, platform), person))
    return browser, person


async def give_password(service: Running, platform: Platform, person: Person) -> Browser:
    browser = new_browser(service)
    await parties.sign_in(browser, parties.client(service, platform), person)
    return browser


async def claims_after(service: Running, platform: Platform, browser: Browser) -> dict[str, Any]:
    """What a token says that single sign-on gives this browser now."""
    portal = parties.client(service, platform)
    code = answer_of(await browser.get(portal.authorize()))["code"]
    return await claims_of(service, (await portal.redeem(code)).json()["access_token"])


def new_authenticator(service: Running) -> Authenticator:
    issuer = service.settings.issuer
    return Authenticator(origin=issuer, rp_id=urlsplit(issuer).hostname or "")


async def bind_passkey(browser: Browser, device: Authenticator) -> httpx.Response:
    options = (await post(browser, "/passkey-options", name="key")).json()
    return await post(browser, "/passkey", credential=device.create(options))


async def passkey_options(browser: Browser, page: str) -> dict[str, Any]:
    fields = read_page(browser.page).fields
    answer = await browser.http.post(f"{page}/passkey-options", data={"form_token": fields["form_token"]})
    found: dict[str, Any] = answer.json()
    return found


async def give_passkey(browser: Browser, page: str, given: str) -> httpx.Response:
    fields = read_page(browser.page).fields
    data = {"form_token": fields["form_token"], "credential": given}
    answer = await browser.http.post(f"{page}/passkey", data=data)
    return await browser._follow(answer, form_of=browser.page)  # noqa: SLF001
