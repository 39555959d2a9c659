"""The parts of the installation file that are registry's: departments and conditions."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import yaml
from aiokafka.errors import KafkaError
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from libs.common.call import Call
from libs.common.database import Database
from libs.common.kafka import list_missing
from libs.common.outbox import notices_topic
from libs.common.settings import ServiceSettings
from services.registry.conditions.commands import post_conditions
from services.registry.conditions.rules import Text, Version
from services.registry.department.commands import Catalogue, install_departments

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]{0,62}$")]
Language = Literal["fr", "en"]


class InstallationFault(Exception):
    """One sentence for the operator, without its full stop."""


class ConditionsPart(BaseModel):
    """`texts` are places beside the installation file; `unofficial` the languages that only translate."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    owner: Name
    version: Name
    posted_at: Annotated[datetime, Field(strict=True)]
    texts: dict[Language, str]
    unofficial: list[Language] = []


class Installation(Catalogue):
    """What other services install from the same file is theirs."""

    model_config = ConfigDict(extra="ignore")

    conditions: list[ConditionsPart] = Field(default_factory=list)


async def install_from(
    database: Database, call: Call, installation: Installation, *, folder: Path, public_url: str
) -> None:
    """Idempotent, in one transaction. Raises InstallationFault, and what the commands raise."""
    async with database.transaction() as tx:
        await install_departments(tx, call, installation)
        for part in installation.conditions:
            await post_conditions(tx, call, _version(part, folder=folder), public_url=public_url)


async def require_notice_topics(settings: ServiceSettings, catalogue: Catalogue) -> None:
    """One topic that is not there would stop the relay, and with it every event. Raises InstallationFault."""
    wanted = [notices_topic(department.code) for department in catalogue.departments]
    try:
        missing = await list_missing(settings, wanted) if wanted else []
    except (KafkaError, OSError) as error:
        raise InstallationFault(f"Kafka at {settings.kafka_bootstrap} does not answer registry") from error
    if missing:
        raise InstallationFault(
            f"Kafka has no topic that registry may write named {', '.join(missing)}; "
            "add it to deploy/kafka/access.yaml and apply that first"
        )


def read_installation(path: Path) -> Installation:
    """Raises InstallationFault."""
    try:
        return Installation.model_validate(yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader))
    except (OSError, UnicodeDecodeError) as error:
        raise InstallationFault(f"the installation file {path} cannot be read") from error
    except yaml.YAMLError as error:
        raise InstallationFault(f"the installation file {path} is not YAML") from error
    except ValidationError as error:
        raise InstallationFault(_sentence(path, error)) from error


def _version(part: ConditionsPart, *, folder: Path) -> Version:
    texts: dict[str, Text] = {
        language: Text(_text(folder / place), is_official=language not in part.unofficial)
        for language, place in part.texts.items()
    }
    return Version(part.owner, part.version, part.posted_at, texts)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InstallationFault(f"the text {path} cannot be read") from error


def _sentence(path: Path, error: ValidationError) -> str:
    first = error.errors()[0]
    place = ".".join(map(str, first["loc"]))
    return f"{path}: {place}: {first['msg']}"
