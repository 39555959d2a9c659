import asyncio
from typing import Any
from uuid import UUID

import httpx
import pytest

from deploy.local.environment import Platform
from libs.common.ids import new_id
from services.auth.user_code import hold_rules
from tests.integration.auth import parties
from tests.integration.auth.agents import fault
from tests.integration.auth.granting import evidence_of
from tests.integration.auth.parties import Person, answer_of, new_browser
from tests.integration.auth.test_recovery import everything_kept, known_user
from tests.integration.auth.test_user_code_holds import (
    as_chief,
    hold,
    new_peer,
    new_user,
    open_sessions,
    revoke,
    standing_of,
    told,
)
from tests.kit import Headers, Running, idempotent

RESET, REVOKE, REVOKE_ALL = "reset_person_in_charge", "revoke_person_in_charge", "revoke_all_user_codes"
REASON = "representative-asked"


async def propose(
    auth: Running, headers: Headers, command: str, content: dict[str, Any], *, about: UUID
) -> httpx.Response:
    body = {"command": command, "content": content, "applicant_id": str(about)}
    return await auth.public.post("/v1/proposals", json=body, headers={**headers, **idempotent()})


async def approve(
    auth: Running, headers: Headers, made: httpx.Response, *, key: str | None = None
) -> httpx.Response:
    assert made.status_code == 201, made.text
    return await auth.public.post(
        f"/v1/proposals/{made.json()['id']}/approvals",
        json={"content_hash": made.json()["content_hash"]},
        headers={**headers, **idempotent(key)},
    )


class Two:
    """A support agent who proposes and a security agent who approves; both checked who the person is."""

    def __init__(self, auth: Running) -> None:
        self.ids = [new_id(), new_id()]
        self.first = auth.tokens.agent("support", agent_id=self.ids[0])
        self.second = auth.tokens.agent("security", agent_id=self.ids[1])

    def content(self, person: Person, **changes: Any) -> dict[str, Any]:
        return {
            "user_code_id": str(person.user_code_id),
            "checked_by": [str(one) for one in self.ids],
            "documents": ["passport"],
            **changes,
        }


async def executed(auth: Running, person: Person) -> list[str]:
    return [
        about["command"]
        for name, about in await auth.events()
        if name == "two-person-command-executed" and about["applicant_id"] == str(person.applicant_id)
    ]


async def test_two_who_checked_who_it_is_reset_a_person_in_charge_and_the_second_sees_the_password_once(
    auth: Running, platform: Platform
) -> None:
    person, two = await parties.sessions_person(auth, platform), Two(auth)
    made = await propose(auth, two.first, RESET, two.content(person), about=person.applicant_id)
    approved = await approve(auth, two.second, made, key="once")
    assert set(approved.json()["shown_once"]) == {"one_time_password"}
    password = approved.json()["shown_once"]["one_time_password"]
    assert (await approve(auth, two.second, made, key="once")).json()["shown_once"] == {"one_time_password": None}
    collected = await auth.public.post(f"/v1/proposals/{made.json()['id']}/shown-once", headers=two.first)
    assert fault(collected) == (409, "nothing-to-collect")
    portal = parties.client(auth, platform)
    assert await open_sessions(auth, person) == 0
    assert (await parties.sign_in(new_browser(auth), portal, person)).status_code == 401
    person.password = password
    assert (await parties.sign_in(new_browser(auth), portal, person)).url.path == "/change-password"
    assert await executed(auth, person) == [RESET]
    resets = [about for name, about in await auth.events() if name == "credentials-reset"]
    assert [(about["user_code_id"], about["by"]) for about in resets] == [(str(person.user_code_id), "provider")]
    shown = approved.text + made.text
    assert person.user_code not in shown, "neither of the two learns which code the password is for"
    rows = await auth.database.fetch("SELECT content::text, sealed_for_proposer FROM proposals")
    assert password not in await everything_kept(auth) + str([dict(row) for row in rows])


