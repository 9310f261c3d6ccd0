"""Directories in memory: inbound routes, as the FastAGI server asks for them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from engine.errors import Unavailable
from engine.ports import InboundRoute


class FakeRoutes:
    """A RouteDirectory: `away` makes it raise Unavailable, `silent` never answer; `asked` records the questions."""

    def __init__(self, routes: Iterable[InboundRoute] = ()) -> None:
        self._routes = {route.did: route for route in routes}
        self.away = False
        self.silent = False
        self.asked: list[str] = []

    def put(self, route: InboundRoute) -> None:
        """Add a route, or replace the one of the same number."""
        self._routes[route.did] = route

    def remove(self, did: str) -> None:
        """Forget a number."""
        self._routes.pop(did, None)

    async def route(self, did: str) -> InboundRoute | None:
        self.asked.append(did)
        if self.silent:
            await asyncio.Event().wait()
        if self.away:
            raise Unavailable("postgres", "the fake directory is away")
        return self._routes.get(did)
