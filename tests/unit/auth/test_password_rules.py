from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from services.auth.settings import AuthSettings
from services.auth.user_code import password_rules as rules
from services.auth.user_code.breached import BreachedPasswords
from services.auth.user_code.guessing import Guessing
from services.auth.user_code.password_rules import Aging, ChangeReason, PasswordAge
from services.auth.user_code.passwords import HashingBusy
from services.auth.user_code.rules import Facts
from tests.unit.auth.test_user_code_rules import ACTIVE, GOOD, NOON, REGISTRATION

SETTINGS = AuthSettings.model_construct()
ALONE = SETTINGS.password_demands(has_second_factor=False)
BESIDE_A_SECOND_FACTOR = SETTINGS.password_demands(has_second_factor=True)
CODE = "AB3CDEF4GH"
APPLICANT = "0199f0a2-0000-7000-8000-00000000abcd"
AGING = Aging(alone=timedelta(days=365), with_second_factor=timedelta(days=730), warning=timedelta(days=14))
CHOSEN = replace(GOOD, code=replace(ACTIVE, password_is_one_time=False, first_used_at=NOON))


def check(new: str, *, repeated: str | None = None, demands: rules.Demands = ALONE) -> None:
    rules.require_well_formed(new, repeated=new if repeated is None else repeated, code=CODE, demands=demands)


async def guess(new: str, *, settings: AuthSettings = SETTINGS, known: tuple[str, ...] = (CODE,)) -> None:
    guessing = Guessing(settings, BreachedPasswords(None))
    demands = settings.password_demands(has_second_factor=False)
    await guessing.require_hard_to_guess(SecretStr(new), demands=demands, known_of_person=known)


@pytest.mark.parametrize(
    ("password", "rule"),
    [
        ("fourteen chars", rules.PasswordTooShort),
        ("x1y2z" * 26, rules.PasswordTooLong),
        ("my code is ab3cd-ef4gh", rules.PasswordContainsCode),
        ("my code is A.B.3.C.D.E.F.4.G.H", rules.PasswordContainsCode),
        ("my code is \uff41\uff42\uff13cdef4gh", rules.PasswordContainsCode),
        ("backwards: hg4fe dc3ba", rules.PasswordContainsCode),
    ],
)
def test_a_new_password_obeys_each_rule(password: str, rule: type[Exception]) -> None:
    with pytest.raises(rule):
        check(password)


@pytest.mark.parametrize("fewest", [ALONE, BESIDE_A_SECOND_FACTOR])
def test_a_password_alone_needs_fifteen_characters_and_one_beside_a_second_factor_eight(
    fewest: rules.Demands,
) -> None:
    assert fewest.fewest_characters == (15 if fewest is ALONE else 8)
    check("é" * fewest.fewest_characters, demands=fewest)
    check("é" * 128, demands=fewest)
    with pytest.raises(rules.PasswordTooShort) as refused:
        check("é" * (fewest.fewest_characters - 1), demands=fewest)
    assert str(fewest.fewest_characters) in refused.value.detail("fr")


@pytest.mark.parametrize("character", ["a", "A", "7", " ", "é", "語", "\U0001f600"])
def test_no_kind_of_character_is_asked_for_and_each_counts_as_one(character: str) -> None:
    check(character * 15)
    with pytest.raises(rules.PasswordTooShort):
        check(character * 14)


def test_characters_are_counted_once_composed() -> None:
    with pytest.raises(rules.PasswordTooShort):
        check("e\u0301" * 14)
    check("e\u0301" * 128)


def test_both_entries_of_a_new_password_are_the_same() -> None:
    with pytest.raises(rules.PasswordsDiffer):
        check("a lake that nobody knows", repeated="a lake that nobody knew")


def test_accents_typed_in_two_ways_are_the_same_password() -> None:
    decomposed, composed = "connaitre un lac e\u0301loigne\u0301", "connaitre un lac \u00e9loign\u00e9"
    check(decomposed, repeated=composed)
    assert decomposed != composed
    assert rules.normalise_password(decomposed) == composed


@given(before=st.text(max_size=8), after=st.text(max_size=8), between=st.sampled_from(["", " ", "-", "_", ". "]))
def test_the_code_is_found_wherever_it_stands_and_whatever_stands_between(
    before: str, after: str, between: str
) -> None:
    assert rules.contains_code(f"{before} {between.join(CODE.lower())} {after}", code=CODE)
    assert rules.contains_code(f"{before} {between.join(reversed(CODE))} {after}", code=CODE)


