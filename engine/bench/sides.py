"""The two sides of the bench: the engine as it is served, and the bare loop; both are asked for the same counts."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import aiohttp

from engine.adapters.ari.wire import WANTED_TYPES
from engine.client import ApiClient
from engine.errors import Unavailable
from engine.ids import CampaignId
from engine.stack.home import CHECKOUT

from .cpu import family_s, process_s
from .place import ANSWERING, BARE_SERIES, CALLER_ID, Place

BARE_LOOP = CHECKOUT / "tests/load/bare_loop.py"
ASK_LIMIT_S = 10.0
SETTLE_LIMIT_S = 60.0
LOOK_S = 0.1


@dataclass(frozen=True, slots=True)
class Count:
    """Totals of a side at one moment: attempts over and those that went wrong, CPU seconds of all that took part."""

    at: float
    done: int
    errors: int
    own_s: float
    postgres_s: float
    asterisk_s: float


class Side(Protocol):
    """One side while it runs."""

    async def count(self) -> Count: ...


class EngineSide:
    """A served engine, asked over its metrics."""

    def __init__(self, place: Place, api: ApiClient, session: aiohttp.ClientSession) -> None:
        self._place = place
        self.api = api
        self._session = session

    async def count(self) -> Count:
        async with self._session.get(f"{self._place.stack.engine.url}/metrics") as answer:
            by_outcome = attempts_by_outcome(await answer.text())
        good = by_outcome.get("answered", 0)
        done = sum(by_outcome.values())
        stack = self._place.stack
        own, postgres = process_s(stack.engine.process.pid), family_s(stack.postgres.process.pid)
        return Count(time.perf_counter(), done, done - good, own, postgres, process_s(stack.asterisk.process.pid))

    async def settled(self) -> None:
        """Wait until no call is left. Raises TimeoutError."""

        async def quiet() -> bool:
            return not (await self.api.get("/calls"))["items"]

        await _until(quiet)

    async def log_in(self) -> None:
        """Log all agents in, ready. Raises TimeoutError."""
        for slot in self._place.slots:
            await self.api.post(f"/agents/{slot}/login")
        for slot in self._place.slots:
            await self.api.post(f"/agents/{slot}/ready")

        async def all_ready() -> bool:
            return all(agent["state"] == "ready" for agent in (await self.api.get("/agents"))["items"])

        await _until(all_ready)


@asynccontextmanager
async def engine_side(place: Place, campaign: CampaignId, *, agents: bool = False) -> AsyncIterator[EngineSide]:
    """Serve an engine and run one campaign on it; at the end calls are over, and nobody is left to the other side."""
    stack = place.stack
    await stack.start_engine(VSS_LOG_LEVEL="warning", VSS_DRAIN_LIMIT_S="5", VSS_STOP="hang-up")
    limit = aiohttp.ClientTimeout(total=ASK_LIMIT_S)
    try:
        async with ApiClient(stack.engine.url, stack.api_token) as api, aiohttp.ClientSession(timeout=limit) as session:
            side = EngineSide(place, api, session)
            if agents:
                await side.log_in()
            await api.post(f"/campaigns/{campaign}/start")
            yield side
            await api.post(f"/campaigns/{campaign}/pause")
            await side.settled()
    finally:
        await stack.engine.stop()


class BareSide:
    """The bare loop, asked by a line on its stdin."""

    def __init__(self, place: Place, process: asyncio.subprocess.Process) -> None:
        self._place = place
        self._process = process

    async def told(self) -> dict[str, Any]:
        """Everything it counts. Raises Unavailable when it ended."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(b"\n")
        async with asyncio.timeout(ASK_LIMIT_S):
            line = await self._process.stdout.readline()
        if not line:
            raise Unavailable("bare loop", "it ended; its log is above")
        told: dict[str, Any] = json.loads(line)
        return told

    async def count(self) -> Count:
        told = await self.told()
        stack = self._place.stack
        own, postgres = process_s(self._process.pid), family_s(stack.postgres.process.pid)
        asterisk = process_s(stack.asterisk.process.pid)
        return Count(time.perf_counter(), told["done"], told["errors"], own, postgres, asterisk)


@asynccontextmanager
async def bare_side(place: Place, **what: object) -> AsyncIterator[BareSide]:
    """Run the bare loop; `what` are its settings that say what to do."""
    site = place.stack.asterisk.site
    login = base64.b64encode(f"{site.ari_user}:{site.ari_password}".encode()).decode()
    settings = {
        "port": site.http_port,
        "authorization": f"Basic {login}",
        "app": site.app_name,
        "events": WANTED_TYPES,
        "trunk": ANSWERING,
        "caller_id": CALLER_ID,
        "series": BARE_SERIES,
        **what,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", str(BARE_LOOP), json.dumps(settings),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=64 * 1024 * 1024,
        cwd=Path(place.stack.directory),
    )  # fmt: skip
    try:
        yield BareSide(place, process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await _emptied(place)


async def _emptied(place: Place) -> None:
    """The bare loop ends in the middle of its calls: hang all of them up, for the next one to find a quiet Asterisk."""
    asterisk = place.stack.asterisk
    await asterisk.cli("channel request hangup all")

    async def empty() -> bool:
        return (await asterisk.cli("core show channels count")).startswith("0 active channels")

    await _until(empty)


async def _until(ready: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(SETTLE_LIMIT_S):
        while not await ready():  # noqa: ASYNC110 (what is asked is another process)
            await asyncio.sleep(LOOK_S)


def attempts_by_outcome(text: str) -> dict[str, int]:
    """`vss_attempts_total` by outcome from Prometheus' text."""
    found: dict[str, int] = {}
    for line in text.splitlines():
        if line.startswith("vss_attempts_total{"):
            labels, _, value = line.rpartition(" ")
            found[labels.partition('outcome="')[2].partition('"')[0]] = int(float(value))
    return found
