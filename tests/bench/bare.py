"""The least that could be done: a FastAPI route with one durable INSERT or one SELECT, and a Starlette route.

And the least that a token costs: FastAPI and joserfc with nothing between them.
"""

import json
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl
from uuid import uuid4

import asyncpg
import uvicorn
from fastapi import FastAPI, Request
from joserfc import jws
from joserfc.jwk import ECKey
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.bench.floor import DATABASE

INSERT = "INSERT INTO bare_rows (id, at) VALUES ($1, $2)"
SELECT = "SELECT client_id, kind FROM clients WHERE client_id = $1"
SELECT_KEYS = "SELECT client_id, jwks ->> 0 AS jwk FROM clients WHERE jsonb_array_length(jwks) > 0"
OWN = ECKey.generate_key("P-256")
KEYS = {"keys": [json.loads(json.dumps(OWN.as_dict(private=False)))]}


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with asyncpg.create_pool(os.environ[DATABASE], min_size=1, max_size=10) as pool:
        app.state.pool = pool
        rows = await pool.fetch(SELECT_KEYS)
        app.state.keys = {row["client_id"]: ECKey.import_key(json.loads(row["jwk"])) for row in rows}
        yield


async def jwks(_request: Request) -> Response:
    return JSONResponse(KEYS)


app = FastAPI(lifespan=_lifespan, routes=[Route("/jwks", jwks)])


@app.post("/rows")
async def add_row(request: Request) -> dict[str, bool]:
    await request.app.state.pool.execute(INSERT, uuid4(), datetime.now(UTC))
    return {"added": True}


@app.post("/tokens")
async def add_token(request: Request) -> dict[str, Any]:
    """The form is read, the assertion verified, its use and the call are kept, a token is signed."""
    return await _token(request, kept=2)


@app.post("/refreshed")
async def refresh(request: Request) -> dict[str, Any]:
    """The same for the next token of a grant: that is read, and the use of the refresh token kept too."""
    await request.app.state.pool.fetchrow(SELECT, "registry")
    return await _token(request, kept=3)


async def _token(request: Request, *, kept: int) -> dict[str, Any]:
    form = dict(parse_qsl((await request.body()).decode()))
    shown = jws.extract_compact(form["client_assertion"].encode())
    client_id = json.loads(shown.payload)["sub"]
    if not jws.validate_compact(shown, request.app.state.keys[client_id], algorithms=["ES256"]):
        raise PermissionError
    for _ in range(kept):
        await request.app.state.pool.execute(INSERT, uuid4(), datetime.now(UTC))
    at, scope = int(time.time()), "openid"
    claims = {"iss": "bare", "sub": client_id, "aud": "bare", "exp": at + 300, "iat": at, "jti": str(uuid4())}
    text = json.dumps({**claims, "client_id": client_id, "scope": scope})
    signed = jws.serialize_compact({"alg": "ES256", "typ": "at+jwt"}, text, OWN, algorithms=["ES256"])
    return {"access_token": signed, "token_type": "Bearer", "expires_in": 300, "scope": scope}


@app.get("/clients/{client_id}")
async def client(client_id: str, request: Request) -> dict[str, str]:
    row = await request.app.state.pool.fetchrow(SELECT, client_id)
    return {"client_id": row["client_id"], "kind": row["kind"]}


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), log_level="warning", access_log=False)