@given(st.text(max_size=300))
def test_the_estimated_part_is_bounded_and_a_beginning_of_the_password(password: str) -> None:
    part = rules.estimated_part(password)
    assert len(part) <= 72
    assert rules.normalise_password(password).startswith(part)


@pytest.mark.parametrize(
    ("password", "rule"),
    [
        ("PasswordPassword", rules.PasswordTooCommon),
        ("ababababababababab", rules.PasswordGuessable),
        ("aaaaaaaaaaaaaaaaaaaa", rules.PasswordGuessable),
        ("clicsequr-revenu-quebec", rules.PasswordGuessable),
        ("ClicSÉQUR clicséqur 2026", rules.PasswordGuessable),
        ("abcdefghijklmnopqrstu", rules.PasswordGuessable),
        ("a" * 127 + "z", rules.PasswordGuessable),
    ],
)
async def test_a_common_or_guessable_password_is_refused(password: str, rule: type[Exception]) -> None:
    with pytest.raises(rule):
        await guess(password)


@pytest.mark.parametrize(
    "password",
    [
        "un lac que personne d'autre ne connaît",
        "le revenu de mon lac au québec",
        "une phrase à soi, " * 7,
        "vjq3 kzt8 mwp5 xhf2",
    ],
)
async def test_a_sentence_is_a_good_password_however_long(password: str) -> None:
    check(password[:128])
    await guess(password[:128])


async def test_what_is_known_of_the_person_is_tried_first() -> None:
    password = "xylotheque-9347261"
    await guess(password)
    with pytest.raises(rules.PasswordGuessable):
        await guess(password, known=("Xylotheque 9347261",))


async def test_words_of_one_person_are_not_held_against_the_next() -> None:
    with pytest.raises(rules.PasswordGuessable):
        await guess("xylotheque-9347261", known=("Xylotheque 9347261",))
    await guess("xylotheque-9347261", known=())


async def test_how_many_guesses_a_password_withstands_is_a_setting() -> None:
    password = "trois petits chats"
    await guess(password)
    with pytest.raises(rules.PasswordGuessable):
        await guess(password, settings=AuthSettings.model_construct(password_guesses=20.0))


async def test_a_password_beside_a_second_factor_may_be_eight_characters_by_chance_but_not_a_word() -> None:
    guessing = Guessing(SETTINGS, BreachedPasswords(None))
    demands = BESIDE_A_SECOND_FACTOR
    await guessing.require_hard_to_guess(SecretStr("k7 Rv9!q"), demands=demands, known_of_person=())
    with pytest.raises(rules.PasswordGuessable):
        await guessing.require_hard_to_guess(SecretStr("p@ssw0rd"), demands=demands, known_of_person=())


async def test_more_estimates_than_the_queue_takes_are_refused() -> None:
    guessing = Guessing(AuthSettings.model_construct(hashing_queue=0), BreachedPasswords(None))
    guessing._threads.places = 0  # noqa: SLF001 - one estimate that never ends
    with pytest.raises(HashingBusy):
        await guessing.require_hard_to_guess(SecretStr("x"), demands=ALONE, known_of_person=())


def age(days: float, *, has_second_factor: bool = False) -> PasswordAge:
    at = NOON + timedelta(days=days)
    return rules.password_age_state(NOON, aging=AGING, has_second_factor=has_second_factor, at=at)


def test_a_password_serves_a_year_and_two_beside_a_second_factor_and_its_end_is_told_before() -> None:
    assert [age(days) for days in (0, 350.9, 351, 364.9, 365)] == [
        PasswordAge.FINE,
        PasswordAge.FINE,
        PasswordAge.DUE_SOON,
        PasswordAge.DUE_SOON,
        PasswordAge.OVERDUE,
    ]
    assert [age(days, has_second_factor=True) for days in (365, 716, 730)] == [
        PasswordAge.FINE,
        PasswordAge.DUE_SOON,
        PasswordAge.OVERDUE,
    ]


def test_what_has_no_password_needs_no_change_of_it() -> None:
    code = replace(CHOSEN.code, password_hash=None, pepper_key_id=None)
    later = replace(REGISTRATION, reactivated_at=NOON + timedelta(seconds=1))
    bare = replace(CHOSEN, code=code, registration=later)
    for days in (0, 10_000):
        assert rules.reason_to_change(bare, aging=AGING, at=NOON + timedelta(days=days)) is None


