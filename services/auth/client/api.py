from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict

from libs.common.admission import CurrentCall, CurrentDatabase, admits, require_principal
from libs.common.errors import UnknownOrForeign
from libs.common.http import new_router
from libs.common.principal import SIDE_OF_PROVIDER
from services.auth.client import change_rules as rules
from services.auth.client import registered_store as store
from services.auth.client.change_rules import ClientState, Registered
from services.auth.client.rules import ClientKind

router = new_router(tags=["clients"])
READERS = ("agent:security", "agent:auditor", "department_agent:security", "department_agent:auditor")
PAGE = 50
ClientId = Annotated[str, Path(max_length=64, pattern=r"^[a-z0-9][a-z0-9-]*$")]
After = Annotated[str, Query(max_length=64, pattern=r"^[a-z0-9-]*$")]


class ListedClient(BaseModel):
    model_config = ConfigDict(frozen=True)

    client_id: str
    kind: ClientKind
    department: str | None
    software: str | None
    vendor: str | None
    name_fr: str
    name_en: str
    state: ClientState


class ClientPage(BaseModel):
    clients: list[ListedClient]
    next: str | None


class ShownClient(BaseModel):
    """Keys are public halves, secrets are their ids. `registration_hash` is named by whoever proposes a change."""

    model_config = ConfigDict(frozen=True)

    client_id: str
    state: ClientState
    is_installed: bool
    registration: dict[str, Any]
    registration_hash: str


@router.get("/v1/clients")
@admits(*READERS)
async def list_clients(
    call: CurrentCall,
    database: CurrentDatabase,
    after: After = "",
    limit: Annotated[int, Query(ge=1, le=200)] = PAGE,
) -> ClientPage:
    """A department's agents see its own."""
    side = require_principal(call).agent_side
    department = None if side == SIDE_OF_PROVIDER else side or ""
    found = await store.list_page(database, after=after, department=department, limit=limit)
    listed = [_listed(one) for one in found]
    return ClientPage(clients=listed, next=listed[-1].client_id if len(listed) == limit else None)


@router.get("/v1/clients/{client_id}")
@admits(*READERS)
async def get_client(client_id: ClientId, call: CurrentCall, database: CurrentDatabase) -> ShownClient:
    found = await store.find(database, client_id)
    if found is None:
        raise UnknownOrForeign
    rules.require_own_side(found, side=require_principal(call).agent_side)
    return ShownClient(
        client_id=found.client.client_id,
        state=found.state,
        is_installed=found.is_installed,
        registration=rules.members_of(found.client),
        registration_hash=rules.registration_hash(found.client),
    )


def _listed(registered: Registered) -> ListedClient:
    client = registered.client
    return ListedClient(
        client_id=client.client_id,
        kind=client.kind,
        department=client.department,
        software=client.software,
        vendor=client.vendor,
        name_fr=client.name_fr,
        name_en=client.name_en,
        state=registered.state,
    )
