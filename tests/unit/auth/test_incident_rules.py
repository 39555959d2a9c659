from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.errors import DomainError
from libs.common.ids import new_id
from services.auth.incident import rules
from services.auth.incident.rules import Channel, Incident, Kind, Outcome, Reporter

AT = datetime(2026, 11, 25, 15, 0, tzinfo=UTC)
SILENCE = timedelta(hours=24)
CODE, OTHER, APPLICANT = new_id(), new_id(), new_id()


def reported(reporter: Reporter) -> Incident:
    return rules.report(
        reporter,
        new_id(),
        applicant_id=APPLICANT,
        user_code_id=CODE,
        kind=Kind.UNAUTHORIZED_USE,
        description="somebody filed a return in my name",
        by="user_code:x",
        silence=SILENCE,
        at=AT,
    )


LATER = AT + timedelta(hours=1)


def resolved(
    incident: Incident,
    *,
    is_provider: bool,
    outcome: Outcome = Outcome.UNFOUNDED,
    own_code: UUID | None = OTHER,
    password_set_at: datetime | None = AT - timedelta(days=3),
) -> Incident:
    return rules.resolve(
        incident,
        outcome=outcome,
        by="user_code:y",
        own_code=own_code,
        is_provider=is_provider,
        password_set_at=password_set_at,
        at=LATER,
    )


def test_a_user_tells_the_person_in_charge_and_silence_tells_the_provider() -> None:
    incident = reported(Reporter.USER)
    assert (incident.reported_to_person_in_charge_at, incident.reported_to_provider_at) == (AT, None)
    assert not rules.is_due(incident, at=AT + SILENCE - timedelta(seconds=1))
    assert rules.is_due(incident, at=AT + SILENCE)


def test_a_person_in_charge_tells_the_provider_at_once() -> None:
    incident = reported(Reporter.PERSON_IN_CHARGE)
    assert (incident.reported_to_person_in_charge_at, incident.reported_to_provider_at) == (AT, AT)
    assert not rules.is_due(incident, at=AT + 10 * SILENCE)


def test_who_calls_by_telephone_tells_the_provider() -> None:
    incident = reported(Reporter.CALLER)
    assert incident.channel is Channel.TELEPHONE
    assert (incident.reported_to_person_in_charge_at, incident.reported_to_provider_at) == (None, AT)


def test_the_report_concerns_the_reporters_own_code_unless_said_otherwise() -> None:
    assert rules.require_may_report(Reporter.USER, own_code=CODE, concerned=None) == CODE
    assert rules.require_may_report(Reporter.PERSON_IN_CHARGE, own_code=CODE, concerned=OTHER) == OTHER
    with pytest.raises(rules.OnlyOwnCode):
        rules.require_may_report(Reporter.USER, own_code=CODE, concerned=OTHER)
    with pytest.raises(rules.ConcernedCodeMissing):
        rules.require_may_report(Reporter.CALLER, own_code=None, concerned=None)


def test_what_is_passed_on_is_passed_on_once_and_resolved_by_the_provider() -> None:
    passed = rules.pass_on(reported(Reporter.USER), at=AT + timedelta(minutes=5))
    assert passed.reported_to_provider_at == AT + timedelta(minutes=5)
    with pytest.raises(rules.AlreadyPassedOn):
        rules.pass_on(passed, at=AT)
    with pytest.raises(rules.ProviderResolves):
        resolved(passed, is_provider=False)
    assert resolved(passed, is_provider=True, own_code=None).outcome is Outcome.UNFOUNDED


def test_what_a_person_in_charge_finds_confirmed_is_passed_on_and_not_closed_by_them() -> None:
    incident = reported(Reporter.USER)
    with pytest.raises(rules.ConfirmedNotPassedOn):
        resolved(incident, is_provider=False, outcome=Outcome.CONFIRMED, password_set_at=LATER)
    assert rules.is_due(incident, at=AT + SILENCE)
    assert resolved(incident, is_provider=False, outcome=Outcome.UNFOUNDED).passes_on_at is None


def test_what_is_confirmed_is_over_only_once_the_password_is_younger_than_the_report() -> None:
    incident = reported(Reporter.PERSON_IN_CHARGE)
    for before in (AT - timedelta(days=3), AT):
        with pytest.raises(rules.CredentialsNotReset):
            resolved(incident, is_provider=True, outcome=Outcome.CONFIRMED, password_set_at=before)
    for after in (AT + timedelta(microseconds=1), None):
        done = resolved(incident, is_provider=True, outcome=Outcome.CONFIRMED, password_set_at=after)
        assert done.outcome is Outcome.CONFIRMED
    assert resolved(incident, is_provider=True, password_set_at=AT).outcome is Outcome.UNFOUNDED


def test_what_the_provider_was_told_or_is_over_is_no_news_to_it() -> None:
    incident = reported(Reporter.USER)
    assert rules.is_news_to_provider(incident)
    assert not rules.is_news_to_provider(rules.pass_on(incident, at=LATER))
    assert not rules.is_news_to_provider(resolved(incident, is_provider=False))


def test_nobody_resolves_an_incident_of_their_own_code() -> None:
    with pytest.raises(rules.NotOnesOwnIncident):
        resolved(reported(Reporter.USER), is_provider=False, own_code=CODE)


def test_what_is_resolved_stays_resolved() -> None:
    done = resolved(reported(Reporter.USER), is_provider=False)
    assert not rules.is_due(done, at=AT + 10 * SILENCE)
    with pytest.raises(rules.IncidentResolved):
        rules.pass_on(done, at=AT)
    with pytest.raises(rules.IncidentResolved):
        resolved(done, is_provider=True)


MOVES = st.lists(
    st.sampled_from(
        ["pass-on", "silence", "resolve", "confirm", "resolve-provider", "confirm-provider", "resolve-own"]
    ),
    max_size=8,
)


@given(st.sampled_from(Reporter), MOVES)
def test_no_sequence_moves_an_instant_that_was_told_nor_opens_what_is_resolved(
    reporter: Reporter, moves: list[str]
) -> None:
    incident, at = reported(reporter), AT
    for move in moves:
        before, at = incident, at + timedelta(hours=13)
        try:
            match move:
                case "pass-on":
                    incident = rules.pass_on(incident, at=at)
                case "silence" if rules.is_due(incident, at=at):
                    incident = rules.pass_on(incident, at=at)
                case "resolve":
                    incident = resolved(incident, is_provider=False)
                case "resolve-provider":
                    incident = resolved(incident, is_provider=True, own_code=None)
                case "confirm" | "confirm-provider":
                    by_provider = move == "confirm-provider"
                    confirmed = Outcome.CONFIRMED
                    incident = resolved(incident, is_provider=by_provider, outcome=confirmed, password_set_at=at)
                case "resolve-own":
                    incident = resolved(incident, is_provider=False, own_code=CODE)
        except DomainError:
            assert incident == before
        assert before.reported_to_provider_at in {None, incident.reported_to_provider_at}
        assert incident.reported_to_person_in_charge_at == before.reported_to_person_in_charge_at
        assert before.resolved_at in {None, incident.resolved_at}
        assert not (incident.passes_on_at and (incident.is_with_provider or incident.resolved_at))
        assert (incident.resolved_at is None) == (incident.outcome is None)
        assert incident.outcome is not Outcome.CONFIRMED or incident.is_with_provider
