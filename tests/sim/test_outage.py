"""PostgreSQL is away, then the engine dies: what was not written is on disk, and the next engine writes it first."""

from __future__ import annotations

import asyncio

import pytest

from engine.adapters.spool.codec import Codec
from engine.agent.machine import AgentState
from engine.fakes.virtual_time import run_virtually
from engine.ids import CallId, Slot
from engine.outcome.disposition import Outcome
from engine.ports import OutcomeFact
from engine.simulation.cell import Cell, open_cell, play
from tests.sim.test_scripts_on_calls import CALLER, DID, MENU, bound, call_in, codes, heard

AGENT = Slot(7001)
TALKS, LISTENS, RINGS_OUT = "+12125550100", "+12125550101", "+12125550103"
WAIT_S = 3.0
"""Longer than any talk, and than the batches need."""


def spooled_outcomes(cell: Cell) -> list[OutcomeFact]:
    """Those on disk, but for attempts whose claim was refused: they never were."""
    codec = Codec(OutcomeFact)
    facts = [codec.decode(line) for line in cell.spools.kept.get("outcomes", [])]
    return [fact for fact in facts if fact.attempt in cell.memory.attempts]


async def outage(cell: Cell, *numbers: str) -> None:
    """The database goes while these are being called, and their calls end meanwhile."""
    await cell.staff(*(7001 + n for n in range(len(numbers))))
    await cell.campaign(*numbers)
    await cell.until(lambda: len(cell.memory.attempts) == len(numbers))
    cell.memory.away = True
    await asyncio.sleep(60)


def test_every_outcome_of_an_outage_survives_the_engine_exactly_once_and_in_order() -> None:
    async def main() -> None:
        async with open_cell(agents=4) as cell:
            await outage(cell, TALKS, RINGS_OUT, "+12125550110", "+12125550102")
            waiting = spooled_outcomes(cell)
            assert len(waiting) == 4
            assert not cell.memory.outcomes
            await cell.kill()
        cell.memory.away = False
        async with open_cell(before=cell, agents=4) as after:
            await after.sleep(WAIT_S)
            assert list(after.memory.outcomes.values()) == waiting
            assert Outcome.UNKNOWN not in after.outcomes()
            assert after.spools.kept == {}
            for call in after.memory.calls.values():
                assert len(call.journal) == len({repr(entry) for entry in call.journal})
                assert call.ended_at is not None
        after.check_nothing_left()

    run_virtually(main())


def test_nothing_is_claimed_in_an_outage_and_the_page_says_what_waits_and_where() -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(7001)
        await cell.campaign(TALKS, "+12125550110", "+12125550120")
        await cell.until(lambda: cell.state(7001) is AgentState.TALKING)
        cell.memory.away = True
        await cell.until(lambda: cell.state(7001) is AgentState.WRAPPING)
        await cell.engine.control.done(AGENT, "sale", "")
        await asyncio.sleep(60)
        assert len(cell.memory.attempts) == 1
        parts = cell.engine.control.readiness()
        assert (parts["postgres"].ok, parts["postgres"].detail) == (False, "1 outcomes wait on disk")
        assert parts["spool"].ok
        assert parts["spool"].detail.endswith("items wait on disk")
        assert parts["dialing"].detail == "outcomes cannot be written"
        cell.memory.away = False
        await cell.settled()
        assert cell.outcomes() == [Outcome.ANSWERED] * 3
        assert cell.engine.control.readiness()["spool"].detail == "empty"
        cell.spools.damaged = 2
        spool = cell.engine.control.readiness()["spool"]
        assert (spool.ok, spool.detail) == (True, "empty; 2 damaged files were put aside")

    play(scene)


