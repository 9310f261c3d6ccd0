"""Campaigns, callers, agents and faults over the whole runtime, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from engine.agent.machine import UNATTENDED, AgentState, Released
from engine.call import machine
from engine.dialer.campaign import AnswerAction, DialMode
from engine.dialer.lead import LeadStatus, RecallRule
from engine.errors import NotFound, Rejected, Unavailable
from engine.fakes.callee import Callee, carrier
from engine.fakes.stores import FakeOutcomes
from engine.ids import AttemptId, CallId, CampaignId, ChannelId, LeadId, Slot
from engine.outcome.disposition import Outcome
from engine.ports import ClaimedLead, OutcomeFact
from engine.revision import revised
from engine.simulation.cell import ONCE, Cell, play

AGENT = Slot(7001)
TALKS, LISTENS, BUSY, RINGS_OUT = "+12125550100", "+12125550101", "+12125550102", "+12125550103"
SILENT = "+12125550109"


@pytest.mark.parametrize(
    ("digit", "outcome"),
    [
        ("0", Outcome.ANSWERED),
        ("2", Outcome.BUSY),
        ("3", Outcome.NO_ANSWER),
        ("4", Outcome.DECLINED),
        ("5", Outcome.INVALID_NUMBER),
        ("6", Outcome.CONGESTION),
        ("7", Outcome.ANSWERED),  # bridged before the far end had hung up
        ("8", Outcome.ANSWERED),
        ("9", Outcome.UNREACHABLE),
    ],
)
def test_every_behaviour_of_the_far_end_has_its_outcome(digit: str, outcome: Outcome) -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(7001)
        await cell.campaign(f"+1212555010{digit}")
        await cell.settled()
        assert cell.outcomes() == [outcome]

    play(scene)


def test_progressive_dialing_never_has_more_lines_than_idle_agents() -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(7001, 7002, 7003)
        await cell.campaign(*(f"+1{area}5550103" for area in range(201, 231)))
        for _ in range(200):
            assert len(cell.engine.switchboard.calls) <= 3
            await asyncio.sleep(0.1)
        await cell.settled(600)

    play(scene, agents=3)


def test_busy_lead_is_dialed_again_as_the_campaigns_rule_says() -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(7001)
        await cell.campaign(BUSY, recall={**ONCE, Outcome.BUSY: RecallRule(3, 30.0)})
        await cell.settled()
        assert cell.outcomes() == [Outcome.BUSY] * 3
        dialed_at = [call.created_at for call in sorted(cell.memory.calls.values(), key=lambda call: call.created_at)]
        assert dialed_at[1] - dialed_at[0] >= 30.0

    play(scene)


def test_agent_who_hangs_up_ends_the_talk_and_is_offline() -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(7001)
        await cell.campaign(LISTENS)
        await cell.until(lambda: cell.state(7001) is AgentState.TALKING)
        cell.asterisk.far_end_hangs_up(seat_of(cell))
        await cell.settled()
        assert cell.outcomes() == [Outcome.ANSWERED]
        (fact,) = cell.memory.outcomes.values()
        assert fact.hangup_by == "agent"
        assert fact.answered_at is not None
        assert fact.live_at is not None
        assert fact.bridged_at is not None
        assert fact.answered_at <= fact.live_at <= fact.bridged_at
        agent = cell.engine.switchboard.agent(AGENT)
        assert (agent.state, agent.reason) == (AgentState.OFFLINE, "the phone hung up")

    play(scene)


def test_agent_whose_phone_does_not_answer_is_offline_and_says_why() -> None:
    async def scene(cell: Cell) -> None:
        await cell.engine.control.login(AGENT)
        await cell.until(lambda: cell.state(7001) is AgentState.OFFLINE)
        assert cell.engine.switchboard.agent(AGENT).reason == "did not answer"

    play(scene, callees=lambda endpoint: Callee(rings_after_s=0.1))


def test_agent_who_loses_registration_is_given_no_call_until_it_is_back() -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(7001)
        cell.engine.on_registration(AGENT, False, 0.0)
        await cell.campaign(TALKS)
        await asyncio.sleep(10)
        assert [dialed.endpoint for dialed in cell.asterisk.dialed] == ["PJSIP/7001"]
        cell.engine.on_registration(AGENT, True, 0.0)
        await cell.settled()
        assert cell.outcomes() == [Outcome.ANSWERED]

    play(scene)


def test_agent_who_never_wraps_up_is_paused_after_the_second_call() -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(7001)
        await cell.campaign(TALKS, "+12135550100", "+12145550100", wrap_up_s=5.0)
        await cell.until(lambda: cell.state(7001) is AgentState.PAUSED)
        assert cell.engine.switchboard.agent(AGENT).reason == UNATTENDED
        assert cell.outcomes() == [Outcome.ANSWERED] * 2
        await cell.engine.control.ready(AGENT)
        await cell.settled()

    play(scene)


def test_nobody_free_means_the_message_within_the_limit_and_an_abandoned_call() -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(7001)
        await cell.campaign(TALKS)
        await cell.until(lambda: bool(cell.engine.switchboard.calls))
        await cell.engine.control.pause(AGENT, "fire drill")
        answered = next(iter(cell.engine.switchboard.calls))
        await cell.until(lambda: f"{answered}-message" in cell.asterisk.playbacks)
        call = cell.engine.switchboard.calls[answered]
        assert call.answered_at is not None
        assert cell.engine.control.clock.now() - call.answered_at < 2.0
        await cell.settled()
        assert cell.outcomes() == [Outcome.ABANDONED]

    play(scene, callees=lambda endpoint: replace(carrier(endpoint) or Callee(), hangs_up_after_s=None))


def test_socket_cut_in_the_middle_loses_no_attempt_and_no_agent() -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(7001, 7002)
        await cell.campaign(LISTENS, RINGS_OUT)
        await cell.until(lambda: AgentState.TALKING in {cell.state(7001), cell.state(7002)})
        cell.asterisk.cut()
        await asyncio.sleep(3)
        assert not cell.engine.control.readiness()["ari"].ok
        cell.asterisk.mend()
        await cell.until(lambda: cell.engine.control.readiness()["ari"].ok)
        talking = next(slot for slot in (7001, 7002) if cell.state(slot) is AgentState.TALKING)
        await cell.engine.control.done(Slot(talking), "sale", "")
        await cell.settled()
        assert sorted(cell.outcomes()) == [Outcome.ANSWERED, Outcome.NO_ANSWER]

    play(scene)


def test_nothing_is_dialed_while_the_socket_is_away() -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(7001)
        cell.asterisk.cut()
        dialed = len(cell.asterisk.dialed)
        await cell.campaign(TALKS)
        await asyncio.sleep(20)
        assert len(cell.asterisk.dialed) == dialed
        with pytest.raises(Unavailable):
            await cell.engine.control.start_call(AGENT, TALKS, None)
        cell.asterisk.mend()
        await cell.settled()
        assert cell.outcomes() == [Outcome.ANSWERED]

    play(scene)


def test_restarted_asterisk_ends_its_calls_as_unknown_or_answered() -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(7001, 7002)
        await cell.campaign(LISTENS, SILENT)
        await cell.until(lambda: AgentState.TALKING in {cell.state(7001), cell.state(7002)})
        cell.asterisk.cut()
        cell.asterisk.restart()
        cell.asterisk.mend()
        await cell.settled()
        assert sorted(cell.outcomes()) == [Outcome.ANSWERED, Outcome.UNKNOWN]

    play(scene)


def test_database_away_keeps_calls_going_and_loses_no_outcome() -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(7001)
        await cell.campaign(LISTENS, TALKS)
        await cell.until(lambda: cell.state(7001) is AgentState.TALKING)
        cell.memory.away = True
        await cell.engine.control.done(AGENT, "sale", "")
        await asyncio.sleep(30)
        assert not cell.engine.control.readiness()["postgres"].ok
        assert len(cell.memory.attempts) == 1
        cell.memory.away = False
        await cell.settled()
        assert cell.outcomes() == [Outcome.ANSWERED] * 2

    play(scene)


def test_lead_deleted_while_ringing_has_its_outcome_and_stays_deleted() -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(7001)
        await cell.campaign(RINGS_OUT)
        await cell.until(lambda: bool(cell.engine.switchboard.calls))
        cell.memory.delete_lead(LeadId(1))
        await cell.settled()
        assert cell.outcomes() == [Outcome.NO_ANSWER]
        assert cell.memory.leads[LeadId(1)].status is LeadStatus.DELETED

    play(scene)


def test_campaign_started_twice_is_refused_with_its_state() -> None:
    async def scene(cell: Cell) -> None:
        campaign = await cell.campaign()
        with pytest.raises(Rejected, match="running"):
            await cell.engine.control.change_campaign(campaign, "start")
        with pytest.raises(NotFound):
            await cell.engine.control.change_campaign(CampaignId(99), "start")

    play(scene)


def test_inbound_callers_wait_in_order_and_meet_the_agent() -> None:
    async def scene(cell: Cell) -> None:
        for n, caller in enumerate(("in-1", "in-2")):
            cell.asterisk.call_in(
                ChannelId(caller), f"+1{n}", "+1800", ("inbound", "+1800", "queue/default", f"+1{n}", "t")
            )
            await asyncio.sleep(0.1)
        assert [call.phase for call in cell.engine.switchboard.calls.values()] == ["waiting", "waiting"]
        assert all(cell.asterisk.channels[ChannelId(caller)].music for caller in ("in-1", "in-2"))
        await cell.staff(7001)
        await cell.until(lambda: cell.state(7001) is AgentState.TALKING)
        assert cell.engine.switchboard.agent(AGENT).call == "in-1"
        assert cell.asterisk.channels[ChannelId("in-1")].music is None
        cell.asterisk.far_end_hangs_up(ChannelId("in-1"))
        await cell.until(lambda: cell.engine.switchboard.agent(AGENT).call == "in-2")
        cell.asterisk.far_end_hangs_up(ChannelId("in-2"))

    play(scene)


def test_inbound_caller_whom_nobody_takes_hears_the_message() -> None:
    async def scene(cell: Cell) -> None:
        cell.asterisk.call_in(ChannelId("in-1"), "+1", "+1800", ("inbound", "+1800", "queue/default", "+1", "t"))
        await cell.until(lambda: "in-1-message" in cell.asterisk.playbacks, 20)
        await cell.until(lambda: not cell.asterisk.channels)

    play(scene)


def test_route_says_itself_how_long_its_callers_wait() -> None:
    async def scene(cell: Cell) -> None:
        cell.asterisk.call_in(ChannelId("in-1"), "+1", "+1800", ("inbound", "+1800", "queue/default", "+1", "t", "3"))
        await asyncio.sleep(2.5)
        assert "in-1-message" not in cell.asterisk.playbacks
        await cell.until(lambda: "in-1-message" in cell.asterisk.playbacks, 1)
        await cell.until(lambda: not cell.asterisk.channels)

    play(scene)


def test_call_to_one_slot_waits_for_that_agent_and_no_other() -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(7002)
        cell.asterisk.call_in(ChannelId("in-1"), "+1", "7001", ("inbound", "7001", "slot/7001", "+1", "t"))
        await asyncio.sleep(1)
        assert cell.state(7002) is AgentState.READY
        await cell.staff(7001)
        await cell.until(lambda: cell.state(7001) is AgentState.TALKING)
        cell.asterisk.far_end_hangs_up(ChannelId("in-1"))

    play(scene)


def test_agent_starts_a_call_and_meets_who_answers() -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(7001)
        call = await cell.engine.control.start_call(AGENT, LISTENS, None)
        await cell.until(lambda: cell.state(7001) is AgentState.TALKING)
        with pytest.raises(Rejected):
            await cell.engine.control.start_call(AGENT, TALKS, None)
        await cell.engine.control.hang_up(call)
        await cell.until(lambda: call in cell.memory.calls)
        assert cell.memory.calls[call].result == Outcome.ANSWERED

    play(scene)


def test_phone_alone_is_enough_to_work() -> None:
    async def scene(cell: Cell) -> None:
        await asyncio.sleep(0)
        cell.asterisk.call_in(ChannelId("f1"), "7001", "*40", ("feature", "7001", "login", ""))
        await cell.until(lambda: cell.state(7001) is AgentState.READY)
        await cell.campaign(TALKS)
        await cell.until(lambda: cell.state(7001) is AgentState.WRAPPING)
        cell.asterisk.press(seat_of(cell), "4")
        await cell.until(lambda: cell.state(7001) is AgentState.READY)
        await asyncio.sleep(1)
        assert [said.code for said in cell.memory.dispositions] == ["4"]

    play(scene)


def test_attempt_of_an_engine_before_us_that_no_log_reaches_back_to_is_unknown() -> None:
    left = ClaimedLead(AttemptId("01890fed-1c8e-7946-8dc8-2b60e62f27d0"), LeadId(1), CampaignId(1), TALKS, 1)

    async def scene(cell: Cell) -> None:
        await asyncio.sleep(1)
        assert cell.outcomes() == [Outcome.UNKNOWN]

    play(scene, open_attempts=(left,))


def test_fault_of_ours_ends_that_call_only(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> object:
        raise ZeroDivisionError

    async def scene(cell: Cell) -> None:
        await cell.staff(7001, 7002)
        await cell.campaign(RINGS_OUT, TALKS, recall=ONCE)
        await cell.settled()
        assert sorted(cell.outcomes()) == [Outcome.ANSWERED, Outcome.ENGINE_ERROR]

    monkeypatch.setitem(machine.TABLE, (machine.Phase.RINGING, machine.LegEnded), broken)
    play(scene)


def test_agentless_campaign_plays_its_message_to_the_end() -> None:
    async def scene(cell: Cell) -> None:
        await cell.campaign(
            LISTENS, dial_mode=DialMode.AGENTLESS, answer_action=AnswerAction.MESSAGE, message=("sound:news",)
        )
        await cell.settled()
        assert cell.outcomes() == [Outcome.ANSWERED]

    play(scene)


def test_recorded_campaign_hands_every_answered_leg_to_the_shelf() -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(7001)
        await cell.campaign(TALKS, BUSY, record=True)
        await cell.settled()
        await asyncio.sleep(2)
        assert len(cell.recordings.finished) == 1

    play(scene)


def test_recording_waits_for_the_row_of_its_call() -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(7001)
        await cell.campaign(TALKS, record=True)
        await cell.until(lambda: cell.state(7001) is AgentState.TALKING)
        cell.memory.away = True
        await asyncio.sleep(20)
        cell.memory.away = False
        await cell.settled()
        await asyncio.sleep(10)
        assert len(cell.recordings.finished) == 1

    play(scene)


def test_fault_while_an_agent_is_assigned_gives_the_agent_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> object:
        raise ZeroDivisionError

    async def scene(cell: Cell) -> None:
        await cell.staff(7001)
        await cell.campaign(LISTENS)
        await cell.settled()
        assert cell.outcomes() == [Outcome.ENGINE_ERROR]
        assert cell.state(7001) is AgentState.READY

    monkeypatch.setitem(machine.TABLE, (machine.Phase.WAITING, machine.AgentAssigned), broken)
    play(scene)


def test_nothing_is_dialed_while_outcomes_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    away = True

    async def record(self: FakeOutcomes, facts: Sequence[OutcomeFact]) -> int:
        if away:
            raise Unavailable("postgres", "outcomes only")
        return await kept(self, facts)

    async def scene(cell: Cell) -> None:
        nonlocal away
        await cell.staff(7001)
        await cell.campaign(*(f"+1{area}5550102" for area in range(201, 231)))
        await asyncio.sleep(20)
        assert len(cell.memory.attempts) <= 2
        assert not cell.engine.control.readiness()["dialing"].ok
        away = False
        await cell.settled()

    kept = FakeOutcomes.record
    monkeypatch.setattr(FakeOutcomes, "record", record)
    play(scene)


def test_campaign_never_has_more_lines_than_it_may() -> None:
    async def scene(cell: Cell) -> None:
        numbers = [f"+1{area}5550103" for area in range(201, 212)]
        await cell.campaign(*numbers, dial_mode=DialMode.AGENTLESS, answer_action=AnswerAction.MESSAGE, lines_max=4)
        await cell.until(lambda: len(cell.engine.switchboard.calls) == 4)
        for _ in range(100):
            assert len(cell.engine.switchboard.calls) <= 4
            await asyncio.sleep(0.25)
        await cell.settled()

    play(scene)


def test_call_tells_only_the_agent_who_serves_it() -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(7001)
        await cell.campaign(LISTENS)
        await cell.until(lambda: cell.state(7001) is AgentState.TALKING)
        board = cell.engine.switchboard
        mine = next(iter(board.calls.values()))
        board._tell_agent_of(revised(mine, id=CallId("other")), AGENT, Released(True, 5.0, 0.0))
        assert cell.state(7001) is AgentState.TALKING
        await cell.engine.control.done(AGENT, "", "")

    play(scene)


def seat_of(cell: Cell) -> ChannelId:
    channel = cell.engine.switchboard.agent(AGENT).channel
    assert channel is not None
    return channel
