from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from libs.common.principal import Principal


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """What makes a repeated POST the same one; the request's hash tells a reuse with another body."""

    principal: str
    route: str
    key: str
    request_hash: bytes


@dataclass(frozen=True, slots=True)
class Call:
    """One admitted call, or one incoming event: who, when, and under which correlation id."""

    actor: str
    at: datetime
    correlation_id: UUID
    principal: Principal | None = None
    causation_id: UUID | None = None
    idempotency_key: IdempotencyKey | None = None
