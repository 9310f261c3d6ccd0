"""An engine dies and another one takes its calls and agents over: nobody on a line hears anything of it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from engine.agent.machine import AgentState
from engine.call.commands import HangUp, Originate
from engine.call.model import Call, Phase
from engine.dialer.campaign import AnswerAction, DialMode
from engine.dialer.settings import PacingSettings
from engine.fakes import asterisk as fake
from engine.fakes.callee import LISTENS, Callee
from engine.fakes.stores import FakeLeads
from engine.fakes.virtual_time import run_virtually
from engine.ids import CallId, ChannelId, Slot, TrunkName, attempt_id
from engine.outcome.disposition import Outcome
from engine.simulation.cell import TRUNK, Cell, open_cell
from tests.sim.test_scripts_on_calls import CALLER, DID, MENU, bound, call_in, codes

LISTENER = "+12005550101"
RINGER = "+12005550199"
KEPT_S = 0.3
"""Longer than a change needs to be kept."""
Work = Callable[[Cell], Awaitable[None]]


def died(before: Work, after: Work, *, dead_for_s: float = 1.0, **options: Any) -> None:
    """Play `before` in an engine that is killed then, and `after` in the one that takes its cell over."""

    async def main() -> None:
        async with open_cell(**options) as dead:
            await before(dead)
            await dead.kill()
        await asyncio.sleep(dead_for_s)
        options.pop("agents", None)
        async with open_cell(before=dead, **options) as cell:
            await after(cell)
            await asyncio.sleep(1.0)
        cell.check_nothing_left()

    run_virtually(main())


def only_call(cell: Cell) -> Call:
    (call,) = cell.engine.switchboard.calls.values()
    return call


async def talking(cell: Cell) -> None:
    """One agent talks with one person, and has done so for a while."""
    await cell.staff(7001)
    await cell.campaign(LISTENER, wrap_up_s=20.0)
    await cell.until(lambda: cell.state(7001) is AgentState.TALKING)
    await cell.sleep(10.0)


def asked(cell: Cell, kind: type, since: int) -> list[Any]:
    return [command for command in cell.asterisk.commands[since:] if isinstance(command, kind)]


def test_pair_that_talks_stays_together_and_hears_nothing() -> None:
    noted: dict[str, Any] = {}

    async def before(cell: Cell) -> None:
        await talking(cell)
        noted["call"], noted["asked"] = only_call(cell), len(cell.asterisk.commands)
        noted["since"] = cell.engine.switchboard.agent(Slot(7001)).since

    async def after(cell: Cell) -> None:
        call, agent = only_call(cell), cell.engine.switchboard.agent(Slot(7001))
        assert (call.phase, agent.state, agent.call) == (Phase.TALKING, AgentState.TALKING, call.id)
        assert (call.bridged_at, agent.since) == (noted["call"].bridged_at, noted["since"])
        assert call.number == LISTENER
        assert cell.asterisk.commands[noted["asked"] :] == []
        assert cell.engine.dialing._trunks._capacity[TRUNK].channels == 1
        cell.asterisk.far_end_hangs_up(call.channel)
        await cell.until(lambda: cell.state(7001) is AgentState.WRAPPING)
        await cell.until(lambda: len(cell.outcomes()) == 1)
        (fact,) = cell.memory.outcomes.values()
        assert (fact.outcome, fact.hangup_by, fact.slot) == (Outcome.ANSWERED, "customer", 7001)
        assert (fact.answered_at, fact.bridged_at) == (noted["call"].answered_at, noted["call"].bridged_at)
        await cell.until(lambda: cell.state(7001) is AgentState.READY)

    died(before, after)


def test_agents_stay_as_they_were_and_the_clock_of_a_wrap_up_goes_on() -> None:
    async def before(cell: Cell) -> None:
        await cell.staff(7001, 7002, 7003)
        await cell.engine.control.pause(Slot(7002), "lunch")
        await cell.campaign(LISTENER, wrap_up_s=20.0)
        await cell.until(lambda: AgentState.TALKING in {cell.state(7001), cell.state(7003)})
        cell.asterisk.far_end_hangs_up(only_call(cell).channel)
        await cell.sleep(KEPT_S)

    async def after(cell: Cell) -> None:
        states = {int(agent.slot): (agent.state, agent.reason) for agent in cell.engine.switchboard.agents()}
        assert states[7002] == (AgentState.PAUSED, "lunch")
        assert {states[7001][0], states[7003][0]} == {AgentState.WRAPPING, AgentState.READY}
        (wrapping,) = [agent for agent in cell.engine.switchboard.agents() if agent.state is AgentState.WRAPPING]
        assert wrapping.deadline_at == pytest.approx(wrapping.since + 20.0)
        await cell.until(lambda: cell.state(wrapping.slot) is AgentState.READY, 20.0)

    died(before, after, agents=3)


def test_callers_keep_their_places_in_the_queue() -> None:
    callers = [ChannelId(f"caller-{n}") for n in range(4)]

    async def before(cell: Cell) -> None:
        await cell.staff(7001)
        await cell.engine.control.pause(Slot(7001), "later")
        for caller in reversed(callers):
            cell.asterisk.call_in(caller, "+1555", "+1666", ("inbound", "+1666", "queue/default", "+1555", "t", "300"))
            await cell.sleep(1.0)
        await cell.sleep(KEPT_S)

    async def after(cell: Cell) -> None:
        assert all(cell.asterisk.channels[caller].music for caller in callers)
        await cell.engine.control.ready(Slot(7001))
        for caller in reversed(callers):
            await cell.until(lambda: cell.state(7001) is AgentState.TALKING)
            assert cell.engine.switchboard.agent(Slot(7001)).call == CallId(caller)
            cell.asterisk.far_end_hangs_up(caller)
            await cell.until(lambda: cell.state(7001) is AgentState.WRAPPING)
            await cell.engine.control.done(Slot(7001), "", "")

    died(before, after, agents=1)


@pytest.mark.parametrize("dead_for_s", [0.2, 1.0])
def test_phone_that_rings_is_answered_into_the_next_engine_and_never_rings_twice(dead_for_s: float) -> None:
    noted: dict[str, int] = {}

    async def before(cell: Cell) -> None:
        await cell.staff(7001)
        await cell.campaign(LISTENER)
        await cell.until(lambda: bool(cell.engine.switchboard.calls))
        await cell.sleep(1.0)
        noted["asked"] = len(cell.asterisk.commands)

    async def after(cell: Cell) -> None:
        await cell.until(lambda: cell.state(7001) is AgentState.TALKING)
        assert not asked(cell, Originate, noted["asked"])
        cell.asterisk.far_end_hangs_up(only_call(cell).channel)
        await cell.settled()
        assert cell.outcomes() == [Outcome.ANSWERED]

    slow = Callee(rings_after_s=0.2, answers_after_s=5.0)
    died(before, after, dead_for_s=dead_for_s, callees=lambda endpoint: slow if "@" in endpoint else LISTENS)


def test_nobody_answers_a_phone_that_rang_over_the_death() -> None:
    async def before(cell: Cell) -> None:
        await cell.staff(7001)
        await cell.campaign("+12005550193")
        await cell.until(lambda: any(call.phase is Phase.RINGING for call in cell.engine.switchboard.calls.values()))

    async def after(cell: Cell) -> None:
        await cell.settled()
        assert cell.outcomes() == [Outcome.NO_ANSWER]

    died(before, after)


@pytest.mark.parametrize("kept_for_s", [0.0, KEPT_S], ids=["not kept", "kept"])
def test_join_that_died_with_the_engine_is_done_again(kept_for_s: float) -> None:
    """The caller stands in the agent's bridge or not, and the last that was kept may say either."""

    async def before(cell: Cell) -> None:
        await cell.staff(7001)
        await cell.campaign(LISTENER)
        await cell.until(lambda: bool(cell.asterisk.dialed[1:]))
        caller = cell.asterisk.dialed[-1].channel
        await cell.until(lambda: cell.asterisk.channels[caller].bridge is not None)
        await cell.sleep(kept_for_s)

    async def after(cell: Cell) -> None:
        await cell.until(lambda: cell.state(7001) is AgentState.TALKING)
        call = only_call(cell)
        assert call.phase is Phase.TALKING
        assert cell.asterisk.channels[call.channel].bridge == cell.engine.switchboard.agent(Slot(7001)).bridge
        cell.asterisk.far_end_hangs_up(call.channel)
        await cell.settled()
        assert cell.outcomes() == [Outcome.ANSWERED]

    died(before, after)


