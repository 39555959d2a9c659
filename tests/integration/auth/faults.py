"""What can fail in a database, made to fail there, for the length of a block."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from tests.kit import Running

# 57014 is what a statement ends by that takes too long.
TOO_LONG = """
CREATE OR REPLACE FUNCTION take_too_long() RETURNS boolean LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'too long' USING ERRCODE = '57014'; END $$;
CREATE OR REPLACE FUNCTION write_too_long() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'too long' USING ERRCODE = '57014'; END $$;
"""
FAULTS = {
    "the keys cannot be read": (
        """ALTER TABLE signing_keys ENABLE ROW LEVEL SECURITY;
        CREATE POLICY too_long ON signing_keys USING (take_too_long())""",
        "ALTER TABLE signing_keys DISABLE ROW LEVEL SECURITY; DROP POLICY too_long ON signing_keys",
    ),
    "the call cannot be recorded": (
        """CREATE TRIGGER too_long BEFORE INSERT ON access_records FOR EACH ROW
        WHEN (NEW.outcome = 'admitted') EXECUTE FUNCTION write_too_long()""",
        "DROP TRIGGER too_long ON access_records",
    ),
    "clients cannot be read": (
        """ALTER TABLE clients ENABLE ROW LEVEL SECURITY;
        CREATE POLICY too_long ON clients USING (take_too_long())""",
        "ALTER TABLE clients DISABLE ROW LEVEL SECURITY; DROP POLICY too_long ON clients",
    ),
    "the session ends once the call is recorded": (
        """CREATE FUNCTION end_sessions() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN UPDATE sessions SET ended_at = now(), end_reason = 'ended-by-other'; RETURN NEW; END $$;
        CREATE TRIGGER ending BEFORE INSERT ON access_records FOR EACH ROW EXECUTE FUNCTION end_sessions()""",
        "DROP TRIGGER ending ON access_records; DROP FUNCTION end_sessions",
    ),
    "the grant cannot be kept": (
        """CREATE TRIGGER too_long BEFORE INSERT ON refresh_tokens FOR EACH ROW
        EXECUTE FUNCTION write_too_long()""",
        "DROP TRIGGER too_long ON refresh_tokens",
    ),
}


@asynccontextmanager
async def fault(service: Running, name: str) -> AsyncIterator[None]:
    begins, ends = FAULTS[name]
    keys = service.apps[0].state.parts.keys
    # As if they had been read for the last time long ago.
    keys._read_at = float("-inf")  # noqa: SLF001
    owner = await asyncpg.connect(service.owner_url)
    try:
        await owner.execute(TOO_LONG)
        await owner.execute(begins)
        yield
        await owner.execute(ends)
        # As if it had failed a while ago.
        keys._failed_at = float("-inf")  # noqa: SLF001
    finally:
        await owner.close()
