"""An ARI server for tests of the socket: answers REST over WebSocket as told, sends events, goes silent, hangs up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from aiohttp import WSMsgType, web

Answer = tuple[int, str]


class AriServer:
    """`async with AriServer() as server`. `requests` are all it got but proofs of life; `answer` decides each reply,
    None for none."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.answer: Callable[[dict[str, Any]], Answer | None] = agree
        self.connections = 0
        self.deaf = False
        """Answers as ever, but sends no events."""
        self.stalled = False
        """Accepts connections and does not answer their handshakes."""
        self.authorization: str | None = None
        self._sockets: list[web.WebSocketResponse] = []
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/ari/events", self._serve)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/ari"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.hang_up()
        assert self._runner is not None
        await self._runner.cleanup()

    async def send(self, event: dict[str, Any]) -> None:
        """Send an event on the newest connection."""
        await self._sockets[-1].send_json(event)

    async def hang_up(self) -> None:
        """Close every connection."""
        sockets, self._sockets = self._sockets, []
        for socket in sockets:
            await socket.close()

    def asked(self, method: str, uri: str) -> list[dict[str, Any]]:
        """The requests with this method and path."""
        return [request for request in self.requests if (request["method"], request["uri"]) == (method, uri)]

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        self.connections += 1
        self.authorization = request.headers.get("Authorization")
        if self.stalled:
            await asyncio.sleep(60)  # longer than any client waits
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._sockets.append(socket)
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                await self._reply(socket, json.loads(message.data))
        return socket

    async def _reply(self, socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
        if request["uri"].startswith("events/user/"):
            if not self.deaf:
                await socket.send_json({"type": "ChannelUserevent", "eventname": "vss-alive", "userevent": {}})
        else:
            self.requests.append(request)
        answer = self.answer(request)
        if answer is not None:
            status, body = answer
            frame = {"type": "RESTResponse", "request_id": request["request_id"], "status_code": status}
            await socket.send_json({**frame, "reason_phrase": "", "message_body": body})


def agree(request: dict[str, Any]) -> Answer | None:
    """Say yes; nothing is there."""
    return (200, "[]") if request["method"] == "GET" else (200, "{}")