def test_join_of_which_nothing_was_kept_is_read_off_the_bridge() -> None:
    """The last that was kept: an agent who is ready; the caller is known by their attempt alone."""
    ready: dict[Slot, bytes] = {}

    async def before(cell: Cell) -> None:
        await cell.staff(7001)
        await cell.sleep(KEPT_S)
        ready.update(cell.shelf.agents)
        await cell.campaign(LISTENER)
        await cell.until(lambda: cell.state(7001) is AgentState.TALKING)
        await cell.kill()
        cell.shelf.calls.clear()
        cell.shelf.agents.update(ready)

    async def after(cell: Cell) -> None:
        await cell.until(lambda: cell.state(7001) is AgentState.TALKING, 1.0)
        call = only_call(cell)
        assert (call.phase, call.number) == (Phase.TALKING, LISTENER)
        assert not cell.asterisk.played, "neither a message nor a cue"
        cell.asterisk.far_end_hangs_up(call.channel)
        await cell.settled()
        assert cell.outcomes() == [Outcome.ANSWERED]

    died(before, after, agents=1)


def test_person_who_waits_hears_the_message_of_the_next_engine() -> None:
    async def before(cell: Cell) -> None:
        await cell.staff(7001)
        await cell.campaign(LISTENER, message=("sound:identity",), answer_limit_s=5.0)
        await cell.until(lambda: bool(cell.engine.switchboard.calls))
        await cell.engine.control.pause(Slot(7001), "late")
        await cell.until(lambda: only_call(cell).phase is Phase.WAITING)
        await cell.sleep(KEPT_S)

    async def after(cell: Cell) -> None:
        assert only_call(cell).phase is Phase.WAITING
        await cell.settled()
        assert cell.asterisk.played[-1].media == ("sound:identity",)
        assert cell.outcomes() == [Outcome.ABANDONED]

    died(before, after, agents=1)


