"""What callers may be told went wrong; knows nothing of HTTP (problems.py maps kinds to statuses).

DomainError
├── Invalid
├── Unauthenticated
├── Forbidden
├── NotFound
├── Conflict
├── TooManyAttempts
└── Unavailable

A leaf class is one broken rule: a stable `code` that is never reused, and its sentence in English and
French. Sentences may name fields given to the constructor; a field never holds a secret.
"""

from typing import ClassVar

FieldValue = str | int | list[str] | dict[str, str]


class DomainError(Exception):
    code: ClassVar[str]
    en: ClassVar[str]
    fr: ClassVar[str]

    def __init__(self, **fields: FieldValue) -> None:
        super().__init__(self.code)
        self.fields = fields

    def detail(self, language: str) -> str:
        return (self.fr if language == "fr" else self.en).format(**self.fields)


class Invalid(DomainError):
    """The request can be read, and breaks a rule about its own content."""


class Unauthenticated(DomainError):
    """Nobody is shown to be there, or no longer."""


class Forbidden(DomainError):
    """The caller is known and may not."""


class NotFound(DomainError):
    """It does not exist, or the caller may not learn that it does."""


class Conflict(DomainError):
    """The present state does not allow it."""


class TooManyAttempts(DomainError):
    """The caller must slow down; field `retry_after` in seconds."""


class Unavailable(DomainError):
    """Something it needs is away; nothing was stored; field `retry_after` in seconds."""


class UnknownOrForeign(NotFound):
    code = "not-found"
    en = "There is nothing here that you may see."
    fr = "Il n'y a rien ici que vous puissiez voir."


class NotKnown(NotFound):
    code = "not-known"
    en = "This is not known to you."
    fr = "Ceci ne vous est pas connu."


class MissingToken(Unauthenticated):
    code = "token-missing"
    en = "This call needs an access token."
    fr = "Cet appel exige un jeton d'accès."


class InvalidToken(Unauthenticated):
    code = "token-invalid"
    en = "The access token is not valid here: it is malformed, expired or meant for another audience."
    fr = "Le jeton d'accès n'est pas valable ici : il est mal formé, expiré ou destiné à un autre service."


class TokenRefused(Unauthenticated):
    code = "token-refused"
    en = "This access token is no longer accepted. Sign in again."
    fr = "Ce jeton d'accès n'est plus accepté. Ouvrez une nouvelle session."


class AccessSuspended(Forbidden):
    code = "access-suspended"
    en = "Access is suspended, cancelled or ended."
    fr = "L'accès est suspendu, annulé ou terminé."


class RoleNotAdmitted(Forbidden):
    code = "role-not-admitted"
    en = "Your role does not allow this call. Admitted: {admitted}."
    fr = "Votre rôle ne permet pas cet appel. Rôles admis : {admitted}."


class RecourseOnly(Forbidden):
    code = "recourse-only"
    en = "This session serves only to see the state, read the mailbox and ask for access back."
    fr = "Cette session sert seulement à voir la situation, à lire la boîte et à demander le retour de l'accès."


class StrongerAuthenticationNeeded(Unauthenticated):
    code = "stronger-authentication-needed"
    en = "This call needs a session that proves more. Sign in again, asking for acr_values={acr_values}."
    fr = "Cet appel exige une session mieux prouvée. Ouvrez-en une en demandant acr_values={acr_values}."


class PurposeMissing(Invalid):
    code = "purpose-missing"
    en = "Access to a file by staff needs a stated purpose (header Clicsequr-Purpose, 3 to 300 characters)."
    fr = "L'accès du personnel à un dossier exige un motif (en-tête Clicsequr-Purpose, 3 à 300 caractères)."


class FactsTooOld(Unavailable):
    code = "facts-too-old"
    en = "What this service knows from {publisher} is too old to decide safely. Try again shortly."
    fr = "Ce que ce service tient de {publisher} est trop ancien pour décider sûrement. Réessayez sous peu."


class DatabaseUnavailable(Unavailable):
    code = "database-unavailable"
    en = "The service cannot reach its database. Nothing was stored. Try again shortly."
    fr = "Le service ne joint pas sa base de données. Rien n'a été enregistré. Réessayez sous peu."


class StateChanged(Conflict):
    code = "state-changed"
    en = "The state changed meanwhile. Read it again, then retry."
    fr = "La situation a changé entre-temps. Relisez-la, puis réessayez."


class IdempotencyKeyMissing(Invalid):
    code = "idempotency-key-missing"
    en = "This call creates something and needs an Idempotency-Key header (1 to 255 visible characters)."
    fr = "Cet appel crée quelque chose et exige un en-tête Idempotency-Key (1 à 255 caractères visibles)."


class IdempotencyKeyReused(Conflict):
    code = "idempotency-key-reused"
    en = "This Idempotency-Key was used with another body."
    fr = "Cette clé Idempotency-Key a déjà servi avec un autre contenu."


class ServiceUnavailable(Unavailable):
    code = "service-unavailable"
    en = "The service {service} does not answer. Try again shortly."
    fr = "Le service {service} ne répond pas. Réessayez sous peu."


class UserCodeAlreadyUsed(Conflict):
    code = "user-code-already-used"
    en = "This user code has been used: its password is chosen by its person."
    fr = "Ce code d'utilisateur a déjà servi : son mot de passe est choisi par la personne."


class ApplicantNotActive(Conflict):
    code = "applicant-not-active"
    en = "The registration is not active, or not yet known to be. Try again when it is."
    fr = "L'inscription n'est pas active, ou ne l'est pas encore ici. Réessayez lorsqu'elle le sera."


class OnlineServiceOfAnotherDepartment(Conflict):
    code = "online-service-of-another-department"
    en = "The online service {online_service} belongs to another department than {department}."
    fr = "Le service en ligne {online_service} relève d'un autre ministère ou organisme que {department}."


class OperatorFault(Exception):
    """A program or an operator's command cannot go on; the message is one sentence for the operator."""
