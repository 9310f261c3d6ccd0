"""The HTTP application: routes, their surroundings, and a server with limits."""

from __future__ import annotations

import functools
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib import metadata

from aiohttp import web

from engine.errors import ConfigError
from engine.ports import Metrics
from engine.runtime.scripts import ScriptDesk

from . import agents, calls, campaigns, health, pages, runs, scripts, stream
from .control import Control
from .exchange import BODY_MAX_BYTES, REQUEST_ID, Edge
from .live import LiveHub
from .openapi import document
from .route import Exchange, Route, Routes

TOKEN_LENGTH_MIN = 24
HEADER_TIMEOUT_S = 15.0
"""A connection that has not sent a whole request head within this time is closed; also the keep-alive time."""
HEADERS_MAX = 64
FIELD_MAX_BYTES = 8190
LINGERING_S = 2.0
"""How long a refused body is read and thrown away, so that the caller sees the answer."""
SHUTDOWN_S = 5.0

_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Server": "vss",
}


def all_routes() -> list[Route]:
    """Every route but the ones that describe the others."""
    modules = (health, campaigns, calls, agents, scripts, runs, stream, pages)
    return [route for module in modules for route in module.routes.all]


def build_app(
    control: Control,
    live: LiveHub,
    desk: ScriptDesk,
    token: str,
    metrics: Metrics,
    exposition: Callable[[], tuple[bytes, str]],
) -> web.Application:
    """Build the application.

    `exposition` gives the metrics' text and its content type. Raises ConfigError for a token that is too short.
    """
    if len(token) < TOKEN_LENGTH_MIN:
        raise ConfigError(f"VSS_API_TOKEN needs at least {TOKEN_LENGTH_MIN} characters; run `vss init`")
    edge = Edge(control, live, desk, token, metrics)
    app = web.Application(middlewares=[edge.guard], client_max_size=BODY_MAX_BYTES)
    routes = [*all_routes(), *_own(exposition).all]
    description = json.dumps(document(routes, metadata_version())).encode()

    own = Routes("description")

    @own.add("GET", "/openapi.json", summary="This description (OpenAPI 3.1)", public=True)
    async def openapi_json(_: Exchange) -> web.Response:
        return web.Response(body=description, content_type="application/json")

    for route in [*routes, *own.all]:
        app.router.add_route(route.method, route.path, _bound(edge, route))
    app.on_response_prepare.append(_set_headers)

    async def end_streams(_: web.Application) -> None:
        live.close()

    app.on_shutdown.append(end_streams)
    return app


def metadata_version() -> str:
    """The installed version, or 0 when run from a bare checkout."""
    try:
        return metadata.version("vss-engine")
    except metadata.PackageNotFoundError:
        return "0"


def _own(exposition: Callable[[], tuple[bytes, str]]) -> Routes:
    routes = Routes("health")

    @routes.add("GET", "/metrics", summary="Prometheus metrics", public=True, content_type="text/plain")
    async def metrics_text(_: Exchange) -> web.Response:
        body, content_type = exposition()
        return web.Response(body=body, headers={"Content-Type": content_type})

    return routes


def _bound(edge: Edge, route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    return functools.partial(edge.handle, route)


async def _set_headers(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(_HEADERS)
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers["X-Request-ID"] = request.get(REQUEST_ID, "none")


@asynccontextmanager
async def serve(app: web.Application, host: str, port: int) -> AsyncIterator[int]:
    """Serve until the block ends; yields the port (useful with 0). Raises OSError when the address is taken."""
    runner = web.AppRunner(
        app,
        access_log=None,
        handle_signals=False,
        keepalive_timeout=HEADER_TIMEOUT_S,
        max_headers=HEADERS_MAX,
        max_field_size=FIELD_MAX_BYTES,
        lingering_time=LINGERING_S,
        shutdown_timeout=SHUTDOWN_S,
    )
    await runner.setup()
    try:
        listener = _listen(host, port)
        site = web.SockSite(runner, listener, backlog=256)
        await site.start()
        yield int(listener.getsockname()[1])
    finally:
        await runner.cleanup()


def _listen(host: str, port: int) -> socket.socket:
    family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[
        0
    ]
    listener = socket.socket(family, kind, proto)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener
