"""Human seats and the history of their agents."""

from __future__ import annotations

from collections.abc import Sequence

from engine.ids import Slot
from engine.ports import AgentFact, Disposition, SlotRecord

from .pool import Database
from .query import query
from .text import storable


class PostgresAgents:
    """AgentDirectory on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def slots(self) -> Sequence[SlotRecord]:
        """The enabled seats of human agents (MF), in order. Raises Unavailable."""
        return [
            SlotRecord(Slot(row["slot_id"]), row["pool"], row["display_name"])
            for row in await self._database.rows("agent_slots")
        ]

    async def record(self, facts: Sequence[AgentFact], dispositions: Sequence[Disposition]) -> None:
        """Append both in one transaction; repeating it changes nothing. Raises Unavailable."""
        if not facts and not dispositions:
            return
        async with self._database.transaction() as connection:
            await connection.execute(
                query("add_agent_facts"),
                [fact.slot for fact in facts],
                [fact.at for fact in facts],
                [fact.state for fact in facts],
                [storable(fact.reason) for fact in facts],
                [fact.call for fact in facts],
            )
            await connection.execute(
                query("add_dispositions"),
                [said.call for said in dispositions],
                [said.slot for said in dispositions],
                [said.at for said in dispositions],
                [storable(said.code) for said in dispositions],
                [storable(said.note) for said in dispositions],
            )
