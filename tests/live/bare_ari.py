"""The smallest ARI application for tests of the dialplan and of SIPp's far ends: one socket, REST, and its events."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import aiohttp

from engine.stack.asterisk import Asterisk

Event = dict[str, Any]
WAIT_S = 20.0
_serials = itertools.count(1)


class BareAri:
    """`async with BareAri(asterisk)`: connected as the application of the dialplan, subscribed to some endpoints."""

    def __init__(self, asterisk: Asterisk, *endpoints: str) -> None:
        self._base = f"{asterisk.ari_url}/ari"
        login = aiohttp.encode_basic_auth(asterisk.site.ari_user, asterisk.site.ari_password)
        self._headers = {"Authorization": login}
        self._app = asterisk.site.app_name
        self._endpoints = endpoints
        self.events: list[Event] = []
        self._arrived = asyncio.Condition()

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(headers=self._headers, timeout=aiohttp.ClientTimeout(total=10))
        self._socket = await self._session.ws_connect(f"{self._base}/events", params={"app": self._app})
        self._reader = asyncio.create_task(self._read())
        for endpoint in self._endpoints:
            await self.post(f"applications/{self._app}/subscription", eventSource=f"endpoint:PJSIP/{endpoint}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reader.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reader
        await self._socket.close()
        await self._session.close()

    async def post(self, path: str, **parameters: str) -> Any:
        return await self._ask("POST", path, parameters)

    async def get(self, path: str, **parameters: str) -> Any:
        return await self._ask("GET", path, parameters)

    async def delete(self, path: str, **parameters: str) -> Any:
        return await self._ask("DELETE", path, parameters)

    async def dial(self, endpoint: str, context: str, ring_timeout_s: int = 15) -> str:
        """Originate into a context of the dialplan; returns the channel's id."""
        channel = f"leg-{next(_serials)}"
        await self.post(
            "channels",
            endpoint=endpoint,
            context=context,
            extension="s",
            priority="1",
            channelId=channel,
            timeout=str(ring_timeout_s),
            callerId="+12125550100",
        )
        return channel

    async def event(self, kind: str, channel: str | None = None, *, after: int = 0, timeout_s: float = WAIT_S) -> Event:
        """The first event of a type (and channel) from the `after`-th on."""
        return await self.until(
            lambda event: event["type"] == kind and channel in {None, event.get("channel", {}).get("id")},
            after=after,
            timeout_s=timeout_s,
        )

    async def until(self, wanted: Callable[[Event], bool], *, after: int = 0, timeout_s: float = WAIT_S) -> Event:
        """The first event that is wanted, of those from the `after`-th on."""
        async with asyncio.timeout(timeout_s), self._arrived:
            while True:
                for event in self.events[after:]:
                    if wanted(event):
                        return event
                await self._arrived.wait()

    async def _ask(self, method: str, path: str, parameters: dict[str, str]) -> Any:
        async with self._session.request(method, f"{self._base}/{path}", params=parameters) as answer:
            answer.raise_for_status()
            return await answer.json() if answer.content_type == "application/json" else None

    async def _read(self) -> None:
        async for message in self._socket:
            async with self._arrived:
                self.events.append(message.json())
                self._arrived.notify_all()
