import base64
import hashlib
import hmac
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.auth.session import devices
from services.auth.session.devices import Binding
from tests.unit.auth.test_user_code_rules import NOON

ADA = Binding("user_code:ada", "2026-01-01T00:00:00+00:00")
BOB = Binding("user_code:bob", "2026-01-01T00:00:00+00:00")


def tag(text: str) -> bytes:
    return hmac.digest(b"k" * 32, text.encode(), hashlib.sha256)


def of_another_server(text: str) -> bytes:
    return hmac.digest(b"x" * 32, text.encode(), hashlib.sha256)


def test_a_browser_is_known_with_the_code_that_it_signed_in_with_and_with_no_other() -> None:
    cookie = devices.renew(None, ADA, tag=tag, at=NOON)
    found = devices.find(cookie, ADA, tag=tag, at=NOON)
    assert found is not None
    assert found.expires_at == NOON + devices.LIFE
    assert devices.find(cookie, BOB, tag=tag, at=NOON) is None
    assert devices.find(cookie, None, tag=tag, at=NOON) is None


def test_a_new_password_ends_what_the_browser_knew() -> None:
    cookie = devices.renew(None, ADA, tag=tag, at=NOON)
    reset = Binding(ADA.actor, "2026-02-02T00:00:00+00:00")
    assert devices.find(cookie, reset, tag=tag, at=NOON) is None


def test_what_another_key_tagged_is_worth_nothing() -> None:
    assert devices.find(devices.renew(None, ADA, tag=of_another_server, at=NOON), ADA, tag=tag, at=NOON) is None


def test_an_entry_ends_by_itself() -> None:
    cookie = devices.renew(None, ADA, tag=tag, at=NOON)
    assert devices.find(cookie, ADA, tag=tag, at=NOON + devices.LIFE - timedelta(seconds=1)) is not None
    assert devices.find(cookie, ADA, tag=tag, at=NOON + devices.LIFE) is None


def test_a_browser_knows_several_codes_the_latest_ones_and_each_once() -> None:
    cookie, bindings = None, [Binding(f"user_code:{number}", "") for number in range(devices.MOST + 2)]
    for binding in [*bindings, bindings[-1]]:
        cookie = devices.renew(cookie, binding, tag=tag, at=NOON)
    assert cookie is not None
    assert len(cookie) <= devices.LONGEST
    known = [devices.find(cookie, binding, tag=tag, at=NOON) is not None for binding in bindings]
    assert known == [False, False, *[True] * devices.MOST]


def test_a_renewed_entry_is_another_one() -> None:
    first = devices.renew(None, ADA, tag=tag, at=NOON)
    second = devices.renew(first, ADA, tag=tag, at=NOON)
    before, after = (devices.find(cookie, ADA, tag=tag, at=NOON) for cookie in (first, second))
    assert before is not None
    assert after is not None
    assert before.id != after.id
    assert second.count(devices.SEPARATOR) == 0


def test_the_cookie_names_nobody() -> None:
    cookie = devices.renew(None, ADA, tag=tag, at=NOON)
    assert devices.find(cookie, ADA, tag=tag, at=NOON) is not None
    assert "ada" not in cookie
    assert len(cookie) == devices.ENTRY_LENGTH


@pytest.mark.parametrize("place", range(devices.SHAPE.size))
def test_a_changed_entry_is_worth_nothing(place: int) -> None:
    cookie = devices.renew(None, ADA, tag=tag, at=NOON)
    raw = bytearray(base64.urlsafe_b64decode(cookie))
    raw[place] ^= 1
    forged = base64.urlsafe_b64encode(bytes(raw)).decode()
    assert devices.find(forged, ADA, tag=tag, at=NOON) is None


@given(st.text(max_size=devices.LONGEST))
def test_any_text_at_all_is_read_without_harm(cookie: str) -> None:
    assert devices.find(cookie, ADA, tag=tag, at=NOON) is None
    assert devices.find(devices.renew(cookie, ADA, tag=tag, at=NOON), ADA, tag=tag, at=NOON) is not None
