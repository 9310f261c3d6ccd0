"""Random days: after each of them everything adds up, and during none of them anybody is forgotten.

A day of five minutes costs half a second of a core, one and a half where it is paced at the desk and its journal is
repeated, so the quick check lives through SEEDS of them and the long one through LONG_SEEDS more.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Iterator

import pytest
import structlog

from engine.agent.machine import AgentState
from engine.call.model import Phase as CallPhase
from engine.dialer.campaign import DialMode
from engine.dialer.crew import Doing
from engine.dialer.replay import repeat
from engine.dialer.roster import Phase
from engine.fakes.virtual_time import run_virtually
from engine.outcome.disposition import Outcome
from engine.runtime.switchboard import IN_FLIGHT
from tests.sim.cell import TRUNK, Cell, open_cell
from tests.sim.chaos import SLOTS, Day, callees_of

SEEDS = 12
LONG_SEEDS = 488
SEEDS_PER_TEST = 4
SILENCE_MAX_S = 15.0
MODES = (DialMode.PROGRESSIVE, DialMode.PREDICTIVE, DialMode.PROGRESSIVE, DialMode.POWER)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Days are full of warnings; writing them takes longer than the days."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.reset_defaults()


class Inspector:
    """Looks at a cell from outside, now and then, for what must hold at any moment."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.silent_since: dict[str, float] = {}

    def look(self) -> None:
        self.books_agree()
        self.desk_agrees()
        self.nobody_sits_in_silence()

    def books_agree(self) -> None:
        board = self.cell.engine.switchboard
        on_call = [agent for agent in board.agents() if agent.call is not None]
        assert len({agent.call for agent in on_call}) == len(on_call), "two agents have the same call"
        for agent in on_call:
            assert agent.call is not None
            call = board.calls[agent.call]
            assert call.seat_held
            assert call.seat is not None
            assert call.seat.slot == agent.slot
        held = {call.id for call in board.calls.values() if call.seat_held}
        assert held == {agent.call for agent in on_call}
        in_flight = Counter(call.campaign for call in board.calls.values() if call.phase in IN_FLIGHT and call.campaign)
        assert {name: count for name, count in board.in_flight.items() if count} == dict(in_flight)
        waiting = {waiting.call for pool in board.pools.values() for waiting in pool.queue}
        assert waiting == {call.id for call in board.calls.values() if call.phase is CallPhase.WAITING}
        capacity = self.cell.engine.dialing._trunks.capacity(TRUNK)
        assert capacity is not None
        assert capacity.channels >= sum(call.trunk == TRUNK for call in board.calls.values())

    def desk_agrees(self) -> None:
        """What pacers believe of agents and calls is what the switchboard knows."""
        board = self.cell.engine.switchboard
        for name, pool in self.cell.engine.desk._pools.items():
            pool.read()
            team = pool.pacers.pool
            idle = {str(agent.slot) for agent in board.pools[name].agents.values() if agent.available}
            ready = {slot for slot, agent in team._team.crew.agents.items() if agent.doing is Doing.READY}
            assert ready == idle
            for campaign in pool.campaigns:
                watched = team._members[str(campaign)].steering.watched
                in_flight = watched.phases[Phase.LAUNCHED] + watched.phases[Phase.DETECTING]
                assert in_flight == board.in_flight.get(campaign, 0)
            people = {
                call.id
                for call in board.calls.values()
                if call.phase in {CallPhase.WAITING, CallPhase.CONNECTING}
                and call.policy.pool == name
                and call.policy.slot is None
            }
            waiting = {
                call
                for member in team._members.values()
                for call, tracked in member.steering.watched.calls.items()
                if tracked.phase is Phase.WAITING
            }
            assert waiting | team._team.crew.inbound == people

    def nobody_sits_in_silence(self) -> None:
        asterisk = self.cell.asterisk
        now = asyncio.get_running_loop().time()
        heard = {channel for channel, _ in asterisk.playbacks.values()}
        together = Counter(channel.bridge for channel in asterisk.channels.values() if channel.bridge is not None)
        assert max(together.values(), default=0) <= 2, "three in a bridge"
        silent = {
            channel.id
            for channel in asterisk.channels.values()
            if channel.app_args is not None
            and channel.state == "Up"
            and channel.music is None
            and channel.id not in heard
            and together[channel.bridge] < 2
            and not channel.id.startswith("seat-")
        }
        if not asterisk.connected:
            silent = set()
        self.silent_since = {channel: self.silent_since.get(channel, now) for channel in silent}
        for channel, since in self.silent_since.items():
            assert now - since <= SILENCE_MAX_S, f"{channel} has sat in silence for {now - since:.0f} s"


async def live_through(seed: int) -> Cell:
    async with open_cell(agents=len(SLOTS), callees=callees_of(seed), cps_max=5.0, seed=seed) as cell:
        day = Day(cell, random.Random(seed), MODES[seed % len(MODES)])
        inspector = Inspector(cell)
        await day.open()
        await day.live(inspector.look)
        await day.over()
        inspector.look()
    return cell


def check_the_day(cell: Cell) -> None:
    cell.check_nothing_left()
    assert not [channel for channel in cell.asterisk.channels.values() if channel.app_args is not None]
    assert all(agent.state is AgentState.OFFLINE for agent in cell.engine.switchboard.agents())
    capacity = cell.engine.dialing._trunks.capacity(TRUNK)
    assert capacity is not None
    assert capacity.channels == 0
    assert not cell.engine.desk._calls
    for text in cell.journal.segments.values():
        assert repeat(text.splitlines(keepends=True)).difference is None
    dialed = [command.channel for command in cell.asterisk.dialed]
    assert len(set(dialed)) == len(dialed), "a phone rang twice for one attempt"
    facts = cell.memory.outcomes
    silent = {Outcome.NOT_DIALED, Outcome.SKIPPED}
    assert not {fact.attempt for fact in facts.values() if fact.outcome in silent} & set(dialed)
    assert cell.metrics.of("vss_call_faults_total") == 0
    counted = Counter(fact.outcome for fact in facts.values())
    for outcome in set(Outcome) - {Outcome.NOT_DIALED}:
        assert cell.metrics.of("vss_attempts_total", outcome=outcome) == counted[outcome], outcome
    for fact in facts.values():
        record = cell.memory.calls.get(fact.attempt)  # type: ignore[call-overload]
        if record is not None:
            assert (record.phase, record.result) == (CallPhase.ENDED, fact.outcome)
        if fact.bridged_at is not None:
            assert fact.outcome is Outcome.ANSWERED


def live_through_all(seeds: range) -> None:
    for seed in seeds:
        try:
            check_the_day(run_virtually(live_through(seed)))
        except Exception as fault:
            fault.add_note(f"seed {seed}")
            raise


@pytest.mark.parametrize("first", range(0, SEEDS, SEEDS_PER_TEST))
def test_random_days_leave_nothing_behind(first: int) -> None:
    live_through_all(range(first, first + SEEDS_PER_TEST))


@pytest.mark.long
@pytest.mark.parametrize("first", range(SEEDS, SEEDS + LONG_SEEDS, SEEDS_PER_TEST))
def test_many_random_days_leave_nothing_behind(first: int) -> None:
    live_through_all(range(first, first + SEEDS_PER_TEST))
