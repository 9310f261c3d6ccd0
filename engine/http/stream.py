"""The live stream as server-sent events (WHATWG HTML, 9.2)."""

from __future__ import annotations

import asyncio
import re

from aiohttp import web

from .live import Subscription
from .route import Exchange, Routes

HEARTBEAT_S = 10.0
WRITE_TIMEOUT_S = 30.0
"""A client that takes nothing for this long is cut off; it comes back with Last-Event-ID."""
RETRY_MS = 2000

routes = Routes("live")


@routes.add(
    "GET",
    "/api/v1/live",
    summary="Changes of campaigns, agents, calls and health as server-sent events; resumes after Last-Event-ID",
    problems=(429,),
    streams=True,
    content_type="text/event-stream",
)
async def live(x: Exchange) -> web.StreamResponse:
    given = x.request.headers.get("Last-Event-ID", "")
    subscription = x.live.subscribe(int(given) if re.fullmatch(r"[0-9]{1,18}", given) else None)
    try:
        stream = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
        await stream.prepare(x.request)
        await _send(x, stream, b"retry: %d\n\n" % RETRY_MS)
        await _follow(x, stream, subscription)
    finally:
        subscription.close()
    return stream


async def _follow(x: Exchange, stream: web.StreamResponse, subscription: Subscription) -> None:
    while not x.live.closed:
        events = await subscription.read(HEARTBEAT_S)
        if x.live.closed:
            return
        try:
            await _send(x, stream, events if events is not None else b": beat\n\n")
        except (ConnectionError, TimeoutError):
            return


async def _send(x: Exchange, stream: web.StreamResponse, data: bytes) -> None:
    try:
        async with asyncio.timeout(WRITE_TIMEOUT_S):
            await stream.write(data)
    except TimeoutError:
        x.metrics.count("vss_bounds_reached_total", bound="live_write")
        if x.request.transport is not None:
            x.request.transport.abort()
        raise
