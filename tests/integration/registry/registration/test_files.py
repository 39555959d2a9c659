"""The file in the hands of the provider's agents."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from libs.common.clock import civil_date, now
from libs.common.ids import new_id
from tests.integration.registry.registration.world import (
    OTHER_PERSON,
    PARTNERSHIP,
    PARTNERSHIP_PROOF,
    PERSON,
    Session,
    event_types,
    filled,
    validator,
)
from tests.kit import Running

TODAY = civil_date(now()).isoformat()
VALIDATED = {"decision": "validated", "grounds": "Papers seen at the counter."}
REJECTED = {"decision": "rejected", "grounds": "Somebody else's papers."}
REGISTRATION_FORM = {"kind": "registration-form", "signed_on": TODAY, "received_on": TODAY}


def designation_form(person_id: str) -> dict[str, Any]:
    return {**REGISTRATION_FORM, "kind": "designation-form", "person_id": person_id}


async def unproved(service: Running) -> Session:
    session = await filled(service, proof=None)
    await session.submit()
    return session


async def partnership(service: Running) -> tuple[Session, list[str]]:
    session = await filled(
        service,
        "partnership",
        applicant=PARTNERSHIP,
        proof=PARTNERSHIP_PROOF,
        persons=(PERSON, OTHER_PERSON),
    )
    answer = await session.submit()
    return session, [person["person_id"] for person in answer["persons_in_charge"]]


async def test_a_validated_file_without_paper_is_active(registry: Running) -> None:
    session = await unproved(registry)
    answer = await validator(registry, session.applicant_id, "validation", VALIDATED)
    assert (answer.status_code, answer.json()["state"]) == (200, "active")
    assert (await event_types(registry))[-3:] == [
        "registration-validated",
        "registration-activated",
        "enrolment-activated",
    ]


async def test_a_rejected_file_stays_rejected_and_frees_its_numbers(registry: Running) -> None:
    session = await unproved(registry)
    answer = await validator(registry, session.applicant_id, "validation", REJECTED)
    assert answer.json()["state"] == "rejected"
    assert (await event_types(registry))[-1] == "registration-rejected"
    again = await validator(registry, session.applicant_id, "validation", VALIDATED)
    assert (again.status_code, again.json()["code"]) == (409, "registration-already-rejected")
    assert (await (await filled(registry)).submit())["path"] == "direct"


async def test_two_agents_who_decide_at_once_decide_once(registry: Running) -> None:
    session = await unproved(registry)
    answers = await asyncio.gather(
        validator(registry, session.applicant_id, "validation", VALIDATED),
        validator(registry, session.applicant_id, "validation", REJECTED),
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]


async def test_grounds_are_for_decider_and_auditor_and_evidence_proves_them_without_telling(
    registry: Running,
) -> None:
    session = await unproved(registry)
    await validator(registry, session.applicant_id, "validation", REJECTED)
    path = f"/v1/applicants/{session.applicant_id}/registration"
    shown = {
        role: (await registry.public.get(path, headers=registry.tokens.agent(role))).json()["decisions"][0]
        for role in ("validator", "support", "decider", "auditor")
    }
    assert [shown[role]["grounds"] for role in shown] == [None, None, REJECTED["grounds"], REJECTED["grounds"]]
    rows = await registry.database.fetch("SELECT content FROM evidence_records")
    assert REJECTED["grounds"] not in str([row["content"] for row in rows])
    assert "grounds_hmac_sha256" in str([row["content"] for row in rows])


async def test_a_file_on_paper_becomes_active_with_its_form_and_one_cleared_person(registry: Running) -> None:
    session, (first, second) = await partnership(registry)
    answer = await validator(registry, session.applicant_id, "documents", designation_form(first))
    assert (answer.status_code, answer.json()["state"]) == (201, "awaiting_documents")
    answer = await validator(registry, session.applicant_id, "documents", REGISTRATION_FORM)
    assert answer.json()["state"] == "active"
    activated = [facts for name, facts in await registry.events() if name == "registration-activated"]
    assert [person["person_id"] for person in activated[0]["cleared"]] == [first]
    await validator(registry, session.applicant_id, "documents", designation_form(second))
    accepted = [facts for name, facts in await registry.events() if name == "designation-form-accepted"]
    assert [person["person_id"] for person in accepted[0]["cleared"]] == [second]
    assert (await event_types(registry)).count("documents-received") == 3


async def test_paper_that_comes_before_the_decision_is_kept_for_it(registry: Running) -> None:
    session = await filled(registry, "partnership", applicant=PARTNERSHIP, proof=None)
    person = (await session.submit())["persons_in_charge"][0]["person_id"]
    await validator(registry, session.applicant_id, "documents", REGISTRATION_FORM)
    answer = await validator(registry, session.applicant_id, "documents", designation_form(person))
    assert answer.json()["state"] == "needs_validation"
    answer = await validator(registry, session.applicant_id, "validation", VALIDATED)
    assert answer.json()["state"] == "active"


async def test_a_proved_file_needs_no_validation(registry: Running) -> None:
    session, _ = await partnership(registry)
    answer = await validator(registry, session.applicant_id, "validation", VALIDATED)
    assert (answer.status_code, answer.json()["code"]) == (409, "identity-already-settled")


async def test_two_forms_at_once_activate_once(registry: Running) -> None:
    session, (first, second) = await partnership(registry)
    await validator(registry, session.applicant_id, "documents", REGISTRATION_FORM)
    await asyncio.gather(
        *(
            validator(registry, session.applicant_id, "documents", designation_form(person))
            for person in (first, second)
        )
    )
    types = await event_types(registry)
    assert (types.count("registration-activated"), types.count("designation-form-accepted")) == (1, 1)


async def test_forms_that_make_no_sense_are_refused(registry: Running) -> None:
    session, (first, _) = await partnership(registry)
    await validator(registry, session.applicant_id, "documents", REGISTRATION_FORM)
    await validator(registry, session.applicant_id, "documents", designation_form(first))
    for body, status, code in (
        (REGISTRATION_FORM, 409, "form-already-received"),
        (designation_form(first), 409, "form-already-received"),
        (designation_form(str(uuid4())), 404, "person-in-charge-not-in-file"),
        ({**REGISTRATION_FORM, "kind": "designation-form"}, 400, "document-person-mismatch"),
        ({**REGISTRATION_FORM, "person_id": first}, 400, "document-person-mismatch"),
        ({**REGISTRATION_FORM, "received_on": "2999-01-01"}, 400, "document-dates-impossible"),
        ({**REGISTRATION_FORM, "kind": "letter"}, 422, "malformed-request"),
    ):
        answer = await validator(registry, session.applicant_id, "documents", body)
        assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_file_that_needs_no_paper_takes_none(registry: Running) -> None:
    session = await unproved(registry)
    answer = await validator(registry, session.applicant_id, "documents", REGISTRATION_FORM)
    assert (answer.status_code, answer.json()["code"]) == (409, "form-not-required")


async def test_a_draft_is_neither_validated_nor_documented(registry: Running) -> None:
    session = await filled(registry)
    for part, body in (("validation", VALIDATED), ("documents", REGISTRATION_FORM)):
        answer = await validator(registry, session.applicant_id, part, body)
        assert (answer.status_code, answer.json()["code"]) == (409, "registration-not-submitted")


async def test_an_agent_sees_why_the_file_must_be_validated(registry: Running) -> None:
    await (await filled(registry)).submit()
    contested = await filled(registry, persons=(OTHER_PERSON,))
    await contested.submit()
    path = f"/v1/applicants/{contested.applicant_id}/registration"
    view = (await registry.public.get(path, headers=registry.tokens.agent("validator"))).json()
    assert view["doubts"] == ["contested-control"]
    assert "doubts" not in await contested.view()


async def test_an_agent_of_a_department_sees_no_file(registry: Running) -> None:
    session = await unproved(registry)
    headers = registry.tokens.agent("validator", side="revenu-quebec")
    path = f"/v1/applicants/{session.applicant_id}"
    assert (await registry.public.get(f"{path}/registration", headers=headers)).status_code == 403
    answer = await validator(registry, session.applicant_id, "validation", VALIDATED, side="revenu-quebec")
    assert answer.status_code == 403
    answer = await validator(registry, session.applicant_id, "documents", REGISTRATION_FORM, side="cnesst")
    assert answer.status_code == 403


async def test_the_representative_decides_nothing_about_its_own_file(registry: Running) -> None:
    session = await unproved(registry)
    path = f"/v1/applicants/{session.applicant_id}/validation"
    answer = await registry.public.post(path, json=VALIDATED, headers=session.headers)
    assert answer.status_code == 403


async def test_staff_states_a_purpose(registry: Running) -> None:
    session = await unproved(registry)
    headers = registry.tokens.agent("validator")
    del headers["Clicsequr-Purpose"]
    path = f"/v1/applicants/{session.applicant_id}/registration"
    answer = await registry.public.get(path, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "purpose-missing")


@pytest.mark.parametrize("part", ["registration", "validation", "documents"])
async def test_an_unknown_applicant_has_no_file(registry: Running, part: str) -> None:
    if part == "registration":
        path = f"/v1/applicants/{new_id()}/registration"
        answer = await registry.public.get(path, headers=registry.tokens.agent("auditor"))
    else:
        body = VALIDATED if part == "validation" else REGISTRATION_FORM
        answer = await validator(registry, new_id(), part, body)
    assert answer.status_code == 404
