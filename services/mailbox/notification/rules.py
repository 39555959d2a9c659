"""What the suite itself tells people in their boxes, to whom, in their language (clauses 13, 16, 20, 21)."""

from collections.abc import Mapping
from datetime import datetime

from babel.dates import format_datetime
from pydantic import SecretStr

from libs.common.clock import CIVIL_ZONE
from libs.common.contracts.auth import IncidentPassedOn, IncidentReported, IncidentResolved, SuspiciousSignIn
from libs.common.contracts.delegation import PersonInChargeReactivated, PersonInChargeSuspended
from libs.common.contracts.envelope import Event
from libs.common.contracts.registry import RegistrationCancelled
from services.mailbox.message.rules import Content
from services.mailbox.notification.of_second_factors import OF_SECOND_FACTORS
from services.mailbox.notification.of_sign_ins import of_suspicious_sign_in
from services.mailbox.notification.of_user_codes import OF_USER_CODES
from services.mailbox.notification.wording import Addressees, Choose, Notification, Text, always, both

# To the minute, as people write it.
PATTERNS = {"fr": "d MMMM y 'à' H 'h' mm", "en": "MMMM d, y 'at' h:mm a"}


INCIDENT_WITH_PERSON_IN_CHARGE = both(
    Addressees.PEERS,
    fr=Text(
        "Un utilisateur signale un incident de sécurité",
        "Le {at}, un utilisateur a signalé un incident touchant son code d'utilisateur. Le code est suspendu et "
        "ses sessions sont terminées. Ouvrez l'incident pour le transmettre au fournisseur de services ou pour le "
        "régler. Sans action de votre part, il lui sera transmis le {passes_on_at}.\n\nLe demandeur demeure "
        "responsable des actes faits avec ce code jusqu'à ce que le fournisseur soit informé.",
    ),
    en=Text(
        "A user reports a security incident",
        "On {at}, a user reported an incident that concerns their user code. The code is suspended and its "
        "sessions are ended. Open the incident to pass it on to the service provider, or to resolve it. Unless "
        "you act, it is passed on by itself on {passes_on_at}.\n\nThe applicant answers for what is done with "
        "this code until the provider has been told.",
    ),
)
INCIDENT_WITH_PROVIDER = both(
    Addressees.PEERS,
    fr=Text(
        "Un incident de sécurité a été signalé",
        "Le {at}, un incident touchant un code d'utilisateur du demandeur a été signalé au fournisseur de "
        "services. Le code est suspendu et ses sessions sont terminées. Le fournisseur traite l'incident.",
    ),
    en=Text(
        "A security incident was reported",
        "On {at}, an incident that concerns one of the applicant's user codes was reported to the service "
        "provider. The code is suspended and its sessions are ended. The provider deals with the incident.",
    ),
)
INCIDENT_PASSED_ON = both(
    Addressees.PERSONS_IN_CHARGE,
    fr=Text(
        "Un incident de sécurité a été transmis au fournisseur",
        "Le {reported_to_provider_at}, le fournisseur de services a été informé d'un incident touchant un code "
        "d'utilisateur du demandeur. Il le traite; lui seul peut maintenant lever la suspension qu'il a imposée.",
    ),
    en=Text(
        "A security incident was passed on to the provider",
        "On {reported_to_provider_at}, the service provider was told of an incident that concerns one of the "
        "applicant's user codes. The provider deals with it and alone can lift the suspension that it placed.",
    ),
)
INCIDENT_RESOLVED = both(
    Addressees.PERSON_AND_PEERS,
    fr=Text(
        "Un incident de sécurité est réglé",
        "Le {at}, l'incident touchant un code d'utilisateur du demandeur a été réglé. Le code peut servir de "
        "nouveau lorsqu'aucune autre suspension ne le vise.",
    ),
    en=Text(
        "A security incident is resolved",
        "On {at}, the incident that concerned one of the applicant's user codes was resolved. The code can be "
        "used again once no other suspension stands against it.",
    ),
)
PEER_SUSPENDED = both(
    Addressees.PEERS,
    fr=Text(
        "Un responsable des services électroniques est suspendu",
        "Le {at}, l'accès d'un autre responsable des services électroniques du demandeur a été suspendu. Si vous "
        "n'en connaissez pas la raison, communiquez avec lui ou avec le fournisseur de services.",
    ),
    en=Text(
        "A person in charge of online services is suspended",
        "On {at}, the access of another of the applicant's persons in charge of online services was suspended. If "
        "you do not know why, ask them or the service provider.",
    ),
)
PEER_REACTIVATED = both(
    Addressees.PERSON_AND_PEERS,
    fr=Text(
        "L'accès d'un responsable des services électroniques est rétabli",
        "Le {at}, l'accès d'un responsable des services électroniques du demandeur a été rétabli.",
    ),
    en=Text(
        "A person in charge of online services has access again",
        "On {at}, the access of one of the applicant's persons in charge of online services was restored.",
    ),
)
REGISTRATION_CANCELLED = both(
    Addressees.PERSONS_IN_CHARGE,
    fr=Text(
        "L'inscription du demandeur est annulée",
        "L'inscription du demandeur à clicSÉQUR a été annulée le {at}. Un responsable des services électroniques "
        "peut ouvrir une session restreinte pour lire ses messages et demander la réactivation.",
    ),
    en=Text(
        "The applicant's registration is cancelled",
        "The applicant's registration for clicSÉQUR was cancelled on {at}. A person in charge of online services "
        "can open a restricted session to read messages and to request reactivation.",
    ),
)


def _of_report(event: IncidentReported) -> tuple[Notification, ...]:
    return (INCIDENT_WITH_PERSON_IN_CHARGE,) if event.passes_on_at else (INCIDENT_WITH_PROVIDER,)


NOTIFICATIONS_OF: Mapping[type[Event], Choose] = {
    IncidentReported: _of_report,
    IncidentPassedOn: always(INCIDENT_PASSED_ON),
    IncidentResolved: always(INCIDENT_RESOLVED),
    PersonInChargeSuspended: always(PEER_SUSPENDED),
    PersonInChargeReactivated: always(PEER_REACTIVATED),
    RegistrationCancelled: always(REGISTRATION_CANCELLED),
    SuspiciousSignIn: of_suspicious_sign_in,
    **OF_USER_CODES,
    **OF_SECOND_FACTORS,
}


def content_of(notification: Notification, event: Event, *, language: str, at: datetime) -> Content:
    """The text for one box. Instants are told in the civil time of Québec."""
    text = notification.texts[language]
    facts = {name: _said(value, language=language) for name, value in event.model_dump().items()}
    told = {**facts, "at": _said(at, language=language)}
    return Content(SecretStr(text.subject), SecretStr(text.body.format_map(told)))


def _said(value: object, *, language: str) -> str:
    if isinstance(value, datetime):
        return format_datetime(value, PATTERNS[language], tzinfo=CIVIL_ZONE, locale=f"{language}_CA")
    return str(value)
