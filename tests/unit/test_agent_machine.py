"""The agent machine and its pool: the table is complete, nobody gets two calls, nobody gets stuck."""

from __future__ import annotations

from itertools import product
from typing import get_args

import pytest

from engine.agent.machine import (
    IGNORED,
    IMPOSSIBLE,
    REFUSED,
    TABLE,
    UNATTENDED,
    UNDECIDED,
    Agent,
    AgentEvent,
    AgentState,
    Connected,
    Decided,
    DoneAsked,
    EndCall,
    KeepDisposition,
    LoginAsked,
    LogoutAsked,
    PauseAsked,
    ReadyAsked,
    RegistrationChanged,
    Released,
    Reserved,
    SeatDeadlinePassed,
    SeatDigit,
    SeatEnded,
    SeatEntered,
    SeatJoined,
    TellCallLeaving,
    TellCallLost,
    step,
)
from engine.agent.pool import Pool, ToCall, Waiting, new_agent
from engine.call.commands import CreateBridge, DestroyBridge, HangUp, Join, Originate, StartMusic
from engine.call.events import AgentAssigned, AgentLeaving, AgentLost
from engine.errors import Rejected
from engine.ids import CallId, Slot
from engine.revision import revised

SLOT = Slot(7001)
CALL = CallId("c1")


def seated(*events: AgentEvent) -> Agent:
    agent = new_agent(SLOT, "sales", 0.0)
    for event in (LoginAsked(1.0, ready=True), SeatEntered(2.0), SeatJoined(3.0), *events):
        agent, _ = step(agent, event)
    return agent


TALK = (Reserved(CALL, 10.0), Connected(10.1))
WRAP = (*TALK, Released(True, 30.0, 60.0))


def test_every_pair_of_state_and_event_is_in_exactly_one_list() -> None:
    for state, event in product(AgentState, get_args(AgentEvent)):
        lists = {"TABLE": TABLE, "IGNORED": IGNORED, "REFUSED": REFUSED, "IMPOSSIBLE": IMPOSSIBLE}
        found = [name for name, listed in lists.items() if (state, event) in listed]
        assert len(found) == 1, f"{state} {event.__name__}: {found}"


def test_login_calls_the_phone_and_the_leg_waits_with_music_in_a_bridge_of_its_own() -> None:
    agent, effects = step(new_agent(SLOT, "sales", 0.0), LoginAsked(1.0))
    assert isinstance(effects[0], Originate)
    assert effects[0].endpoint == "PJSIP/7001"
    agent, effects = step(agent, SeatEntered(2.0))
    assert [type(effect) for effect in effects] == [CreateBridge, Join]
    agent, effects = step(agent, SeatJoined(2.1))
    assert effects == (StartMusic(agent.channel),)  # type: ignore[arg-type]
    assert (agent.state, agent.reason) == (AgentState.PAUSED, "logged in")


def test_agent_who_does_not_answer_is_offline_with_the_reason() -> None:
    agent, _ = step(new_agent(SLOT, "sales", 0.0), LoginAsked(1.0))
    agent, effects = step(agent, SeatDeadlinePassed(46.0))
    assert (agent.state, agent.reason, agent.channel) == (AgentState.OFFLINE, "did not answer", None)
    assert [type(effect) for effect in effects] == [HangUp, DestroyBridge]


def test_agent_who_hangs_up_while_talking_is_offline_and_the_call_is_told() -> None:
    agent, effects = step(seated(*TALK), SeatEnded("phone hung up", 20.0))
    assert agent.state is AgentState.OFFLINE
    assert effects[0] == TellCallLost(CALL)


def test_pause_asked_during_a_call_waits_for_the_end_of_wrap_up() -> None:
    agent = seated(*TALK, PauseAsked("lunch", 20.0), Released(True, 30.0, 60.0))
    assert agent.state is AgentState.WRAPPING
    agent, _ = step(agent, DoneAsked(70.0))
    assert (agent.state, agent.reason) == (AgentState.PAUSED, "lunch")


def test_logout_asked_during_a_call_waits_for_its_end() -> None:
    agent = seated(*TALK, LogoutAsked(20.0), Released(True, 0.0, 60.0))
    assert (agent.state, agent.reason) == (AgentState.OFFLINE, "logged out")


def test_agent_who_never_wraps_up_is_paused_after_the_second_time() -> None:
    agent = seated(*WRAP, SeatDeadlinePassed(90.0))
    assert agent.state is AgentState.READY
    for event in (Reserved(CALL, 91.0), Connected(91.1), Released(True, 30.0, 100.0), SeatDeadlinePassed(130.0)):
        agent, _ = step(agent, event)
    assert (agent.state, agent.reason) == (AgentState.PAUSED, UNATTENDED)


def test_digit_after_a_call_is_its_disposition() -> None:
    agent, effects = step(seated(*WRAP), SeatDigit("3", 65.0))
    assert effects == (KeepDisposition(SLOT, CALL, "3"),)
    assert agent.state is AgentState.READY


