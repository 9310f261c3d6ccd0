"""The end of an engine, asked for or not: nothing stays open, nobody stays on the line, nothing is unwritten."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from engine.agent.machine import AgentState
from engine.call.model import Phase
from engine.errors import Unavailable
from engine.ids import ChannelId, Slot
from engine.outcome.disposition import Outcome
from engine.runtime.engine import StopMode
from engine.simulation.cell import Cell, open_cell, play, run_virtually

LISTENS, RINGS_OUT = "+12125550101", "+12125550103"


def test_stop_ends_the_talks_and_leaves_no_leg_not_even_of_an_agent_in_wrap_up() -> None:
    cells: list[Cell] = []

    async def scene(cell: Cell) -> None:
        cells.append(cell)
        await cell.staff(7001, 7002)
        await cell.campaign(LISTENS, wrap_up_s=60.0)
        await cell.until(lambda: AgentState.TALKING in {cell.state(7001), cell.state(7002)})

    play(scene)
    assert cells[0].outcomes() == [Outcome.ANSWERED]
    assert not cells[0].asterisk.channels
    assert not cells[0].asterisk.bridges
    assert {cells[0].state(7001), cells[0].state(7002)} == {AgentState.OFFLINE}


def test_stop_while_asterisk_is_away_still_records_what_became_of_each_attempt() -> None:
    cells: list[Cell] = []

    async def scene(cell: Cell) -> None:
        cells.append(cell)
        await cell.staff(7001, 7002)
        await cell.campaign(LISTENS, RINGS_OUT)
        await cell.until(lambda: AgentState.TALKING in {cell.state(7001), cell.state(7002)})
        cell.asterisk.cut()

    async def main() -> None:
        async with open_cell() as cell:
            await scene(cell)

    run_virtually(main())
    assert sorted(cells[0].outcomes()) == [Outcome.ANSWERED, Outcome.CANCELLED]
    assert not cells[0].memory.open


def test_engine_whose_application_was_taken_over_leaves_its_calls_to_who_took_it() -> None:
    cells: list[Cell] = []

    async def main() -> None:
        async with open_cell() as cell:
            cells.append(cell)
            await cell.staff(7001)
            await cell.campaign(LISTENS)
            await cell.until(lambda: cell.state(7001) is AgentState.TALKING)
            cell.asterisk.replace()

    with pytest.raises(Unavailable, match="took the application over"):
        run_virtually(main())
    assert not cells[0].outcomes()
    assert len(cells[0].asterisk.channels) == 2
    assert [msgspec.json.decode(call)["phase"] for call in cells[0].shelf.calls.values()] == ["talking"]


def test_stop_hands_over_what_goes_on_once_nobody_is_on_the_way_to_anybody() -> None:
    async def main() -> None:
        async with open_cell(agents=3, stop=StopMode.HAND_OVER, drain_limit_s=60.0) as cell:
            await cell.staff(7001, 7002, 7003)
            await cell.campaign(LISTENS, LISTENS[:-2] + "11", RINGS_OUT)
            await cell.until(lambda: [cell.state(slot) for slot in (7001, 7002, 7003)].count(AgentState.TALKING) == 2)
        left = {channel.id for channel in cell.asterisk.channels.values()}
        assert len(left) == 5, "three agents and two people"
        assert cell.outcomes() == [Outcome.NO_ANSWER]
        cell.killed = True  # its Asterisk goes on
        async with open_cell(before=cell) as after:
            assert {channel.id for channel in after.asterisk.channels.values()} == left
            for call in tuple(after.engine.switchboard.calls.values()):
                assert call.phase is Phase.TALKING
                after.asterisk.far_end_hangs_up(call.channel)
            await after.settled()
            assert sorted(after.outcomes()) == [Outcome.ANSWERED, Outcome.ANSWERED, Outcome.NO_ANSWER]

    run_virtually(main())


def test_engine_that_lost_its_cell_commands_nothing_any_more() -> None:
    async def main() -> None:
        async with open_cell() as cell:
            await cell.staff(7001)
            await cell.campaign(LISTENS)
            await cell.until(lambda: cell.state(7001) is AgentState.TALKING)
            asked = len(cell.asterisk.commands)
            cell.engine.lose_cell()
            await cell.running
            assert len(cell.asterisk.commands) == asked
            assert not cell.outcomes()

    run_virtually(main())


def test_nobody_is_called_once_the_engine_stops() -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(7001)
        await cell.campaign(LISTENS)
        await cell.until(lambda: cell.state(7001) is AgentState.TALKING)
        cell.engine.stop()
        await asyncio.sleep(0.1)
        with pytest.raises(Unavailable, match="stopping"):
            await cell.engine.control.login(Slot(7002))
        cell.asterisk.call_in(ChannelId("f1"), "7002", "*40", ("feature", "7002", "login", ""))
        await asyncio.sleep(0.1)
        assert cell.state(7002) is AgentState.OFFLINE

    play(scene)
