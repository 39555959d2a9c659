import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from libs.common.assurance import is_enough
from libs.common.ids import new_id
from services.auth.agent_account.rules import AgentAccount
from services.auth.authorization import asked_claims
from services.auth.authorization.grant_rules import HeldGrant, TokenGrant, is_good, narrow_scope
from services.auth.oauth_errors import OAuthError
from services.auth.session.holder import Holder
from services.auth.session.rules import ACR_PASSWORD, ACR_TWO_FACTOR, Lifetime, Session, Stage

NOON = datetime(2026, 5, 4, 16, tzinfo=UTC)
LIFETIME = Lifetime(timedelta(minutes=30), timedelta(hours=10))
GRANT = TokenGrant(new_id(), "portal", new_id(), ("openid", "offline_access"), (), b"", NOON, NOON)
AGENT = AgentAccount(new_id(), "a", "provider", ("validator",), "", "", b"", "", 0, NOON)
SESSION = Session(
    id=GRANT.session_id,
    secret_hash=b"",
    stage=Stage.COMPLETE,
    user_code_id=None,
    applicant_id=None,
    agent_id=AGENT.id,
    is_recourse=False,
    amr=("pwd",),
    conditions=None,
    authenticated_at=NOON,
    last_seen_at=NOON,
)
HELD = HeldGrant(GRANT, SESSION, Holder(agent=AGENT), None)


def test_a_scope_is_narrowed_in_the_order_it_was_granted() -> None:
    assert narrow_scope(("openid", "offline_access"), None) == ("openid", "offline_access")
    assert narrow_scope(("openid", "offline_access"), "offline_access openid") == ("openid", "offline_access")
    assert narrow_scope(("openid", "offline_access"), "openid") == ("openid",)
    for wider in ("openid recourse", "profile", "  "):
        with pytest.raises(OAuthError, match="invalid_scope"):
            narrow_scope(("openid",), wider)


@pytest.mark.parametrize(
    "held",
    [
        replace(HELD, grant=replace(GRANT, is_ended=True)),
        replace(HELD, session=replace(SESSION, ended_at=NOON)),
        replace(HELD, session=replace(SESSION, stage=Stage.CHANGE_PASSWORD)),
        replace(HELD, session=replace(SESSION, last_seen_at=NOON - timedelta(minutes=31))),
        replace(HELD, session=replace(SESSION, authenticated_at=NOON - timedelta(hours=11))),
        replace(HELD, holder=Holder()),
    ],
)
def test_a_grant_is_good_while_it_its_session_and_its_holder_are(held: HeldGrant) -> None:
    assert is_good(HELD, lifetime=LIFETIME, at=NOON)
    assert not is_good(held, lifetime=LIFETIME, at=NOON)


def test_recourse_is_never_refreshed() -> None:
    assert GRANT.may_be_refreshed
    assert not replace(GRANT, scope=("openid", "recourse", "offline_access")).may_be_refreshed
    assert not replace(GRANT, scope=("openid",)).may_be_refreshed


def required(acr: Any) -> str | None:
    return asked_claims.read_required_acr(json.dumps({"id_token": {"acr": acr}}))


def test_the_lowest_level_that_serves_is_required() -> None:
    assert required({"essential": True, "values": [ACR_TWO_FACTOR, ACR_PASSWORD]}) == ACR_PASSWORD
    assert required({"essential": True, "value": ACR_TWO_FACTOR}) == ACR_TWO_FACTOR
    for wish in ({"values": [ACR_TWO_FACTOR]}, {"essential": False, "value": ACR_TWO_FACTOR}, None, {}):
        assert required(wish) is None


@pytest.mark.parametrize("acr", [None, ACR_TWO_FACTOR])
@pytest.mark.parametrize("subject", [None, "somebody"])
def test_what_is_required_is_asked_for_again_as_it_was(acr: str | None, subject: str | None) -> None:
    again = asked_claims.as_parameter(acr=acr, subject=subject)
    assert asked_claims.read_required_acr(again) == acr
    assert asked_claims.read_required_subject(again) == subject


def test_a_higher_level_serves_a_lower_one_and_an_unknown_one_serves_nothing() -> None:
    assert is_enough(ACR_TWO_FACTOR, ACR_PASSWORD)
    assert not is_enough(ACR_PASSWORD, ACR_TWO_FACTOR)
    assert not is_enough("urn:elsewhere", ACR_PASSWORD)
    assert is_enough("urn:elsewhere", None)
