"""What an engine leaves for the next, in memory, read back from JSON as PostgreSQL's is."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import msgspec

from engine.agent.machine import Agent
from engine.call.model import Call
from engine.errors import Rejected
from engine.fakes.stores import FakeMemory
from engine.ids import CallId, Slot
from engine.ports import Standing
from engine.revision import revised


@dataclass(slots=True)
class FakeShelf:
    """What PostgreSQL keeps of a cell; `epoch` is that of the engine that holds it."""

    memory: FakeMemory = field(default_factory=FakeMemory)
    epoch: int = 0
    calls: dict[CallId, bytes] = field(default_factory=dict)
    agents: dict[Slot, bytes] = field(default_factory=dict)


@dataclass(slots=True)
class FakeHandover:
    """A HandoverStore; away when its memory is."""

    shelf: FakeShelf
    epoch: int

    async def keep(self, changed: Standing, over: Collection[CallId]) -> None:
        self.shelf.memory.check()
        if self.shelf.epoch != self.epoch:
            raise Rejected("cell_lost", "another engine holds the cell")
        for call in changed.calls:
            self.shelf.calls[call.id] = msgspec.json.encode(call if call.attempt is None else revised(call, number=""))
        for agent in changed.agents:
            self.shelf.agents[agent.slot] = msgspec.json.encode(agent)
        for name in over:
            self.shelf.calls.pop(name, None)
        self.shelf.memory.answer()

    async def load(self) -> Standing:
        self.shelf.memory.check()
        return Standing(
            tuple(msgspec.json.decode(text, type=Call) for text in self.shelf.calls.values()),
            tuple(msgspec.json.decode(text, type=Agent) for text in self.shelf.agents.values()),
        )
