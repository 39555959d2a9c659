import asyncio
from typing import Any

import pytest

from libs.common.contracts.registry import (
    DesignationFormAccepted,
    RegistrationActivated,
    RegistrationRejected,
)
from libs.common.ids import new_id
from tests.integration.delegation.world import Applicant, Person, activated
from tests.kit import Running, idempotent


async def states(applicant: Applicant, number: int = 0) -> list[str]:
    answer = await applicant.service.public.get(
        applicant.path("persons-in-charge"), headers=applicant.person(number)
    )
    assert answer.status_code == 200, answer.text
    return [person["state"] for person in answer.json()["persons_in_charge"]]


async def types(service: Running) -> list[str]:
    return [kind for kind, _ in await service.events()]


async def test_a_cleared_person_becomes_active_and_the_others_stay_pending(service: Running) -> None:
    applicant = Applicant(service, [Person(), Person()])
    for person in applicant.persons:
        await applicant.tell(person.as_designated(applicant.id))
    first = applicant.persons[0]
    await applicant.tell(
        RegistrationActivated(
            applicant_id=applicant.id, applicant_kind="corporation", cleared=[first.as_cleared()]
        )
    )
    assert await states(applicant) == ["active", "pending"]
    assert await service.events() == [
        (
            "person-in-charge-activated",
            {
                "applicant_id": str(applicant.id),
                "person_id": str(first.person_id),
                "user_code_id": str(first.user_code_id),
            },
        )
    ]
    form = DesignationFormAccepted(applicant_id=applicant.id, cleared=[applicant.persons[1].as_cleared()])
    await applicant.tell(form)
    assert await states(applicant) == ["active", "active"]


async def test_a_clearance_that_comes_before_its_person_is_kept(service: Running) -> None:
    applicant = Applicant(service, [Person()])
    [person] = applicant.persons
    await applicant.tell(
        RegistrationActivated(
            applicant_id=applicant.id, applicant_kind="corporation", cleared=[person.as_cleared()]
        )
    )
    assert await types(service) == []
    await applicant.tell(person.as_designated(applicant.id))
    assert await states(applicant) == ["active"]
    assert await types(service) == ["person-in-charge-activated"]


async def test_a_clearance_with_another_code_clears_nobody(service: Running) -> None:
    applicant = Applicant(service, [Person()])
    [person] = applicant.persons
    await applicant.tell(person.as_designated(applicant.id))
    other = Person(person_id=person.person_id)
    form = DesignationFormAccepted(applicant_id=applicant.id, cleared=[other.as_cleared()])
    await applicant.tell(form)
    assert await states(applicant) == ["pending"]


async def test_a_rejected_file_leaves_no_person_behind(service: Running) -> None:
    applicant = Applicant(service, [Person()])
    await applicant.tell(applicant.persons[0].as_designated(applicant.id))
    await applicant.enrol()
    await applicant.tell(RegistrationRejected(applicant_id=applicant.id))
    assert await states(applicant) == []
    assert await service.database.fetch("SELECT 1 FROM department_subjects") == []


async def test_a_person_in_charge_suspends_and_reactivates_another(service: Running) -> None:
    applicant = await activated(service)
    peer = applicant.persons[1]
    placed = await applicant.hold(peer, applicant.person())
    assert placed.status_code == 201, placed.text
    assert placed.json()["state"] == "suspended"
    assert await states(applicant) == ["active", "suspended"]
    released = await applicant.release(peer, placed.json()["hold_id"], applicant.person())
    assert (released.status_code, released.json()["state"]) == (200, "active")
    assert (await types(service))[-2:] == ["person-in-charge-suspended", "person-in-charge-reactivated"]


async def test_only_a_change_of_derived_state_is_told(service: Running) -> None:
    applicant = await activated(service)
    peer = applicant.persons[1]
    before = await types(service)
    first, second = await applicant.hold(peer, applicant.person()), await applicant.hold(peer, applicant.person())
    assert (await types(service))[len(before) :] == ["person-in-charge-suspended"]
    once = await applicant.release(peer, first.json()["hold_id"], applicant.person())
    assert once.json()["state"] == "suspended"
    assert (await types(service))[len(before) :] == ["person-in-charge-suspended"]
    await applicant.release(peer, second.json()["hold_id"], applicant.person())
    assert (await types(service))[len(before) :] == [
        "person-in-charge-suspended",
        "person-in-charge-reactivated",
    ]


