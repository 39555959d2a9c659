from datetime import datetime

import asyncpg

from libs.common.database import Connection, Database
from services.registry.conditions.rules import Text, Version

SELECT_CURRENT_VERSION = """
SELECT version FROM conditions_versions WHERE owner = $1 AND posted_at <= $2
ORDER BY posted_at DESC, version DESC LIMIT 1
"""
SELECT_VERSION = """
SELECT versions.owner, versions.version, posted_at, language, text, is_official
FROM conditions_versions AS versions JOIN conditions_texts USING (owner, version)
WHERE owner = $1 AND version = $2
"""
INSERT_VERSION = "INSERT INTO conditions_versions (owner, version, posted_at) VALUES ($1, $2, $3)"
INSERT_TEXT = """
INSERT INTO conditions_texts (owner, version, language, text, is_official) VALUES ($1, $2, $3, $4, $5)
"""


async def find_current(connection: Connection, owner: str, *, now: datetime) -> str | None:
    version: str | None = await connection.fetchval(SELECT_CURRENT_VERSION, owner, now)
    return version


async def find(connection: Connection | Database, owner: str, version: str) -> Version | None:
    return _version(await connection.fetch(SELECT_VERSION, owner, version))


async def add(tx: Connection, version: Version) -> None:
    await tx.execute(INSERT_VERSION, version.owner, version.version, version.posted_at)
    for language, text in version.texts.items():
        await tx.execute(INSERT_TEXT, version.owner, version.version, language, text.text, text.is_official)


def _version(rows: list[asyncpg.Record]) -> Version | None:
    if not rows:
        return None
    texts = {row["language"]: Text(row["text"], row["is_official"]) for row in rows}
    return Version(rows[0]["owner"], rows[0]["version"], rows[0]["posted_at"], texts)
