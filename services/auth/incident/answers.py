from collections.abc import Sequence
from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from services.auth.incident.rules import Channel, Incident, Kind, Outcome
from services.auth.incident.store import Step


class IncidentAnswer(BaseModel):
    """`passes_on_at`: when it goes to the provider by itself, unless a person in charge deals with it before."""

    model_config = ConfigDict(frozen=True)

    incident_id: UUID
    applicant_id: UUID
    user_code_id: UUID
    kind: Kind
    channel: Channel
    reported_at: datetime
    reported_to_person_in_charge_at: datetime | None
    reported_to_provider_at: datetime | None
    passes_on_at: datetime | None
    resolved_at: datetime | None
    outcome: Outcome | None

    @classmethod
    def of(cls, incident: Incident) -> Self:
        return cls(
            incident_id=incident.id,
            applicant_id=incident.applicant_id,
            user_code_id=incident.user_code_id,
            kind=incident.kind,
            channel=incident.channel,
            reported_at=incident.reported_at,
            reported_to_person_in_charge_at=incident.reported_to_person_in_charge_at,
            reported_to_provider_at=incident.reported_to_provider_at,
            passes_on_at=incident.passes_on_at,
            resolved_at=incident.resolved_at,
            outcome=incident.outcome,
        )


class StepAnswer(BaseModel):
    model_config = ConfigDict(frozen=True)

    at: datetime
    step: str
    actor: str
    note: str | None


class WholeIncident(IncidentAnswer):
    """With what was reported, and what was done since."""

    description: str
    timeline: list[StepAnswer]

    @classmethod
    def with_steps(cls, incident: Incident, steps: Sequence[Step]) -> Self:
        timeline = [StepAnswer(at=one.at, step=one.step, actor=one.actor, note=one.note) for one in steps]
        known = IncidentAnswer.of(incident).model_dump()
        return cls(**known, description=incident.description, timeline=timeline)


class IncidentPage(BaseModel):
    """Newest first; `next` is given as `before` to read on."""

    incidents: list[IncidentAnswer]
    next: UUID | None