async def test_the_token_of_a_held_person_is_refused_and_stays_dead_after_release(service: Running) -> None:
    applicant = await activated(service)
    peer = applicant.persons[1]
    token = applicant.person(1)
    placed = await applicant.hold(peer, applicant.person())
    listing = applicant.path("persons-in-charge")
    refused = await service.public.get(listing, headers=token)
    assert (refused.status_code, refused.json()["code"]) == (401, "token-refused")
    later = applicant.person(1, iat=4_000_000_000)
    assert (await service.public.get(listing, headers=later)).status_code in {401, 403}
    await applicant.release(peer, placed.json()["hold_id"], applicant.person())
    assert (await service.public.get(listing, headers=token)).json()["code"] == "token-refused"


async def test_a_held_person_cannot_release_their_own_hold_nor_act_under_a_token_read_before(
    service: Running,
) -> None:
    applicant = await activated(service, persons=3)
    await applicant.hold(applicant.persons[1], applicant.person())
    # Standing alone would refuse the token; without its row the command still knows the person is held.
    await service.database.execute("DELETE FROM standing")
    [hold] = await service.database.fetch("SELECT id FROM person_holds")
    own = await applicant.release(applicant.persons[1], str(hold["id"]), applicant.person(1))
    assert (own.status_code, own.json()["code"]) == (403, "access-suspended")
    other = await applicant.hold(applicant.persons[2], applicant.person(1))
    assert (other.status_code, other.json()["code"]) == (403, "access-suspended")


async def test_two_who_suspend_each_other_at_once_leave_one_active(service: Running) -> None:
    applicant = await activated(service)
    answers = await asyncio.gather(
        applicant.hold(applicant.persons[1], applicant.person(0)),
        applicant.hold(applicant.persons[0], applicant.person(1)),
    )
    assert sum(answer.status_code == 201 for answer in answers) == 1
    rows = await service.database.fetch("SELECT person_id FROM person_holds")
    assert len(rows) == 1


async def test_any_other_person_or_the_provider_releases_a_peers_hold(service: Running) -> None:
    applicant = await activated(service, persons=3)
    peer = applicant.persons[1]
    decider = service.tokens.agent("decider")
    for headers in (applicant.person(2), decider):
        placed = await applicant.hold(peer, applicant.person())
        released = await applicant.release(peer, placed.json()["hold_id"], headers)
        assert (released.status_code, released.json()["state"]) == (200, "active")


async def test_a_person_in_charge_cannot_release_the_providers_hold(service: Running) -> None:
    applicant = await activated(service)
    peer = applicant.persons[1]
    placed = await applicant.hold(peer, service.tokens.agent("decider"))
    assert placed.status_code == 201
    refused = await applicant.release(peer, placed.json()["hold_id"], applicant.person())
    assert (refused.status_code, refused.json()["code"]) == (403, "hold-of-another-side")


async def test_the_decider_of_a_department_has_no_say_over_persons_in_charge(service: Running) -> None:
    applicant = await activated(service)
    stranger = service.tokens.agent("decider", side="cnesst")
    refused = await applicant.hold(applicant.persons[1], stranger)
    assert (refused.status_code, refused.json()["code"]) == (403, "role-not-admitted")
    read = await service.public.get(applicant.path("persons-in-charge"), headers=stranger)
    assert read.status_code == 403


async def test_releasing_twice_or_an_unknown_hold_is_refused(service: Running) -> None:
    applicant = await activated(service)
    peer = applicant.persons[1]
    hold_id = (await applicant.hold(peer, applicant.person())).json()["hold_id"]
    await applicant.release(peer, hold_id, applicant.person())
    again = await applicant.release(peer, hold_id, applicant.person())
    assert (again.status_code, again.json()["code"]) == (409, "hold-already-released")
    unknown = await applicant.release(peer, str(new_id()), applicant.person())
    assert (unknown.status_code, unknown.json()["code"]) == (404, "hold-not-found")


