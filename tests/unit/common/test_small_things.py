from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from libs.common.clock import civil_date, next_second
from libs.common.contracts.registry import PersonInChargeDesignated
from libs.common.errors import DomainError, FactsTooOld, MissingToken, UnknownOrForeign
from libs.common.ids import new_id
from libs.common.pairwise import pairwise_id
from libs.common.problems import STATUS_OF_KIND, choose_language, problem_of, status_of
from libs.common.settings import ServiceSettings


def test_a_civil_date_is_that_of_toronto() -> None:
    assert civil_date(datetime(2026, 7, 1, 3, 59, tzinfo=UTC)) == date(2026, 6, 30)
    assert civil_date(datetime(2026, 7, 1, 4, 0, tzinfo=UTC)) == date(2026, 7, 1)
    assert civil_date(datetime(2026, 12, 1, 4, 59, tzinfo=UTC)) == date(2026, 11, 30)


@given(st.datetimes(timezones=st.just(UTC), max_value=datetime(9000, 1, 1)))  # noqa: DTZ001 - hypothesis wants it naive
def test_the_next_second_is_whole_and_never_earlier(instant: datetime) -> None:
    rounded = next_second(instant)
    assert rounded.microsecond == 0
    assert timedelta(0) <= rounded - instant < timedelta(seconds=1)


def test_ids_sort_by_the_time_they_were_made() -> None:
    made = [new_id() for _ in range(1000)]
    assert made == sorted(made)
    assert {one.version for one in made} == {7}


def test_two_departments_know_a_person_by_different_names_and_each_always_by_the_same() -> None:
    key, person = b"k" * 32, uuid4()
    first = pairwise_id(key, department="revenu-quebec", user_code_id=person)
    assert first == pairwise_id(key, department="revenu-quebec", user_code_id=person)
    assert first != pairwise_id(key, department="cnesst", user_code_id=person)
    assert first != pairwise_id(b"l" * 32, department="revenu-quebec", user_code_id=person)


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "fr"),
        ("", "fr"),
        ("de", "fr"),
        ("en", "en"),
        ("en-CA,fr;q=0.5", "en"),
        ("fr;q=0.1, en;q=0.2", "en"),
        ("en;q=0, fr", "fr"),
        ("en;q=oops", "fr"),
        ("*", "fr"),
        ("EN-us", "en"),
    ],
)
def test_the_language_is_the_better_of_what_is_asked_for(header: str | None, language: str) -> None:
    assert choose_language(header) == language


@given(st.text(max_size=600))
def test_no_header_whatever_breaks_the_choice_of_language(header: str) -> None:
    assert choose_language(header) in {"fr", "en"}


def test_every_kind_of_error_has_one_status() -> None:
    assert len(set(STATUS_OF_KIND.values())) == len(STATUS_OF_KIND)
    assert set(STATUS_OF_KIND) == set(DomainError.__subclasses__())
    assert status_of(UnknownOrForeign) == 404


def test_a_problem_says_when_to_try_again_and_how_to_authenticate() -> None:
    away = problem_of(FactsTooOld(publisher="auth"), language="en", correlation_id=uuid4())
    assert (away.status_code, away.headers["retry-after"]) == (503, "1")
    anonymous = problem_of(MissingToken(), language="fr", correlation_id=uuid4())
    assert anonymous.headers["www-authenticate"] == 'Bearer, DPoP algs="ES256 PS256"'
    assert anonymous.headers["content-language"] == "fr"


@pytest.mark.parametrize("trusted", ["10.244.0.1/16", "proxy", "10.0.0.0/8,x"])
def test_a_malformed_network_of_proxies_is_refused(trusted: str) -> None:
    with pytest.raises(ValidationError):
        settings("https://auth.example", trusted_proxies=trusted)


def settings(issuer: str, **more: str) -> ServiceSettings:
    values = dict.fromkeys(ServiceSettings.model_fields, "x")
    numbers = {"public_port": 1, "internal_port": 2, "worker_port": 3}
    required: dict[str, Any] = {
        name: value for name, value in values.items() if ServiceSettings.model_fields[name].is_required()
    }
    return ServiceSettings(**{**required, **numbers, "issuer": issuer, **more})


@pytest.mark.parametrize(
    "issuer", ["https://auth.example", "http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1"]
)
def test_an_issuer_is_https_or_on_loopback(issuer: str) -> None:
    assert settings(issuer).issuer == issuer


@pytest.mark.parametrize(
    "issuer", ["http://auth.example", "http://10.0.0.1", "ftp://127.0.0.1", "auth.example", "http://"]
)
def test_any_other_issuer_is_refused(issuer: str) -> None:
    with pytest.raises(ValidationError):
        settings(issuer)


def test_what_an_event_says_is_not_repeated_by_the_fault_that_it_has() -> None:
    with pytest.raises(ValidationError) as fault:
        PersonInChargeDesignated.model_validate({"email": ["jeanne@example.org"], "language": "jeanne"})
    assert "jeanne" not in str(fault.value)
