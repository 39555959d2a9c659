"""The least that could be done: one FastAPI route, one asyncpg SELECT by primary key, one uvicorn worker."""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import uvicorn
from fastapi import FastAPI, Request

DATABASE = "CLICSEQUR_BENCH_DATABASE_URL"
SELECT = "SELECT id, name FROM applicants WHERE id = $1"


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with asyncpg.create_pool(os.environ[DATABASE], min_size=1, max_size=10) as pool:
        app.state.pool = pool
        yield


app = FastAPI(lifespan=_lifespan)


@app.get("/applicants/{applicant_id}")
async def applicant(applicant_id: str, request: Request) -> dict[str, Any]:
    row = await request.app.state.pool.fetchrow(SELECT, applicant_id)
    return {"id": str(row["id"]), "name": row["name"]}


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), log_level="warning", access_log=False)
