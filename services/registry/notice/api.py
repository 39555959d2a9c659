from typing import Annotated

from fastapi import Query
from pydantic import BaseModel

from libs.common.admission import CurrentCall, CurrentDatabase, admits, require_principal
from libs.common.contracts.envelope import Envelope, department_key
from libs.common.description import raises
from libs.common.errors import NotKnown
from libs.common.http import new_router
from libs.common.outbox import list_after_sequence, notices_topic

router = new_router(tags=["notices"])


class NoticePage(BaseModel):
    notices: list[Envelope]


@router.get("/v1/departments/{code}/notices", response_model_exclude_none=True)
@admits("department")
@raises(NotKnown)
async def get_notices(
    code: str,
    call: CurrentCall,
    database: CurrentDatabase,
    after_sequence: Annotated[int, Query(ge=0, le=2**63 - 1)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> NoticePage:
    """The same rows that Kafka carries, in their order; a row without a sequence is not yet out."""
    if require_principal(call).department != code:
        raise NotKnown
    rows = await list_after_sequence(
        database,
        notices_topic(code),
        partitionkey=department_key(code),
        sequence=after_sequence,
        limit=limit,
    )
    return NoticePage(notices=[row.envelope for row in rows])
