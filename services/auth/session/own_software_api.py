from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Path, Request
from pydantic import BaseModel, ConfigDict

from libs.common.admission import CurrentCall, CurrentDatabase, admits
from libs.common.http import new_router
from services.auth.session import consent_store as store
from services.auth.session.consent import withdraw
from services.auth.session.consent_store import ListedConsent
from services.auth.session.open_sessions import holder_of
from services.auth.session.rules import MANDATARY

router = new_router(tags=["software"])
Product = Annotated[str, Path(min_length=1, max_length=64, pattern=r"^[a-z0-9][a-z0-9-]*$")]
PERSONS = ("person_in_charge", "user", MANDATARY)


class AllowedSoftware(BaseModel):
    """`applicant_id`: for whom the person acts by it; `vendor`: whom the page named, or null."""

    model_config = ConfigDict(frozen=True)

    product: str
    name: str
    vendor: str | None
    applicant_id: UUID
    scope: list[str]
    given_at: datetime


class AllowedSoftwareList(BaseModel):
    model_config = ConfigDict(frozen=True)

    software: list[AllowedSoftware]


@router.get("/v1/me/software")
@admits(*PERSONS, recourse=True, needs_facts=False)
async def list_own_software(call: CurrentCall, database: CurrentDatabase, request: Request) -> AllowedSoftwareList:
    language: str = request.state.language
    found = await store.list_of_person(database, holder_of(call))
    return AllowedSoftwareList(software=[_listed(one, language=language) for one in found])


@router.delete("/v1/me/software/{product}", status_code=204)
@admits(*PERSONS, recourse=True, needs_facts=False)
async def delete_own_software(product: Product, call: CurrentCall, database: CurrentDatabase) -> None:
    await withdraw(database, call, product=product)


def _listed(found: ListedConsent, *, language: str) -> AllowedSoftware:
    given = found.consent
    return AllowedSoftware(
        product=given.product,
        name=(found.name_fr if language == "fr" else found.name_en) or given.product,
        vendor=given.vendor,
        applicant_id=given.applicant_id,
        scope=list(given.scope),
        given_at=given.given_at,
    )
