import asyncio
from typing import Any

import pytest

from tests.integration.registry.registration.world import (
    BAKERY,
    BAKERY_PROOF,
    INDIVIDUAL,
    INDIVIDUAL_PROOF,
    OTHER_PERSON,
    PARTNERSHIP,
    PARTNERSHIP_PROOF,
    PERSON,
    Auth,
    event_types,
    expect,
    filled,
)
from tests.kit import Running


async def test_a_proved_corporation_is_active_at_once_and_enrolled_in_clic_revenu(registry: Running) -> None:
    session = await filled(registry)
    answer = await session.submit()
    assert (answer["state"], answer["path"], answer["forms_required"]) == ("active", "direct", [])
    assert await event_types(registry) == [
        "person-in-charge-designated",
        "registration-submitted",
        "registration-activated",
        "enrolment-activated",
    ]
    activated = next(facts for name, facts in await registry.events() if name == "registration-activated")
    person = answer["persons_in_charge"][0]
    assert activated["cleared"] == [{"person_id": person["person_id"], "user_code_id": person["user_code_id"]}]


async def test_an_individual_without_neq_is_active_at_once(registry: Running) -> None:
    session = await filled(registry, "individual", applicant=INDIVIDUAL, proof=INDIVIDUAL_PROOF)
    assert (await session.submit())["state"] == "active"


async def test_codes_and_one_time_passwords_are_shown_in_the_session_and_asked_for_the_right_applicant(
    registry: Running, auth: Auth
) -> None:
    session = await filled(registry, persons=(PERSON, OTHER_PERSON))
    answer = await session.submit()
    shown = answer["persons_in_charge"]
    assert [person["user_code"] for person in shown] == [f"code-{person['user_code_id']}" for person in shown]
    assert all(person["one_time_password"] for person in shown)
    assert not answer["codes_pending"]
    assert [body for _, body in auth.asked] == [
        {"applicant_id": str(session.applicant_id), "language": "fr"},
        {"applicant_id": str(session.applicant_id), "language": "en"},
    ]


async def test_no_code_and_no_password_is_stored_anywhere(registry: Running) -> None:
    session = await filled(registry)
    answer = await session.submit()
    person = answer["persons_in_charge"][0]
    for table in ("outbox", "evidence_records", "idempotency_keys", "registration_persons", "access_records"):
        rows = await registry.database.fetch(f"SELECT * FROM {table}")
        text = str([dict(row) for row in rows])
        for secret in (person["one_time_password"], person["user_code"], *BAKERY_PROOF.values()):
            assert secret not in text, table


async def test_a_repeated_submission_answers_the_same_without_its_secrets(registry: Running) -> None:
    session = await filled(registry)
    first = await session.submit(key="once")
    again = await session.submit(key="once")
    assert again["persons_in_charge"][0]["user_code"] is None
    assert again["persons_in_charge"][0]["one_time_password"] is None
    assert again["codes_pending"]
    assert (again["state"], again["path"]) == (first["state"], first["path"])
    assert (await event_types(registry)).count("registration-submitted") == 1


async def test_a_second_submission_under_another_key_is_refused(registry: Running) -> None:
    session = await filled(registry)
    await session.submit()
    answer = await expect(session.post("submission"), 409)
    assert answer.json()["code"] == "registration-already-submitted"


