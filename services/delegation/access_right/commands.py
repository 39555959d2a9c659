from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from libs.common.call import Call
from libs.common.contracts.delegation import AccessRight, AccessRightsChanged
from libs.common.contracts.envelope import applicant_key
from libs.common.database import Connection, Database
from libs.common.errors import UnknownOrForeign
from libs.common.evidence import record_evidence
from libs.common.outbox import publish
from services.delegation.access_right import rules, store
from services.delegation.access_right.rules import Holder, Offer, Right
from services.delegation.applicant import commands as applicants
from services.delegation.catalogue import commands as catalogue
from services.delegation.person_in_charge.commands import SERVICE, require_acting_person_in_charge


class RightGranted(BaseModel):
    model_config = ConfigDict(frozen=True)

    online_service: str
    task: str
    starts_on: date | None
    ends_on: date | None


class RightsOfUser(BaseModel):
    """All rights of one user as they are now."""

    model_config = ConfigDict(frozen=True)

    rights: list[RightGranted]


async def change_access_rights(
    database: Database, call: Call, *, applicant_id: UUID, user_id: UUID, rights: Sequence[Right]
) -> RightsOfUser:
    """Replaces all rights of a user (clause 12). Raises UnknownOrForeign and what rules.check raises."""
    async with database.transaction() as tx:
        holder = await lock_holder(tx, call, applicant_id=applicant_id, user_id=user_id)
        if await set_rights(tx, call, holder, rights=rights):
            content = {"user_id": str(user_id), "rights": described(rights)}
            await record_evidence(tx, call, "change_access_rights", applicant_id=applicant_id, content=content)
    return RightsOfUser(rights=[RightGranted(**asdict(right)) for right in rights])


async def lock_holder(tx: Connection, call: Call, *, applicant_id: UUID, user_id: UUID) -> Holder:
    """A user of this applicant, for a person in charge who may act. Raises UnknownOrForeign."""
    await applicants.lock(tx, applicant_id)
    await require_acting_person_in_charge(tx, call, applicant_id)
    holder = await store.find_holder(tx, applicant_id, user_id)
    if holder is None:
        raise UnknownOrForeign
    return holder


async def set_rights(tx: Connection, call: Call, holder: Holder, *, rights: Sequence[Right]) -> bool:
    """Replaces and publishes what changed; False when nothing did. Raises what rules.check raises."""
    services = sorted({right.online_service for right in rights})
    offer = Offer(
        tasks=await catalogue.known_tasks(tx, services),
        enrolled=await applicants.enrolled_services(tx, holder.applicant_id),
    )
    rules.check(rights, offer)
    if set(await store.list_of_user(tx, holder.user_id)) == set(rights):
        return False
    await store.replace(tx, holder.user_id, rights)
    event = AccessRightsChanged(
        applicant_id=holder.applicant_id,
        user_id=holder.user_id,
        user_code_id=holder.user_code_id,
        rights=[AccessRight(**asdict(right)) for right in rights],
    )
    await publish(tx, call, event, service=SERVICE, partitionkey=applicant_key(holder.applicant_id))
    return True


def described(rights: Sequence[Right]) -> list[dict[str, str | None]]:
    """Rights as evidence keeps them."""
    return [
        {name: None if value is None else str(value) for name, value in asdict(right).items()} for right in rights
    ]
