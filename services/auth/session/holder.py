from dataclasses import dataclass, field
from datetime import date
from typing import Self
from uuid import UUID

from services.auth.agent_account.rules import AgentAccount
from services.auth.second_factor.rules import FactorKind, Owner
from services.auth.user_code.rules import Facts


@dataclass(frozen=True, slots=True)
class Represented:
    """Who gave a power of attorney, by the name and number that it gives; shown to its person and not kept."""

    applicant_id: UUID
    power_of_attorney_id: UUID
    name: str = field(repr=False)
    number: str | None = field(repr=False)
    ends_on: date | None


@dataclass(frozen=True)
class Holder:
    """Whose session it is: a person by a code, or an agent; `factors` are the kinds of second factor bound.

    `represented`: whom the person may choose to act for, once delegation was asked and nothing is chosen yet.
    `power_in_force`: the power of attorney that delegation has just confirmed.
    """

    facts: Facts | None = None
    agent: AgentAccount | None = None
    factors: frozenset[FactorKind] = field(default=frozenset())
    represented: tuple[Represented, ...] = ()
    power_in_force: UUID | None = None

    @classmethod
    def of(cls, facts: Facts) -> Self:
        return cls(facts=facts, factors=frozenset(map(FactorKind, facts.factors)))

    @property
    def applicant_id(self) -> UUID | None:
        return self.facts.code.applicant_id if self.facts else None

    @property
    def actor(self) -> str | None:
        if self.facts is not None:
            return self.facts.code.actor
        return self.agent.actor if self.agent else None

    @property
    def owner(self) -> Owner | None:
        if self.facts is not None:
            return Owner(self.facts.code.id, self.facts.code.applicant_id)
        return Owner(self.agent.id, None) if self.agent else None
