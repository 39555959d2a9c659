"""Who stands in the access record of a call that brings no access token."""

from dataclasses import replace
from datetime import datetime, timedelta

from fastapi import Request

from libs.common.access_records import Circumstances
from libs.common.admission import circumstances_of
from libs.common.call import Call
from libs.common.clock import next_second
from libs.common.principal import Principal
from services.auth.agent_account.rules import AgentAccount
from services.auth.client.rules import RECOURSE, Client
from services.auth.session.holder import Holder
from services.auth.session.rules import Session, role_in
from services.auth.user_code.rules import Facts

ANONYMOUS = "anonymous"


def nobody(*, client_id: str | None, at: datetime) -> Principal:
    return Principal(actor=ANONYMOUS, admitted_as=frozenset(), issued_at=at, client_id=client_id)


def somebody_claiming(claimed: Holder, *, client_id: str | None, at: datetime) -> Principal:
    """Whose code or agent's account was tried; that it was they is not shown."""
    anonymous = nobody(client_id=client_id, at=at)
    if claimed.facts is None:
        return replace(anonymous, agent_id=claimed.agent.id if claimed.agent else None)
    code = claimed.facts.code
    return replace(anonymous, applicant_id=code.applicant_id, user_code_id=code.id, role=claimed.facts.role)


def acting(principal: Principal, actor: str) -> Principal:
    return replace(principal, actor=actor)


def person(facts: Facts, session: Session, *, client_id: str | None, issued_at: datetime) -> Principal:
    role = role_in(session, facts)
    return Principal(
        actor=facts.code.actor,
        admitted_as=frozenset({str(role)}),
        issued_at=issued_at,
        client_id=client_id,
        applicant_id=session.acts_for,
        user_code_id=facts.code.id,
        session_id=session.id,
        role=role,
        power_of_attorney_id=session.power_of_attorney_id,
        user_code_applicant_id=facts.code.applicant_id,
        scopes=frozenset({RECOURSE}) if session.is_recourse else frozenset(),
        acr=session.acr,
        amr=session.amr,
        conditions=session.conditions,
    )


def agent(account: AgentAccount, session: Session, *, client_id: str | None, issued_at: datetime) -> Principal:
    return Principal(
        actor=account.actor,
        admitted_as=frozenset(f"agent:{role}" for role in account.roles),
        issued_at=issued_at,
        client_id=client_id,
        session_id=session.id,
        agent_id=account.id,
        agent_side=account.side,
        acr=session.acr,
        amr=session.amr,
    )


def holder(found: Holder, session: Session, *, client_id: str | None, issued_at: datetime) -> Principal:
    """Whoever's session it is; nobody when the account is gone."""
    if found.facts is not None:
        return person(found.facts, session, client_id=client_id, issued_at=issued_at)
    if found.agent is not None:
        return agent(found.agent, session, client_id=client_id, issued_at=issued_at)
    return nobody(client_id=client_id, at=issued_at)


def client(known: Client, *, issued_at: datetime) -> Principal:
    return Principal(
        actor=known.actor,
        admitted_as=frozenset(),
        issued_at=issued_at,
        client_id=known.client_id,
        department=known.department,
        scopes=frozenset(known.scopes),
    )


def client_about(known: Client, session: Session, *, issued_at: datetime) -> Principal:
    """A client that shows what was given in somebody's session."""
    return replace(
        client(known, issued_at=issued_at),
        applicant_id=session.acts_for,
        user_code_id=session.user_code_id,
        user_code_applicant_id=session.applicant_id,
        session_id=session.id,
        agent_id=session.agent_id,
        power_of_attorney_id=session.power_of_attorney_id,
    )


def earliest_token(at: datetime) -> datetime:
    """The first second in which a token can be issued after `at`: signing in gives none before."""
    return next_second(at) + timedelta(seconds=1)


def circumstances(request: Request, *, action: str) -> Circumstances:
    return circumstances_of(request, nobody(client_id=None, at=request.state.at), action=action)


def call_of(found: Circumstances, principal: Principal) -> Call:
    return Call(principal.actor, found.at, found.correlation_id, principal)
