"""A message in somebody's box: delivered, opened once, confirmed once where that is asked for (clause 32)."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from pydantic import SecretStr

from libs.common.errors import Conflict, Forbidden, NotKnown

Addressee = TypeVar("Addressee")


class NoAddressee(Conflict):
    code = "no-addressee"
    en = (
        "Nobody of this applicant may receive this message now: no person in charge is active, and no user "
        "has the right or the disclosure authorization for it."
    )
    fr = (
        "Personne chez ce demandeur ne peut recevoir ce message présentement : aucun responsable des services "
        "électroniques n'est actif, et aucun utilisateur n'a le droit ou l'autorisation de communiquer requis."
    )


class DisclosureNoLongerStands(Forbidden):
    code = "disclosure-withdrawn"
    en = (
        "This message is confidential, and {sender} is no longer authorized to disclose confidential "
        "information to you. A person in charge of online services can authorize it."
    )
    fr = (
        "Ce message est confidentiel, et {sender} n'est plus autorisé à vous communiquer des renseignements "
        "confidentiels. Un responsable des services électroniques peut l'autoriser."
    )


class ConfirmationNotAsked(Conflict):
    code = "confirmation-not-asked"
    en = "This message asks for no confirmation."
    fr = "Ce message ne demande pas de confirmation."


class MessageNotOpened(Conflict):
    code = "message-not-opened"
    en = "A message is confirmed only once it was opened."
    fr = "Un message n'est confirmé qu'une fois ouvert."


@dataclass(frozen=True, slots=True)
class Content:
    subject: SecretStr
    body: SecretStr

    def sha256(self) -> bytes:
        """Of subject, a line feed and body in UTF-8; a subject is one line, so no two contents read alike."""
        text = f"{self.subject.get_secret_value()}\n{self.body.get_secret_value()}"
        return hashlib.sha256(text.encode()).digest()


@dataclass(frozen=True, slots=True)
class Receipt:
    """What one addressee did with a message."""

    opened_at: datetime | None = None
    confirmed_at: datetime | None = None


def require_addressees(found: Sequence[Addressee] | None) -> Sequence[Addressee]:
    """Raises NotKnown when applicant or service are not the sender's, NoAddressee when nobody may receive."""
    if found is None:
        raise NotKnown
    if not found:
        raise NoAddressee
    return found


def needs_disclosure(*, role: str | None, confidential: bool) -> bool:
    """A person in charge has access to everything (clause 11); anybody else needs an authorization (clause 14)."""
    return confidential and role != "person_in_charge"


def open(receipt: Receipt, *, at: datetime) -> Receipt:  # noqa: A001 - the rule's verb
    """The first opening is the receipt; a later one changes nothing."""
    return receipt if receipt.opened_at else replace(receipt, opened_at=at)


def confirm(receipt: Receipt, *, needs_confirmation: bool, at: datetime) -> Receipt:
    """The first confirmation stays. Raises ConfirmationNotAsked, MessageNotOpened."""
    if not needs_confirmation:
        raise ConfirmationNotAsked
    if receipt.opened_at is None:
        raise MessageNotOpened
    return receipt if receipt.confirmed_at else replace(receipt, confirmed_at=at)
