"""Whoever acts under a power of attorney is known by it, and by every applicant that it touches."""

import time
from typing import Any

from libs.common.ids import new_id
from libs.common.principal import principal_of

APPLICANT, OWN, CODE, POWER, SESSION = (new_id() for _ in range(5))


def claims(**changes: Any) -> dict[str, Any]:
    return {
        "iat": int(time.time()),
        "client_id": "portal",
        "applicant": str(APPLICANT),
        "user_code": str(CODE),
        "user_code_applicant": str(OWN),
        "power_of_attorney": str(POWER),
        "role": "mandatary",
        "sid": str(SESSION),
        **changes,
    }


def test_a_mandatary_is_admitted_as_nothing_else() -> None:
    principal = principal_of(claims())
    assert principal.admitted_as == {"mandatary"}
    assert principal.applicant_id == APPLICANT
    assert principal.power_of_attorney_id == POWER


def test_what_stands_against_either_applicant_counts() -> None:
    kinds, subjects = principal_of(claims()).subjects()
    assert list(zip(kinds, subjects, strict=True)) == [
        ("applicant", str(APPLICANT)),
        ("applicant", str(OWN)),
        ("user_code", str(CODE)),
        ("session", str(SESSION)),
    ]


def test_ones_own_applicant_is_asked_about_once() -> None:
    kinds, _ = principal_of(claims(user_code_applicant=str(APPLICANT))).subjects()
    assert kinds.count("applicant") == 1
