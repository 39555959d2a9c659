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
