"""A call that a script has: agents come and go, and the call is the script's again."""

from __future__ import annotations

from dataclasses import replace

from engine.call.commands import (
    CancelRequest,
    HangUp,
    Join,
    Leave,
    Originate,
    RecordOutcome,
    ReleaseAgent,
    RequestAgent,
    StartMusic,
    StopMusic,
)
from engine.call.events import (
    AgentAsked,
    AgentAssigned,
    AgentLost,
    AgentUnasked,
    CallEvent,
    CommandFailed,
    DeadlinePassed,
    Failure,
    HangUpAsked,
    LegAnswered,
    LegEnded,
    LegEntered,
    LegJoined,
    ScriptLeaves,
    ScriptTakes,
    Settled,
    TalkCut,
)
from engine.call.machine import start_inbound, start_outbound, start_scripted, step
from engine.call.model import Call, CallKind, CallPolicy, Phase
from engine.dialer.campaign import AnswerAction
from engine.ids import AttemptId, BridgeId, CallId, ChannelId, Slot
from engine.outcome.disposition import Outcome

CALLER = ChannelId("c1")
AGENT, BRIDGE, SLOT = ChannelId("seat-7001-1"), BridgeId("seat-7001-1-bridge"), Slot(7001)
INBOUND = CallPolicy(AnswerAction.AGENT, "front", 120.0, 30.0, 3600.0, 25, ("sound:identity",))
AGENTLESS = replace(INBOUND, answer_action=AnswerAction.MESSAGE)
ASKED = AgentAsked("sales", 3, 10.0)
ASSIGNED = AgentAssigned(SLOT, AGENT, BRIDGE, 11.0)
JOINS = LegJoined(CALLER, BRIDGE, 11.1)


def scripted() -> Call:
    call = Call(CallId("c1"), CallKind.INBOUND, Phase.WAITING, "+7", INBOUND, 1.0, script="abc")
    return start_scripted(call)[0]


def dialed() -> Call:
    call = Call(
        CallId("c1"), CallKind.CAMPAIGN, Phase.DIALING, "+7", AGENTLESS, 1.0, attempt=AttemptId("c1"), script="abc"
    )
    call = start_outbound(call, Originate(CALLER, "PJSIP/1@t", "vss-customer", "s", "1", 25))[0]
    return after(call, LegAnswered(CALLER, 2.0), LegEntered(CALLER, ("customer",), "", "", 2.1))[0]


def after(call: Call, *events: CallEvent) -> tuple[Call, tuple[object, ...]]:
    commands: tuple[object, ...] = ()
    for event in events:
        call, commands = step(call, event)
    return call, commands


def talking(call: Call) -> Call:
    return after(call, ASKED, ASSIGNED, JOINS)[0]


def test_inbound_call_of_a_script_is_not_answered_by_the_machine() -> None:
    call = Call(CallId("c1"), CallKind.INBOUND, Phase.WAITING, "+7", INBOUND, 1.0, script="abc")
    call, commands = start_scripted(call)
    assert (call.phase, call.scripted, call.answered_at, commands) == (Phase.SCRIPTED, True, None, ())


def test_dialed_call_that_is_pinned_meets_its_script_instead_of_the_message() -> None:
    call = dialed()
    assert (call.phase, call.scripted, call.deadline_at) == (Phase.SCRIPTED, True, None)


def test_script_gets_the_agent_it_asked_for_and_the_call_back_when_the_agent_is_done() -> None:
    call, commands = after(scripted(), ASKED)
    assert commands == (RequestAgent(CallId("c1"), "sales", 3, 10.0),)
    call, commands = after(call, ASSIGNED)
    assert commands == (StopMusic(AGENT), StopMusic(CALLER), Join(BRIDGE, CALLER))
    call, _ = after(call, JOINS)
    assert (call.phase, call.deadline_at) == (Phase.TALKING, None)
    call, commands = after(call, HangUpAsked("agent", 20.0))
    assert commands == (Leave(BRIDGE, CALLER), ReleaseAgent(CallId("c1"), SLOT, True, 30.0))
    assert (call.phase, call.seat_held) == (Phase.SCRIPTED, False)


def test_script_has_the_call_again_when_the_agents_leg_is_gone_or_it_cuts_the_talk() -> None:
    lost, commands = after(talking(scripted()), AgentLost(SLOT, 20.0))
    assert (lost.phase, commands) == (Phase.SCRIPTED, (Leave(BRIDGE, CALLER),))
    cut, commands = after(talking(scripted()), TalkCut(20.0))
    assert (cut.phase, commands) == (
        Phase.SCRIPTED,
        (Leave(BRIDGE, CALLER), ReleaseAgent(CallId("c1"), SLOT, True, 30.0)),
    )


def test_who_loses_the_agent_before_they_met_keeps_their_place_in_the_queue() -> None:
    call, commands = after(scripted(), ASKED, ASSIGNED, AgentLost(SLOT, 11.2))
    assert (call.phase, commands) == (Phase.SCRIPTED, (RequestAgent(CallId("c1"), "sales", 3, 10.0),))


