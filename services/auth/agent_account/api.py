from typing import Annotated
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel, ConfigDict

from libs.common.admission import CurrentDatabase, admits
from libs.common.http import new_router
from services.auth.agent_account import store
from services.auth.agent_account.rules import AgentState

router = new_router(tags=["agents"])
PAGE = 50
# What a name or a department's code is made of.
Named = Annotated[str, Query(max_length=64, pattern=r"^[a-z0-9-]*$")]


class ListedAgent(BaseModel):
    """Nothing that anybody signs in by, nor when they last did."""

    model_config = ConfigDict(frozen=True)

    agent_id: UUID
    name: str
    side: str
    roles: list[str]
    state: AgentState
    is_installed: bool


class AgentPage(BaseModel):
    agents: list[ListedAgent]
    next: str | None


@router.get("/v1/agents")
@admits("agent:security", "agent:auditor")
async def list_agents(
    database: CurrentDatabase,
    side: Named | None = None,
    after: Named = "",
    limit: Annotated[int, Query(ge=1, le=200)] = PAGE,
) -> AgentPage:
    """Every side's accounts, or one side's: `provider` or a department's code."""
    found = await store.list_page(database, after=after, side=side, limit=limit)
    listed = [
        ListedAgent(
            agent_id=one.id,
            name=one.name,
            side=one.side,
            roles=list(one.roles),
            state=one.state,
            is_installed=one.is_installed,
        )
        for one in found
    ]
    return AgentPage(agents=listed, next=listed[-1].name if len(listed) == limit else None)