async def test_each_of_the_two_must_have_checked_who_the_person_is(auth: Running) -> None:
    person, two = await parties.new_person_in_charge(auth), Two(auth)
    about = person.applicant_id
    stranger = auth.tokens.agent("security")
    refused = await propose(auth, stranger, RESET, two.content(person), about=about)
    assert fault(refused) == (409, "identity-not-checked-by-two")
    one = [str(two.ids[0])] * 2
    refused = await propose(auth, two.first, RESET, two.content(person, checked_by=one), about=about)
    assert fault(refused) == (409, "identity-not-checked-by-two")
    made = await propose(auth, two.first, RESET, two.content(person), about=about)
    assert fault(await approve(auth, stranger, made)) == (409, "identity-not-checked-by-two")
    assert fault(await approve(auth, two.first, made)) == (403, "role-may-not-decide")
    own = auth.tokens.agent("security", agent_id=two.ids[0])
    assert fault(await approve(auth, own, made)) == (403, "second-person-needed")
    assert await evidence_of(auth, "reset_credentials") == []
    assert (await approve(auth, two.second, made)).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"documents": []},
        {"documents": ["library-card"]},
        {"checked_by": []},
        {"checked_by": [str(new_id()) for _ in range(3)]},
        {"passport_number": "AB123456"},
        {"user_code_id": "x"},
    ],
    ids=lambda changes: next(iter(changes)),
)
async def test_what_was_seen_is_named_by_its_kind_alone(auth: Running, changes: dict[str, Any]) -> None:
    person, two = await parties.new_person_in_charge(auth), Two(auth)
    answer = await propose(auth, two.first, RESET, two.content(person, **changes), about=person.applicant_id)
    assert fault(answer) == (400, "proposal-content-invalid")
    assert "AB123456" not in answer.text + await everything_kept(auth)


async def test_a_user_an_unknown_code_and_another_applicants_are_not_reset_by_two(
    auth: Running, platform: Platform
) -> None:
    chief, user = await known_user(auth, platform)
    two, foreign = Two(auth), await parties.new_person_in_charge(auth)
    answer = await propose(auth, two.first, RESET, two.content(user), about=user.applicant_id)
    assert fault(answer) == (403, "reset-belongs-to-person-in-charge")
    answer = await propose(auth, two.first, RESET, two.content(foreign), about=chief.applicant_id)
    assert fault(answer) == (400, "proposal-names-another-applicant")
    unknown = Person(chief.applicant_id, new_id(), "", "")
    answer = await propose(auth, two.first, RESET, two.content(unknown), about=chief.applicant_id)
    assert fault(answer) == (404, "not-found")
    department = auth.tokens.agent("security", side="cnesst")
    answer = await propose(auth, department, RESET, two.content(chief), about=chief.applicant_id)
    assert fault(answer) == (403, "role-may-not-propose")


async def test_a_code_revoked_between_proposal_and_approval_is_not_reset(auth: Running) -> None:
    chief, two = await parties.new_person_in_charge(auth), Two(auth)
    peer = await new_peer(auth, chief)
    made = await propose(auth, two.first, RESET, two.content(peer), about=peer.applicant_id)
    assert (await revoke(auth, peer, auth.tokens.agent("decider"))).status_code == 200
    assert fault(await approve(auth, two.second, made)) == (409, "user-code-not-active")
    assert await executed(auth, peer) == []