def test_message_under_way_is_heard_from_its_beginning_and_ends_the_call() -> None:
    async def before(cell: Cell) -> None:
        await cell.campaign(LISTENER, dial_mode=DialMode.AGENTLESS, answer_action=AnswerAction.MESSAGE,
                            message=("sound:long",) * 10)  # fmt: skip
        await cell.until(lambda: bool(cell.asterisk.played))
        await cell.sleep(KEPT_S)

    async def after(cell: Cell) -> None:
        await cell.settled()
        assert cell.outcomes() == [Outcome.ANSWERED]

    died(before, after)


@pytest.mark.parametrize("loops", range(0, 60, 3))
def test_outcome_of_a_call_that_ended_in_the_moment_before_is_not_lost(loops: int) -> None:
    async def before(cell: Cell) -> None:
        await talking(cell)
        cell.asterisk.far_end_hangs_up(only_call(cell).channel, 31)
        for _ in range(loops):
            await asyncio.sleep(0.01)
        cell.asterisk.log.away = True

    async def after(cell: Cell) -> None:
        await cell.until(lambda: cell.outcomes() == [Outcome.ANSWERED])
        (fact,) = cell.memory.outcomes.values()
        assert fact.bridged_at is not None
        await cell.until(lambda: not cell.shelf.calls)

    died(before, after)


def test_call_that_ended_while_nobody_looked_frees_its_agent() -> None:
    async def before(cell: Cell) -> None:
        await talking(cell)
        await cell.kill()
        cell.asterisk.far_end_hangs_up(next(c for c in cell.asterisk.channels if not c.startswith("seat-")))

    async def after(cell: Cell) -> None:
        await cell.until(lambda: cell.state(7001) in {AgentState.WRAPPING, AgentState.READY})
        await cell.until(lambda: cell.outcomes() == [Outcome.ANSWERED])

    died(before, after)


def test_agent_who_hung_up_while_nobody_looked_is_offline_and_the_caller_is_not_left_alone() -> None:
    async def before(cell: Cell) -> None:
        await talking(cell)
        await cell.kill()
        cell.asterisk.far_end_hangs_up(next(c for c in cell.asterisk.channels if c.startswith("seat-")))

    async def after(cell: Cell) -> None:
        assert cell.state(7001) is AgentState.OFFLINE
        await cell.until(lambda: cell.outcomes() == [Outcome.ANSWERED], 5.0)

    died(before, after)


