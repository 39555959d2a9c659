from typing import NewType
from uuid import UUID

from uuid_utils.compat import uuid7

ApplicantId = NewType("ApplicantId", UUID)
RegistrationId = NewType("RegistrationId", UUID)
PersonId = NewType("PersonId", UUID)
UserCodeId = NewType("UserCodeId", UUID)
SessionId = NewType("SessionId", UUID)
AgentId = NewType("AgentId", UUID)
HoldId = NewType("HoldId", UUID)
EventId = NewType("EventId", UUID)


def new_id() -> UUID:
    """A UUID version 7 (RFC 9562 §5.7): ids sort by the time they were made."""
    return uuid7()
