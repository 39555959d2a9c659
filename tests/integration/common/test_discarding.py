"""A parked event is discarded by two persons, in the order of its key, and what waits behind it goes on."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from deploy.local.environment import Platform
from libs.common.contracts.envelope import Envelope, applicant_key
from libs.common.ids import new_id
from libs.common.inbox import list_parked
from libs.common.proposal.api import proposal_routes
from libs.common.proposal.parked import parked_alone
from tests.integration.common.probe import CONSUMER, Noted
from tests.integration.common.two_persons import approve, propose
from tests.kit import Running, running

APPLICANT = new_id()
KEY = applicant_key(APPLICANT)
FOLLOWING = replace(CONSUMER, public_routers=[proposal_routes(parked_alone("auth"))])


@pytest.fixture
async def service(platform: Platform) -> AsyncIterator[Running]:
    async with running(FOLLOWING, platform) as service:
        yield service


async def hear(service: Running, *texts: str) -> list[Envelope]:
    heard = []
    for text in texts:
        noted = Noted(applicant_id=APPLICANT, text=text)
        heard.append(service.envelope(noted, publisher="registry", partitionkey=KEY))
        await service.inbox.receive("registry", heard[-1])
    return heard


async def propose_discarding(service: Running, event: Envelope, **changes: Any) -> httpx.Response:
    content = {"source": event.source, "partitionkey": KEY, "event_id": str(event.id), **changes}
    security = service.tokens.agent("security")
    return await propose(service, security, command="discard_parked_event", content=content)


async def notes(service: Running) -> list[str]:
    return [row["text"] for row in await service.database.fetch("SELECT text FROM notes ORDER BY row_number")]


async def test_two_persons_discard_the_event_that_the_others_wait_behind(service: Running) -> None:
    poison, *_ = await hear(service, "poison", "second", "third")
    made = (await propose_discarding(service, poison)).json()
    assert len(await list_parked(service.database)) == 3
    answer = await approve(service, service.tokens.agent("security"), made)
    assert answer.status_code == 200, answer.text
    assert await service.inbox.replay(source=poison.source, partitionkey=KEY) == 2
    assert await notes(service) == ["second", "third"]
    await service.inbox.receive("registry", poison)
    assert await list_parked(service.database) == []
    rows = await service.database.fetch("SELECT command, content FROM evidence_records ORDER BY at, id")
    told = {row["command"]: row["content"] for row in rows}
    assert told["discard_parked_event"]["event_id"] == str(poison.id)
    assert told["approve_proposal"]["proposed_by"] != told["approve_proposal"]["decided_by"]
    assert "poison" not in str(told)


async def test_only_the_first_of_a_key_is_discarded(service: Running) -> None:
    poison, second = await hear(service, "poison", "second")
    later = await propose_discarding(service, second)
    assert (later.status_code, later.json()["code"]) == (409, "parked-event-not-first")
    unknown = await propose_discarding(service, poison, partitionkey=applicant_key(new_id()))
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not-found")


async def test_an_event_that_was_replayed_meanwhile_is_discarded_no_more(service: Running) -> None:
    poison, _ = await hear(service, "poison", "second")
    made = (await propose_discarding(service, poison)).json()
    again = (await propose_discarding(service, poison)).json()
    answers = await asyncio.gather(
        approve(service, service.tokens.agent("security"), made),
        approve(service, service.tokens.agent("security"), again),
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert [row["sequence"] for row in await list_parked(service.database)] == [2]


async def test_nobody_else_discards(service: Running) -> None:
    [poison] = await hear(service, "poison")
    content = {"source": poison.source, "partitionkey": KEY, "event_id": str(poison.id)}
    for headers in (
        service.tokens.agent("security", side="cnesst"),
        service.tokens.agent("decider"),
        service.tokens.person_in_charge(APPLICANT, new_id()),
    ):
        answer = await propose(service, headers, command="discard_parked_event", content=content)
        assert (answer.status_code, answer.json()["code"]) == (403, "role-not-admitted")
