"""People who asked in a call never to be called again."""

from __future__ import annotations

from collections.abc import Sequence

from engine.ports import OptOut

from .pool import Database


class PostgresDoNotCall:
    """DoNotCallList on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, opt_outs: Sequence[OptOut]) -> int:
        """Forbid the numbers, with the call as the reason; a trigger excludes their leads. Raises Unavailable."""
        if not opt_outs:
            return 0
        # the order is everybody's, so that two writers never wait for each other in a circle
        ordered = sorted(
            {opt_out.number: opt_out for opt_out in reversed(opt_outs)}.values(), key=lambda one: one.number
        )
        added: int = await self._database.value_despite_conflicts(
            "add_opt_outs",
            [one.number for one in ordered],
            [f"opted out in call {one.call}" for one in ordered],
            [one.at for one in ordered],
        )
        return added
