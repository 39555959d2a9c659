"""Clients as this process read them last; good only where the database is asked whether they are still so."""

from collections import OrderedDict
from dataclasses import dataclass, field

from libs.common.database import Database
from services.auth.client import store
from services.auth.client.store import Versioned

MOST = 1_000


@dataclass
class RememberedClients:
    _known: OrderedDict[str, Versioned] = field(default_factory=OrderedDict)

    def find(self, client_id: str) -> Versioned | None:
        return self._known.get(client_id)

    async def read(self, database: Database, client_id: str) -> Versioned | None:
        """As it is now, remembered from now on. Raises DatabaseUnavailable."""
        read = await store.find_versioned(database, client_id)
        self._known.pop(client_id, None)
        if read is not None:
            self._known[client_id] = read
            if len(self._known) > MOST:
                self._known.popitem(last=False)
        return read
