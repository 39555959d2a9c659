"""Tells a person of a sign-in by their code that may be somebody else's, in the sign-in's own transaction."""

from datetime import datetime
from uuid import UUID

from libs.common.access_records import Circumstances
from libs.common.call import Call
from libs.common.contracts.auth import SuspiciousSignIn
from libs.common.contracts.envelope import applicant_key
from libs.common.database import Connection
from libs.common.outbox import publish
from services.auth.session import suspicion, suspicion_store
from services.auth.session.rules import Session, network_of
from services.auth.session.suspicion import Kind, SignIn, Suspicion
from services.auth.user_code.passwords import Passwords
from services.auth.user_code.rules import UserCode

SERVICE = "auth"


async def watch_sign_in(  # noqa: PLR0913 - a sign-in and where it came from, each by name
    tx: Connection,
    call: Call,
    passwords: Passwords,
    *,
    code: UserCode,
    session: Session,
    circumstances: Circumstances,
) -> None:
    """Remembers network and browser as digests, and publishes what is odd about them. It refuses nothing."""
    at = circumstances.at
    done = SignIn(
        network=passwords.digest(f"network {network_of(circumstances.address)}"),
        browser=passwords.digest(f"browser {circumstances.user_agent or ''}"),
        is_first_use=code.first_used_at is None or code.first_used_at >= at,
        at=at,
    )
    known, addresses = await suspicion_store.list_marks_and_failures(
        tx, code.id, at=at, marks_since=at - suspicion.REMEMBERED, failures_since=at - suspicion.SHORT_TIME
    )
    networks = {network_of(address) for address in addresses}
    found = suspicion.suspicions(done, known=known, networks_of_failures=len(networks))
    suspicion_store.add_marks(tx, code.id, _marks(done, found), at=at)
    if found:
        await publish(
            tx,
            call,
            _event(code, session, circumstances, found=found),
            service=SERVICE,
            partitionkey=applicant_key(code.applicant_id),
        )


async def forget_marks_of(tx: Connection, user_code_id: UUID) -> None:
    """Whoever used the code until now is no more known than at its first use."""
    await suspicion_store.forget_marks_of(tx, user_code_id)


async def forget_old_marks(tx: Connection, *, at: datetime) -> int:
    return await suspicion_store.forget_old_marks(tx, before=at - suspicion.REMEMBERED)


def _marks(done: SignIn, found: tuple[Suspicion, ...]) -> list[tuple[Kind, bytes]]:
    seen = [(Kind.BROWSER, done.browser), (Kind.NETWORK, done.network)]
    return [*seen, *((Kind.TOLD, reason.encode()) for reason in found)]


def _event(
    code: UserCode, session: Session, circumstances: Circumstances, *, found: tuple[Suspicion, ...]
) -> SuspiciousSignIn:
    browser, system = suspicion.browser_of(circumstances.user_agent)
    return SuspiciousSignIn(
        applicant_id=code.applicant_id,
        user_code_id=code.id,
        session_id=session.id,
        reasons=tuple(reason.value for reason in found),
        browser=browser,
        system=system,
    )
