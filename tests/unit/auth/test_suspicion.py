from datetime import UTC, datetime, timedelta

import pytest

from services.auth.session.suspicion import (
    MANY_NETWORKS,
    REMEMBERED,
    SHORT_TIME,
    SPREAD_OF_FAILURES,
    Kind,
    Mark,
    SignIn,
    Suspicion,
    browser_of,
    suspicions,
)

AT = datetime(2026, 11, 25, 15, 0, tzinfo=UTC)
HOME, WORK, AWAY = b"home", b"work", b"away"
OWN, OTHER = b"own browser", b"other browser"
LONG_AGO = AT - timedelta(days=30)


def sign_in(*, network: bytes = HOME, browser: bytes = OWN, is_first_use: bool = False) -> SignIn:
    return SignIn(network, browser, is_first_use, AT)


def seen(network: bytes = HOME, browser: bytes = OWN, *, at: datetime = LONG_AGO) -> list[Mark]:
    return [Mark(Kind.NETWORK, network, at), Mark(Kind.BROWSER, browser, at)]


def judged(done: SignIn, known: list[Mark], *, failures: int = 0) -> tuple[Suspicion, ...]:
    return suspicions(done, known=known, networks_of_failures=failures)


def test_a_known_browser_from_a_known_network_is_not_told() -> None:
    assert judged(sign_in(), seen()) == ()


@pytest.mark.parametrize("done", [sign_in(network=AWAY), sign_in(browser=OTHER)])
def test_a_person_who_moves_or_changes_browser_is_not_told(done: SignIn) -> None:
    assert judged(done, seen()) == ()


def test_another_browser_from_another_network_is_told() -> None:
    assert judged(sign_in(network=AWAY, browser=OTHER), seen()) == (Suspicion.NEW_BROWSER,)


def test_what_was_seen_half_a_year_ago_is_forgotten() -> None:
    fresh = seen(WORK, OTHER)
    just_remembered = seen(at=AT - REMEMBERED)
    forgotten = seen(at=AT - REMEMBERED - timedelta(seconds=1))
    assert judged(sign_in(), fresh + just_remembered) == ()
    assert judged(sign_in(), fresh + forgotten) == (Suspicion.NEW_BROWSER,)


def test_a_code_of_which_nothing_is_known_says_nothing() -> None:
    assert judged(sign_in(), []) == ()


def test_nothing_is_told_at_first_use() -> None:
    strange = sign_in(network=AWAY, browser=OTHER, is_first_use=True)
    assert judged(strange, seen(), failures=SPREAD_OF_FAILURES + 1) == ()


def test_the_fourth_network_within_an_hour_is_told_and_the_third_is_not() -> None:
    lately = AT - SHORT_TIME
    others = [mark for number in range(MANY_NETWORKS - 1) for mark in seen(bytes([number]), at=lately)]
    assert judged(sign_in(), others) == (Suspicion.MANY_NETWORKS,)
    assert judged(sign_in(), others[2:]) == ()
    earlier = [mark for number in range(MANY_NETWORKS) for mark in seen(bytes([number]))]
    assert judged(sign_in(), earlier) == ()


def test_failures_from_more_networks_than_a_person_has_are_told() -> None:
    assert judged(sign_in(), seen(), failures=SPREAD_OF_FAILURES) == ()
    assert judged(sign_in(), seen(), failures=SPREAD_OF_FAILURES + 1) == (Suspicion.SPREAD_OF_FAILURES,)


def test_the_same_reason_is_told_once_within_an_hour_another_still_is() -> None:
    told = Mark(Kind.TOLD, Suspicion.SPREAD_OF_FAILURES.encode(), AT - SHORT_TIME)
    many = SPREAD_OF_FAILURES + 1
    assert judged(sign_in(), [*seen(), told], failures=many) == ()
    strange = sign_in(network=AWAY, browser=OTHER)
    assert judged(strange, [*seen(), told], failures=many) == (Suspicion.NEW_BROWSER,)
    earlier = Mark(Kind.TOLD, Suspicion.SPREAD_OF_FAILURES.encode(), AT - 2 * SHORT_TIME)
    assert judged(sign_in(), [*seen(), earlier], failures=many) == (Suspicion.SPREAD_OF_FAILURES,)


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/120.0 Safari/537.36", ("chrome", "windows")),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/120.0 Safari/537.36 Edg/120.0", ("edge", "windows")),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", ("firefox", "linux")),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Version/17.0 Safari/604.1", ("safari", "ios")),
        ("Mozilla/5.0 (Linux; Android 14) Chrome/120.0 Mobile Safari/537.36", ("chrome", "android")),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15) Version/17.0 Safari/605.1", ("safari", "macos")),
        ("curl/8.5", ("other", "other")),
        (None, ("other", "other")),
    ],
)
def test_a_browser_is_named_by_what_it_says_of_itself(said: str | None, named: tuple[str, str]) -> None:
    assert browser_of(said) == named
