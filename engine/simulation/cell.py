"""A whole cell on fakes and virtual time: the real runtime and core, an in-memory Asterisk and database."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import time
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from engine.agent.machine import AgentState
from engine.dialer.campaign import Campaign
from engine.dialer.draft import CampaignDraft
from engine.dialer.lead import RecallRule
from engine.fakes.abandonment import FakeAbandonment
from engine.fakes.asterisk import FakeAsterisk
from engine.fakes.callee import Callee, carrier
from engine.fakes.ear import FakeEar
from engine.fakes.handover import FakeHandover, FakeShelf
from engine.fakes.journal import FakeJournal
from engine.fakes.leases import FakeLeases, FakeRegistry
from engine.fakes.metrics import FakeMetrics
from engine.fakes.runs import FakeRuns
from engine.fakes.script_world import FakeVoices, FakeWebhooks
from engine.fakes.scripts import FakeScripts
from engine.fakes.speech import FakeSpeech
from engine.fakes.spool import FakeSpools
from engine.fakes.stores import FakeAgents, FakeCalls, FakeDoNotCall, FakeLeads, FakeMemory, FakeOutcomes, FakeTrunks
from engine.fakes.virtual_time import LoopClock, run_virtually
from engine.flow.run.program import Program, program_of
from engine.ids import CampaignId, Slot, TrunkName
from engine.outcome.disposition import Outcome
from engine.ports import ClaimedLead, FinishedLeg, LiveFrame, SlotRecord, TrunkRecord
from engine.runtime.control import InboundPolicy
from engine.runtime.engine import Engine, EngineSettings, Ports, StopMode
from engine.runtime.flows.performers import FlowPorts
from engine.simulation.journals import check_journals

TRUNK = TrunkName("carrier")
ONCE = {outcome: RecallRule(1, 1.0) for outcome in Outcome}


@dataclass(slots=True)
class FakeFeed:
    """A LiveFeed that keeps the newest frame of each key."""

    frames: dict[tuple[str, str], LiveFrame] = field(default_factory=dict)

    def publish(self, frame: LiveFrame) -> None:
        self.frames[frame.kind, frame.key] = frame


@dataclass(slots=True)
class FakeRecordings:
    """A RecordingStore that only remembers; as in PostgreSQL, a recording without its call's row is lost."""

    memory: FakeMemory
    finished: list[FinishedLeg] = field(default_factory=list)

    async def finish(self, legs: Any) -> None:
        self.finished.extend(leg for leg in legs if leg.call in self.memory.calls)


async def read_at_once(document: str) -> Program:
    """Virtual time knows no threads."""
    return program_of(document)


@dataclass(slots=True)
class ScriptWorld:
    """What scripts need; it outlives an engine, as PostgreSQL does."""

    runs: FakeRuns
    scripts: FakeScripts = field(default_factory=FakeScripts)
    voices: FakeVoices = field(default_factory=FakeVoices)
    webhooks: FakeWebhooks = field(default_factory=FakeWebhooks)
    ear: FakeEar = field(default_factory=FakeEar)


@dataclass(slots=True)
class Cell:
    """An engine that serves, and everything around it to look at and to push."""

    engine: Engine
    asterisk: FakeAsterisk
    memory: FakeMemory
    metrics: FakeMetrics
    feed: FakeFeed
    recordings: FakeRecordings
    account: FakeAbandonment
    journal: FakeJournal
    registry: FakeRegistry
    speech: FakeSpeech
    scripts: ScriptWorld
    shelf: FakeShelf
    spools: FakeSpools
    running: asyncio.Task[None]
    killed: bool = False

    async def kill(self) -> None:
        """The engine dies at this moment; its calls go on in Asterisk."""
        self.killed = True
        self.running.cancel()
        with suppress(asyncio.CancelledError):
            await self.running

    async def sleep(self, for_s: float) -> None:
        """Let (virtual) time pass."""
        await asyncio.sleep(for_s)

    async def campaign(self, *numbers: str, start: bool = True, **changes: Any) -> CampaignId:
        """A campaign over these numbers, running, without retries unless `recall` says otherwise."""
        draft = CampaignDraft(
            **{"name": "c", "trunk": TRUNK, "recall": ONCE, "window_from": time.min, "window_to": time.max, **changes}
        )
        created: Campaign = (await self.engine.control.create_campaign(draft)).campaign
        for number in numbers:
            self.memory.add_lead(created.id, number)
        if start:
            await self.engine.control.change_campaign(created.id, "start")
        return created.id

    async def staff(self, *slots: int) -> None:
        """Log agents in and make them ready."""
        for slot in slots:
            await self.engine.control.login(Slot(slot))
            await self.engine.control.ready(Slot(slot))
        await self.until(lambda: all(self.engine.switchboard.agent(Slot(slot)).seated for slot in slots))

    def state(self, slot: int) -> AgentState:
        return self.engine.switchboard.agent(Slot(slot)).state

    def outcomes(self) -> list[Outcome]:
        """Outcomes in the order of the attempts."""
        return [
            self.memory.outcomes[attempt].outcome for attempt in self.memory.attempts if attempt in self.memory.outcomes
        ]

    async def until(self, true: Callable[[], bool], limit_s: float = 120.0) -> None:
        """Let (virtual) time pass until something is so."""
        loop = asyncio.get_running_loop()
        for_ever = loop.time() + limit_s
        while not true():
            assert loop.time() < for_ever, f"it did not become so within {limit_s} s; outcomes: {self.outcomes()}"
            await asyncio.sleep(0.05)

    async def settled(self, limit_s: float = 300.0) -> None:
        """Until no lead is due and no call is under way, and everything is written."""
        await self.until(
            lambda: not self.engine.switchboard.calls and not self._due() and not self.memory.open, limit_s
        )
        await asyncio.sleep(1.0)

    def _due(self) -> bool:
        return any(lead.status in {"new", "dialing", "waiting"} for lead in self.memory.leads.values())

    def check_nothing_left(self) -> None:
        """No call, open attempt, customer's leg or held agent remains, and every attempt has one outcome.

        Every call's journal leads to the result that is recorded of it.
        """
        assert not self.engine.switchboard.calls
        assert not self.memory.open
        assert self.memory.attempts.keys() == self.memory.outcomes.keys()
        assert all(channel.startswith("seat-") for channel in self.asterisk.channels)
        assert all(agent.call is None for agent in self.engine.switchboard.agents())
        assert not any(self.engine.switchboard.in_flight.values())
        assert not any(self.engine.switchboard.pool_in_flight.values())
        check_journals(self.memory)
        assert not self.spools.unencodable