def test_hash_switches_between_paused_and_ready() -> None:
    agent = seated(SeatDigit("#", 5.0))
    assert agent.state is AgentState.PAUSED
    assert step(agent, SeatDigit("#", 6.0))[0].state is AgentState.READY


def test_done_while_talking_ends_the_call_and_skips_wrap_up() -> None:
    agent, effects = step(seated(*TALK), DoneAsked(30.0))
    assert effects == (EndCall(CALL),)
    assert step(agent, Released(True, 30.0, 31.0))[0].state is AgentState.READY


def test_unregistered_agent_is_visible_but_gets_no_call() -> None:
    agent = seated(RegistrationChanged(False, 5.0))
    assert (agent.state, agent.available) == (AgentState.READY, False)


def test_wish_that_makes_no_sense_is_refused_with_what_to_do() -> None:
    with pytest.raises(Rejected, match="log in first"):
        step(new_agent(SLOT, "sales", 0.0), ReadyAsked(1.0))


def test_paused_agent_who_dials_is_paused_again_after_the_call() -> None:
    agent = seated(PauseAsked("desk", 5.0), *WRAP, DoneAsked(70.0))
    assert (agent.state, agent.reason) == (AgentState.PAUSED, "desk")


UNDECIDED_PREVIEW = (Reserved(CALL, 10.0), Released(False, 30.0, 130.0, unattended=True))


def test_agent_who_twice_decides_nothing_about_a_lead_is_paused() -> None:
    assert seated(*UNDECIDED_PREVIEW).state is AgentState.READY
    agent = seated(*UNDECIDED_PREVIEW, *UNDECIDED_PREVIEW)
    assert (agent.state, agent.reason) == (AgentState.PAUSED, UNDECIDED)
    assert step(agent, ReadyAsked(300.0))[0].unattended == 0


def test_decision_between_two_undecided_leads_is_a_sign_of_life() -> None:
    decided = (Reserved(CALL, 10.0), Decided(20.0), Released(False, 30.0, 21.0))
    assert seated(*UNDECIDED_PREVIEW, *decided, *UNDECIDED_PREVIEW).state is AgentState.READY


@pytest.mark.parametrize(
    "event", [PauseAsked("lunch", 11.0), LogoutAsked(11.0)], ids=lambda event: type(event).__name__
)
def test_pause_or_log_out_asked_before_the_call_is_connected_is_told_to_it(event: AgentEvent) -> None:
    agent, effects = step(seated(Reserved(CALL, 10.0)), event)
    assert (agent.state, effects) == (AgentState.RESERVED, (TellCallLeaving(CALL),))
    assert step(seated(*TALK), event)[1] == ()


def pool_of(*slots: int) -> Pool:
    pool = Pool("sales")
    for slot in slots:
        pool.agents[Slot(slot)] = revised(seated(), slot=Slot(slot), since=float(slot))
    return pool


def test_two_answers_never_get_one_agent() -> None:
    pool = pool_of(7001)
    first = pool.request(Waiting(0, 10.0, CallId("a")), 10.0)
    second = pool.request(Waiting(0, 10.0, CallId("b")), 10.0)
    assert len(first) == 1
    assert second == []
    served = pool.handle(Slot(7001), Released(False, 0.0, 11.0))
    assert isinstance(served[-1], ToCall)
    assert served[-1].call == "b"


def test_live_answer_is_served_before_an_inbound_caller_and_then_by_waiting_time() -> None:
    pool = pool_of()
    for waiting in (Waiting(1, 1.0, CallId("in")), Waiting(0, 5.0, CallId("late")), Waiting(0, 4.0, CallId("early"))):
        pool.request(waiting, 6.0)
    assert [waiting.call for waiting in pool.queue] == ["early", "late", "in"]


def test_agent_idle_longest_gets_the_call() -> None:
    effects = pool_of(7003, 7001, 7002).request(Waiting(0, 1.0, CALL), 9000.0)
    assert isinstance(effects[0], ToCall)
    assert isinstance(effects[0].event, AgentAssigned)
    assert effects[0].event.slot == 7001


def test_agent_who_leaves_tells_the_call_and_the_next_caller_is_not_given_to_them() -> None:
    pool = pool_of(7001)
    pool.request(Waiting(0, 1.0, CALL), 10.0)
    pool.request(Waiting(0, 2.0, CallId("next")), 10.0)
    effects = pool.handle(Slot(7001), SeatEnded("phone hung up", 11.0))
    assert ToCall(CALL, AgentLost(Slot(7001), 11.0)) in effects
    assert [waiting.call for waiting in pool.queue] == ["next"]


def test_agent_who_means_to_leave_tells_the_call_that_is_not_connected() -> None:
    pool = pool_of(7001)
    pool.request(Waiting(0, 1.0, CALL), 10.0)
    assert pool.handle(Slot(7001), LogoutAsked(11.0)) == [ToCall(CALL, AgentLeaving(Slot(7001), 11.0))]
