"""A floor of agents on fakes and virtual time: people who answer or not, agents who talk and do their paperwork."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from engine.agent.machine import AgentState, DoneAsked
from engine.call.model import CallKind
from engine.dialer.campaign import DialMode
from engine.dialer.lead import RecallRule
from engine.fakes.callee import Callee
from engine.fakes.virtual_time import run_virtually
from engine.ids import CampaignId, Slot
from engine.outcome.disposition import Outcome
from engine.simulation.cell import Cell, open_cell

AGAIN = {outcome: RecallRule(1_000_000, 1.0) for outcome in Outcome}
"""The same few leads come again and again, so that the fakes stay quick."""
LEADS = 120
BUSY = frozenset({AgentState.RESERVED, AgentState.TALKING, AgentState.WRAPPING})
SEATED = BUSY | {AgentState.READY, AgentState.PAUSED}
LOOK_S = 0.25


@dataclass(slots=True)
class Habits:
    """How far ends behave, dial by dial; `answer_rate` may be changed while calls go on."""

    dice: random.Random
    answer_rate: float = 0.25
    talk_mean_s: float = 60.0

    def __call__(self, endpoint: str) -> Callee | None:
        if "@" not in endpoint:
            return Callee(answers_after_s=0.2)
        rings_after_s = self.dice.uniform(1.5, 3.5)
        if self.dice.random() < self.answer_rate:
            rings_for_s = min(20.0, self.dice.lognormvariate(math.log(8.0), 0.5))
            return Callee(rings_after_s, rings_after_s + rings_for_s, lognormal(self.dice, self.talk_mean_s, 0.9))
        if self.dice.random() < 0.25:
            return Callee(refuses_after_s=self.dice.uniform(1.0, 4.0), cause=17, sip_code=486)
        return Callee(rings_after_s)


def lognormal(dice: random.Random, mean: float, cv: float) -> float:
    """A duration with this mean and this coefficient of variation."""
    sigma = math.sqrt(math.log(1 + cv * cv))
    return dice.lognormvariate(math.log(mean) - sigma * sigma / 2, sigma)


@dataclass(slots=True)
class Floor:
    """A cell whose agents work; `busy` and `seated` are looks at agents, for the occupancy."""

    cell: Cell
    habits: Habits
    wrap_mean_s: float = 10.0
    busy: int = 0
    seated: int = 0
    in_flight_max: int = 0
    _wrapping: set[Slot] = field(default_factory=set)

    async def campaign(self, mode: DialMode, name: str = "c", **changes: Any) -> CampaignId:
        """A running campaign whose leads never end."""
        number = len(self.cell.memory.campaigns)
        numbers = [f"+1{200 + number}555{n:04}" for n in range(LEADS)]
        settings = {"recall": AGAIN, "wrap_up_s": 120.0, "message": ("sound:identity",), "lines_max": 500}
        return await self.cell.campaign(*numbers, name=name, dial_mode=mode, **(settings | changes))

    async def works(self, seconds: float, occasion: Callable[[], Awaitable[None]] | None = None) -> None:
        """Let agents work for so long; `occasion` is told of every look."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while loop.time() < until:
            await asyncio.sleep(LOOK_S)
            self._look()
            if occasion is not None:
                await occasion()

    def occupancy(self) -> float:
        """Of what was looked at since the last time."""
        found = self.busy / max(1, self.seated)
        self.busy = self.seated = 0
        return found

    def answers(self, campaign: CampaignId | None = None) -> tuple[int, int]:
        """Live answers that agents met, and those that were abandoned."""
        memory = self.cell.memory
        facts = [
            fact
            for attempt, fact in memory.outcomes.items()
            if campaign is None or memory.attempts[attempt].campaign == campaign
        ]
        return (
            sum(fact.outcome is Outcome.ANSWERED for fact in facts),
            sum(fact.outcome is Outcome.ABANDONED for fact in facts),
        )

    def _look(self) -> None:
        board = self.cell.engine.switchboard
        self.in_flight_max = max(self.in_flight_max, sum(board.in_flight.values()))
        for agent in board.agents():
            self.seated += agent.state in SEATED
            self.busy += agent.state in BUSY
            if agent.state is AgentState.WRAPPING and agent.slot not in self._wrapping:
                self._wrapping.add(agent.slot)
                wrap_s = lognormal(self.habits.dice, self.wrap_mean_s, 0.6)
                asyncio.get_running_loop().call_later(wrap_s, self._done, agent.slot)

    def _done(self, slot: Slot) -> None:
        self._wrapping.discard(slot)
        board = self.cell.engine.switchboard
        if board.agent(slot).state is AgentState.WRAPPING:
            board.tell_agent(slot, DoneAsked(self.cell.engine.control.clock.now()))


@asynccontextmanager
async def open_floor(agents: int, *, seed: int = 1, answer_rate: float = 0.25, **options: Any) -> AsyncIterator[Floor]:
    """A floor whose agents are logged in and ready."""
    habits = Habits(random.Random(seed), answer_rate)
    async with open_cell(agents=agents, callees=habits, seed=seed, **options) as cell:
        await cell.staff(*(7001 + n for n in range(agents)))
        yield Floor(cell, habits)


def work(shift: Callable[[Floor], Awaitable[None]], agents: int = 10, **options: Any) -> None:
    """Run a shift on a floor of its own; at its end nothing may be left over."""

    async def main() -> None:
        async with open_floor(agents, **options) as floor:
            await shift(floor)
            for campaign in floor.cell.memory.campaigns.values():
                await floor.cell.engine.control.change_campaign(campaign.id, "stop")
            for call in tuple(floor.cell.engine.switchboard.calls.values()):
                if call.kind is CallKind.INBOUND:
                    await floor.cell.engine.control.hang_up(call.id)
            await floor.cell.until(lambda: not floor.cell.engine.switchboard.calls, 3600.0)
            await asyncio.sleep(2.0)
        assert not floor.cell.memory.open

    run_virtually(main())