def test_full_disk_in_an_outage_is_told_and_nothing_is_lost() -> None:
    async def scene(cell: Cell) -> None:
        cell.spools.fault = "No space left on device"
        await outage(cell, TALKS, RINGS_OUT)
        parts = cell.engine.control.readiness()
        assert (parts["postgres"].ok, parts["postgres"].detail) == (False, "2 outcomes wait, 0 on disk")
        assert (parts["spool"].ok, parts["spool"].needed) == (False, False)
        assert parts["spool"].detail == "No space left on device"
        cell.spools.fault = None
        await asyncio.sleep(10)
        assert cell.engine.control.readiness()["postgres"].detail == "2 outcomes wait on disk"
        cell.memory.away = False
        await cell.settled()
        assert sorted(cell.outcomes()) == [Outcome.ANSWERED, Outcome.NO_ANSWER]
        assert cell.spools.kept == {}

    play(scene, agents=2)


@pytest.mark.parametrize("lives_s", [0.0, 0.1, 0.12, 0.5, 1.0])
def test_engine_that_dies_while_it_writes_what_was_left_leaves_the_same_in_the_end(lives_s: float) -> None:
    async def main() -> None:
        async with open_cell(agents=2) as cell:
            await outage(cell, TALKS, RINGS_OUT)
            waiting = spooled_outcomes(cell)
            await cell.kill()
        for _ in range(3):
            cell.memory.away = True
            async with open_cell(before=cell, agents=2) as cell:
                cell.memory.away = False
                await cell.sleep(lives_s)
                await cell.kill()
        async with open_cell(before=cell, agents=2) as after:
            await after.sleep(WAIT_S)
            assert list(after.memory.outcomes.values()) == waiting
            for call in after.memory.calls.values():
                assert len(call.journal) == len({repr(entry) for entry in call.journal})
            changes = after.memory.agent_facts
            assert len(changes) == len(set(changes))
        after.check_nothing_left()

    run_virtually(main())


def test_what_agents_and_people_said_in_an_outage_survives_the_engine() -> None:
    async def main() -> None:
        async with open_cell(agents=1) as cell:
            await cell.staff(7001)
            await cell.campaign(TALKS, LISTENS, opt_out_digit="9", record=True)
            await cell.until(lambda: cell.state(7001) is AgentState.TALKING)
            cell.memory.away = True
            await cell.until(lambda: cell.state(7001) is AgentState.WRAPPING)
            await cell.engine.control.done(AGENT, "sale", "they said yes")
            await cell.sleep(2.0)
            said = [one for batch in cell.spools.kept.values() for one in batch if b"they said yes" in one]
            assert len(said) == 1
            await cell.kill()
        cell.memory.away = False
        async with open_cell(before=cell, agents=1) as after:
            await after.sleep(WAIT_S)
            assert [(one.code, one.note) for one in after.memory.dispositions] == [("sale", "they said yes")]
            assert [leg.call for leg in after.recordings.finished] == [
                call.id for call in after.memory.calls.values() if call.recording and call.ended_at
            ]
            assert after.spools.kept == {}
            for campaign in after.memory.campaigns:
                await after.engine.control.change_campaign(campaign, "stop")
            await after.sleep(WAIT_S)

    run_virtually(main())


def test_run_of_an_outage_survives_the_engine_with_what_came_of_it() -> None:
    async def main() -> None:
        async with open_cell() as cell:
            await bound(cell, MENU, DID)
            cell.memory.away = True
            call_in(cell)
            await cell.until(lambda: "sound:en-GB/Press one or two." in heard(cell.asterisk))
            cell.asterisk.press(CALLER, "1")
            await cell.until(lambda: CALLER not in cell.asterisk.channels)
            await cell.sleep(1.0)
            await cell.kill()
        cell.memory.away = False
        async with open_cell(before=cell) as after:
            await after.sleep(WAIT_S)
            assert codes(after) == ["chosen"]
            assert not await after.scripts.runs.open_runs()
            assert after.memory.calls[CallId(CALLER)].ended_at is not None
            assert after.spools.kept == {}
        after.check_nothing_left()

    run_virtually(main())
