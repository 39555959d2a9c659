"""An incident: reported, passed on to the provider, resolved (clauses 19 and 21)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from libs.common.errors import Conflict, Forbidden, Invalid, NotFound


class Kind(StrEnum):
    UNAUTHORIZED_USE = "unauthorized-use"
    ATTEMPTED_BREACH = "attempted-breach"


class Channel(StrEnum):
    ONLINE = "online"
    TELEPHONE = "telephone"


class Outcome(StrEnum):
    """What it turned out to be."""

    CONFIRMED = "confirmed"
    UNFOUNDED = "unfounded"


class Reporter(StrEnum):
    """Who speaks: a user to the person in charge, a person in charge or a caller by telephone to the provider."""

    USER = "user"
    PERSON_IN_CHARGE = "person_in_charge"
    CALLER = "caller"


class UnknownIncident(NotFound):
    code = "incident-not-found"
    en = "There is no such incident."
    fr = "Cet incident n'existe pas."


class ConcernedCodeMissing(Invalid):
    code = "concerned-user-code-missing"
    en = "Say which user code is concerned: field user_code_id."
    fr = "Indiquez le code d'utilisateur concerné : champ user_code_id."


class OnlyOwnCode(Forbidden):
    code = "only-own-user-code"
    en = "A user reports about their own user code. A person in charge of online services can report about others."
    fr = (
        "Un utilisateur signale ce qui touche son propre code d'utilisateur. Un responsable des services "
        "électroniques peut signaler ce qui touche les autres."
    )


class AlreadyPassedOn(Conflict):
    code = "incident-already-passed-on"
    en = "The provider knows of this incident already."
    fr = "Le fournisseur de services est déjà informé de cet incident."


class IncidentResolved(Conflict):
    code = "incident-already-resolved"
    en = "This incident is resolved."
    fr = "Cet incident est réglé."


class ProviderResolves(Forbidden):
    code = "incident-with-provider"
    en = "The provider knows of this incident and resolves it."
    fr = "Le fournisseur de services est informé de cet incident; c'est à lui de le régler."


class NotOnesOwnIncident(Forbidden):
    code = "incident-of-own-user-code"
    en = "Somebody else must resolve an incident that concerns your own user code."
    fr = "Une autre personne doit régler un incident qui touche votre propre code d'utilisateur."


class ConfirmedNotPassedOn(Conflict):
    code = "confirmed-incident-not-passed-on"
    en = "The provider must know of what is confirmed, and resolves it. Pass the incident on."
    fr = (
        "Le fournisseur de services doit être informé de ce qui est confirmé, et c'est à lui de le régler. "
        "Transmettez-lui l'incident."
    )


class CredentialsNotReset(Conflict):
    code = "credentials-not-reset-since-incident"
    en = (
        "The password of this user code is older than the incident. Have it reset first: a user's by a person in "
        "charge, a person in charge's by two agents."
    )
    fr = (
        "Le mot de passe de ce code d'utilisateur est plus ancien que l'incident. Faites-le d'abord "
        "réinitialiser : celui d'un utilisateur par un responsable, celui d'un responsable par deux agents."
    )


@dataclass(frozen=True, slots=True)
class Incident:
    """`description` is confidential: for those who deal with it. The two instants are evidence.

    The applicant answers for acts before `reported_to_provider_at` (clause 19).
    """

    id: UUID
    applicant_id: UUID
    user_code_id: UUID
    kind: Kind
    channel: Channel
    description: str
    reported_by: str
    reported_at: datetime
    reported_to_person_in_charge_at: datetime | None
    reported_to_provider_at: datetime | None
    passes_on_at: datetime | None
    resolved_at: datetime | None = None
    resolved_by: str | None = None
    outcome: Outcome | None = None

    @property
    def is_with_provider(self) -> bool:
        return self.reported_to_provider_at is not None


def require_may_report(reporter: Reporter, *, own_code: UUID | None, concerned: UUID | None) -> UUID:
    """The code that the report concerns. Raises ConcernedCodeMissing, OnlyOwnCode."""
    code = concerned or own_code
    if code is None:
        raise ConcernedCodeMissing
    if reporter is Reporter.USER and code != own_code:
        raise OnlyOwnCode
    return code


def report(  # noqa: PLR0913 - one report's facts, each by name
    reporter: Reporter,
    incident_id: UUID,
    *,
    applicant_id: UUID,
    user_code_id: UUID,
    kind: Kind,
    description: str,
    by: str,
    silence: timedelta,
    at: datetime,
) -> Incident:
    """A user tells the person in charge; whoever else reports tells the provider (clause 21)."""
    is_users = reporter is Reporter.USER
    is_callers = reporter is Reporter.CALLER
    return Incident(
        id=incident_id,
        applicant_id=applicant_id,
        user_code_id=user_code_id,
        kind=kind,
        channel=Channel.TELEPHONE if is_callers else Channel.ONLINE,
        description=description,
        reported_by=by,
        reported_at=at,
        reported_to_person_in_charge_at=None if is_callers else at,
        reported_to_provider_at=None if is_users else at,
        passes_on_at=at + silence if is_users else None,
    )


def pass_on(incident: Incident, *, at: datetime) -> Incident:
    """Raises AlreadyPassedOn, IncidentResolved."""
    if incident.resolved_at is not None:
        raise IncidentResolved
    if incident.is_with_provider:
        raise AlreadyPassedOn
    return replace(incident, reported_to_provider_at=at, passes_on_at=None)


def is_due(incident: Incident, *, at: datetime) -> bool:
    """Whether the person in charge was silent for too long."""
    return incident.passes_on_at is not None and incident.resolved_at is None and incident.passes_on_at <= at


def is_news_to_provider(incident: Incident) -> bool:
    return not incident.is_with_provider and incident.resolved_at is None


def resolve(  # noqa: PLR0913 - one decision's facts, each by name
    incident: Incident,
    *,
    outcome: Outcome,
    by: str,
    own_code: UUID | None,
    is_provider: bool,
    password_set_at: datetime | None,
    at: datetime,
) -> Incident:
    """By the provider once it knows, else by a person in charge as unfounded; never by whom it concerns.

    `password_set_at`: of the code that would be given back; None where no password opens it.

    Raises IncidentResolved, ProviderResolves, NotOnesOwnIncident, ConfirmedNotPassedOn, CredentialsNotReset.
    """
    if incident.resolved_at is not None:
        raise IncidentResolved
    if own_code == incident.user_code_id:
        raise NotOnesOwnIncident
    if incident.is_with_provider and not is_provider:
        raise ProviderResolves
    if outcome is Outcome.CONFIRMED:
        _require_confirmable(incident, password_set_at)
    return replace(incident, outcome=outcome, resolved_by=by, resolved_at=at, passes_on_at=None)


def _require_confirmable(incident: Incident, password_set_at: datetime | None) -> None:
    """Whoever stole the password is not admitted by it again. Raises ConfirmedNotPassedOn, CredentialsNotReset."""
    if not incident.is_with_provider:
        raise ConfirmedNotPassedOn
    if password_set_at is not None and password_set_at <= incident.reported_at:
        raise CredentialsNotReset


def find(incidents: Sequence[Incident], incident_id: UUID) -> Incident:
    """Raises UnknownIncident."""
    for incident in incidents:
        if incident.id == incident_id:
            return incident
    raise UnknownIncident
