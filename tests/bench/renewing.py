"""What the next token of a grant, and the question whether a token is good, cost beside the least possible."""

import asyncio
from collections import deque

from deploy.local.environment import Platform
from tests.bench.figures import Figure
from tests.bench.load import get
from tests.bench.signing_in import (
    ASSERTIONS,
    CLIENT,
    MACHINE,
    PEOPLE,
    TOKENS_AT_ONCE,
    assertions_of,
    bare_insert,
    bare_token,
    beside_bare,
    require,
    require_crowd,
    strides,
    token_of,
    whole_sign_in,
)
from tests.bench.talk import Talk, post_form
from tests.crowd import code_of
from tests.suite import Suite

SCOPE = "openid offline_access"
INTROSPECTION = "introspection"


def refresh_ratio(suite: Suite, *, people: int = PEOPLE, name: str = "refresh-ratio") -> list[Figure]:
    """A refresh token for the next one and an access token, by private_key_jwt, against one durable INSERT.

    And against the least of its kind.
    """
    return asyncio.run(_refresh(suite.platform, people=people, name=name))


def introspection_ratio(suite: Suite, *, people: int = PEOPLE, name: str = "introspection-ratio") -> list[Figure]:
    """Whether a person's access token is good, asked with a Bearer token, against one SELECT by key."""
    return asyncio.run(_introspection(suite.platform, people=people, name=name))


async def _refresh(platform: Platform, *, people: int, name: str) -> list[Figure]:
    families = deque([one["refresh_token"] for one in await _signed_in(platform, people=people)])
    assertions = assertions_of(platform, CLIENT, ASSERTIONS)

    async def once(talk: Talk) -> None:
        asked = {"grant_type": "refresh_token", "refresh_token": families.popleft()}
        families.append((await token_of(talk, asked, assertion=next(assertions)))["refresh_token"])

    least = bare_token("/refreshed", assertions_of(platform, CLIENT, ASSERTIONS))
    return await beside_bare(platform, name, once, bare_insert, least=least)


async def _introspection(platform: Platform, *, people: int, name: str) -> list[Figure]:
    shown = deque([one["access_token"] for one in await _signed_in(platform, people=people)])
    talk = Talk(platform.ports.public("auth"))
    own = {"grant_type": "client_credentials", "scope": INTROSPECTION}
    given = await token_of(talk, own, assertion=next(assertions_of(platform, MACHINE, 1)))
    talk.close()
    bearer = {"Authorization": f"Bearer {given['access_token']}"}

    async def once(talk: Talk) -> None:
        shown.rotate()
        answer = await talk.ask(post_form("/oauth/introspect", {"token": shown[0]}, headers=bearer))
        require(answer.status == 200 and answer.body.startswith(b'{"active":true'), answer.status)

    async def bare_select(talk: Talk) -> None:
        answer = await talk.ask(get(f"/clients/{MACHINE}", headers={}))
        require(answer.status == 200, answer.status)

    return await beside_bare(platform, name, once, bare_select)


async def _signed_in(platform: Platform, *, people: int) -> list[dict[str, str]]:
    """Twice as many families as are asked about at once, so that none is asked about twice at a time."""
    await require_crowd(platform, number=people)
    number = 2 * TOKENS_AT_ONCE
    assertions, numbers = assertions_of(platform, CLIENT, number), strides(people)
    talk = Talk(platform.ports.public("auth"))
    given = [
        await whole_sign_in(talk, code_of(next(numbers)), assertion=next(assertions), scope=SCOPE)
        for _ in range(number)
    ]
    talk.close()
    return given
