"""The end of an engine, asked for or not: nothing stays open, nobody stays on the line, nothing is unwritten."""

from __future__ import annotations

import asyncio

import pytest

from engine.agent.machine import AgentState
from engine.errors import Unavailable
from engine.ids import ChannelId, Slot
from engine.outcome.disposition import Outcome
from tests.sim.cell import Cell, open_cell, play, run_virtually

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


def test_engine_whose_application_was_taken_over_writes_its_outcomes_before_it_ends() -> None:
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
    assert cells[0].outcomes() == [Outcome.ANSWERED]


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
