from collections import Counter
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

CATALOGUE = Path(__file__).with_name("access.yaml")
DEPARTMENT_TOPICS = "departments."
DEPARTMENT_WRITER = "registry"
MILLISECONDS_PER_DAY = 86_400_000

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9.-]*$", max_length=200)]

# Watermarks come once a second under very few keys: small segments, cleaned within minutes, keep a new reader's
# way to the present short.
COMPACTED = {
    "cleanup.policy": "compact",
    "segment.bytes": "1048576",
    "segment.ms": "300000",
    "min.cleanable.dirty.ratio": "0.1",
    "max.compaction.lag.ms": "600000",
    "delete.retention.ms": "60000",
}


class AccessCatalogueError(Exception):
    """access.yaml breaks one of its own rules."""


class Resource(StrEnum):
    TOPIC = "topic"
    GROUP = "group"


class Verb(StrEnum):
    READ = "Read"
    WRITE = "Write"


class Right(BaseModel):
    model_config = ConfigDict(frozen=True)

    resource: Resource
    name: str
    verb: Verb
    is_prefix: bool = False


class Topic(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    partitions: int = Field(ge=1)
    retention_days: int | None = Field(None, ge=1)
    compacted: bool = False

    @model_validator(mode="after")
    def _kept_one_way(self) -> Self:
        if self.compacted == (self.retention_days is not None):
            raise ValueError("a topic is either compacted or has retention_days")
        return self

    def configuration(self) -> dict[str, str]:
        if self.retention_days is None:
            return COMPACTED
        return {
            "cleanup.policy": "delete",
            "retention.ms": str(self.retention_days * MILLISECONDS_PER_DAY),
        }


class Principal(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    write: list[Name] = []
    read: list[Name] = []
    groups: list[Name] = []
    group_prefixes: list[Name] = []

    def rights(self, topic_prefix: str = "") -> list[Right]:
        """WRITE and READ alone: the broker lets whoever holds one of them describe the topic too."""
        return [
            *(Right(resource=Resource.TOPIC, name=topic_prefix + name, verb=Verb.WRITE) for name in self.write),
            *(Right(resource=Resource.TOPIC, name=topic_prefix + name, verb=Verb.READ) for name in self.read),
            *(Right(resource=Resource.GROUP, name=topic_prefix + name, verb=Verb.READ) for name in self.groups),
            *(
                Right(resource=Resource.GROUP, name=topic_prefix + name, verb=Verb.READ, is_prefix=True)
                for name in self.group_prefixes
            ),
        ]


class Catalogue(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    topics: dict[Name, Topic]
    principals: dict[Name, Principal]

    @model_validator(mode="after")
    def _topics_are_listed(self) -> Self:
        used = {topic for one in self.principals.values() for topic in (*one.write, *one.read)}
        if unknown := sorted(used - self.topics.keys()):
            raise ValueError(f"topics used but not listed: {', '.join(unknown)}")
        return self

    @model_validator(mode="after")
    def _one_writer_each(self) -> Self:
        writers = Counter(topic for one in self.principals.values() for topic in one.write)
        if shared := sorted(topic for topic, count in writers.items() if count > 1):
            raise ValueError(f"topics written by more than one principal: {', '.join(shared)}")
        return self

    @model_validator(mode="after")
    def _only_registry_writes_to_departments(self) -> Self:
        for name, principal in self.principals.items():
            for topic in principal.write:
                if topic.startswith(DEPARTMENT_TOPICS) and name != DEPARTMENT_WRITER:
                    raise ValueError(f"{name} may not write {topic}: only {DEPARTMENT_WRITER} does")
        return self

    @model_validator(mode="after")
    def _a_department_group_is_its_own(self) -> Self:
        for name, principal in self.principals.items():
            if any(prefix != f"{name}." for prefix in principal.group_prefixes):
                raise ValueError(f"{name} may only use groups that start with {name}.")
        return self


def load(path: Path = CATALOGUE) -> Catalogue:
    """The catalogue, or AccessCatalogueError with what breaks its rules."""
    try:
        return Catalogue.model_validate(yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader))
    except ValidationError as error:
        broken = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise AccessCatalogueError(f"{path.name} is refused: {broken}") from None
    except yaml.YAMLError as error:
        raise AccessCatalogueError(f"{path.name} is not YAML: {error}") from None