@given(
    days=st.integers(0, 2000),
    later=st.integers(0, 2000),
    has_second_factor=st.booleans(),
)
def test_a_password_never_grows_younger_and_a_second_factor_never_shortens_its_life(
    *, days: int, later: int, has_second_factor: bool
) -> None:
    order = list(PasswordAge)
    before, after = (age(one, has_second_factor=has_second_factor) for one in (days, days + later))
    assert order.index(before) <= order.index(after)
    assert order.index(age(days, has_second_factor=True)) <= order.index(age(days))


def test_the_password_is_changed_at_first_use_after_a_reactivation_and_periodically() -> None:
    def reason(facts: Facts, *, days: int = 0) -> ChangeReason | None:
        return rules.reason_to_change(facts, aging=AGING, at=NOON + timedelta(days=days))

    assert reason(GOOD) is ChangeReason.FIRST_USE
    assert reason(CHOSEN) is None
    later = replace(REGISTRATION, reactivated_at=NOON + timedelta(seconds=1))
    assert reason(replace(CHOSEN, registration=later)) is ChangeReason.REACTIVATED
    earlier = replace(REGISTRATION, reactivated_at=NOON - timedelta(seconds=1))
    assert reason(replace(CHOSEN, registration=earlier)) is None
    assert reason(CHOSEN, days=365) is ChangeReason.OVERDUE
    assert reason(replace(CHOSEN, factors=frozenset({"totp"})), days=365) is None
    assert reason(replace(CHOSEN, factors=frozenset({"totp"})), days=730) is ChangeReason.OVERDUE


@pytest.mark.parametrize(
    ("factors", "reason"),
    [
        (frozenset(), ChangeReason.FACTOR_GONE),
        (frozenset({"email"}), ChangeReason.FACTOR_GONE),
        (frozenset({"totp"}), None),
        (frozenset({"passkey", "email"}), None),
    ],
)
def test_a_password_chosen_beside_a_strong_factor_does_not_outlive_the_last_one(
    factors: frozenset[str], reason: ChangeReason | None
) -> None:
    beside = replace(CHOSEN, code=replace(CHOSEN.code, password_may_stand_alone=False), factors=factors)
    assert rules.reason_to_change(beside, aging=AGING, at=NOON) is reason
    assert rules.reason_to_change(replace(beside, code=CHOSEN.code), aging=AGING, at=NOON) is None
    nothing = replace(beside, code=replace(beside.code, password_hash=None, pepper_key_id=None))
    assert rules.reason_to_change(nothing, aging=AGING, at=NOON) is None


@pytest.mark.parametrize(
    ("typed", "is_too_short"), [("k7 Rv9!q", True), ("e\u0301" * 14, True), ("é" * 15, False)]
)
def test_what_is_too_short_to_stand_alone_is_seen_when_it_is_typed(typed: str, *, is_too_short: bool) -> None:
    assert rules.is_too_short_alone(typed) == is_too_short


KNOWN_OF_HER = rules.words_of_person(
    code=CODE,
    applicant_id=UUID(APPLICANT),
    names=("Éloïse", "Lavoie"),
    address="eloise.lavoie@xylotheque-estrie.qc.ca",
)


@pytest.mark.parametrize(
    "password",
    [
        "eloise.lavoie@xylotheque-estrie.qc.ca",
        "Eloise.Lavoie@2026",
        "xylotheque-estrie",
        "Xylotheque_Estrie_1",
        "estrie xylotheque 9",
        "Éloïse Lavoie 1987",
        "lavoie eloise lavoie",
        APPLICANT,
    ],
)
async def test_ones_own_address_its_domain_and_ones_name_are_guessed(password: str) -> None:
    await guess(password, known=())
    with pytest.raises(rules.PasswordGuessable):
        await guess(password, known=KNOWN_OF_HER)


async def test_a_sentence_may_hold_ones_name() -> None:
    await guess("le chat de lavoie dort sous le piano", known=KNOWN_OF_HER)


def test_of_whom_little_is_known_little_is_tried() -> None:
    known = rules.words_of_person(code=CODE, applicant_id=UUID(APPLICANT), names=(), address=None)
    assert known == (CODE, APPLICANT)
