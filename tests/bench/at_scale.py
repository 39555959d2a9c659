"""The same figures of auth beside a million user codes and their living sessions."""

import asyncio
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import SecretStr

from deploy.local.environment import Platform
from libs.common.clock import now
from services.auth.key_files import read_key
from services.auth.user_code.passwords import Passwords
from tests.bench.figures import Figure
from tests.bench.renewing import introspection_ratio, refresh_ratio
from tests.bench.signing_in import CLIENT, jwks_ratio, settings_of, sign_in_ratio, superuser, token_ratio
from tests.crowd import PASSWORD, add_crowd, add_sessions
from tests.suite import Suite, real_suite

CODES, SESSIONS = 1_000_000, 200_000
CHUNK = 100_000
LOAD_SECONDS = 240


def auth_at_scale(_suite: Suite) -> list[Figure]:
    """In a suite of its own: nobody else's figures are touched."""
    with TemporaryDirectory() as directory, real_suite(Path(directory), trace_ratio="0.1") as suite:
        began = time.perf_counter()
        asyncio.run(load(suite.platform))
        print(f"loaded in {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
        return measure(suite)


async def load(platform: Platform) -> None:
    """By COPY, in pieces, within LOAD_SECONDS. Raises TimeoutError."""
    settings = settings_of(platform)
    hashed = await Passwords(settings, read_key(settings.pepper_key_file)).hash(SecretStr(PASSWORD))
    async with asyncio.timeout(LOAD_SECONDS), superuser(platform) as connection:
        for first in range(0, CODES, CHUNK):
            at = now()
            people = await add_crowd(connection, hashed, count=min(CHUNK, CODES - first), at=at, first=first)
            of_session = people[: max(0, SESSIONS - first)]
            await add_sessions(connection, of_session, client_id=CLIENT, at=at)
        await connection.execute("VACUUM ANALYZE", timeout=LOAD_SECONDS)


def measure(suite: Suite) -> list[Figure]:
    return [
        *sign_in_ratio(suite, people=CODES, name="sign-in-ratio-at-scale"),
        *token_ratio(suite, name="token-ratio-at-scale"),
        *refresh_ratio(suite, people=CODES, name="refresh-ratio-at-scale"),
        *introspection_ratio(suite, people=CODES, name="introspection-ratio-at-scale"),
        *jwks_ratio(suite, name="jwks-ratio-at-scale"),
    ]