def test_call_that_an_agent_dialed_goes_on() -> None:
    async def before(cell: Cell) -> None:
        await cell.staff(7001)
        cell.engine.control.dial(Slot(7001), LISTENER, TrunkName(TRUNK))
        await cell.until(lambda: cell.state(7001) is AgentState.TALKING)
        await cell.sleep(KEPT_S)

    async def after(cell: Cell) -> None:
        assert cell.state(7001) is AgentState.TALKING
        assert only_call(cell).number == LISTENER
        cell.asterisk.far_end_hangs_up(only_call(cell).channel)
        await cell.until(lambda: cell.state(7001) is not AgentState.TALKING)

    died(before, after)


@pytest.mark.parametrize("seated", [True, False], ids=["agent there", "agent gone"])
def test_lead_that_is_shown_stays_with_its_agent(seated: bool) -> None:
    async def before(cell: Cell) -> None:
        await cell.staff(7001)
        await cell.campaign(LISTENER, dial_mode=DialMode.PREVIEW, pacing=PacingSettings(preview_limit_s=60.0))
        await cell.until(lambda: cell.state(7001) is AgentState.RESERVED)
        await cell.sleep(KEPT_S)
        await cell.kill()
        if not seated:
            cell.asterisk.far_end_hangs_up(next(iter(cell.asterisk.channels)))

    async def after(cell: Cell) -> None:
        if not seated:
            await cell.until(lambda: Outcome.NOT_DIALED in cell.outcomes())
            await cell.engine.control.change_campaign(next(iter(cell.memory.campaigns)), "stop")
            return
        assert (await cell.engine.control.preview(Slot(7001))).number == LISTENER
        await cell.engine.control.dial_preview(Slot(7001))
        await cell.until(lambda: cell.state(7001) is AgentState.TALKING)
        cell.asterisk.far_end_hangs_up(only_call(cell).channel)
        await cell.settled()

    died(before, after, agents=1)


def test_scripts_caller_goes_on_talking_with_the_agent_and_the_script_goes_on_afterwards() -> None:
    async def before(cell: Cell) -> None:
        await bound(cell, MENU, DID)
        await cell.staff(7001)
        call_in(cell)
        await cell.until(lambda: any("choose" in media for play in cell.asterisk.played for media in play.media)
                         or len(cell.asterisk.played) >= 2)  # fmt: skip
        cell.asterisk.press(CALLER, "2")
        await cell.until(lambda: cell.state(7001) is AgentState.TALKING)
        await cell.sleep(2.0)

    async def after(cell: Cell) -> None:
        assert cell.state(7001) is AgentState.TALKING
        assert only_call(cell).scripted
        await cell.engine.control.done(Slot(7001), "sold", "")
        await cell.until(lambda: codes(cell) == ["talked"])
        await cell.until(lambda: not cell.engine.switchboard.calls)

    died(before, after)


def test_scripts_caller_keeps_the_place_in_the_queue() -> None:
    other = ChannelId("caller-2")

    async def before(cell: Cell) -> None:
        await bound(cell, MENU, DID)
        await cell.staff(7001)
        await cell.engine.control.pause(Slot(7001), "later")
        call_in(cell)
        await cell.until(lambda: len(cell.asterisk.played) >= 2)
        cell.asterisk.press(CALLER, "2")
        await cell.until(lambda: bool(cell.engine.switchboard.pools["default"].queue))
        await cell.sleep(2.0)
        cell.asterisk.call_in(other, "+1555", "+1666", ("inbound", "+1666", "queue/default", "+1555", "t", "300"))
        await cell.sleep(KEPT_S)

    async def after(cell: Cell) -> None:
        first = [waiting.call for waiting in sorted(cell.engine.switchboard.pools["default"].queue)]
        assert set(first) == {CallId(CALLER), CallId(other)}
        since = {waiting.call: waiting.since for waiting in cell.engine.switchboard.pools["default"].queue}
        assert since[CallId(CALLER)] < since[CallId(other)]
        await cell.engine.control.ready(Slot(7001))
        await cell.until(lambda: cell.state(7001) is AgentState.TALKING)
        cell.asterisk.far_end_hangs_up(CALLER)
        cell.asterisk.far_end_hangs_up(other)
        await cell.until(lambda: not cell.engine.switchboard.calls)

    died(before, after, agents=1)


def test_agent_whose_log_in_nobody_kept_is_seated_all_the_same() -> None:
    async def before(cell: Cell) -> None:
        await cell.staff(7001)
        await cell.kill()
        cell.shelf.agents.clear()

    async def after(cell: Cell) -> None:
        await cell.until(lambda: cell.engine.switchboard.agent(Slot(7001)).seated)

    died(before, after)


