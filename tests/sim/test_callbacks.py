"""Promised call-backs of a whole cell: dialed once, for somebody who is there, and settled whatever happens."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.agent.machine import AgentState
from engine.call.commands import Play
from engine.fakes.runs import FakeCallback
from engine.fakes.virtual_time import run_virtually
from engine.ids import CallId, Slot, TrunkName
from engine.outcome.disposition import Outcome
from engine.ports import TrunkRecord
from engine.revision import revised
from engine.run_ports import CALLBACK_ATTEMPTS_MAX, CALLBACK_PAUSE_S, CallbackWish
from engine.runtime.flows.callbacks import HOLD_MAX_S, PATIENCE_S
from engine.runtime.switchboard import LEAD_CUE
from engine.simulation.cell import TRUNK, Cell, open_cell, play

ANSWERS, SILENT = "+12025550101", "+12025550103"


async def promised(
    cell: Cell, number: str = ANSWERS, *, pool: str = "default", request: str = "c1:back:1"
) -> FakeCallback:
    """A promise that is due now."""
    wish = CallbackWish(request=request, call=CallId("c1"), number=number, pool=pool, at=None, note="gold")
    assert await cell.scripts.runs.keep_callback(wish)
    return cell.scripts.runs.callbacks[request]


def dials(cell: Cell) -> int:
    return sum(call.kind == "manual" for call in cell.memory.calls.values())


def test_promise_is_kept_by_an_agent_who_hears_a_beep_and_talks() -> None:
    async def work(cell: Cell) -> None:
        kept = await promised(cell)
        await cell.sleep(5.0)
        assert (kept.status, kept.attempts) == ("promised", 0)
        await cell.staff(7001)
        await cell.until(lambda: cell.state(7001) is AgentState.TALKING)
        await cell.until(lambda: kept.status == "kept")
        agent = cell.engine.switchboard.agent(Slot(7001))
        assert [play.media for play in cell.asterisk.played if play.channel == agent.channel] == [LEAD_CUE]
        assert agent.call is not None
        cell.asterisk.far_end_hangs_up(cell.engine.switchboard.calls[agent.call].channel)
        await cell.sleep(CALLBACK_PAUSE_S)
        assert (kept.status, kept.attempts, dials(cell)) == ("kept", 1, 1)

    play(work, agents=1)


def test_talk_of_any_length_is_never_dialed_again_meanwhile() -> None:
    async def work(cell: Cell) -> None:
        await promised(cell)
        await cell.staff(7001, 7002)
        await cell.until(lambda: AgentState.TALKING in {cell.state(7001), cell.state(7002)})
        await cell.sleep(2000.0)
        assert sum(cell.state(slot) is AgentState.READY for slot in (7001, 7002)) == 1
        (call,) = cell.engine.switchboard.calls.values()
        cell.asterisk.far_end_hangs_up(call.channel)

    play(work)


def test_who_is_not_reached_is_tried_again_later_and_not_for_ever() -> None:
    async def work(cell: Cell) -> None:
        kept = await promised(cell, SILENT)
        await cell.staff(7001)
        await cell.until(lambda: kept.status == "failed", limit_s=4 * CALLBACK_PAUSE_S)
        assert kept.attempts == CALLBACK_ATTEMPTS_MAX
        await cell.sleep(2 * CALLBACK_PAUSE_S)
        assert dials(cell) == CALLBACK_ATTEMPTS_MAX

    play(work, agents=1)


def test_two_agents_keep_two_promises_and_nobody_keeps_one_twice() -> None:
    async def work(cell: Cell) -> None:
        both = [await promised(cell, ANSWERS, request=f"c{n}:back:1") for n in range(2)]
        await cell.staff(7001, 7002)
        await cell.until(lambda: all(kept.status == "kept" for kept in both))
        calls = tuple(cell.engine.switchboard.calls.values())
        assert len(calls) == 2
        for call in calls:
            cell.asterisk.far_end_hangs_up(call.channel)
        await cell.sleep(CALLBACK_PAUSE_S)
        assert dials(cell) == 2

    play(work)


def test_promise_waits_for_its_own_pool_and_on_a_pause() -> None:
    async def work(cell: Cell) -> None:
        other = await promised(cell, pool="elsewhere")
        await cell.staff(7001)
        kept = await promised(cell, request="c2:back:1")
        await cell.engine.control.pause(Slot(7001), "lunch")
        await cell.sleep(60.0)
        assert (other.attempts, kept.attempts) == (0, 0)

    play(work, agents=1)


def test_number_that_asked_not_to_be_called_is_not() -> None:
    async def work(cell: Cell) -> None:
        kept = await promised(cell)
        cell.memory.do_not_call.add(ANSWERS)
        await cell.staff(7001)
        await cell.until(lambda: kept.status == "barred")
        assert cell.state(7001) is AgentState.READY

    play(work, agents=1)


def test_full_trunk_costs_no_attempt() -> None:
    async def work(cell: Cell) -> None:
        kept = await promised(cell)
        await cell.staff(7001)
        cell.engine.dialing.take_channel(TRUNK)
        await cell.sleep(3.0)
        assert cell.state(7001) is AgentState.READY
        cell.engine.dialing.free_channel(TRUNK)
        await cell.until(lambda: kept.status == "kept")
        assert kept.attempts == 1
        (call,) = cell.engine.switchboard.calls.values()
        cell.asterisk.far_end_hangs_up(call.channel)

    play(work, agents=1, channels_max=1)


def test_dial_that_was_never_sent_is_no_attempt() -> None:
    async def work(cell: Cell) -> None:
        kept = await promised(cell, SILENT)
        await cell.staff(7001)
        await cell.until(lambda: bool(cell.engine.switchboard.calls))
        (call,) = cell.engine.switchboard.calls.values()
        cell.engine.callbacks.ended(revised(call, outcome=Outcome.NOT_DIALED))
        await cell.until(lambda: kept.attempts == 0)
        assert kept.status == "promised"
        cell.memory.do_not_call.add(SILENT)

    play(work, agents=1)


def test_promise_leaves_the_agent_to_calls_that_ring_but_not_for_ever() -> None:
    async def work(cell: Cell) -> None:
        await cell.staff(7001)
        await cell.campaign(SILENT, pool="default")
        await cell.until(lambda: bool(cell.engine.switchboard.pool_in_flight.get("default")))
        kept = await promised(cell)
        await cell.sleep(3.0)
        assert cell.state(7001) is AgentState.READY
        assert kept.attempts == 1
        await cell.until(lambda: kept.status == "kept", limit_s=PATIENCE_S + 10.0)
        for call in tuple(cell.engine.switchboard.calls.values()):
            cell.asterisk.far_end_hangs_up(call.channel)
        await cell.settled()

    play(work, agents=1)


def test_promise_for_which_nobody_was_free_long_enough_is_given_back_uncounted() -> None:
    async def work(cell: Cell) -> None:
        kept = await promised(cell)
        cell.engine.dialing.take_channel(TRUNK)
        await cell.staff(7001)
        await cell.until(lambda: kept.attempts == 1)
        await cell.engine.control.pause(Slot(7001), "lunch")
        await cell.sleep(HOLD_MAX_S + 5.0)
        assert (kept.status, kept.attempts) == ("promised", 0)
        assert cell.metrics.of("vss_bounds_reached_total", bound="callback_hold") == 1
        cell.engine.dialing.free_channel(TRUNK)

    play(work, agents=1, channels_max=1)


def test_what_became_of_a_call_is_stored_when_the_database_is_back() -> None:
    async def work(cell: Cell) -> None:
        kept = await promised(cell)
        await cell.staff(7001)
        await cell.until(lambda: bool(cell.engine.switchboard.calls))
        cell.memory.away = True
        await cell.until(lambda: cell.state(7001) is AgentState.TALKING)
        await cell.sleep(10.0)
        assert kept.status == "promised"
        cell.memory.away = False
        await cell.until(lambda: kept.status == "kept")
        (call,) = cell.engine.switchboard.calls.values()
        cell.asterisk.far_end_hangs_up(call.channel)

    play(work, agents=1)


def test_engine_that_stops_gives_back_what_it_has_in_hand() -> None:
    async def main() -> None:
        async with open_cell(agents=1, channels_max=1) as cell:
            kept = await promised(cell)
            cell.engine.dialing.take_channel(TRUNK)
            await cell.staff(7001)
            await cell.until(lambda: kept.attempts == 1)
        assert (kept.status, kept.attempts, kept.taken_until) == ("promised", 0, 0.0)

    run_virtually(main())


@pytest.mark.parametrize("while_ringing", [True, False])
def test_promise_of_an_engine_that_was_killed_is_given_out_again(while_ringing: bool) -> None:
    async def main() -> None:
        async with open_cell(agents=1) as dead:
            kept = await promised(dead, SILENT if while_ringing else ANSWERS)
            await dead.staff(7001)
            await dead.until(lambda: kept.status == "kept" if not while_ringing else kept.attempts == 1)
            await dead.kill()
        async with open_cell(before=dead) as cell:
            await cell.staff(7001)
            await cell.sleep(400.0)
            assert kept.attempts == (2 if while_ringing else 1)
            for call in tuple(cell.engine.switchboard.calls.values()):
                cell.asterisk.far_end_hangs_up(call.channel)

    run_virtually(main())


def test_without_a_trunk_to_choose_nothing_is_taken_until_one_is_named() -> None:
    async def work(cell: Cell) -> None:
        kept = await promised(cell)
        record: TrunkRecord = cell.memory.trunks[TRUNK]
        second = TrunkName("second")
        cell.memory.trunks[second] = replace(record, name=second)
        await cell.engine.dialing.refresh()
        await cell.staff(7001)
        await cell.sleep(10.0)
        assert kept.attempts == 0
        assert cell.metrics.of("vss_callbacks_total", result="no_trunk") >= 5

    play(work, agents=1)


def test_cue_goes_to_the_agent_only() -> None:
    async def work(cell: Cell) -> None:
        await promised(cell)
        await cell.staff(7001)
        await cell.until(lambda: cell.state(7001) is AgentState.TALKING)
        (call,) = cell.engine.switchboard.calls.values()
        assert not [play for play in cell.asterisk.played if isinstance(play, Play) and play.channel == call.channel]
        cell.asterisk.far_end_hangs_up(call.channel)

    play(work, agents=1)
