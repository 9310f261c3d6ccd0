"""The call machine under any sequence of events: it never loses a person, a seat or an outcome."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.call.commands import (
    Answer,
    CancelRequest,
    Command,
    HangUp,
    Join,
    Originate,
    Play,
    RecordOptOut,
    RecordOutcome,
    ReleaseAgent,
    RequestAgent,
)
from engine.call.events import (
    AgentAsked,
    AgentAssigned,
    AgentLeaving,
    AgentLost,
    AgentUnasked,
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
    LegLeft,
    LegRinging,
    LegSeen,
    PlaybackBegan,
    PlaybackEnded,
    ScriptLeaves,
    ScriptTakes,
    Settled,
    SkipAsked,
    TalkCut,
)
from engine.call.machine import (
    IMPOSSIBLE,
    message_id,
    start_inbound,
    start_outbound,
    start_preview,
    start_scripted,
    step,
)
from engine.call.model import Call, CallKind, CallPolicy, Phase, Seat
from engine.dialer.campaign import AnswerAction
from engine.errors import ImpossibleEvent
from engine.ids import AttemptId, BridgeId, CallId, ChannelId, PlaybackId, Slot, TrunkName
from engine.outcome.disposition import LIVE, Outcome
from engine.revision import revised

CUSTOMER = ChannelId("c1")
DIAL = Originate(CUSTOMER, "PJSIP/1@t", "vss-customer", "s", "1", 25)
ASKED = DialAsked(DIAL, TrunkName("t"), 0.0)
TIMEOUTS_MAX = 8
"""No call survives so many deadlines in a row."""


def seat(number: int) -> Seat:
    return Seat(Slot(7000 + number), ChannelId(f"seat-{7000 + number}-1"), BridgeId(f"seat-{7000 + number}-1-bridge"))


SEATS = [seat(number) for number in (1, 2)]
slots = st.sampled_from([known.slot for known in SEATS])
bridges = st.sampled_from([known.bridge for known in SEATS] + [BridgeId("elsewhere")])
playbacks = st.sampled_from([PlaybackId(f"{CUSTOMER}-{name}") for name in ("message", "confirmation", "other")])
sent = st.one_of(
    st.just(DIAL),
    st.builds(Join, bridges, st.just(CUSTOMER)),
    st.just(HangUp(CUSTOMER)),
    st.just(Answer(CUSTOMER)),
    st.builds(Play, st.just(CUSTOMER), playbacks, st.just(("sound:x",))),
)
NOW = 0.0
"""Events are made without a time; the driver gives each its own."""
events: st.SearchStrategy[CallEvent] = st.one_of(
    st.just(LegRinging(CUSTOMER, NOW)),
    st.just(LegAnswered(CUSTOMER, NOW)),
    st.just(LegEntered(CUSTOMER, ("customer",), "", "", NOW)),
    st.sampled_from(SEATS).map(lambda known: AgentAssigned(known.slot, known.channel, known.bridge, NOW)),
    st.builds(LegJoined, st.just(CUSTOMER), bridges, st.just(NOW)),
    st.builds(LegLeft, st.just(CUSTOMER), bridges, st.just(NOW)),
    st.sampled_from([LegDigit(CUSTOMER, digit, NOW) for digit in "19"]),
    st.builds(
        LegEnded, st.just(CUSTOMER), st.integers(-1, 130), st.sampled_from([None, 200, 480, 486, 503]), st.just(NOW)
    ),
    st.builds(PlaybackBegan, playbacks, st.just(CUSTOMER), st.just(NOW)),
    st.builds(PlaybackEnded, playbacks, st.just(CUSTOMER), st.booleans(), st.just(NOW)),
    st.just(DeadlinePassed(NOW)),
    st.just(LegSeen(CUSTOMER, NOW)),
    st.builds(CommandFailed, sent, st.sampled_from(Failure), st.just(""), st.just(NOW)),
    st.builds(AgentLost, slots, st.just(NOW)),
    st.builds(AgentLeaving, slots, st.just(NOW)),
    st.sampled_from([ASKED, SkipAsked("asked us not to", NOW), DialBarred("do_not_call", NOW)]),
    st.builds(HangUpAsked, st.sampled_from(["agent", "operator", "engine"]), st.just(NOW)),
)
TALK: list[CallEvent] = [
    LegRinging(CUSTOMER, NOW),
    LegAnswered(CUSTOMER, NOW),
    LegEntered(CUSTOMER, ("customer",), "", "", NOW),
    AgentAssigned(SEATS[0].slot, SEATS[0].channel, SEATS[0].bridge, NOW),
    LegJoined(CUSTOMER, SEATS[0].bridge, NOW),
    LegEnded(CUSTOMER, 16, 200, NOW),
]
"""A talk from its dial to its end; sequences begin with a part of it, else few would get beyond ringing."""
sequences = st.builds(lambda known, more: TALK[:known] + more, st.integers(0, len(TALK)), st.lists(events, max_size=12))
of_scripts: st.SearchStrategy[CallEvent] = st.sampled_from(
    [
        ScriptTakes("abc", keep_agent=True, at=NOW),
        ScriptTakes("abc", keep_agent=False, at=NOW),
        ScriptLeaves(NOW),
        Settled(NOW),
        AgentAsked("sales", 1, NOW),
        AgentUnasked(NOW),
        TalkCut(NOW),
        HangUpAsked("script", NOW),
    ]
)
scripted = st.lists(st.one_of(events, of_scripts, of_scripts), max_size=18)
previews = st.builds(lambda dials, more: dials + more, st.sampled_from([[], [ASKED]]), sequences)
pauses = st.sampled_from([0.01, 0.3, 1.0, 2.0, 11.0, 100.0])
calls = st.builds(
    lambda kind, action: (kind, action if kind is CallKind.CAMPAIGN else AnswerAction.AGENT),
    st.sampled_from(CallKind),
    st.sampled_from(AnswerAction),
)


class Driver:
    """Steps one call and keeps account of what it holds."""

    def __init__(self, kind: CallKind, action: AnswerAction, *, preview: bool = False, script: str = "") -> None:
        policy = CallPolicy(
            action, "sales", 2.0, 30.0, 3600.0, 25, ("sound:identity",), ("sound:confirmed",), "9", opt_out_wait_s=3.0
        )
        call = Call(CallId(CUSTOMER), kind, Phase.DIALING, "+1", policy, 100.0, script=script)
        self.now = 100.0
        self.held: Counter[Slot] = Counter()
        self.commands: list[Command] = []
        if script and kind is CallKind.INBOUND:
            self.call, commands = start_scripted(revised(call, phase=Phase.WAITING))
        elif kind is CallKind.INBOUND:
            self.call, commands = start_inbound(revised(call, phase=Phase.WAITING))
        elif preview:
            self.held[SEATS[0].slot] += 1
            shown = revised(call, attempt=AttemptId(CUSTOMER), seat=SEATS[0], seat_held=True)
            self.call, commands = start_preview(shown, 120.0)
        elif kind is CallKind.MANUAL:
            self.held[SEATS[0].slot] += 1
            self.call, commands = start_outbound(revised(call, seat=SEATS[0], seat_held=True), DIAL)
        else:
            self.call, commands = start_outbound(revised(call, attempt=AttemptId(CUSTOMER)), DIAL)
        self._account(commands)

    def take(self, event: CallEvent, pause_s: float) -> None:
        self.now += pause_s
        event = replace(event, at=self.now)
        if isinstance(event, AgentLost) and not self.held[event.slot] and self.held.total():
            event = replace(event, slot=next(iter(self.held.elements())))
        before = self.call
        try:
            self.call, commands = step(before, event)
        except ImpossibleEvent:
            assert (before.phase, type(event)) in IMPOSSIBLE
            return
        if isinstance(event, AgentAssigned):
            self.held[event.slot] += 1
        if isinstance(event, AgentLost) and self.held[event.slot]:
            self.held[event.slot] -= 1
        self._account(commands)
        if before.phase is Phase.ENDED:
            assert self.call is before

    def _account(self, commands: tuple[Command, ...]) -> None:
        self.commands += commands
        for command in commands:
            if isinstance(command, ReleaseAgent):
                self.held[command.slot] -= 1
        assert min(self.held.values(), default=0) >= 0, "a seat was released twice, or without being held"
        assert self.held.total() == self.call.seat_held
        if self.call.scripted and self.call.phase in {Phase.SCRIPTED, Phase.TALKING}:
            assert self.call.deadline_at is None, "the script's run has its own deadlines"
        else:
            assert (self.call.deadline_at is None) == (self.call.phase is Phase.ENDED)
        if self.call.phase is Phase.ENDED:
            assert not self.held.total(), "the call ended and holds a seat"

    def count(self, kind: type) -> int:
        return sum(isinstance(command, kind) for command in self.commands)


@given(calls, sequences, st.lists(pauses, min_size=18, max_size=18))
@settings(max_examples=400, deadline=None)
def test_any_sequence_keeps_the_books(
    kind: tuple[CallKind, AnswerAction], sequence: list[CallEvent], waits: list[float]
) -> None:
    driver = Driver(*kind)
    for event, pause_s in zip(sequence, waits, strict=False):
        driver.take(event, pause_s)
        call = driver.call
        ended = call.phase is Phase.ENDED
        assert driver.count(RecordOutcome) == (ended and call.attempt is not None)
        assert driver.count(Originate) == (kind[0] is not CallKind.INBOUND)
        assert driver.count(RecordOptOut) == (call.opted_out_at is not None), "an opt-out is written once"
        if ended:
            assert call.outcome is not None
            assert call.ended_at is not None
            assert (call.outcome in LIVE) <= (call.answered_at is not None)
            if kind[1] is AnswerAction.AGENT:
                assert (call.outcome is Outcome.ANSWERED) == (call.bridged_at is not None)


@given(calls, sequences, st.lists(pauses, min_size=18, max_size=18))
@settings(max_examples=200, deadline=None)
def test_every_call_ends_when_nothing_more_is_heard_of_it(
    kind: tuple[CallKind, AnswerAction], sequence: list[CallEvent], waits: list[float]
) -> None:
    driver = Driver(*kind)
    for event, pause_s in zip(sequence, waits, strict=False):
        driver.take(event, pause_s)
    for _ in range(TIMEOUTS_MAX):
        if driver.call.phase is Phase.ENDED:
            break
        assert driver.call.deadline_at is not None
        driver.take(DeadlinePassed(NOW), max(0.0, driver.call.deadline_at - driver.now))
    assert driver.call.phase is Phase.ENDED
    assert driver.count(RecordOutcome) == (driver.call.attempt is not None)


@given(previews, st.lists(pauses, min_size=19, max_size=19))
@settings(max_examples=400, deadline=None)
def test_lead_shown_is_dialed_once_by_its_agent_or_ends_without_a_ring(
    sequence: list[CallEvent], waits: list[float]
) -> None:
    driver = Driver(CallKind.CAMPAIGN, AnswerAction.AGENT, preview=True)
    dialed = False
    for event, pause_s in zip(sequence, waits, strict=False):
        dialed |= driver.call.phase is Phase.PREVIEWING and isinstance(event, DialAsked)
        driver.take(event, pause_s)
        call = driver.call
        ended = call.phase is Phase.ENDED
        assert driver.count(Originate) == dialed
        assert (call.trunk is not None) == dialed
        assert driver.count(RecordOutcome) == ended
        assert call.phase is Phase.PREVIEWING or dialed or ended
        if ended:
            assert (call.outcome is Outcome.ANSWERED) == (call.bridged_at is not None)
            assert dialed or (call.outcome in {Outcome.SKIPPED, Outcome.NOT_DIALED} and call.note)
            assert call.outcome is not Outcome.SKIPPED or not dialed


@given(previews, st.lists(pauses, min_size=19, max_size=19))
@settings(max_examples=200, deadline=None)
def test_every_preview_ends_when_nothing_more_is_heard_of_it(sequence: list[CallEvent], waits: list[float]) -> None:
    driver = Driver(CallKind.CAMPAIGN, AnswerAction.AGENT, preview=True)
    for event, pause_s in zip(sequence, waits, strict=False):
        driver.take(event, pause_s)
    for _ in range(TIMEOUTS_MAX):
        if driver.call.phase is Phase.ENDED:
            break
        assert driver.call.deadline_at is not None
        driver.take(DeadlinePassed(NOW), max(0.0, driver.call.deadline_at - driver.now))
    assert driver.call.phase is Phase.ENDED


@given(st.sampled_from([CallKind.INBOUND, CallKind.CAMPAIGN]), scripted, st.lists(pauses, min_size=18, max_size=18))
@settings(max_examples=400, deadline=None)
def test_call_of_a_script_keeps_the_books_and_ends_when_the_script_ends_it(
    kind: CallKind, sequence: list[CallEvent], waits: list[float]
) -> None:
    driver = Driver(kind, AnswerAction.MESSAGE, script="abc")
    if kind is CallKind.CAMPAIGN:
        for event in TALK[1:3]:
            driver.take(event, 0.1)
    assert driver.call.scripted
    for event, pause_s in zip(sequence, waits, strict=False):
        driver.take(event, pause_s)
        assert driver.count(RecordOutcome) == (driver.call.phase is Phase.ENDED and driver.call.attempt is not None)
    for _ in range(TIMEOUTS_MAX):
        if driver.call.phase is Phase.ENDED:
            break
        driver.take(HangUpAsked("script", NOW), 0.1)
        if driver.call.deadline_at is not None:
            driver.take(DeadlinePassed(NOW), max(0.0, driver.call.deadline_at - driver.now))
    assert driver.call.phase is Phase.ENDED
    assert driver.call.outcome is not None or driver.call.attempt is None
    waiting = [type(command) for command in driver.commands if isinstance(command, RequestAgent | CancelRequest)]
    assigned = driver.count(Join)
    assert not waiting or waiting[-1] is CancelRequest or assigned, "the pool still counts on a call that is gone"


def test_message_of_the_driver_is_the_machines() -> None:
    assert message_id(Driver(CallKind.INBOUND, AnswerAction.AGENT).call) == f"{CUSTOMER}-message"