@pytest.mark.parametrize("seed", range(60))
def test_engine_that_dies_at_any_moment_loses_nobody(seed: int) -> None:
    """Calls are dialed, answered and connected all the time; whoever talked at the moment of death talks on."""
    dice = random.Random(seed)

    def behave(endpoint: str) -> Callee | None:
        if "@" not in endpoint:
            return LISTENS
        if dice.random() < 0.6:
            return Callee(dice.uniform(0.0, 1.0), dice.uniform(1.0, 4.0), dice.uniform(5.0, 40.0))
        return Callee(refuses_after_s=dice.uniform(0.1, 3.0), cause=17, sip_code=486)

    async def main() -> None:
        async with AsyncExitStack() as stack:
            cell = await stack.enter_async_context(open_cell(agents=4, callees=behave, seed=seed))
            cell_now = [cell]
            working = asyncio.create_task(finish_wrap_ups(cell_now))
            await cell.staff(7001, 7002, 7003, 7004)
            numbers = [f"+1200555{n:04}" for n in range(40)]
            await cell.campaign(*numbers, wrap_up_s=3.0, message=("sound:identity",), 
                                dial_mode=DialMode.PROGRESSIVE if seed % 2 else DialMode.PREDICTIVE)  # fmt: skip
            for life in range(1, 4):
                await asyncio.sleep(dice.uniform(3.0, 12.0))
                for _ in range(dice.randrange(40)):
                    await asyncio.sleep(0)
                await cell.kill()
                pairs, began = talkers(cell), len(cell.asterisk.commands)
                cell = await stack.enter_async_context(open_cell(before=cell, callees=behave, seed=100 * seed + life))
                ended = {command.channel for command in asked(cell, HangUp, began)}
                assert not {channel for channel in ended if channel.startswith("seat-")}, "an agent was logged out"
                assert not ended & {caller for caller, bridge in pairs.items() if talkers(cell).get(caller) != bridge}
                cell_now.append(cell)
            await cell.settled()
            working.cancel()
        dialed = [command.channel for command in cell.asterisk.dialed]
        assert len(set(dialed)) == len(dialed), "a phone rang twice for one attempt"
        cell.check_nothing_left()
        assert cell.metrics.of("vss_call_faults_total") == 0

    run_virtually(main())


async def finish_wrap_ups(cells: list[Cell]) -> None:
    """Agents say that they are done, in whatever engine is there."""
    while True:
        await asyncio.sleep(1.0)
        if not cells[-1].killed:
            for agent in cells[-1].engine.switchboard.agents():
                if agent.state is AgentState.WRAPPING:
                    await cells[-1].engine.control.done(agent.slot, "", "")


def talkers(cell: Cell) -> dict[ChannelId, str]:
    """Callers in agents' bridges."""
    return {
        channel.id: channel.bridge
        for channel in cell.asterisk.channels.values()
        if channel.bridge is not None and not channel.id.startswith("seat-")
    }


def gone_while_dead(number: str, callee: Callee, outcome: Outcome, *, log: bool = True) -> Any:
    """A lead's call that ends while no engine lives; what is written of it."""
    facts: list[Any] = []

    async def before(cell: Cell) -> None:
        await cell.staff(7001)
        await cell.campaign(number)
        await cell.until(lambda: bool(cell.engine.switchboard.calls))
        await cell.kill()
        cell.asterisk.log.away = not log

    async def after(cell: Cell) -> None:
        await cell.settled()
        facts.extend(cell.memory.outcomes.values())
        assert cell.outcomes() == [outcome]

    died(before, after, dead_for_s=20.0, agents=1, callees=lambda endpoint: callee if "@" in endpoint else LISTENS)
    return facts[0]


def test_end_that_nobody_heard_is_read_from_asterisks_log() -> None:
    busy = gone_while_dead(LISTENER, Callee(refuses_after_s=5.0, cause=17, sip_code=486), Outcome.BUSY)
    assert busy.cause == 17
    declined = gone_while_dead(LISTENER, Callee(rings_after_s=3.0, refuses_after_s=6.0, cause=21), Outcome.DECLINED)
    assert declined.ended_at == pytest.approx(busy.ended_at + 1.0, abs=0.1), "when it ended, not when it was read"