def test_join_that_fails_gives_the_agent_back_and_is_the_scripts_to_deal_with() -> None:
    call, _ = after(scripted(), ASKED, ASSIGNED)
    call, commands = after(call, CommandFailed(Join(BRIDGE, CALLER), Failure.REFUSED, "no", 11.2))
    assert (call.phase, call.asked) == (Phase.SCRIPTED, "")
    assert commands == (ReleaseAgent(CallId("c1"), SLOT, False, 30.0),)


def test_agent_who_comes_when_nobody_waits_any_more_is_given_back() -> None:
    call, commands = after(scripted(), ASKED, AgentUnasked(10.5))
    assert commands == (CancelRequest(CallId("c1"), "sales"),)
    call, commands = after(call, ASSIGNED)
    assert (call.phase, commands) == (Phase.SCRIPTED, (ReleaseAgent(CallId("c1"), SLOT, False, 0.0),))


def test_time_up_while_the_agent_is_being_joined_parts_them_again() -> None:
    call, commands = after(scripted(), ASKED, ASSIGNED, AgentUnasked(11.05))
    assert (call.phase, commands) == (
        Phase.SCRIPTED, (Leave(BRIDGE, CALLER), ReleaseAgent(CallId("c1"), SLOT, False, 30.0)),
    )  # fmt: skip
    assert after(call, JOINS)[0].phase is Phase.SCRIPTED


def test_agent_hands_a_caller_to_a_script_and_gets_them_back() -> None:
    call = Call(CallId("c1"), CallKind.INBOUND, Phase.WAITING, "+7", INBOUND, 1.0)
    call = after(start_inbound(call)[0], ASSIGNED, JOINS)[0]
    call, commands = after(call, ScriptTakes("abc", True, 20.0))
    assert commands == (Leave(BRIDGE, CALLER), StartMusic(AGENT))
    assert (call.phase, call.scripted, call.seat_held) == (Phase.SCRIPTED, True, True)
    call, commands = after(call, ScriptLeaves(30.0))
    assert commands[-1] == Join(BRIDGE, CALLER)
    call, _ = after(call, LegJoined(CALLER, BRIDGE, 30.1))
    assert (call.phase, call.scripted, call.deadline_at) == (Phase.TALKING, False, 30.1 + 3600.0)


def test_caller_whose_agent_left_meanwhile_is_not_left_in_silence() -> None:
    call = Call(CallId("c1"), CallKind.INBOUND, Phase.WAITING, "+7", INBOUND, 1.0)
    call = after(start_inbound(call)[0], ASSIGNED, JOINS, ScriptTakes("abc", True, 20.0), AgentLost(SLOT, 21.0))[0]
    call, commands = after(call, ScriptLeaves(30.0))
    assert (call.phase, commands) == (Phase.HANGING_UP, (HangUp(CALLER),))


def test_agent_hands_a_caller_over_for_good() -> None:
    call = Call(CallId("c1"), CallKind.INBOUND, Phase.WAITING, "+7", INBOUND, 1.0)
    call = after(start_inbound(call)[0], ASSIGNED, JOINS)[0]
    call, commands = after(call, ScriptTakes("abc", False, 20.0))
    assert commands == (Leave(BRIDGE, CALLER), ReleaseAgent(CallId("c1"), SLOT, True, 30.0))


def test_caller_in_the_queue_can_be_handed_to_a_script() -> None:
    call = Call(CallId("c1"), CallKind.INBOUND, Phase.WAITING, "+7", INBOUND, 1.0)
    call, commands = after(start_inbound(call)[0], ScriptTakes("abc", False, 20.0))
    assert (call.phase, commands) == (Phase.SCRIPTED, (CancelRequest(CallId("c1"), "front"), StopMusic(CALLER)))


def test_caller_who_hangs_up_in_the_queue_leaves_it() -> None:
    call, commands = after(scripted(), ASKED, LegEnded(CALLER, 16, None, 12.0))
    assert (call.phase, commands) == (Phase.ENDED, (CancelRequest(CallId("c1"), "sales"),))


def test_outcome_of_a_dialed_call_says_whether_the_script_came_to_something() -> None:
    ends = LegEnded(CALLER, 16, None, 30.0)
    assert after(dialed(), ends)[0].outcome is Outcome.CUSTOMER_HANGUP
    settled = after(dialed(), Settled(5.0))[0]
    assert after(settled, ends)[0].outcome is Outcome.ANSWERED
    by_script, commands = after(dialed(), HangUpAsked("script", 20.0), ends)
    assert (by_script.outcome, by_script.hangup_by) == (Outcome.ANSWERED, "script")
    assert commands == (RecordOutcome(AttemptId("c1")),)
    assert after(dialed(), HangUpAsked("operator", 20.0), ends)[0].outcome is Outcome.ABANDONED
    assert after(settled, HangUpAsked("operator", 20.0), ends)[0].outcome is Outcome.ANSWERED


def test_no_deadline_of_the_machine_ends_a_call_that_a_script_has() -> None:
    call = scripted()
    assert after(call, DeadlinePassed(1e9)) == (call, ())
