from datetime import datetime

from libs.common.call import Call
from libs.common.contracts.registry import ConditionsPosted, Translated
from libs.common.database import Connection
from libs.common.evidence import record_evidence
from libs.common.outbox import publish
from services.registry.conditions import rules, store
from services.registry.conditions.rules import ConditionsNotFound, Version

SERVICE = "registry"


async def current_version(connection: Connection, owner: str, *, now: datetime) -> str:
    """The last version posted by now; it applies from posting (clause 23). Raises ConditionsNotFound."""
    version = await store.find_current(connection, owner, now=now)
    if version is None:
        raise ConditionsNotFound
    return version


async def post_conditions(tx: Connection, call: Call, posted: Version, *, public_url: str) -> None:
    """Idempotent. Raises ConditionsAlreadyPosted, ConditionsIncomplete."""
    rules.require_both_languages(posted)
    if rules.is_repetition(await store.find(tx, posted.owner, posted.version), posted):
        return
    await store.add(tx, posted)
    address = f"{public_url}/v1/conditions/{posted.owner}/{posted.version}"
    event = ConditionsPosted(
        owner=posted.owner,
        version=posted.version,
        posted_at=posted.posted_at,
        url=Translated(fr=f"{address}/fr", en=f"{address}/en"),
    )
    await publish(tx, call, event, service=SERVICE, partitionkey=rules.event_key(posted.owner))
    content = event.model_dump(mode="json")
    await record_evidence(tx, call, "post_conditions", applicant_id=None, content=content)