def test_person_who_answered_while_no_engine_lived_counts_as_the_law_counts_them() -> None:
    """Who hung up within the limit was not abandoned; who heard the dialplan's message was."""
    quick = gone_while_dead(LISTENER, Callee(None, 5.0, 1.0), Outcome.CUSTOMER_HANGUP)
    slow = gone_while_dead(LISTENER, Callee(None, 5.0, 4.0), Outcome.ABANDONED)
    assert quick.answered_at == slow.answered_at
    assert slow.ended_at - slow.answered_at == pytest.approx(4.0)


def test_person_on_whom_the_dialplan_hung_up_at_once_was_abandoned(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sound of the message is missing: nobody may be hidden as one who hung up by themselves."""
    monkeypatch.setattr(fake, "IDENTITY_S", 0.1)
    fact = gone_while_dead(LISTENER, Callee(None, 5.0), Outcome.ABANDONED)
    assert (fact.hangup_by, fact.ended_at - fact.answered_at) == ("engine", pytest.approx(0.1, abs=0.01))


def test_number_that_gave_no_answer_is_unknown_where_nobody_heard_it_ring() -> None:
    gone_while_dead(LISTENER, Callee(rings_after_s=3.0, refuses_after_s=6.0, cause=19), Outcome.UNKNOWN)


def test_without_the_log_it_is_unknown() -> None:
    gone_while_dead(LISTENER, Callee(refuses_after_s=5.0, cause=17), Outcome.UNKNOWN, log=False)


def test_attempt_that_may_be_missing_from_the_log_is_unknown() -> None:
    """It was claimed, and nothing later is in the log: a full disk, or a moment behind. Nobody may be rung twice."""

    async def before(cell: Cell) -> None:
        await cell.sleep(10.0)
        call_in(cell)
        cell.asterisk.far_end_hangs_up(CALLER)
        campaign = await cell.campaign(LISTENER)
        await cell.kill()
        claimed = attempt_id(cell.memory.now(), 1)
        assert await FakeLeads(cell.memory).claim(campaign, [claimed], TRUNK, 1)

    async def after(cell: Cell) -> None:
        await cell.until(lambda: bool(cell.outcomes()))
        assert cell.outcomes() == [Outcome.UNKNOWN]

    died(before, after, agents=1)


def test_attempt_that_was_never_dialed_is_so_and_comes_back() -> None:
    """It was claimed, and the engine died before it dialed."""

    async def before(cell: Cell) -> None:
        await cell.sleep(10.0)
        campaign = await cell.campaign(LISTENER)
        await cell.kill()
        claimed = attempt_id(cell.memory.now(), 1)
        assert await FakeLeads(cell.memory).claim(campaign, [claimed], TRUNK, 1)
        await cell.sleep(3.0)
        call_in(cell)  # Asterisk's log goes on
        cell.asterisk.far_end_hangs_up(CALLER)

    async def after(cell: Cell) -> None:
        await cell.until(lambda: Outcome.NOT_DIALED in cell.outcomes())
        await cell.staff(7001)
        await cell.until(lambda: cell.state(7001) is AgentState.TALKING)
        cell.asterisk.far_end_hangs_up(only_call(cell).channel)
        await cell.settled()
        assert cell.outcomes() == [Outcome.NOT_DIALED, Outcome.ANSWERED]

    died(before, after, agents=1)


def test_caller_of_a_script_whose_run_was_never_stored_begins_it_anew() -> None:
    async def before(cell: Cell) -> None:
        await bound(cell, MENU, DID)
        call_in(cell)
        await cell.until(lambda: bool(cell.asterisk.played))
        await cell.sleep(KEPT_S)
        await cell.kill()
        cell.scripts.runs.runs.clear()
        assert cell.shelf.calls

    async def after(cell: Cell) -> None:
        await cell.until(lambda: len([play for play in cell.asterisk.played if "Hello" in play.media[0]]) == 2)
        cell.asterisk.far_end_hangs_up(CALLER)
        await cell.until(lambda: not cell.engine.switchboard.calls)
        await cell.until(lambda: not cell.shelf.calls)

    died(before, after)


def test_row_of_a_call_that_is_nobodys_any_more_goes() -> None:
    async def before(cell: Cell) -> None:
        await bound(cell, MENU, DID)
        call_in(cell)
        await cell.until(lambda: bool(cell.asterisk.played))
        await cell.sleep(KEPT_S)
        await cell.kill()
        cell.scripts.runs.runs.clear()
        cell.asterisk.far_end_hangs_up(CALLER)

    async def after(cell: Cell) -> None:
        await cell.until(lambda: not cell.shelf.calls)

    died(before, after)
