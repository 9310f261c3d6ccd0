"""Where inbound numbers go."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from engine.errors import Rejected
from engine.ids import Slot
from engine.ports import InboundRoute

from .pool import Database
from .text import storable


class PostgresRoutes:
    """RouteDirectory on PostgreSQL, and the keeping of routes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def route(self, did: str) -> InboundRoute | None:
        """The route of an inbound number, or of a slot dialed by its own number, or None. Raises Unavailable."""
        row = await self._database.row("inbound_route", storable(did))
        if row is None:
            return None
        slot = None if row["slot_id"] is None else Slot(row["slot_id"])
        return InboundRoute(did, row["pool"], slot, row["wait_max_s"])

    async def list(self) -> Sequence[InboundRoute]:
        """Every route, by number. Raises Unavailable."""
        return [
            InboundRoute(
                row["did"], row["pool"], None if row["slot_id"] is None else Slot(row["slot_id"]), row["wait_max_s"]
            )
            for row in await self._database.rows("inbound_routes")
        ]

    async def put(self, route: InboundRoute) -> None:
        """Add or change a route. Raises Rejected(`route_invalid`)."""
        try:
            await self._database.value("put_inbound_route", route.did, route.pool, route.slot, route.wait_max_s)
        except asyncpg.IntegrityConstraintViolationError as error:
            raise Rejected("route_invalid", f"route {route.did}: {error.args[0]}", 422) from None
