"""Routes for machines that watch: is the process alive, is every part there, what was counted."""

from __future__ import annotations

from aiohttp import web

from .route import Exchange, Routes
from .schemas import Alive, PartShown, Readiness

routes = Routes("health")


@routes.add("GET", "/healthz", summary="The process is alive", answer=Alive, public=True)
async def healthz(_: Exchange) -> Alive:
    return Alive(status="ok")


@routes.add(
    "GET",
    "/readyz",
    summary="Every part by name; 503 when a needed one is away",
    answer=Readiness,
    problems=(503,),
    public=True,
)
async def readyz(x: Exchange) -> web.Response:
    parts = {name: PartShown.model_validate(part) for name, part in x.control.readiness().items()}
    readiness = Readiness(ready=all(part.ok or not part.needed for part in parts.values()), parts=parts)
    headers = {} if readiness.ready else {"Retry-After": "2"}
    return web.Response(
        status=200 if readiness.ready else 503,
        body=readiness.model_dump_json().encode(),
        content_type="application/json",
        headers=headers,
    )