async def test_two_approvals_at_once_reset_once(auth: Running) -> None:
    person, two = await parties.new_person_in_charge(auth), Two(auth)
    made = await propose(auth, two.first, RESET, two.content(person), about=person.applicant_id)
    answers = await asyncio.gather(*(approve(auth, two.second, made) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
    assert len(await evidence_of(auth, "reset_credentials")) == 1


async def test_only_two_remove_the_last_active_person_in_charge(auth: Running, platform: Platform) -> None:
    chief = await parties.sessions_person(auth, platform)
    decider = auth.tokens.agent("decider")
    assert fault(await revoke(auth, chief, decider)) == (409, "last-person-in-charge-needs-two")
    content = {"user_code_id": str(chief.user_code_id), "reason_code": REASON}
    made = await propose(auth, decider, REVOKE, content, about=chief.applicant_id)
    assert fault(await approve(auth, decider, made)) == (403, "second-person-needed")
    security = auth.tokens.agent("security")
    assert fault(await approve(auth, security, made)) == (403, "role-may-not-decide")
    assert (await approve(auth, auth.tokens.agent("decider"), made)).status_code == 200
    assert await told(auth, chief) == ["user-code-revoked"]
    assert (await standing_of(auth, chief), await open_sessions(auth, chief)) == ("revoked", 0)
    assert await executed(auth, chief) == [REVOKE]
    kept = (await evidence_of(auth, "revoke_user_code"))[0]
    assert (kept["side"], kept["reason_code"]) == ("provider", REASON)
    again = await propose(auth, security, REVOKE, content, about=chief.applicant_id)
    assert fault(again) == (409, "user-code-revoked")


async def test_a_users_code_takes_one_decider_not_two(auth: Running) -> None:
    chief = await parties.new_person_in_charge(auth)
    user = await new_user(auth, chief)
    content = {"user_code_id": str(user.user_code_id), "reason_code": REASON}
    answer = await propose(auth, auth.tokens.agent("decider"), REVOKE, content, about=user.applicant_id)
    assert fault(answer) == (409, "user-code-not-of-person-in-charge")


async def test_two_revoke_every_code_of_an_applicant_and_no_other(auth: Running, platform: Platform) -> None:
    chief, user = await known_user(auth, platform)
    held, foreign = await new_peer(auth, chief), await parties.new_person_in_charge(auth)
    pending = await parties.assign(auth, applicant_id=chief.applicant_id)
    await hold(auth, held, auth.tokens.agent("decider"))
    gone = await new_user(auth, chief)
    await revoke(auth, gone, as_chief(auth, chief))
    portal = parties.client(auth, platform)
    code = answer_of(await parties.sign_in(new_browser(auth), portal, user))["code"]
    content = {"applicant_id": str(chief.applicant_id), "reason_code": REASON}
    made = await propose(auth, auth.tokens.agent("security"), REVOKE_ALL, content, about=chief.applicant_id)
    assert (await approve(auth, auth.tokens.agent("decider"), made)).status_code == 200
    rows = await auth.database.fetch("SELECT id FROM user_codes WHERE state <> 'revoked'")
    assert [row["id"] for row in rows] == [foreign.user_code_id]
    for person in (chief, user, held, pending, gone):
        assert (await told(auth, person)).count("user-code-revoked") == 1
        assert (await standing_of(auth, person), await open_sessions(auth, person)) == ("revoked", 0)
    assert (await portal.redeem(code)).json()["error"] == "invalid_grant"
    assert await executed(auth, chief) == [REVOKE_ALL]
    again = await propose(auth, auth.tokens.agent("decider"), REVOKE_ALL, content, about=chief.applicant_id)
    assert fault(again) == (409, "no-codes-to-revoke")


async def test_a_mass_revocation_is_bounded_and_whole_or_not_at_all(
    auth: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    chief = await parties.new_person_in_charge(auth)
    content = {"applicant_id": str(chief.applicant_id), "reason_code": REASON}
    monkeypatch.setattr(hold_rules, "MOST_AT_ONCE", 2)
    await new_user(auth, chief)
    made = await propose(auth, auth.tokens.agent("decider"), REVOKE_ALL, content, about=chief.applicant_id)
    await new_user(auth, chief)
    refused = await approve(auth, auth.tokens.agent("decider"), made)
    assert fault(refused) == (409, "too-many-codes-at-once")
    assert await evidence_of(auth, "revoke_user_code") == []


async def test_codes_revoked_one_by_one_and_all_at_once_at_the_same_instant_are_each_revoked_once(
    auth: Running,
) -> None:
    chief = await parties.new_person_in_charge(auth)
    users = [await new_user(auth, chief) for _ in range(3)]
    content = {"applicant_id": str(chief.applicant_id), "reason_code": REASON}
    decider = auth.tokens.agent("decider")
    made = await propose(auth, decider, REVOKE_ALL, content, about=chief.applicant_id)
    answers = await asyncio.gather(
        approve(auth, auth.tokens.agent("decider"), made), *(revoke(auth, user, decider) for user in users)
    )
    assert answers[0].status_code == 200
    assert {answer.status_code for answer in answers[1:]} <= {200, 409}
    for person in (chief, *users):
        assert await told(auth, person) == ["user-code-revoked"]


@pytest.mark.parametrize("role", ["validator", "support", "auditor"])
async def test_no_other_role_proposes_a_revocation_by_two(auth: Running, role: str) -> None:
    chief = await parties.new_person_in_charge(auth)
    content = {"applicant_id": str(chief.applicant_id), "reason_code": REASON}
    answer = await propose(auth, auth.tokens.agent(role), REVOKE_ALL, content, about=chief.applicant_id)
    assert answer.status_code == 403


async def test_what_two_decide_about_an_applicant_needs_a_purpose_and_an_applicant_that_exists(
    auth: Running,
) -> None:
    chief = await parties.new_person_in_charge(auth)
    content = {"applicant_id": str(chief.applicant_id), "reason_code": REASON}
    headers = {**auth.tokens.agent("decider"), "Clicsequr-Purpose": ""}
    refused = await propose(auth, headers, REVOKE_ALL, content, about=chief.applicant_id)
    assert refused.json()["code"] == "purpose-missing"
    nobody = new_id()
    content = {"applicant_id": str(nobody), "reason_code": REASON}
    assert fault(await propose(auth, auth.tokens.agent("decider"), REVOKE_ALL, content, about=nobody)) == (
        404,
        "not-found",
    )
