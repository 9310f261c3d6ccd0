"""What cells share of a trunk: its calls per second, counted in Redis."""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import TracebackType
from typing import Self

import redis.asyncio
import structlog
from redis.exceptions import NoScriptError

from engine.adapters.redis.link import RedisLink
from engine.errors import Unavailable
from engine.ids import TrunkName
from engine.ports import Metrics, Tokens
from engine.trunk.capacity import BURST_S

TIMEOUT_S = 0.05
"""Longest wait in a dialing tick; Redis on the same network answers in well under a millisecond."""
WANTED_MAX = 10_000

_SCRIPT = (Path(__file__).parent / "take_tokens.lua").read_text(encoding="utf-8")
# EVALSHA names a script by its SHA-1; nothing secret
_DIGEST = hashlib.sha1(_SCRIPT.encode(), usedforsecurity=False).hexdigest()
_log = structlog.get_logger(__name__)


class RedisLeases:
    """The Leases port. `async with RedisLeases(...)`; outside of it, and while Redis is away, nothing is shared."""

    def __init__(
        self, url: str, metrics: Metrics, *, timeout_s: float = TIMEOUT_S, burst_s: float = BURST_S, prefix: str = "vss"
    ) -> None:
        self._link = RedisLink(url, "leases", metrics, timeout_s=timeout_s)
        self._metrics = metrics
        self._burst_s = burst_s
        self._prefix = prefix

    @property
    def available(self) -> bool:
        """Whether tokens are shared now."""
        return self._link.available

    async def __aenter__(self) -> Self:
        await self._link.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._link.__aexit__(kind, error, trace)

    async def take(self, trunk: TrunkName, wanted: int, cps_max: float) -> Tokens:
        """Take at most `wanted` tokens; never raises. Unshared when Redis is away, slow, or has lost its data.

        A take that timed out may still have been counted: cells then dial a little less, never more.
        """
        wanted = min(wanted, WANTED_MAX)
        if wanted <= 0 or cps_max <= 0:
            return Tokens(0, self._link.available)
        try:
            granted = await self._link.ask(lambda client: self._evaluate(client, trunk, wanted, cps_max))
        except Unavailable:
            return self._unshared(wanted, "away")
        except Exception as error:
            _log.error("the trunk's tokens cannot be taken", trunk=trunk, error=repr(error))
            return self._unshared(wanted, "fault")
        if granted < 0:
            return self._unshared(wanted, "emptied")
        return Tokens(granted, shared=True)

    def _unshared(self, wanted: int, reason: str) -> Tokens:
        if reason != "away":
            self._metrics.count("vss_redis_errors_total")
        return Tokens(wanted, shared=False)

    async def _evaluate(self, client: redis.asyncio.Redis, trunk: TrunkName, wanted: int, cps_max: float) -> int:
        arguments = (f"{self._prefix}:cps:{trunk}", str(wanted), repr(float(cps_max)), repr(self._burst_s))
        try:
            return int(await client.evalsha(_DIGEST, 1, *arguments))
        except NoScriptError:
            # once per start of Redis: EVAL runs the script and keeps it
            return int(await client.eval(_SCRIPT, 1, *arguments))
