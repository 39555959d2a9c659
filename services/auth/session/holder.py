from dataclasses import dataclass
from uuid import UUID

from services.auth.agent_account.rules import AgentAccount
from services.auth.user_code.rules import Facts


@dataclass(frozen=True)
class Holder:
    """Whose session it is: a person by a code, or an agent."""

    facts: Facts | None = None
    agent: AgentAccount | None = None

    @property
    def applicant_id(self) -> UUID | None:
        return self.facts.code.applicant_id if self.facts else None

    @property
    def actor(self) -> str | None:
        if self.facts is not None:
            return self.facts.code.actor
        return self.agent.actor if self.agent else None
