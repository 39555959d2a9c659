"""How old a service's knowledge of another's facts is."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from libs.common.clock import now
from libs.common.database import Database
from libs.common.errors import DatabaseUnavailable
from libs.common.telemetry import FACTS_AGE, FACTS_OLD, LAG, PARKED

SELECT_FRESHNESS = "SELECT publisher, fresh_as_of, lag FROM freshness"
COUNT_PARKED = "SELECT count(*) AS parked FROM parked_events"
POLL_SECONDS = 1.0
NEVER = datetime.min.replace(tzinfo=UTC)

log = logging.getLogger(__name__)


@dataclass
class Freshness:
    """What an api replica last read of its worker's freshness rows, once a second."""

    database: Database
    publishers: Sequence[str]
    warn_seconds: float
    limit_seconds: float
    fresh_as_of: dict[str, datetime] = field(default_factory=dict)
    lag: dict[str, int] = field(default_factory=dict)
    parked: int = 0

    def age_seconds(self, publisher: str) -> float:
        return max(0.0, (now() - self.fresh_as_of.get(publisher, NEVER)).total_seconds())

    def too_old(self) -> str | None:
        """The first publisher whose facts are older than the limit, if any."""
        return next((name for name in self.publishers if self.age_seconds(name) > self.limit_seconds), None)

    async def poll(self) -> None:
        while True:
            try:
                await self.read()
            except DatabaseUnavailable:
                log.warning("freshness could not be read")
            await asyncio.sleep(POLL_SECONDS)

    async def read(self) -> None:
        for row in await self.database.fetch(SELECT_FRESHNESS):
            self.fresh_as_of[row["publisher"]] = row["fresh_as_of"]
            self.lag[row["publisher"]] = row["lag"]
        counted = await self.database.fetchrow(COUNT_PARKED)
        self.parked = counted["parked"] if counted else 0
        PARKED.set(self.parked)
        for name in self.publishers:
            age = self.age_seconds(name)
            FACTS_AGE.labels(name).set(age)
            LAG.labels(name).set(self.lag.get(name, 0))
            if age > self.warn_seconds:
                FACTS_OLD.labels(name).inc()
