"""Pages in French and English, whose catalogues are read from their .po files at start; script is for passkeys."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from babel.dates import format_date
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from fastapi import Request, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.responses import HTMLResponse

from services.auth.cookies import LANGUAGE, read_cookie

FOLDER = Path(__file__).parent
STYLE, SCRIPT, ICON = "clicsequr.css", "passkey.js", "clicsequr.svg"
LANGUAGES = ("fr", "en")
# Where a page is that can be loaded again without losing anything.
PLACE_OF_TEMPLATE = {
    "change_password.html": "change-password",
    "choose_applicant.html": "applicant",
    "conditions.html": "conditions",
    "consent.html": "consent",
    "enrol_email.html": "second-factors/email",
    "enrol_totp.html": "second-factors/totp",
    "lost.html": "lost",
    "one_time_code.html": "one-time-code",
    "password.html": "password",
    "second_factors.html": "second-factors",
    "sign_in.html": "sign-in",
}
PLACES = frozenset(PLACE_OF_TEMPLATE.values())
HTML = "text/html"
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "form-action {targets}"
)
POLICY_OF_SCRIPT = "script-src 'self'; connect-src 'self'; "


@dataclass(frozen=True, slots=True)
class Support:
    """Whom people call, and when, in each language; empty where the installation does not say."""

    telephone: str = ""
    hours: Mapping[str, str] = field(default_factory=dict)

    @property
    def dialled(self) -> str:
        """As a `tel:` address has it (RFC 3966)."""
        return "".join(character for character in self.telephone if character.isdigit() or character == "+")


class Pages:
    def __init__(self, support: Support) -> None:
        self.assets = {name: (FOLDER / "assets" / name).read_bytes() for name in (STYLE, SCRIPT, ICON)}
        addresses = {name: _address(name, content) for name, content in self.assets.items()}
        self._everywhere = {"support": support, "assets": addresses}
        self._environments = {language: _environment(language) for language in LANGUAGES}

    def answer(  # noqa: PLR0913 - what an answer is made of, each by name
        self,
        template: str,
        *,
        language: str,
        form_leads_to: str | None,
        status: int = 200,
        headers: dict[str, str] | None = None,
        has_script: bool = False,
        **shown: Any,
    ) -> Response:
        """`form_leads_to`: the client's address to which the form's answer redirects; None when it stays here.

        `has_script`: the page is one of the few that use a passkey.
        """
        place = PLACE_OF_TEMPLATE.get(template)
        text = self.text(template, language=language, place=place, **self._everywhere, **shown)
        return HTMLResponse(
            text,
            status,
            headers={
                **(headers or {}),
                "Content-Language": language,
                "Content-Security-Policy": (POLICY_OF_SCRIPT if has_script else "")
                + POLICY.format(targets=_form_targets(form_leads_to)),
                "X-Frame-Options": "DENY",
                "Cross-Origin-Opener-Policy": "same-origin",
            },
        )

    def text(self, template: str, *, language: str, **shown: Any) -> str:
        """Of a mail (`.txt`) nothing is escaped."""
        return self._environments[language].get_template(template).render(language=language, **shown)


def _address(asset: str, content: bytes) -> str:
    """With its version, so that a browser may keep it."""
    return f"/assets/{asset}?v={hashlib.sha256(content).hexdigest()[:12]}"


@cache
def _environment(language: str) -> Environment:
    """With the templates that it has compiled, for all that is shown in one process."""
    environment = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=select_autoescape(disabled_extensions=("txt",), default=True),
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
        # They do not change while the service runs.
        auto_reload=False,
    )
    # The extension adds this method to the environment when it is loaded.
    environment.install_gettext_translations(_translations(language), newstyle=True)  # type: ignore[attr-defined]
    return environment


def _translations(language: str) -> NullTranslations:
    """English is what the templates say; other languages have a catalogue."""
    catalogue = FOLDER / "locale" / language / "LC_MESSAGES" / "messages.po"
    if not catalogue.exists():
        return NullTranslations()
    compiled = BytesIO()
    with catalogue.open("rb") as source:
        write_mo(compiled, read_po(source, locale=language))
    compiled.seek(0)
    return Translations(compiled)


def language_of(request: Request, *, issuer: str, otherwise: str, pressed: str | None = None) -> str:
    """As the person chooses on this very page (`pressed`) or chose in this browser.

    Else `otherwise`: as the online service or the browser asks.
    """
    chosen = (pressed, read_cookie(request, LANGUAGE, issuer=issuer))
    return next((language for language in chosen if language in LANGUAGES), None) or otherwise


def wants_page(request: Request) -> bool:
    """Whether a browser asks, and not a program."""
    return request.headers.get("accept", "").lstrip().lower().startswith(HTML)


def long_date(on: date, *, language: str) -> str:
    """As it is written in Québec: the first of a month is an ordinal in French."""
    written = format_date(on, "long", locale=f"{language}_CA")
    return f"1er {written.removeprefix('1 ')}" if language == "fr" and on.day == 1 else written


def origin_of(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def _form_targets(address: str | None) -> str:
    """Where a form may end: the client may redirect on to any other origin (decision 0017)."""
    if address is None:
        return "'self'"
    origin = origin_of(address)
    if origin.startswith("https:"):
        return "'self' https:"
    # A policy has no way to write an address of IPv6.
    return f"'self' https: {'http:' if '[' in origin else origin}"
