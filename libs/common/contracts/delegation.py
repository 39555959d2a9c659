"""Events of delegation, topic `delegation.events`, keyed `applicant:<id>`."""

from datetime import date
from typing import ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from libs.common.contracts.envelope import Event


class PersonInChargeActivated(Event):
    """May act for the applicant in everything, once their code is active too."""

    type: ClassVar[str] = "clicsequr.person-in-charge-activated.v1"
    applicant_id: UUID
    person_id: UUID
    user_code_id: UUID


class PersonInChargeSuspended(Event):
    """Held. auth refuses their sign-in and ends their sessions; every service refuses their tokens."""

    type: ClassVar[str] = "clicsequr.person-in-charge-suspended.v1"
    applicant_id: UUID
    person_id: UUID
    user_code_id: UUID


class PersonInChargeReactivated(Event):
    """The last hold on the person fell. Older tokens stay dead."""

    type: ClassVar[str] = "clicsequr.person-in-charge-reactivated.v1"
    applicant_id: UUID
    person_id: UUID
    user_code_id: UUID


class PersonInChargeRemoved(Event):
    """No longer in charge, for good. auth revokes the code; every service refuses its tokens. Never why."""

    type: ClassVar[str] = "clicsequr.person-in-charge-removed.v1"
    applicant_id: UUID
    person_id: UUID
    user_code_id: UUID


class UserAdded(Event):
    """auth activates the code. One of the two events that carry a person's name; never a password."""

    type: ClassVar[str] = "clicsequr.user-added.v1"
    applicant_id: UUID
    user_id: UUID
    user_code_id: UUID
    given_name: str
    family_name: str
    language: Literal["fr", "en"]
    email: str


class UserSuspended(Event):
    """Held. auth refuses their sign-in and ends their sessions; every service refuses their tokens. Never why."""

    type: ClassVar[str] = "clicsequr.user-suspended.v1"
    applicant_id: UUID
    user_id: UUID
    user_code_id: UUID


class UserReactivated(Event):
    """The last hold that delegation had on the user fell. Older tokens stay dead; holds of others stay."""

    type: ClassVar[str] = "clicsequr.user-reactivated.v1"
    applicant_id: UUID
    user_id: UUID
    user_code_id: UUID


class UserRevoked(Event):
    """No longer a user, for good. auth revokes the code; every service refuses its tokens. Never why."""

    type: ClassVar[str] = "clicsequr.user-revoked.v1"
    applicant_id: UUID
    user_id: UUID
    user_code_id: UUID


class AccessRight(BaseModel):
    """Dates are civil dates in America/Toronto, end inclusive."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    online_service: str
    task: str
    starts_on: date | None = None
    ends_on: date | None = None


class AccessRightsChanged(Event):
    """All rights of one user as they are now. registry tells departments of persons who hold a right there."""

    type: ClassVar[str] = "clicsequr.access-rights-changed.v1"
    applicant_id: UUID
    user_id: UUID
    user_code_id: UUID
    rights: list[AccessRight]


class DisclosureAuthorized(Event):
    """`recipient` (a department's code, or `provider`) may disclose confidential information to the user."""

    type: ClassVar[str] = "clicsequr.disclosure-authorized.v1"
    applicant_id: UUID
    user_code_id: UUID
    recipient: str


class DisclosureWithdrawn(Event):
    """The opposite of DisclosureAuthorized, at once."""

    type: ClassVar[str] = "clicsequr.disclosure-withdrawn.v1"
    applicant_id: UUID
    user_code_id: UUID
    recipient: str
