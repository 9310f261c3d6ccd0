"""Around every route: request id, token, body, time limit, problems, metrics and one log line."""

from __future__ import annotations

import asyncio
import hmac
import logging
import re
import time
import uuid
from collections.abc import Callable
from typing import Any

import structlog
from aiohttp import web
from pydantic import BaseModel, ValidationError

from engine.ports import Metrics
from engine.runtime.scripts import ScriptDesk

from .control import Control
from .live import LiveHub
from .once import Answered, OnceKeys
from .problem import ProblemError, problem_of, response
from .route import Exchange, Route

BODY_MAX_BYTES = 64 * 1024
BODY_TIMEOUT_S = 10.0
HANDLER_TIMEOUT_S = 15.0
REALM = 'Bearer realm="vss"'
_REQUEST_ID = re.compile(r"^[A-Za-z0-9._-]{8,64}$")

ROUTE = web.RequestKey("route", Route)
REQUEST_ID = web.RequestKey("request_id", str)

_log = structlog.get_logger("http")
_plain_log = logging.getLogger("http")


class Edge:
    """What is the same for all routes. `token` opens everything that is not public."""

    def __init__(
        self,
        control: Control,
        live: LiveHub,
        scripts: ScriptDesk,
        token: str,
        metrics: Metrics,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._control = control
        self._live = live
        self._scripts = scripts
        self._token = token.encode()
        self._metrics = metrics
        self._clock = clock
        self._once = OnceKeys(clock)

    async def handle(self, route: Route, request: web.Request) -> web.StreamResponse:
        """Run one route's handler; errors rise to `guard`."""
        request[ROUTE] = route
        if not route.public:
            self.authorise(request)
        exchange = Exchange(request, self._control, self._live, self._scripts, self._metrics, request[REQUEST_ID])
        exchange.body = await read_body(request, route.body)
        if route.streams:
            return answer(route, exchange, await route.handler(exchange))
        async with asyncio.timeout(HANDLER_TIMEOUT_S):
            key = request.headers.get("Idempotency-Key") if route.once else None
            if key is None:
                return answer(route, exchange, await route.handler(exchange))
            return await self._only_once(key, route, exchange)

    async def _only_once(self, key: str, route: Route, exchange: Exchange) -> web.StreamResponse:
        body = exchange.body.model_dump_json() if exchange.body is not None else ""
        fingerprint = f"{route.method} {exchange.request.path} {body}"
        async with self._once.claim(key, fingerprint) as held:
            if held.answer is None:
                made = answer(route, exchange, await route.handler(exchange))
                assert isinstance(made, web.Response)
                assert isinstance(made.body, bytes)
                location = made.headers.get("Location")
                held.answer = Answered(made.status, made.body, location)
                return made
            headers = {"Idempotent-Replayed": "true"}
            if held.answer.location is not None:
                headers["Location"] = held.answer.location
            return web.Response(
                status=held.answer.status, body=held.answer.body, content_type="application/json", headers=headers
            )

    def authorise(self, request: web.Request) -> None:
        """Compare the bearer token in constant time. Raises ProblemError 401."""
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        right = hmac.compare_digest(given.strip().encode("utf-8", "surrogateescape"), self._token)
        if scheme.lower() != "bearer" or not right:
            self._metrics.count("vss_http_unauthorized_total")
            text = "send the header Authorization: Bearer <token>, with VSS_API_TOKEN of the .env that vss init wrote"
            raise ProblemError(401, "unauthorized", text, headers={"WWW-Authenticate": REALM})

    @web.middleware
    async def guard(self, request: web.Request, handler: Callable[..., Any]) -> web.StreamResponse:
        """The outermost layer: whatever happens inside becomes an answer, a metric and a log line."""
        given = request.headers.get("X-Request-ID", "")
        request[REQUEST_ID] = request_id = given if _REQUEST_ID.match(given) else uuid.uuid4().hex
        started = self._clock()
        status = 500
        fault: Exception | None = None
        try:
            if request.match_info.http_exception is not None and request.path.startswith("/api"):
                self.authorise(request)
            answered: web.StreamResponse = await handler(request)
            status = answered.status
        except ConnectionError:
            status = 499  # nginx's word for a caller who left
            raise
        except Exception as error:
            problem = problem_of(error)
            status = problem.status
            fault = error if status == 500 else None
            answered = response(problem, request_id)
        finally:
            self._account(request, status, self._clock() - started, fault)
        return answered

    def _account(self, request: web.Request, status: int, took_s: float, fault: Exception | None) -> None:
        route = request.get(ROUTE)
        name = route.template if route is not None else "unknown"
        self._metrics.count("vss_http_requests_total", method=method_label(request), route=name, status=str(status))
        if route is None or not route.streams:
            self._metrics.observe("vss_http_request_seconds", took_s, route=name)
        quiet = request.method in {"GET", "HEAD"} and (status < 400 or name == "/readyz")
        if quiet and not _plain_log.isEnabledFor(logging.DEBUG):
            return
        fields: dict[str, Any] = {
            "request_id": request[REQUEST_ID],
            "method": method_label(request),
            "route": name,
            "status": status,
            "took_ms": round(took_s * 1000, 1),
        }
        if fault is not None:
            _log.error("request failed", exc_info=fault, **fields)
        elif quiet:
            _log.debug("request", **fields)
        else:
            _log.info("request", **fields)


async def read_body(request: web.Request, model: type[BaseModel] | None) -> BaseModel | None:
    """Read and validate a body. Raises ProblemError: 400, 408, 413, 415 or 422."""
    if request.method in {"GET", "DELETE"} or model is None:
        if request.can_read_body:
            raise ProblemError(400, "unexpected_body", "this route takes no body")
        return None
    if request.content_length is not None and request.content_length > BODY_MAX_BYTES:
        raise ProblemError(413, "body_too_large", f"a body may have {BODY_MAX_BYTES} bytes")
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            raw = await request.read()
    except TimeoutError:
        raise ProblemError(408, "body_timeout", f"the body did not arrive within {BODY_TIMEOUT_S:.0f} s") from None
    except web.RequestPayloadError:
        raise ProblemError(400, "bad_request", "the body could not be read") from None
    if not raw and all(not field.is_required() for field in model.model_fields.values()):
        raw = b"{}"
    elif request.content_type != "application/json":
        raise ProblemError(415, "unsupported_media_type", "send Content-Type: application/json")
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        raise problem_of(error) from None


def answer(route: Route, exchange: Exchange, made: BaseModel | web.StreamResponse) -> web.StreamResponse:
    """A handler's result as a response."""
    if isinstance(made, web.StreamResponse):
        return made
    return web.Response(
        status=route.status,
        body=made.model_dump_json().encode("utf-8", "replace"),
        content_type=route.content_type,
        headers=exchange.headers,
    )


def method_label(request: web.Request) -> str:
    """The method, from a closed list: a caller must not be able to make time series."""
    known = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"}
    return request.method if request.method in known else "other"
