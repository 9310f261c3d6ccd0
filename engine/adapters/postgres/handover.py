"""How a cell's calls and agents stand, for the engine that takes them over."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import TypeVar

import msgspec
import structlog

from engine.agent.machine import Agent
from engine.call.model import Call
from engine.errors import Rejected
from engine.ids import CallId
from engine.ports import Standing
from engine.revision import revised

from .pool import Database
from .text import json_text

log = structlog.get_logger()

T = TypeVar("T")
_CALL, _SEAT = "call/", "seat/"
_call_of = msgspec.json.Decoder(Call).decode
_agent_of = msgspec.json.Decoder(Agent).decode


class PostgresHandover:
    """HandoverStore on PostgreSQL, for the holder of a cell's lease."""

    def __init__(self, database: Database, cell: str, epoch: int) -> None:
        self._database = database
        self._cell = cell
        self._epoch = epoch

    async def keep(self, changed: Standing, over: Collection[CallId]) -> None:
        """One statement, and nothing for who lost the cell. Raises Unavailable, Rejected(`cell_lost`)."""
        rows = [
            *((f"{_CALL}{call.id}", json_text(_unnumbered(call))) for call in changed.calls),
            *((f"{_SEAT}{agent.slot}", json_text(agent)) for agent in changed.agents),
        ]
        held = await self._database.value(
            "keep_handover",
            self._cell,
            self._epoch,
            [name for name, _ in rows],
            [text for _, text in rows],
            [f"{_CALL}{call}" for call in over],
        )
        if not held:
            raise Rejected("cell_lost", f"another engine holds the cell {self._cell!r}")

    async def load(self) -> Standing:
        """What cannot be read (an older or newer version wrote it) is left out. Raises Unavailable."""
        rows = await self._database.rows("load_handover", self._cell)
        texts = [(row["name"], row["state"]) for row in rows]
        calls = tuple(_readable(texts, _CALL, _call_of))
        return Standing(calls, tuple(_readable(texts, _SEAT, _agent_of)))


def _unnumbered(call: Call) -> Call:
    """The number of a lead stays with the lead (schema/README.md)."""
    return call if call.attempt is None else revised(call, number="")


def _readable(texts: list[tuple[str, str]], prefix: str, decode: Callable[[str], T]) -> Iterator[T]:
    for name, text in texts:
        if name.startswith(prefix):
            try:
                yield decode(text)
            except msgspec.MsgspecError as error:
                log.error("handover_unreadable", name=name, reason=str(error))
