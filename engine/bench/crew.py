"""The agents of the pacing bench: they do their paperwork over the API, and are looked at all the time."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field

from engine.client import ApiClient
from engine.errors import Rejected

from .people import People

LOOK_S = 0.2
BUSY = frozenset({"reserved", "talking", "wrapping"})
SEATED = BUSY | {"ready", "paused"}


@dataclass(slots=True)
class Crew:
    """`busy` and `seated` are looks at agents; their ratio is the occupancy."""

    api: ApiClient
    people: People
    dice: random.Random
    busy: int = 0
    seated: int = 0
    _papers: dict[int, asyncio.Task[None]] = field(default_factory=dict)

    @property
    def occupancy(self) -> float:
        """Share of the agents' time that they talked or did paperwork, since `forget`."""
        return self.busy / max(1, self.seated)

    def forget(self) -> None:
        """Begin to look anew."""
        self.busy = self.seated = 0

    async def work(self) -> None:
        """Look at the agents and do their paperwork until cancelled."""
        try:
            while True:
                await self._look()
                await asyncio.sleep(LOOK_S)
        finally:
            for paper in self._papers.values():
                paper.cancel()
            await asyncio.gather(*self._papers.values(), return_exceptions=True)

    async def _look(self) -> None:
        for agent in (await self.api.get("/agents"))["items"]:
            slot, state = agent["slot"], agent["state"]
            self.seated += state in SEATED
            self.busy += state in BUSY
            if state == "wrapping" and (slot not in self._papers or self._papers[slot].done()):
                self._papers[slot] = asyncio.create_task(self._paper(slot))

    async def _paper(self, slot: int) -> None:
        await asyncio.sleep(self.people.wrap_s(self.dice))
        try:
            await self.api.post(f"/agents/{slot}/done", {"disposition": "sale"})
        except Rejected as refusal:  # it was over already
            if refusal.code != "agent_state":
                raise
        await asyncio.sleep(LOOK_S)
