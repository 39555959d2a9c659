"""CloudEvents 1.0, structured JSON, with the suite's extensions."""

from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

SEQUENCE_DIGITS = 20


class Event(BaseModel):
    """The facts of one event: strict when made, tolerant of unknown fields when read."""

    # What is wrong with it may be logged, what it says may not.
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    type: ClassVar[str]


class Envelope(BaseModel):
    """One CloudEvent as it stands in Kafka and in feeds.

    `sequence` is gapless per `source` and `partitionkey`, zero-padded so that it sorts as text. `actor` is
    who caused it (`user_code:<id>`, `agent:<id>`, `department:<code>`, `representative:<registration id>`,
    `service:<name>`); notices to departments never carry actor, correlationid or causationid.
    """

    # What is wrong with it may be logged, what it says may not.
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    specversion: Literal["1.0"] = "1.0"
    id: UUID
    source: str
    type: str
    time: datetime
    datacontenttype: Literal["application/json"] = "application/json"
    partitionkey: Annotated[str, Field(min_length=1, max_length=200)]
    sequence: Annotated[str, Field(pattern=rf"^\d{{{SEQUENCE_DIGITS}}}$")]
    actor: str | None = None
    correlationid: UUID | None = None
    causationid: UUID | None = None
    traceparent: str | None = None
    data: dict[str, Any]

    @property
    def sequence_number(self) -> int:
        return int(self.sequence)

    def to_json(self) -> bytes:
        return self.model_dump_json(exclude_none=True).encode()


def applicant_key(applicant_id: UUID) -> str:
    return f"applicant:{applicant_id}"


def department_key(code: str) -> str:
    return f"department:{code}"


def agent_key(agent_id: UUID) -> str:
    return f"agent:{agent_id}"


PROVIDER_KEY = "provider"
