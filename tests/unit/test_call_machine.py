"""The call machine: its table is complete, and its races end as they should."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import get_args

import pytest

from engine.call.commands import (
    CancelRequest,
    HangUp,
    Join,
    MarkDecided,
    MarkTalking,
    Originate,
    Play,
    RecordOptOut,
    RecordOutcome,
    ReleaseAgent,
    RequestAgent,
    StartMusic,
    StopMusic,
    StopPlay,
)
from engine.call.events import (
    AgentAssigned,
    AgentLeaving,
    AgentLost,
    CallEvent,
    CommandFailed,
    DeadlinePassed,
    DialAsked,
    DialBarred,
    Failure,
    HangUpAsked,
    LegAnswered,
    LegDigit,
    LegEnded,
    LegEntered,
    LegJoined,
    LegRinging,
    LegSeen,
    PlaybackBegan,
    PlaybackEnded,
    SkipAsked,
)
from engine.call.machine import (
    HANG_UPS_MAX,
    IGNORED,
    IMPOSSIBLE,
    TABLE,
    UNDECIDED,
    confirmation_id,
    message_id,
    start_inbound,
    start_outbound,
    start_preview,
    step,
)
from engine.call.model import Call, CallKind, CallPolicy, Phase, Seat
from engine.dialer.campaign import AnswerAction
from engine.errors import ImpossibleEvent
from engine.ids import AttemptId, BridgeId, CallId, ChannelId, PlaybackId, Slot, TrunkName
from engine.outcome.disposition import Outcome
from engine.revision import revised

ID = CallId("c1")
CUSTOMER = ChannelId("c1")
AGENT, BRIDGE, SLOT = ChannelId("seat-7001-1"), BridgeId("seat-7001-1-bridge"), Slot(7001)
POLICY = CallPolicy(AnswerAction.AGENT, "sales", 2.0, 30.0, 3600.0, 25, ("sound:identity",))
DIAL = Originate(CUSTOMER, "PJSIP/1@t", "vss-customer", "s", "1", 25)


def dialed(kind: CallKind = CallKind.CAMPAIGN, **changes: object) -> Call:
    call = Call(ID, kind, Phase.DIALING, "+12125550100", POLICY, 100.0, attempt=AttemptId("c1"))
    return start_outbound(revised(call, **changes), DIAL)[0]  # type: ignore[arg-type]


def run(call: Call, *events: CallEvent) -> tuple[Call, list[object]]:
    commands: list[object] = []
    for event in events:
        call, more = step(call, event)
        commands = list(more)
    return call, commands


RINGS = LegRinging(CUSTOMER, 101.0)
ANSWERS = LegAnswered(CUSTOMER, 105.0)
ENTERS = LegEntered(CUSTOMER, ("customer",), "", "", 105.01)
ASSIGNED = AgentAssigned(SLOT, AGENT, BRIDGE, 105.02)
JOINS = LegJoined(CUSTOMER, BRIDGE, 105.03)
ENDS = LegEnded(CUSTOMER, 16, 200, 120.0)


def test_every_pair_of_phase_and_event_is_in_exactly_one_list() -> None:
    for phase, event in product(Phase, get_args(CallEvent)):
        found = [
            name
            for name, listed in (("TABLE", TABLE), ("IGNORED", IGNORED), ("IMPOSSIBLE", IMPOSSIBLE))
            if (phase, event) in listed
        ]
        assert len(found) == 1, f"{phase} {event.__name__}: {found}"


def test_impossible_event_is_refused_loudly() -> None:
    with pytest.raises(ImpossibleEvent):
        step(dialed(), JOINS)


def test_answered_call_meets_the_agent_and_is_recorded_as_answered() -> None:
    call, asked = run(dialed(), RINGS, ANSWERS, ENTERS)
    assert call.live_at == ENTERS.at
    assert asked == [RequestAgent(ID, "sales", 0, 105.0)]
    call, joined = run(call, ASSIGNED)
    assert joined == [StopMusic(AGENT), Join(BRIDGE, CUSTOMER)]
    call, marked = run(call, JOINS)
    assert marked == [MarkTalking(ID, SLOT)]
    call, ended = run(call, ENDS)
    assert ended == [ReleaseAgent(ID, SLOT, True, 30.0), RecordOutcome(AttemptId("c1"))]
    assert (call.outcome, call.hangup_by, call.bridged_at, call.phase) == (
        Outcome.ANSWERED,
        "customer",
        105.03,
        Phase.ENDED,
    )


def test_no_agent_in_time_plays_the_message_and_the_call_is_abandoned() -> None:
    call, _ = run(dialed(), ANSWERS, ENTERS)
    assert call.deadline_at == pytest.approx(106.75)
    call, commands = run(call, DeadlinePassed(106.75))
    assert commands == [CancelRequest(ID, "sales"), Play(CUSTOMER, message_id(call), ("sound:identity",))]
    call, commands = run(call, PlaybackEnded(message_id(call), CUSTOMER, False, 110.0))
    assert commands == [HangUp(CUSTOMER)]
    call, _ = run(call, ENDS)
    assert call.outcome is Outcome.ABANDONED


def test_person_who_hangs_up_before_the_limit_is_no_abandoned_call() -> None:
    call, commands = run(dialed(), ANSWERS, ENTERS, LegEnded(CUSTOMER, 16, None, 106.0))
    assert call.outcome is Outcome.CUSTOMER_HANGUP
    assert commands == [CancelRequest(ID, "sales"), RecordOutcome(AttemptId("c1"))]


def test_person_who_hangs_up_during_the_message_was_abandoned() -> None:
    call, _ = run(dialed(), ANSWERS, ENTERS, DeadlinePassed(106.75), LegEnded(CUSTOMER, 16, None, 107.0))
    assert call.outcome is Outcome.ABANDONED


def test_customer_hangs_up_while_being_bridged_and_the_agent_is_free_again_without_wrap_up() -> None:
    call, commands = run(dialed(), ANSWERS, ENTERS, ASSIGNED, LegEnded(CUSTOMER, 16, None, 105.03))
    assert ReleaseAgent(ID, SLOT, False, 30.0) in commands
    assert call.outcome is Outcome.CUSTOMER_HANGUP


def test_agent_lost_while_connecting_puts_the_person_back_in_the_queue_with_what_is_left_of_the_limit() -> None:
    call, commands = run(dialed(), ANSWERS, ENTERS, ASSIGNED, AgentLost(SLOT, 105.5))
    assert (call.phase, call.deadline_at, call.seat) == (Phase.WAITING, pytest.approx(106.75), None)
    assert commands == [RequestAgent(ID, "sales", 0, 105.0)]


def test_agent_lost_while_connecting_after_the_limit_means_the_message() -> None:
    call, commands = run(dialed(), ANSWERS, ENTERS, ASSIGNED, AgentLost(SLOT, 107.0))
    assert call.phase is Phase.ANNOUNCING
    assert isinstance(commands[-1], Play)


def test_refused_join_plays_the_message_rather_than_silence() -> None:
    join = Join(BRIDGE, CUSTOMER)
    call, commands = run(dialed(), ANSWERS, ENTERS, ASSIGNED, CommandFailed(join, Failure.REFUSED, "500", 105.03))
    assert commands == [ReleaseAgent(ID, SLOT, False, 30.0), Play(CUSTOMER, message_id(call), ("sound:identity",))]


def test_join_refused_for_a_leg_that_is_gone_waits_for_the_news_whose_it_was() -> None:
    gone = CommandFailed(Join(BRIDGE, CUSTOMER), Failure.GONE, "404", 105.03)
    call, commands = run(dialed(), ANSWERS, ENTERS, ASSIGNED, gone)
    assert (call.phase, commands) == (Phase.CONNECTING, [])
    customer_left, _ = run(call, LegEnded(CUSTOMER, 16, None, 105.04))
    assert customer_left.outcome is Outcome.CUSTOMER_HANGUP
    agent_left, _ = run(call, AgentLost(SLOT, 105.04))
    assert agent_left.phase is Phase.WAITING
    nobody_tells, _ = run(call, DeadlinePassed(105.53))
    assert nobody_tells.phase is Phase.ANNOUNCING


def test_agent_who_hangs_up_ends_the_customers_leg_and_needs_no_release() -> None:
    call, commands = run(dialed(), ANSWERS, ENTERS, ASSIGNED, JOINS, AgentLost(SLOT, 110.0))
    assert commands == [HangUp(CUSTOMER)]
    call, commands = run(call, ENDS)
    assert commands == [RecordOutcome(AttemptId("c1"))]
    assert (call.outcome, call.hangup_by) == (Outcome.ANSWERED, "agent")


@pytest.mark.parametrize(
    ("failure", "outcome", "phase"),
    [
        (Failure.NOT_SENT, Outcome.NOT_DIALED, Phase.ENDED),
        (Failure.REFUSED, Outcome.FAILED, Phase.ENDED),
        (Failure.TIMED_OUT, Outcome.UNKNOWN, Phase.HANGING_UP),
    ],
)
def test_failed_originate_is_never_repeated(failure: Failure, outcome: Outcome, phase: Phase) -> None:
    call, commands = run(dialed(), CommandFailed(DIAL, failure, "", 100.1))
    assert (call.outcome, call.phase) == (outcome, phase)
    assert not any(isinstance(command, Originate) for command in commands)


@pytest.mark.parametrize(("rang", "outcome"), [(True, Outcome.NO_ANSWER), (False, Outcome.UNREACHABLE)])
def test_silent_end_is_told_apart_by_ringing(rang: bool, outcome: Outcome) -> None:
    events: list[CallEvent] = [RINGS] if rang else []
    call, _ = run(dialed(), *events, LegEnded(CUSTOMER, 19, 480, 125.0))
    assert call.outcome is outcome


def test_end_that_asterisk_never_reports_is_closed_after_repeated_hang_ups() -> None:
    call, _ = run(dialed(), HangUpAsked("operator", 101.0))
    for n in range(1, HANG_UPS_MAX):
        call, commands = run(call, DeadlinePassed(101.0 + 5 * n))
        assert commands == [HangUp(CUSTOMER)]
    call, commands = run(call, DeadlinePassed(130.0))
    assert (call.phase, call.outcome) == (Phase.ENDED, Outcome.CANCELLED)
    assert commands == [RecordOutcome(AttemptId("c1"))]


@pytest.mark.parametrize("meets", [[ANSWERS, ENTERS], [ENTERS], [ANSWERS]])
def test_call_given_up_that_is_answered_meanwhile_is_abandoned_not_cancelled(meets: list[CallEvent]) -> None:
    given_up, _ = run(dialed(), RINGS, HangUpAsked("engine", 104.99))
    call, _ = run(given_up, *meets, ENDS)
    assert (call.outcome, call.hangup_by) == (Outcome.ABANDONED, "engine")
    assert call.answered_at is not None
    assert run(given_up, ENDS)[0].outcome is Outcome.CANCELLED


def test_agent_assigned_too_late_is_given_back() -> None:
    call, _ = run(dialed(), ANSWERS, ENTERS, DeadlinePassed(106.75))
    assert run(call, ASSIGNED)[1] == [ReleaseAgent(ID, SLOT, False, 0.0)]


def test_manual_call_joins_the_agent_who_asked_for_it() -> None:
    call = dialed(CallKind.MANUAL, attempt=None, seat=Seat(SLOT, AGENT, BRIDGE), seat_held=True)
    call, commands = run(call, RINGS, ANSWERS, ENTERS)
    assert commands == [StopMusic(AGENT), Join(BRIDGE, CUSTOMER)]
    call, commands = run(call, JOINS, ENDS)
    assert commands == [ReleaseAgent(ID, SLOT, True, 30.0)]


def test_inbound_caller_waits_with_music_that_stops_before_the_agent_speaks() -> None:
    call = Call(ID, CallKind.INBOUND, Phase.WAITING, "+1", replace(POLICY, answer_limit_s=60.0, priority=1), 100.0)
    call, commands = start_inbound(call)
    assert commands[1:] == (StartMusic(CUSTOMER), RequestAgent(ID, "sales", 1, 100.0))
    call, joined = run(call, ASSIGNED)
    assert joined == [StopMusic(AGENT), StopMusic(CUSTOMER), Join(BRIDGE, CUSTOMER)]


def test_agentless_call_plays_the_whole_message_and_counts_as_answered() -> None:
    call = dialed(policy=replace(POLICY, answer_action=AnswerAction.MESSAGE))
    call, _ = run(call, ANSWERS, ENTERS, PlaybackEnded(message_id(call), CUSTOMER, False, 115.0), ENDS)
    assert call.outcome is Outcome.ANSWERED


def test_agentless_call_whose_message_could_not_be_played_is_no_success() -> None:
    call = dialed(policy=replace(POLICY, answer_action=AnswerAction.MESSAGE))
    call, _ = run(call, ANSWERS, ENTERS, PlaybackEnded(message_id(call), CUSTOMER, True, 105.1), ENDS)
    assert call.outcome is Outcome.ABANDONED


def shown() -> Call:
    """A lead shown to the agent at 7001 for two minutes."""
    call = Call(ID, CallKind.CAMPAIGN, Phase.PREVIEWING, "+12125550100", POLICY, 100.0, attempt=AttemptId("c1"))
    return start_preview(revised(call, seat=Seat(SLOT, AGENT, BRIDGE), seat_held=True), 120.0)[0]


ASKED = DialAsked(DIAL, TrunkName("carrier"), 130.0)


def test_lead_shown_is_dialed_and_the_answer_meets_its_agent_without_a_queue() -> None:
    call, commands = run(shown(), ASKED)
    assert commands == [MarkDecided(ID, SLOT), DIAL]
    assert (call.phase, call.trunk, call.dialed_at, call.deadline_at) == (Phase.DIALING, "carrier", 130.0, 160.0)
    call, commands = run(call, RINGS, ANSWERS, ENTERS)
    assert commands == [StopMusic(AGENT), Join(BRIDGE, CUSTOMER)]
    call, commands = run(call, JOINS, ENDS)
    assert commands == [ReleaseAgent(ID, SLOT, True, 30.0), RecordOutcome(AttemptId("c1"))]
    assert call.outcome is Outcome.ANSWERED


def test_lead_shown_that_is_busy_gives_the_agent_back_without_wrap_up() -> None:
    call, commands = run(shown(), ASKED, LegEnded(CUSTOMER, 17, 486, 131.0))
    assert commands == [ReleaseAgent(ID, SLOT, False, 30.0), RecordOutcome(AttemptId("c1"))]
    assert call.outcome is Outcome.BUSY


def test_skipped_lead_keeps_the_reason_and_nothing_is_dialed() -> None:
    call, commands = run(shown(), SkipAsked("spoke to her yesterday", 110.0))
    assert (call.phase, call.outcome, call.note) == (Phase.ENDED, Outcome.SKIPPED, "spoke to her yesterday")
    assert commands == [
        MarkDecided(ID, SLOT), ReleaseAgent(ID, SLOT, False, 30.0), RecordOutcome(AttemptId("c1")),
    ]  # fmt: skip


def test_lead_about_which_nothing_is_decided_in_time_is_skipped_and_the_agent_counts_as_absent() -> None:
    assert shown().deadline_at == 220.0
    call, commands = run(shown(), DeadlinePassed(220.0))
    assert (call.outcome, call.note, call.hangup_by) == (Outcome.SKIPPED, UNDECIDED, "engine")
    assert commands == [ReleaseAgent(ID, SLOT, False, 30.0, unattended=True), RecordOutcome(AttemptId("c1"))]


@pytest.mark.parametrize(
    ("event", "held"),
    [
        (AgentLost(SLOT, 110.0), False),
        (AgentLeaving(SLOT, 110.0), True),
        (DialBarred("the lead was deleted", 110.0), True),
        (HangUpAsked("engine", 110.0), True),
        (LegEnded(CUSTOMER, 0, None, 110.0), True),
    ],
    ids=lambda value: type(value).__name__,
)
def test_lead_taken_back_from_its_agent_was_not_dialed(event: CallEvent, held: bool) -> None:
    call, commands = run(shown(), event)
    assert (call.phase, call.outcome) == (Phase.ENDED, Outcome.NOT_DIALED)
    assert call.note
    released = [ReleaseAgent(ID, SLOT, False, 30.0)] if held else []
    assert commands == [*released, RecordOutcome(AttemptId("c1"))]


def test_agent_lost_while_the_dialed_lead_rings_ends_the_call() -> None:
    call, commands = run(shown(), ASKED, RINGS, AgentLost(SLOT, 104.0))
    assert (call.outcome, commands) == (Outcome.CANCELLED, [HangUp(CUSTOMER)])


def test_live_answer_whose_agent_is_lost_before_the_bridge_is_offered_to_the_pool() -> None:
    call, commands = run(shown(), ASKED, RINGS, ANSWERS, AgentLost(SLOT, 105.005))
    assert (call.phase, commands) == (Phase.ANSWERED, [])
    call, commands = run(call, ENTERS)
    assert (call.phase, call.seat, commands) == (Phase.WAITING, None, [RequestAgent(ID, "sales", 0, 105.0)])


def test_agent_who_means_to_leave_stays_for_the_call_under_way() -> None:
    call, _ = run(shown(), ASKED, RINGS)
    assert run(call, AgentLeaving(SLOT, 104.0)) == (call, [])


OPT_OUT = replace(POLICY, opt_out_digit="9", opt_out_wait_s=3.0, confirmation=("sound:confirmed",))
UNANSWERED_AT = 106.75


def hearing(policy: CallPolicy = OPT_OUT) -> Call:
    """A person who hears the message since half a second."""
    call, _ = run(dialed(policy=policy), ANSWERS, ENTERS)
    if policy.answer_action is AnswerAction.AGENT:
        call, _ = run(call, DeadlinePassed(UNANSWERED_AT))
    return run(call, PlaybackBegan(message_id(call), CUSTOMER, UNANSWERED_AT + 0.01))[0]


def presses(digit: str, at: float = 107.5) -> LegDigit:
    return LegDigit(CUSTOMER, digit, at)


def message_ends(call: Call, at: float = 115.0, failed: bool = False) -> PlaybackEnded:
    return PlaybackEnded(message_id(call), CUSTOMER, failed, at)


AGENTLESS = replace(OPT_OUT, answer_action=AnswerAction.MESSAGE)


@pytest.mark.parametrize(
    ("policy", "outcome"), [(OPT_OUT, Outcome.ABANDONED), (AGENTLESS, Outcome.ANSWERED)], ids=["abandoned", "agentless"]
)
def test_digit_during_the_message_is_written_first_then_confirmed_and_the_outcome_stays(
    policy: CallPolicy, outcome: Outcome
) -> None:
    call, commands = run(hearing(policy), presses("9"))
    confirm = Play(CUSTOMER, confirmation_id(call), ("sound:confirmed",))
    assert commands == [RecordOptOut(ID), StopPlay(message_id(call)), confirm]
    call, commands = run(call, message_ends(call, 107.51))
    assert commands == [], "the stopped message's end is not the confirmation's"
    call, commands = run(call, presses("9", 108.0))
    assert commands == [], "written once"
    call, commands = run(call, PlaybackEnded(confirmation_id(call), CUSTOMER, False, 110.0))
    assert commands == [HangUp(CUSTOMER)]
    call, _ = run(call, ENDS)
    assert (call.outcome, call.opted_out_at, call.message_at) == (outcome, 107.5, pytest.approx(106.76))


def test_person_who_hangs_up_during_the_confirmation_has_opted_out_all_the_same() -> None:
    call, _ = run(hearing(AGENTLESS), presses("9"), LegEnded(CUSTOMER, 16, None, 108.0))
    assert (call.outcome, call.opted_out_at, call.hangup_by) == (Outcome.ANSWERED, 107.5, "customer")


@pytest.mark.parametrize(
    ("policy", "digit"), [(OPT_OUT, "1"), (OPT_OUT, "#"), (replace(OPT_OUT, opt_out_digit=""), "9"), (POLICY, "9")]
)
def test_other_digits_and_a_campaign_without_one_change_nothing(policy: CallPolicy, digit: str) -> None:
    before = hearing(policy)
    assert run(before, presses(digit)) == (before, [])


def test_digit_before_the_message_means_nothing() -> None:
    waiting, _ = run(dialed(policy=OPT_OUT), ANSWERS, ENTERS)
    assert run(waiting, presses("9", 106.0)) == (waiting, [])


def test_after_the_message_there_is_time_to_press_the_digit_it_asked_for() -> None:
    call = hearing()
    call, commands = run(call, message_ends(call))
    assert (call.phase, call.deadline_at, commands) == (Phase.ANNOUNCING, 118.0, [])
    silent, commands = run(call, DeadlinePassed(118.0))
    assert commands == [HangUp(CUSTOMER)]
    assert silent.outcome is Outcome.ABANDONED
    _, commands = run(call, presses("9", 117.0))
    assert commands == [RecordOptOut(ID), Play(CUSTOMER, confirmation_id(call), ("sound:confirmed",))]
    agentless = hearing(AGENTLESS)
    heard, _ = run(agentless, message_ends(agentless), DeadlinePassed(118.0), ENDS)
    left, _ = run(agentless, message_ends(agentless), LegEnded(CUSTOMER, 16, None, 116.0))
    assert (heard.outcome, left.outcome) == (Outcome.ANSWERED, Outcome.ANSWERED)


def test_digit_that_crosses_our_hang_up_still_counts() -> None:
    call = hearing(replace(OPT_OUT, opt_out_wait_s=0.0))
    call, commands = run(call, message_ends(call))
    assert commands == [HangUp(CUSTOMER)]
    call, commands = run(call, presses("9", 115.1))
    assert (commands, call.opted_out_at) == ([RecordOptOut(ID)], 115.1)
    assert run(call, presses("9", 115.2))[1] == []
    talked, _ = run(dialed(policy=OPT_OUT), ANSWERS, ENTERS, ASSIGNED, JOINS, HangUpAsked("agent", 110.0))
    assert run(talked, presses("9", 110.1)) == (talked, []), "nobody asked this person for it"


def test_without_a_confirmation_the_call_ends_at_once() -> None:
    call, commands = run(hearing(replace(OPT_OUT, confirmation=())), presses("9"))
    assert commands == [RecordOptOut(ID), StopPlay(message_id(call)), HangUp(CUSTOMER)]
    assert call.outcome is Outcome.ABANDONED


@pytest.mark.parametrize("failure", [Failure.REFUSED, Failure.GONE])
def test_confirmation_that_cannot_be_played_ends_the_call_and_the_opt_out_stays(failure: Failure) -> None:
    call, commands = run(hearing(AGENTLESS), presses("9"))
    stop, confirm = commands[1], commands[2]
    assert isinstance(stop, StopPlay)
    assert isinstance(confirm, Play)
    call, nothing = run(call, CommandFailed(stop, Failure.GONE, "404", 107.6))
    assert nothing == []
    call, commands = run(call, CommandFailed(confirm, failure, "", 107.6))
    assert commands == [HangUp(CUSTOMER)]
    assert (call.outcome, call.opted_out_at) == (Outcome.ANSWERED, 107.5)


def test_message_played_again_after_a_lost_socket_can_be_opted_out_of_and_a_confirmation_is_not_lost() -> None:
    again, commands = run(hearing(), LegSeen(CUSTOMER, 109.0))
    assert commands == [Play(CUSTOMER, message_id(again), ("sound:identity",))]
    opted, commands = run(again, presses("9", 110.0))
    assert RecordOptOut(ID) in commands
    _, commands = run(opted, LegSeen(CUSTOMER, 111.0))
    assert commands == [Play(CUSTOMER, confirmation_id(opted), ("sound:confirmed",))]
    over, _ = run(again, message_ends(again))
    assert run(over, LegSeen(CUSTOMER, 116.0)) == (over, []), "it was heard: only the digit is waited for"
    assert run(over, message_ends(again, 117.0)) == (over, []), "the second play's end changes nothing"


@pytest.mark.parametrize("policy", [OPT_OUT, AGENTLESS], ids=["abandoned", "agentless"])
@pytest.mark.parametrize(("failed", "at"), [(True, 106.8), (False, 106.8)], ids=["missing", "empty"])
def test_message_without_a_sound_ends_the_call_rather_than_being_waited_for_in_silence(
    policy: CallPolicy, failed: bool, at: float
) -> None:
    call = hearing(policy)
    call, commands = run(call, message_ends(call, at, failed))
    assert commands == [HangUp(CUSTOMER)]
    assert (call.outcome, call.message_at) == (Outcome.ABANDONED, None)


def test_message_that_breaks_off_in_the_middle_did_begin() -> None:
    call = hearing()
    call, commands = run(call, message_ends(call, 109.0, failed=True))
    assert commands == [HangUp(CUSTOMER)]
    assert call.message_at == pytest.approx(106.76)


def test_beginning_is_kept_once_and_only_the_messages_own() -> None:
    call = hearing()
    assert run(call, PlaybackBegan(message_id(call), CUSTOMER, 120.0))[0].message_at == pytest.approx(106.76)
    waiting, _ = run(dialed(), ANSWERS, ENTERS, DeadlinePassed(UNANSWERED_AT))
    assert run(waiting, PlaybackBegan(PlaybackId("other"), CUSTOMER, 107.0))[0].message_at is None