async def test_two_submissions_at_once_make_one_registration(registry: Running) -> None:
    session = await filled(registry)
    answers = await asyncio.gather(*(session.post("submission") for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert (await event_types(registry)).count("registration-activated") == 1


async def test_the_same_submission_sent_twice_at_once_is_done_once(registry: Running) -> None:
    session = await filled(registry)
    answers = await asyncio.gather(*(session.post("submission", key="twin") for _ in range(3)))
    assert [answer.status_code for answer in answers] == [201, 201, 201]
    assert (await event_types(registry)).count("registration-activated") == 1


async def test_when_auth_is_away_the_submission_stands_and_the_same_session_repeats_the_codes(
    registry: Running, auth: Auth
) -> None:
    auth.is_away = True
    session = await filled(registry, persons=(PERSON, OTHER_PERSON))
    answer = await session.submit()
    assert (answer["state"], answer["codes_pending"]) == ("active", True)
    assert (await session.view())["codes_pending"]
    auth.is_away = False
    repeated = (await expect(session.post("one-time-passwords"), 200)).json()
    assert not repeated["codes_pending"]
    assert all(person["one_time_password"] for person in repeated["persons_in_charge"])
    assert not (await session.view())["codes_pending"]


async def test_a_used_code_gets_no_further_password_in_the_session(registry: Running, auth: Auth) -> None:
    session = await filled(registry)
    answer = await session.submit()
    auth.used.add(answer["persons_in_charge"][0]["user_code_id"])
    refused = await expect(session.post("one-time-passwords"), 409)
    assert refused.json()["code"] == "user-code-already-used"


async def test_a_used_code_does_not_keep_the_other_persons_from_theirs(registry: Running, auth: Auth) -> None:
    session = await filled(registry, persons=(PERSON, OTHER_PERSON))
    first, _ = (await session.submit())["persons_in_charge"]
    auth.used.add(first["user_code_id"])
    persons = (await expect(session.post("one-time-passwords"), 200)).json()["persons_in_charge"]
    assert [person["refusal"] for person in persons] == ["user-code-already-used", None]
    assert persons[1]["one_time_password"]


async def test_a_draft_gets_no_one_time_passwords(registry: Running) -> None:
    session = await filled(registry)
    answer = await expect(session.post("one-time-passwords"), 409)
    assert answer.json()["code"] == "registration-not-submitted"


async def test_an_incomplete_file_is_told_what_is_missing(registry: Running) -> None:
    session = await filled(registry, persons=(), accepts=False)
    answer = await expect(session.post("submission"), 409)
    assert answer.json()["code"] == "registration-incomplete"
    assert answer.json()["missing"] == "person-in-charge, conditions-acceptance"


async def test_a_partnership_with_a_matched_proof_needs_paper(registry: Running) -> None:
    session = await filled(registry, "partnership", applicant=PARTNERSHIP, proof=PARTNERSHIP_PROOF)
    answer = await session.submit()
    assert (answer["state"], answer["path"]) == ("awaiting_documents", "paper")
    assert answer["forms_required"] == ["registration-form", "designation-form"]
    assert answer["persons_in_charge"][0]["awaits_form"]
    assert answer["persons_in_charge"][0]["user_code"]
    assert "registration-activated" not in await event_types(registry)


async def test_a_partnership_without_a_match_needs_validation_too(registry: Running) -> None:
    session = await filled(registry, "partnership", applicant=PARTNERSHIP, proof=None)
    answer = await session.submit()
    assert (answer["state"], answer["path"]) == ("needs_validation", "validation")
    assert answer["forms_required"] == ["registration-form", "designation-form"]


@pytest.mark.parametrize(
    ("change", "number"),
    [
        ({"name": "Tout autre nom inc."}, "1000000001"),
        ({"name": "9999-0001 Québec inc."}, "1000000001"),
        ({"neq": "1160000007", "name": "Quincaillerie du Vieux-Pont inc."}, "1000000007"),
        ({"neq": "1160000008", "name": "Imprimerie Soleil Levant inc."}, "1000000008"),
        ({"neq": "1160000009", "name": "Gestion Abandonnée inc."}, "1000000009"),
        ({"neq": None}, "1000000001"),
    ],
    ids=["another-name", "former-name", "struck-off", "bankrupt", "struck-off-ex-officio", "no-neq"],
)
async def test_what_the_register_does_not_confirm_is_validated_though_identity_is_proved(
    registry: Running, change: dict[str, Any], number: str
) -> None:
    proofs = {"1000000001": BAKERY_PROOF["amount"], "1000000007": "990.00", "1000000008": "77.70"}
    proof = {"notice_number": f"RQ-2025-{number[-6:]}", "amount": proofs.get(number, "5000.00")}
    applicant = {**BAKERY, "identification_number": number, **change}
    session = await filled(registry, applicant=applicant, proof=proof)
    assert (await session.view())["identity_matched"]
    assert (await session.submit())["path"] == "validation"


async def test_names_are_compared_without_case_accents_and_punctuation(registry: Running) -> None:
    session = await filled(registry, applicant={**BAKERY, "name": "BOULANGERIE DE L'ERABLE INC"})
    assert (await session.submit())["path"] == "direct"


async def test_a_second_file_for_the_same_applicant_is_contested_and_answered_like_any_validation(
    registry: Running,
) -> None:
    await (await filled(registry)).submit()
    contested = await (await filled(registry, persons=(OTHER_PERSON,))).submit()
    ordinary = await (
        await filled(registry, "individual", applicant=INDIVIDUAL, proof=None, persons=(OTHER_PERSON,))
    ).submit()
    assert contested["path"] == "validation"
    told = ("state", "path", "forms_required", "codes_pending")
    assert {name: contested[name] for name in told} == {name: ordinary[name] for name in told}


async def test_two_files_for_the_same_applicant_at_once_are_not_both_direct(registry: Running) -> None:
    sessions = [await filled(registry, persons=(person,)) for person in (PERSON, OTHER_PERSON)]
    answers = await asyncio.gather(*(session.submit() for session in sessions))
    assert sorted(answer["path"] for answer in answers) == ["direct", "validation"]


async def test_a_draft_reserves_nothing(registry: Running) -> None:
    await filled(registry)
    assert (await (await filled(registry)).submit())["path"] == "direct"
