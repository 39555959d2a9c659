"""The least that could be done: a FastAPI route with one durable INSERT or one SELECT, and a Starlette route."""

import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import uuid4

import asyncpg
import uvicorn
from fastapi import FastAPI, Request
from joserfc.jwk import ECKey
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.bench.floor import DATABASE

INSERT = "INSERT INTO bare_rows (id, at) VALUES ($1, $2)"
SELECT = "SELECT client_id, kind FROM clients WHERE client_id = $1"
KEYS = {"keys": [json.loads(json.dumps(ECKey.generate_key("P-256").as_dict(private=False)))]}


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with asyncpg.create_pool(os.environ[DATABASE], min_size=1, max_size=10) as pool:
        app.state.pool = pool
        yield


async def jwks(_request: Request) -> Response:
    return JSONResponse(KEYS)


app = FastAPI(lifespan=_lifespan, routes=[Route("/jwks", jwks)])


@app.post("/rows")
async def add_row(request: Request) -> dict[str, bool]:
    await request.app.state.pool.execute(INSERT, uuid4(), datetime.now(UTC))
    return {"added": True}


@app.get("/clients/{client_id}")
async def client(client_id: str, request: Request) -> dict[str, str]:
    row = await request.app.state.pool.fetchrow(SELECT, client_id)
    return {"client_id": row["client_id"], "kind": row["kind"]}


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), log_level="warning", access_log=False)
