"""Where an inbound number leads, asked under bounds, with a memory for the time PostgreSQL is away."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import structlog

from engine.ports import InboundRoute, Metrics, RouteDirectory

ROUTES_MAX = 2048
"""Most routes remembered; the least recently used goes first."""
ROUTE_AGE_MAX_S = 24 * 3600.0
"""A route older than this is not used even while the directory is away: the number may belong to someone else."""
AWAY_S = 5.0
"""After a failed look-up, remembered routes are used at once for this long, so that callers do not wait in vain."""

_log = structlog.get_logger(__name__)


class CallerDirectory(Protocol):
    """Who a caller is."""

    async def caller_name(self, number: str) -> str | None:
        """The name of the lead with this number, or None. Raises Unavailable."""
        ...


@dataclass(frozen=True, slots=True)
class Found:
    route: InboundRoute
    stale: bool


@dataclass(frozen=True, slots=True)
class Unknown:
    """The directory says: this number leads nowhere."""


@dataclass(frozen=True, slots=True)
class Away:
    """The directory did not answer and nothing is remembered."""


class RouteBook:
    """Asks the directory, remembers what it said, and falls back on that when it is away or slow."""

    def __init__(
        self,
        routes: RouteDirectory,
        metrics: Metrics,
        *,
        lookup_timeout_s: float = 2.0,
        routes_max: int = ROUTES_MAX,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._routes = routes
        self._metrics = metrics
        self._timeout_s = lookup_timeout_s
        self._routes_max = routes_max
        self._now = now
        self._known: OrderedDict[str, tuple[InboundRoute, float]] = OrderedDict()
        self._away_until = float("-inf")

    async def look_up(self, did: str) -> Found | Unknown | Away:
        """The route of `did`; never raises, and takes at most the look-up's timeout."""
        if self._now() < self._away_until and (remembered := self._remembered(did)):
            return remembered
        try:
            async with asyncio.timeout(self._timeout_s):
                route = await self._routes.route(did)
        except Exception as error:  # away, slow or faulty: to the caller it is the same
            if isinstance(error, TimeoutError):
                self._metrics.count("vss_bounds_reached_total", bound="fastagi_lookup")
            _log.warning("route directory failed", did=did, error=repr(error))
            self._away_until = self._now() + AWAY_S
            return self._remembered(did) or Away()
        self._away_until = float("-inf")
        if route is None:
            self._known.pop(did, None)
            return Unknown()
        self._remember(did, route)
        return Found(route, stale=False)

    def _remember(self, did: str, route: InboundRoute) -> None:
        self._known[did] = (route, self._now())
        self._known.move_to_end(did)
        if len(self._known) > self._routes_max:
            self._known.popitem(last=False)
            self._metrics.count("vss_bounds_reached_total", bound="fastagi_routes")

    def _remembered(self, did: str) -> Found | None:
        entry = self._known.get(did)
        if entry is None or self._now() - entry[1] > ROUTE_AGE_MAX_S:
            return None
        self._known.move_to_end(did)
        return Found(entry[0], stale=True)
