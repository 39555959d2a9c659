"""The conditions are public: every version, in both languages, at an address that stays (clause 22)."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Path, Query, Request, Response
from pydantic import BaseModel

from libs.common.admission import CurrentDatabase, public
from libs.common.description import raises
from libs.common.errors import DatabaseUnavailable
from libs.common.http import new_router
from services.registry.conditions import store
from services.registry.conditions.commands import current_version
from services.registry.conditions.rules import ConditionsNotFound, Text, Version

router = new_router(tags=["conditions"])
FOR_EVER = "public, max-age=31536000, immutable"
Language = Literal["fr", "en"]
Name = Annotated[str, Path(max_length=63, pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]*$")]


class CurrentConditions(BaseModel):
    owner: str
    version: str
    language: Language
    posted_at: datetime
    is_official: bool
    url: str
    text: str


@router.get("/v1/conditions/{owner}/current")
@public
@raises(ConditionsNotFound, DatabaseUnavailable)
async def get_current(
    owner: Name, request: Request, database: CurrentDatabase, language: Annotated[Language | None, Query()] = None
) -> CurrentConditions:
    chosen: Language = language or request.state.language
    async with database.connection() as connection:
        name = await current_version(connection, owner, now=request.state.at)
        version, text = _text(await store.find(connection, owner, name), chosen)
    address = f"{request.app.state.resources.settings.public_url}/v1/conditions/{owner}/{name}/{chosen}"
    return CurrentConditions(
        owner=owner,
        version=name,
        language=chosen,
        posted_at=version.posted_at,
        is_official=text.is_official,
        url=address,
        text=text.text,
    )


@router.get("/v1/conditions/{owner}/{version}/{language}", response_class=Response)
@public
@raises(ConditionsNotFound, DatabaseUnavailable)
async def get_text(owner: Name, version: Name, language: Language, database: CurrentDatabase) -> Response:
    async with database.connection() as connection:
        _, text = _text(await store.find(connection, owner, version), language)
    return Response(
        text.text,
        media_type="text/plain; charset=utf-8",
        headers={"Content-Language": language, "Cache-Control": FOR_EVER},
    )


def _text(version: Version | None, language: str) -> tuple[Version, Text]:
    if version is None or language not in version.texts:
        raise ConditionsNotFound
    return version, version.texts[language]