@pytest.mark.parametrize("by", ["themself", "provider"])
async def test_the_last_active_person_is_suspended_only_when_that_is_confirmed(service: Running, by: str) -> None:
    applicant = await activated(service, persons=1)
    headers = applicant.person() if by == "themself" else service.tokens.agent("decider")
    refused = await applicant.hold(applicant.persons[0], headers)
    assert (refused.status_code, refused.json()["code"]) == (409, "last-active-person-in-charge")
    confirmed = await applicant.hold(applicant.persons[0], headers, confirm_last=True)
    assert (confirmed.status_code, confirmed.json()["state"]) == (201, "suspended")


async def test_a_pending_person_is_not_there_to_be_suspended(service: Running) -> None:
    applicant = await activated(service)
    pending = Person()
    await applicant.tell(pending.as_designated(applicant.id, awaits_form=True))
    refused = await applicant.hold(pending, applicant.person())
    assert (refused.status_code, refused.json()["code"]) == (409, "person-in-charge-not-active")


async def test_removal_belongs_to_the_representative_or_the_provider(service: Running) -> None:
    applicant = await activated(service)
    path = applicant.path("persons-in-charge", applicant.persons[1].person_id)
    refused = await service.public.delete(path, headers={**applicant.person(), "Accept-Language": "en"})
    assert refused.status_code == 403
    assert refused.json()["code"] == "removal-belongs-to-representative-or-provider"
    assert "representative or the provider" in refused.json()["detail"]
    assert await states(applicant) == ["active", "active"]


async def test_persons_of_another_applicant_do_not_exist(service: Running) -> None:
    mine, theirs = await activated(service), await activated(service)
    target = theirs.persons[0]
    for path in (mine.path, theirs.path):
        held = await service.public.post(
            path("persons-in-charge", target.person_id, "holds"),
            json={"reason_code": "suspected-misuse", "grounds": "x"},
            headers={**mine.person(), **idempotent()},
        )
        assert (held.status_code, held.json()["code"]) == (404, "not-found")
        removed = await service.public.delete(path("persons-in-charge", target.person_id), headers=mine.person())
        assert (removed.status_code, removed.json()["code"]) == (404, "not-found")
    placed = await theirs.hold(target, theirs.person(1))
    released = await mine.release(target, placed.json()["hold_id"], mine.person())
    assert released.status_code == 404
    listed = await service.public.get(theirs.path("persons-in-charge"), headers=mine.person())
    assert listed.status_code == 404


async def test_the_same_hold_sent_twice_at_once_is_placed_once(service: Running) -> None:
    applicant = await activated(service)
    peer = applicant.persons[1]
    headers = applicant.person()
    answers = await asyncio.gather(*(applicant.hold(peer, headers, key="once") for _ in range(4)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["hold_id"] for answer in answers}) == 1
    assert len(await service.database.fetch("SELECT 1 FROM person_holds")) == 1


async def test_a_hold_is_placed_however_old_the_facts_and_released_only_with_fresh_ones(service: Running) -> None:
    applicant = await activated(service)
    service.resources.freshness.fresh_as_of.clear()
    placed = await applicant.hold(applicant.persons[1], applicant.person())
    assert placed.status_code == 201
    refused = await applicant.release(applicant.persons[1], placed.json()["hold_id"], applicant.person())
    assert (refused.status_code, refused.json()["code"]) == (503, "facts-too-old")


async def test_grounds_reach_neither_list_nor_evidence_nor_events(service: Running) -> None:
    applicant = await activated(service)
    await applicant.hold(applicant.persons[1], applicant.person())
    listed = await service.public.get(applicant.path("persons-in-charge"), headers=applicant.person())
    evidence = await service.public.get(applicant.path("evidence-records"), headers=applicant.person())
    assert "suspected-misuse" in listed.text
    assert "suspend_person_in_charge" in evidence.text
    outbox: Any = await service.events()
    for shown in (listed.text, evidence.text, str(outbox)):
        assert "confidential grounds" not in shown


@pytest.mark.parametrize(
    "body",
    [
        {"grounds": "x\0y"},
        {"reason_code": "Not A Code"},
        {"reason_code": ""},
        {"unknown": 1},
        {"confirm_last": "perhaps"},
        {"grounds": ""},
    ],
)
async def test_a_malformed_hold_is_refused(service: Running, body: dict[str, Any]) -> None:
    applicant = await activated(service)
    refused = await applicant.hold(applicant.persons[1], applicant.person(), **body)
    assert (refused.status_code, refused.json()["code"]) == (422, "malformed-request")