@asynccontextmanager
async def open_cell(
    *,
    agents: int = 2,
    callees: Callable[[str], Callee | None] = carrier,
    open_attempts: tuple[ClaimedLead, ...] = (),
    cps_max: float = 50.0,
    channels_max: int = 200,
    seed: int = 1,
    before: Cell | None = None,
    stop: StopMode = StopMode.HANG_UP,
    drain_limit_s: float = 5.0,
) -> AsyncIterator[Cell]:
    """A serving engine; it is stopped, and must drain, at the end.

    `before`: it takes over that one's database, and where that was killed also its Asterisk.
    """
    clock = LoopClock(asyncio.get_running_loop())
    memory = FakeMemory(now=clock.now) if before is None else before.memory
    account = FakeAbandonment(memory) if before is None else before.account
    journal, registry = FakeJournal(), FakeRegistry(clock=clock.now)
    memory.trunks[TRUNK] = TrunkRecord(TRUNK, channels_max, cps_max, "+12025550199", test=True)
    if before is None:
        memory.slots.extend(SlotRecord(Slot(7001 + n), "default", f"Agent {n}") for n in range(agents))
    for claimed in open_attempts:
        memory.add_lead(claimed.campaign, claimed.number)
        memory.attempts[claimed.attempt] = memory.open[claimed.lead] = claimed
    asterisk = before.asterisk if before is not None and before.killed else FakeAsterisk(clock, callees)
    shelf = FakeShelf(memory) if before is None else before.shelf
    shelf.epoch += 1
    spools = FakeSpools() if before is None else before.spools
    speech = FakeSpeech()
    metrics, feed, recordings = FakeMetrics(), FakeFeed(), FakeRecordings(memory)
    world = before.scripts if before is not None else ScriptWorld(FakeRuns(memory))
    flows = FlowPorts(world.scripts, world.runs, world.voices, world.webhooks, world.ear, Path("/spool"), read_at_once)
    ports = Ports(
        flows=flows,
        telephony=asterisk,
        leads=FakeLeads(memory),
        outcomes=FakeOutcomes(memory),
        account=account,
        journal=journal,
        calls=FakeCalls(memory),
        handover=FakeHandover(shelf, shelf.epoch),
        channel_log=asterisk.log,
        agents=FakeAgents(memory),
        trunks=FakeTrunks(memory),
        recordings=recordings,
        spools=spools,
        do_not_call=FakeDoNotCall(memory),
        speech=speech,
        leases=FakeLeases(registry),
        feed=feed,
        metrics=metrics,
        clock=clock,
        random_bits=partial(random.Random(seed).getrandbits, 74),
    )
    inbound = InboundPolicy(wait_max_s=10.0, wrap_up_s=5.0, message=("sound:sorry",))
    settings = EngineSettings(1, inbound, ("sound:identity",), "/recordings", drain_limit_s, stop)
    engine = Engine(ports, settings, lambda: MappingProxyType({}))
    running = asyncio.create_task(engine.run())
    try:
        await asyncio.sleep(0.5)
        cell = Cell(
            engine,
            asterisk,
            memory,
            metrics,
            feed,
            recordings,
            account,
            journal,
            registry,
            speech,
            world,
            shelf,
            spools,
            running,
        )
        yield cell
        if not cell.killed:
            engine.stop()
            async with asyncio.timeout(60):
                await running
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


Scene = Callable[[Cell], Awaitable[None]]


def play(scene: Scene, **options: object) -> None:
    """Run a scene in a cell of its own, and see that nothing is left over."""

    async def main() -> None:
        async with open_cell(**options) as cell:  # type: ignore[arg-type]
            await scene(cell)
            await asyncio.sleep(1.0)
        cell.check_nothing_left()

    run_virtually(main())
