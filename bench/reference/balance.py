"""GET /api/credits in bare FastAPI over asyncpg, under uvicorn[standard] (uvloop, httptools): what such a read costs.

The same work and nothing else: checks the token (HS256, its times, its scope), that headers and token name one shop,
reads the one row over a pool of open connections and answers the same JSON with the same ids in the headers.
Statements are prepared once a connection (asyncpg's way), nobody writes a log line, the response is not validated.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import uuid4

import asyncpg
import jwt
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse

SECRET = os.environ["CLIENT_JWT_SECRET"]
CONNECTIONS = 8  # a process; PostgreSQL has the same two cores
BALANCE = (
    "SELECT balance, balance - held AS available, held, NULL AS expiring_next, total_granted, total_consumed, "
    "total_expired, platform_name, shop_domain FROM credit_accounts "
    "WHERE shop_domain = $1 AND platform_name = $2 ORDER BY created_at DESC LIMIT 1"
)


@asynccontextmanager
async def pool(app: FastAPI) -> AsyncIterator[None]:
    async with asyncpg.create_pool(
        os.environ["DATABASE_URL"], min_size=CONNECTIONS, max_size=CONNECTIONS
    ) as app.state.pool:
        yield


app = FastAPI(lifespan=pool)


@app.get("/api/credits")
async def read_credits(request: Request) -> JSONResponse:
    domain, platform = shop(request)
    row = await app.state.pool.fetchrow(BALANCE, domain, platform)
    if row is None:
        raise HTTPException(404)
    request_id = f"req_{uuid4().hex[:12]}"
    correlation_id = request.headers.get("x-correlation-id") or f"corr_{uuid4().hex[:12]}"
    timestamp = datetime.now(UTC).isoformat(timespec="microseconds")
    meta = {"request_id": request_id, "correlation_id": correlation_id, "timestamp": timestamp}
    ids = {"X-Correlation-ID": correlation_id, "X-Request-ID": request_id, "X-Service-Name": "credit-service"}
    return JSONResponse({"data": dict(row), "error": None, "meta": meta}, headers=ids)


def shop(request: Request) -> tuple[str, str]:
    """The shop that token and headers agree on: its domain, its platform."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    try:
        claims = jwt.decode(token, SECRET, algorithms=["HS256"], options={"require": ["sub", "scope", "exp"]})
    except jwt.InvalidTokenError:
        raise HTTPException(401) from None
    if scheme.lower() != "bearer" or claims["scope"] != "bff:call":
        raise HTTPException(403)
    domain = request.headers.get("x-shop-domain", "").lower()
    platform = request.headers.get("x-shop-platform", "").lower()
    if claims["sub"].lower() != domain:
        raise HTTPException(401)
    return domain, platform
