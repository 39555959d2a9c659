import base64
import hashlib
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pyotp
import pytest
from babel.messages.pofile import read_po
from jinja2 import Environment

from services.auth.agent_account.rules import find_step
from services.auth.authorization import rules as authorization
from services.auth.client.rules import ClientKind
from services.auth.key_files import SymmetricKey, WrongKey, seal, unseal
from services.auth.oauth_errors import OAuthError
from services.auth.pages import FOLDER, Pages, Support, long_date
from services.auth.signing_key import rules as signing_key
from services.auth.signing_key.rules import SealedKey
from tests.unit.auth.test_client_rules import ISSUER, client

NOON = datetime(2026, 5, 4, 16, tzinfo=UTC)
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
KEY = SealedKey("a", {}, b"", "", NOON, NOON, None)


def test_the_youngest_key_that_signs_is_chosen_and_a_published_one_waits() -> None:
    coming = replace(KEY, kid="b", signs_from=NOON + timedelta(hours=1))
    assert signing_key.choose([KEY, coming], at=NOON) == KEY
    assert signing_key.choose([KEY, coming], at=NOON + timedelta(hours=1)) == coming
    assert signing_key.choose([replace(KEY, retired_at=NOON)], at=NOON) is None


def test_a_sealed_secret_opens_only_with_its_key_and_about_the_same_thing() -> None:
    key = SymmetricKey("k", bytes(32))
    sealed = seal(key, b"secret", about="totp 1")
    assert unseal(key, sealed, about="totp 1") == b"secret"
    with pytest.raises(WrongKey):
        unseal(key, sealed, about="totp 2")
    with pytest.raises(WrongKey):
        unseal(SymmetricKey("other", bytes([1] * 32)), sealed, about="totp 1")


def test_a_one_time_code_is_of_a_step_around_now_and_later_than_the_last_used() -> None:
    step = int(NOON.timestamp()) // 30
    for around in (-1, 0, 1):
        typed = pyotp.TOTP(SECRET).generate_otp(step + around)
        assert find_step(SECRET, typed, last_step=0, at=NOON) == step + around
        assert find_step(SECRET, typed, last_step=step + around, at=NOON) is None
    assert find_step(SECRET, pyotp.TOTP(SECRET).generate_otp(step + 2), last_step=0, at=NOON) is None
    assert find_step(SECRET, "é", last_step=0, at=NOON) is None


def test_a_verifier_matches_the_challenge_that_was_made_of_it() -> None:
    verifier = "v" * 43
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    assert authorization.verifier_matches(verifier, challenge)
    assert not authorization.verifier_matches("w" * 43, challenge)
    assert not authorization.verifier_matches("v" * 42, challenge)
    assert not authorization.verifier_matches(None, challenge)


def test_a_token_waits_until_its_second_is_past_what_standing_refuses() -> None:
    assert authorization.wait_until_past(None, at=NOON) == timedelta()
    assert authorization.wait_until_past(NOON, at=NOON) == timedelta(seconds=1)
    assert authorization.wait_until_past(NOON, at=NOON + timedelta(seconds=1)) == timedelta()


def test_one_audience_per_token_among_those_that_the_code_was_asked_with() -> None:
    portal = client(ClientKind.PORTAL)
    mailbox, registry = "urn:clicsequr:mailbox", "urn:clicsequr:registry"

    def choose(*asked: str, granted: tuple[str, ...] = ()) -> str:
        return authorization.choose_audience(asked, granted=granted, client=portal, issuer=ISSUER)

    assert choose() == ISSUER
    assert choose(mailbox) == choose(mailbox, granted=(mailbox, registry)) == mailbox
    for asked, granted in (((mailbox, registry), ()), ((mailbox,), (registry,)), (("urn:other",), ())):
        with pytest.raises(OAuthError, match="invalid_target"):
            choose(*asked, granted=granted)


def test_the_french_catalogue_says_all_that_the_templates_say_and_no_more() -> None:
    environment = Environment(
        autoescape=True, extensions=["jinja2.ext.i18n"], trim_blocks=True, lstrip_blocks=True
    )
    said = {
        message
        for template in (FOLDER / "templates").iterdir()
        for _, _, message in environment.extract_translations(template.read_text())  # type: ignore[attr-defined]
    }
    with (FOLDER / "locale" / "fr" / "LC_MESSAGES" / "messages.po").open("rb") as source:
        french = {message.id: message.string for message in read_po(source) if message.id}
    assert {message[:2] if isinstance(message, tuple) else message for message in said} == set(french)
    assert all(french.values())


@pytest.mark.parametrize(
    ("day", "french", "english"),
    [
        (1, "1er novembre 2026", "November 1, 2026"),
        (11, "11 novembre 2026", "November 11, 2026"),
        (21, "21 novembre 2026", "November 21, 2026"),
    ],
)
def test_a_date_is_written_as_in_quebec(day: int, french: str, english: str) -> None:
    on = date(2026, 11, day)
    assert (long_date(on, language="fr"), long_date(on, language="en")) == (french, english)


@pytest.mark.parametrize(
    ("address", "targets"),
    [
        (None, "'self'"),
        ("https://revenu.example/callback", "'self' https:"),
        ("http://127.0.0.1:8000/callback", "'self' https: http://127.0.0.1:8000"),
        ("http://[::1]:8000/callback", "'self' https: http:"),
    ],
)
def test_a_form_may_end_wherever_its_client_leads_on_by_https_and_else_at_the_client_alone(
    address: str | None, targets: str
) -> None:
    page = Pages(Support()).answer(
        "signed_out.html", language="fr", form_leads_to=address, has_ended=True, home=None
    )
    assert page.headers["content-security-policy"].endswith(f"; form-action {targets}")
