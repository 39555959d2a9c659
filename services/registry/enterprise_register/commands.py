from dataclasses import asdict
from pathlib import Path

from libs.common.call import Call
from libs.common.database import Connection, Database
from libs.common.evidence import record_evidence
from libs.common.ids import new_id
from services.registry.enterprise_register import reading, rules, store
from services.registry.enterprise_register.store import Load


async def is_confirmed(connection: Connection, *, neq: str, name: str) -> bool:
    """Whether the register knows this enterprise as registered under this name."""
    return rules.confirms(await store.find(connection, neq), name)


async def load_register(database: Database, call: Call, folder: Path, *, malformed_at_most: float) -> Load:
    """The whole register in one transaction, streamed; a second load of the same files changes nothing.

    Raises RegisterFolderIncomplete, RegisterHeaderWrong, RegisterTooMalformed, RegisterEmpty: nothing was loaded.
    """
    enterprises, names = reading.enterprises_of(folder), reading.names_of(folder)
    async with database.transaction() as tx:
        await store.begin_load(tx)
        await store.stage_enterprises(tx, enterprises.rows())
        await store.stage_names(tx, names.rows())
        rows = enterprises.tally.rows + names.tally.rows
        malformed = enterprises.tally.malformed + names.tally.malformed
        if malformed > rows * malformed_at_most:
            raise rules.RegisterTooMalformed(malformed=malformed, rows=rows)
        for read in (enterprises, names):
            if not read.tally.kept:
                raise rules.RegisterEmpty(file=read.path.name)
        load = await store.merge(
            tx,
            new_id(),
            loaded_at=call.at,
            enterprises=enterprises.tally.kept,
            names=names.tally.kept,
            malformed=malformed,
        )
        await record_evidence(tx, call, "load_enterprise_register", applicant_id=None, content=asdict(load))
    return load
