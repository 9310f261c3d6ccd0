"""The call machine: one pure step from (call, event) to (call, commands).

Phases and what each waits for:

    dialing ---> ringing ---> answered ---> waiting ---> connecting ---> talking
       ^  |         |            |             |              |             |
       |  |         |            |             +--> announcing (no agent in time)
       |  v         v            v             v              v             v
       |                  hanging_up ---> ended (from every phase)
       |
    previewing ---> ended (skipped, or taken back)
    scripted <---> connecting, talking (an agent whom the script asked for)

previewing  a lead is shown to the agent reserved for it, who dials or skips within the limit; no phone rings yet
dialing     the originate was sent; ringing, an answer, or the end
ringing     somebody is there (180 or 183 was seen)
answered    the far end picked up; the leg is on its way through the dialplan into the application
waiting     a live person waits for an agent, at most `answer_limit_s` after the answer
connecting  an agent is reserved and the customer's leg is being put into the agent's bridge
talking     both legs are in one bridge
announcing  no agent in time: the person hears the identity message (agentless: the message of the campaign), and may
            press the digit that means "never again": then a confirmation
scripted    a script has the call (engine/runtime/flows); agents whom it asks for come and go, and it goes on
hanging_up  we asked Asterisk to end the leg
ended       the leg is gone, the outcome is decided; nothing more happens

Legal races. Ringing may be reported after the answer (Asterisk can swap the two): ignored. StasisStart may come
without an answer seen before: it counts as the answer. The customer may hang up in any phase; the channel's end
always wins, whatever else is on its way. The agent may be lost while connecting: the person goes back to the queue for
what is left of the limit. A join refused because a leg is gone is followed by that leg's end, which decides; if it does
not come at once, the person hears the message rather than silence. A join reported after it was given up would make
three in the agent's bridge with the next caller: that leg is hung up at once. A call that we give up may be answered
before the hang-up arrives: nothing calls that back, so whoever answered is cut off, and the call is abandoned. A join
of which nobody knows (the socket broke) is settled by the snapshot of the next socket, and what a person should be
hearing is begun again then. A digit pressed as the message ends may come after our hang-up: it counts all the same. A
message that ends as soon as it began was not heard (its file is missing or broken): the person is not left in silence.
The agent of a lead shown may leave, the lead may become barred, and the time may pass, all at once: whatever comes
first ends the preview, and what comes later changes nothing. A lead taken back without a decision of the agent's is
`not_dialed` and comes back. An agent lost while it rings ends the call; a person who has answered by then is served as
any other live answer.

The end of the leg (`LegEnded`) is the only way out, so every attempt ends in whatever phase its leg does. If
Asterisk never reports it, the hang-up is repeated HANG_UPS_MAX times and the call ends as `unknown`.

`TABLE` says what is done, `IGNORED` what is known to be harmless; tests/unit/test_call_machine.py checks that every
pair of phase and event is in exactly one of them. What is in neither is `ImpossibleEvent`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

from engine.dialer.campaign import AnswerAction
from engine.errors import ImpossibleEvent
from engine.ids import PlaybackId
from engine.outcome.disposition import Outcome
from engine.revision import revised
from engine.trunk.cause import outcome_of

from .commands import (
    Answer,
    CancelRequest,
    Command,
    HangUp,
    Join,
    Leave,
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
from .events import (
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
    Judged,
    LegAnswered,
    LegDigit,
    LegEnded,
    LegEntered,
    LegJoined,
    LegLeft,
    LegRecorded,
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
from .model import Call, CallKind, Phase, Seat

RING_GUARD_S = 5.0
"""Asterisk's own ring timeout fires first; this long after it we end the leg ourselves."""
ENTER_LIMIT_S = 10.0
"""From the answer to StasisStart through the dialplan; measured: milliseconds."""
CONNECT_LIMIT_S = 3.0
"""From the join command to the join event; measured p99: 5 ms."""
GONE_LIMIT_S = 0.5
"""From a join refused because a leg is gone to the news of that leg's end; measured: under 5 ms."""
MESSAGE_LIMIT_S = 60.0
MESSAGE_SHORTEST_S = 0.2
"""Nobody says who called in less: a playback that ends sooner found no sound in its file."""
CONFIRMATION_LIMIT_S = 15.0
HANG_UP_LIMIT_S = 5.0
HANG_UPS_MAX = 3
UNDECIDED = "no decision in time"
"""The note of a skipped lead about which the agent said nothing."""
MESSAGE_LEAD_S = 0.25
"""The message must have begun when the limit passes, so it is started this much earlier."""


Commands = tuple[Command, ...]
Step = tuple[Call, Commands]


def step(call: Call, event: CallEvent) -> Step:
    """Return the call after `event` and the commands it asks for. Raises ImpossibleEvent (our bug)."""
    key = (call.phase, type(event))
    transition = TABLE.get(key)
    if transition is not None:
        return transition(call, event)
    if key in IGNORED:
        return call, ()
    raise ImpossibleEvent(f"call {call.id}: {type(event).__name__} in phase {call.phase}")


def start_outbound(call: Call, originate: Originate) -> Step:
    """Begin a dialed call: send the originate and arm the ring guard."""
    return _dial(call, originate, call.created_at)


def start_preview(call: Call, limit_s: float) -> Step:
    """Begin the preview of a lead for the agent at `call.seat`, who has `limit_s` to decide; nothing is dialed."""
    return revised(call, phase=Phase.PREVIEWING, deadline_at=call.created_at + limit_s), ()


def start_inbound(call: Call) -> Step:
    """Begin an inbound call whose channel is in the application: answer it, play music, ask for an agent."""
    call, commands = _ask_for_agent(revised(call, answered_at=call.created_at))
    return call, (Answer(call.channel), StartMusic(call.channel), *commands)


def start_scripted(call: Call) -> Step:
    """Begin an inbound call that a script serves; it decides whether to answer."""
    return _to_script(call)


# --- a lead is shown


def _dial_asked(call: Call, event: DialAsked) -> Step:
    call, commands = _dial(revised(call, trunk=event.trunk), event.originate, event.at)
    return call, (*_decided(call), *commands)


def _skip(call: Call, event: SkipAsked) -> Step:
    ended, commands = _end(call, event.at, outcome=Outcome.SKIPPED, hangup_by="agent", note=event.reason)
    return ended, (*_decided(call), *commands)


def _undecided(call: Call, event: DeadlinePassed) -> Step:
    call, released = _release(call, talked=False, unattended=True)
    call, recorded = _end(call, event.at, outcome=Outcome.SKIPPED, hangup_by="engine", note=UNDECIDED)
    return call, (*released, *recorded)


def _barred(call: Call, event: DialBarred) -> Step:
    return _take_back(call, event.at, "engine", event.reason)


def _agent_leaving_preview(call: Call, event: AgentLeaving) -> Step:
    return _take_back(call, event.at, "agent", "the agent left")


def _agent_lost_preview(call: Call, event: AgentLost) -> Step:
    return _take_back(revised(call, seat_held=False), event.at, "agent", "the agent left")


def _hang_up_preview(call: Call, event: HangUpAsked) -> Step:
    return _take_back(call, event.at, event.by, "taken back")


def _preview_concluded(call: Call, event: LegEnded) -> Step:
    """There is no leg yet: the engine concludes its calls so when it ends."""
    return _take_back(call, event.at, "engine", "the engine ended")


def _take_back(call: Call, at: float, by: str, note: str) -> Step:
    """No phone rang: the lead comes back as if it had not been claimed."""
    return _end(call, at, outcome=Outcome.NOT_DIALED, hangup_by=by, note=note)


def _decided(call: Call) -> Commands:
    return (MarkDecided(call.id, call.seat.slot),) if call.seat is not None else ()


# --- before the answer


def _dial(call: Call, originate: Originate, at: float) -> Step:
    deadline_at = at + originate.ring_timeout_s + RING_GUARD_S
    return revised(call, phase=Phase.DIALING, dialed_at=at, deadline_at=deadline_at), (originate,)


def _ring(call: Call, event: LegRinging) -> Step:
    return revised(call, phase=Phase.RINGING, ringing_at=call.ringing_at or event.at), ()


def _answer(call: Call, event: LegAnswered) -> Step:
    return revised(call, phase=Phase.ANSWERED, answered_at=event.at, deadline_at=event.at + ENTER_LIMIT_S), ()


def _enter(call: Call, event: LegEntered) -> Step:
    """A live person is in the application: connect, announce or hang up, as the policy says."""
    if call.answered_at is None:
        call = revised(call, answered_at=event.at)
    call = revised(call, live_at=event.at)
    if call.seat is not None and call.seat_held:
        return _connect(call, call.seat, event.at)
    call = revised(call, seat=None)
    if call.script:
        return _to_script(call)
    match call.policy.answer_action:
        case AnswerAction.AGENT:
            return _ask_for_agent(call)
        case AnswerAction.MESSAGE:
            return _announce(call, event.at)
        case AnswerAction.HANG_UP:
            return _hang_up(call, "engine", event.at, outcome=Outcome.ANSWERED)


def _originate_failed(call: Call, event: CommandFailed) -> Step:
    """The dial was not carried out, or nobody knows: never dial it again."""
    match event.failure:
        case Failure.NOT_SENT:
            return _end(call, event.at, outcome=Outcome.NOT_DIALED)
        case Failure.REFUSED | Failure.GONE:
            return _end(call, event.at, outcome=Outcome.FAILED)
        case Failure.TIMED_OUT:
            return _hang_up(call, "engine", event.at, outcome=Outcome.UNKNOWN)


def _ring_overdue(call: Call, event: DeadlinePassed) -> Step:
    outcome = Outcome.NO_ANSWER if call.ringing_at else Outcome.UNREACHABLE
    return _hang_up(call, "engine", event.at, outcome=outcome)


def _enter_overdue(call: Call, event: DeadlinePassed) -> Step:
    return _hang_up(call, "engine", event.at, outcome=Outcome.ABANDONED)


def _cancel(call: Call, event: HangUpAsked) -> Step:
    return _hang_up(call, event.by, event.at, outcome=Outcome.CANCELLED)


def _agent_left_dialing(call: Call, event: AgentLost) -> Step:
    """The agent who asked for this call is gone before they could meet who answers.

    A campaign's live answer is served by another agent of the pool, or hears the message.
    """
    if call.answered_at is not None and call.kind is CallKind.CAMPAIGN:
        return revised(call, seat_held=False), ()
    outcome = Outcome.CANCELLED if call.answered_at is None else Outcome.ABANDONED
    return _hang_up(call, "agent", event.at, seat_held=False, outcome=outcome)


# --- a live person


def _ask_for_agent(call: Call) -> Step:
    since = call.answered_at or call.created_at
    request = RequestAgent(call.id, call.policy.pool, call.policy.priority, since, call.policy.slot)
    return revised(call, phase=Phase.WAITING, deadline_at=message_due(call)), (request,)


def _music_unheard(call: Call, event: LegSeen) -> Step:
    return call, (Answer(call.channel), StartMusic(call.channel)) if call.kind is CallKind.INBOUND else ()


def _assigned(call: Call, event: AgentAssigned) -> Step:
    return _connect(call, Seat(event.slot, event.channel, event.bridge), event.at)


def _assigned_late(call: Call, event: AgentAssigned) -> Step:
    """The call went on without the agent: give the agent back unused."""
    return call, (ReleaseAgent(call.id, event.slot, False, 0.0),)


def _connect(call: Call, seat: Seat, at: float) -> Step:
    call = revised(call, phase=Phase.CONNECTING, seat=seat, seat_held=True, deadline_at=at + CONNECT_LIMIT_S)
    commands: list[Command] = [StopMusic(seat.channel)]
    if call.kind is CallKind.INBOUND or call.scripted:
        commands.append(StopMusic(call.channel))
    commands.append(Join(seat.bridge, call.channel))
    return call, tuple(commands)


def _joined(call: Call, event: LegJoined) -> Step:
    seat = call.seat
    if seat is None or event.channel != call.channel or event.bridge != seat.bridge:
        return call, ()
    deadline_at = None if call.scripted else event.at + call.policy.talk_max_s
    call = revised(call, phase=Phase.TALKING, bridged_at=event.at, deadline_at=deadline_at, asked="")
    return call, (MarkTalking(call.id, seat.slot),)


def _agent_lost_connecting(call: Call, event: AgentLost) -> Step:
    """Back to the queue for what is left of the limit; then the message."""
    call = revised(call, seat=None, seat_held=False)
    if call.scripted:
        return _to_script(call) if not call.asked else _ask_again(call)
    if call.kind is CallKind.MANUAL:
        return _hang_up(call, "agent", event.at)
    music: Commands = (StartMusic(call.channel),) if call.kind is CallKind.INBOUND else ()
    if event.at >= message_due(call):
        return _announce(call, event.at)
    call, commands = _ask_for_agent(call)
    return call, (*music, *commands)


def _connect_failed(call: Call, event: CommandFailed | DeadlinePassed) -> Step:
    """The join was refused or never reported: no more waiting for this person.

    A join refused because a leg is gone says not whose; the end of that leg follows, and says it.
    """
    if isinstance(event, CommandFailed):
        if not isinstance(event.command, Join):
            return call, ()
        match event.failure:
            case Failure.GONE:
                return revised(call, deadline_at=event.at + GONE_LIMIT_S), ()
            case Failure.NOT_SENT | Failure.TIMED_OUT:
                return call, ()
            case Failure.REFUSED:
                pass
    call, released = _release(call, talked=False)
    if call.scripted:
        call, commands = _to_script(revised(call, seat=None, asked=""))
    elif call.kind is CallKind.MANUAL:
        call, commands = _hang_up(call, "engine", event.at)
    else:
        call, commands = _announce(revised(call, seat=None), event.at)
    return call, (*released, *commands)


def _wait_overdue(call: Call, event: DeadlinePassed) -> Step:
    call, commands = _announce(call, event.at)
    return call, (CancelRequest(call.id, call.policy.pool), *commands)


def _hang_up_waiting(call: Call, event: HangUpAsked) -> Step:
    """A live person dropped by us is an abandoned call, whoever asked for it."""
    call, commands = _hang_up(call, event.by, event.at, outcome=Outcome.ABANDONED)
    return call, (CancelRequest(call.id, call.policy.pool), *commands)


def _hang_up_live(call: Call, event: HangUpAsked) -> Step:
    return _hang_up(call, event.by, event.at, outcome=call.outcome or Outcome.ABANDONED)


# --- talking


def _hang_up_talking(call: Call, event: HangUpAsked) -> Step:
    """An agent who is done with a caller of a script gives them back to it."""
    if call.scripted and event.by == "agent":
        return _part(call)
    return _hang_up(call, event.by, event.at)


def _talk_overdue(call: Call, event: DeadlinePassed) -> Step:
    return _hang_up(call, "engine", event.at)


def _agent_left_talking(call: Call, event: AgentLost) -> Step:
    if call.scripted:
        return _part(revised(call, seat_held=False))
    return _hang_up(call, "agent", event.at, seat_held=False)


# --- a script has the call


def _to_script(call: Call) -> Step:
    """The script goes on: it is told by who watches the call's steps."""
    return revised(call, phase=Phase.SCRIPTED, scripted=True, deadline_at=None), ()


def _part(call: Call) -> Step:
    """Caller and agent part, and the caller is the script's again."""
    leave: Commands = (Leave(call.seat.bridge, call.channel),) if call.seat is not None else ()
    call, released = _release(call, talked=True)
    call, _ = _to_script(call)
    return call, (*leave, *released)


def _talk_cut(call: Call, event: TalkCut) -> Step:
    return _part(call) if call.scripted else (call, ())


def _taken_by_script(call: Call, event: ScriptTakes) -> Step:
    """An agent hands the caller over, and waits with music for them, or not."""
    call = revised(call, script=event.script)
    if not event.keep_agent or call.seat is None or not call.seat_held:
        return _part(call)
    call, _ = _to_script(call)
    assert call.seat is not None
    return call, (Leave(call.seat.bridge, call.channel), StartMusic(call.seat.channel))


def _waiting_taken_by_script(call: Call, event: ScriptTakes) -> Step:
    cancel = CancelRequest(call.id, call.policy.pool)
    call, _ = _to_script(revised(call, script=event.script))
    return call, (cancel, StopMusic(call.channel))


def _script_leaves(call: Call, event: ScriptLeaves) -> Step:
    """Back to the agent who waits; without one there is nobody left for the caller."""
    call = revised(call, scripted=False)
    if call.seat is None or not call.seat_held:
        return _hang_up(call, "script", event.at, outcome=_outcome_of_script(call))
    return _connect(call, call.seat, event.at)


def _settled(call: Call, event: Settled) -> Step:
    return revised(call, settled=True), ()


def _judged(call: Call, event: Judged) -> Step:
    return revised(call, machine=event.verdict, greeting_end_at=event.at), ()


def _script_answered(call: Call, event: LegAnswered) -> Step:
    return revised(call, answered_at=call.answered_at or event.at), ()


def _agent_asked(call: Call, event: AgentAsked) -> Step:
    call = revised(call, asked=event.pool, asked_priority=event.priority, asked_at=event.at)
    return _ask_again(call)


def _ask_again(call: Call) -> Step:
    """Who lost their agent before they met keeps their place in the queue."""
    call, _ = _to_script(call)
    return call, (RequestAgent(call.id, call.asked, call.asked_priority, call.asked_at),)


def _agent_unasked(call: Call, event: AgentUnasked) -> Step:
    return revised(call, asked=""), _unask(call)


def _unask(call: Call) -> Commands:
    return (CancelRequest(call.id, call.asked),) if call.asked else ()


def _agent_for_script(call: Call, event: AgentAssigned) -> Step:
    if not call.asked:
        return _assigned_late(call, event)
    return _connect(call, Seat(event.slot, event.channel, event.bridge), event.at)


def _agent_unasked_connecting(call: Call, event: AgentUnasked) -> Step:
    """The time was up in the moment an agent came: the agent is given back, and the join may still be carried out."""
    if not call.scripted:
        return call, ()
    leave: Commands = (Leave(call.seat.bridge, call.channel),) if call.seat is not None else ()
    call, released = _release(revised(call, asked=""), talked=False)
    call, _ = _to_script(call)
    return call, (*leave, *released)


def _kept_agent_lost(call: Call, event: AgentLost) -> Step:
    return revised(call, seat_held=False), ()


def _hang_up_scripted(call: Call, event: HangUpAsked) -> Step:
    """The script ends the call, or somebody else does."""
    unask = _unask(call)
    outcome = Outcome.ANSWERED if event.by == "script" else _outcome_of_script(call)
    call, commands = _hang_up(revised(call, asked=""), event.by, event.at, outcome=outcome)
    return call, (*unask, *commands)


def _outcome_of_script(call: Call) -> Outcome:
    """What a call is that we end while a script has it."""
    return call.outcome or (Outcome.ANSWERED if call.settled or call.bridged_at is not None else Outcome.ABANDONED)


# --- the message


def _announce(call: Call, at: float) -> Step:
    """Play the message; where an agent was due, the call is abandoned from here on."""
    if call.policy.answer_action is AnswerAction.AGENT:
        call = revised(call, phase=Phase.ANNOUNCING, outcome=Outcome.ABANDONED, deadline_at=at + MESSAGE_LIMIT_S)
    else:
        call = revised(call, phase=Phase.ANNOUNCING, deadline_at=at + call.policy.talk_max_s)
    music: Commands = (StopMusic(call.channel),) if call.kind is CallKind.INBOUND else ()
    return call, (*music, Play(call.channel, message_id(call), call.policy.message))


def _message_began(call: Call, event: PlaybackBegan) -> Step:
    if event.playback != message_id(call) or call.message_at is not None:
        return call, ()
    return revised(call, message_at=event.at), ()


def _message_ended(call: Call, event: PlaybackEnded) -> Step:
    if event.playback != _playback_due(call) or call.message_ended_at is not None:
        return call, ()
    if call.opted_out_at is not None:
        return _hang_up(call, "engine", event.at, outcome=call.outcome or Outcome.ANSWERED)
    cut_off = call.message_at is not None and event.at - call.message_at < MESSAGE_SHORTEST_S
    if event.failed or cut_off:
        message_at = None if cut_off else call.message_at
        outcome = call.outcome or Outcome.ABANDONED
        return _hang_up(call, "engine", event.at, message_at=message_at, outcome=outcome)
    if call.policy.opt_out_digit and call.policy.opt_out_wait_s > 0:
        return revised(call, message_ended_at=event.at, deadline_at=event.at + call.policy.opt_out_wait_s), ()
    return _hang_up(call, "engine", event.at, outcome=call.outcome or Outcome.ANSWERED)


def _opt_out(call: Call, event: LegDigit) -> Step:
    """The person asked never to be called again: that is written first, then confirmed. The outcome stays."""
    if not _opts_out(call, event):
        return call, ()
    stop: Commands = (StopPlay(message_id(call)),) if call.message_ended_at is None else ()
    confirmed, commands = _confirm(revised(call, opted_out_at=event.at, message_ended_at=None), event.at)
    return confirmed, (RecordOptOut(call.id), *stop, *commands)


def _opt_out_late(call: Call, event: LegDigit) -> Step:
    """Pressed while our hang-up was on its way."""
    if not _opts_out(call, event) or call.message_at is None:
        return call, ()
    return revised(call, opted_out_at=event.at), (RecordOptOut(call.id),)


def _opts_out(call: Call, event: LegDigit) -> bool:
    return event.digit == call.policy.opt_out_digit and call.opted_out_at is None


def _confirm(call: Call, at: float) -> Step:
    if not call.policy.confirmation:
        return _hang_up(call, "engine", at, outcome=call.outcome or Outcome.ANSWERED)
    play = Play(call.channel, confirmation_id(call), call.policy.confirmation)
    return revised(call, deadline_at=at + CONFIRMATION_LIMIT_S), (play,)


def _message_failed(call: Call, event: CommandFailed) -> Step:
    """Nothing can be played: never leave a person in silence. Without a socket the next one may come in time."""
    if not isinstance(event.command, Play) or event.command.playback != _playback_due(call):
        return call, ()
    if event.failure in {Failure.NOT_SENT, Failure.TIMED_OUT}:
        return revised(call, deadline_at=event.at + HANG_UP_LIMIT_S), ()
    return _hang_up(call, "engine", event.at, outcome=_outcome_of_message(call))


def _message_unheard(call: Call, event: LegSeen) -> Step:
    """The message may have ended unheard of, or never have begun: it is played again, and ends with its first end."""
    if call.message_ended_at is not None:
        return call, ()
    return _announce(call, event.at) if call.opted_out_at is None else _confirm(call, event.at)


def _message_overdue(call: Call, event: DeadlinePassed) -> Step:
    """No digit came after the message; or Asterisk never told of its end: whether it was heard is not known."""
    return _hang_up(call, "engine", event.at, outcome=_outcome_of_message(call))


def _hang_up_announcing(call: Call, event: HangUpAsked) -> Step:
    return _hang_up(call, event.by, event.at, outcome=_outcome_of_message(call))


def _outcome_of_message(call: Call) -> Outcome:
    """What a call is whose message was heard as far as we know."""
    return call.outcome or (Outcome.ANSWERED if _heard(call) else Outcome.ABANDONED)


def _heard(call: Call) -> bool:
    return call.message_ended_at is not None or call.opted_out_at is not None


def _playback_due(call: Call) -> PlaybackId:
    """The playback that the person should be hearing."""
    return message_id(call) if call.opted_out_at is None else confirmation_id(call)


def _joined_late(call: Call, event: LegJoined) -> Step:
    return _hang_up(call, "engine", event.at)


# --- the end


def _hang_up(call: Call, by: str, at: float, **changes: Any) -> Step:
    call = revised(
        call,
        phase=Phase.HANGING_UP,
        hangup_by=call.hangup_by or by,
        hang_ups=call.hang_ups + 1,
        deadline_at=at + HANG_UP_LIMIT_S,
        **changes,
    )
    return call, (HangUp(call.channel),)


def _hang_up_overdue(call: Call, event: DeadlinePassed) -> Step:
    """Asterisk does not report the end: repeat the hang-up, and at last close the call as `unknown`."""
    if call.hang_ups < HANG_UPS_MAX:
        return _hang_up(call, "engine", event.at)
    return _end(call, event.at, outcome=call.outcome or _live_outcome(call, event.at) or Outcome.UNKNOWN)


def _still_there(call: Call, event: LegEntered | LegSeen) -> Step:
    """The person answered before the hang-up reached Asterisk, or it was lost with the socket: no silence."""
    if isinstance(event, LegEntered):
        call = _met_an_answer(call, event.at)
    return call, (HangUp(call.channel),)


def _answered_too_late(call: Call, event: LegAnswered) -> Step:
    return _met_an_answer(call, event.at), ()


def _met_an_answer(call: Call, at: float) -> Call:
    """Our hang-up was on its way when the far end answered; nothing calls it back, and whoever answered is cut off.

    That is an abandoned call by law, whatever we meant to do.
    """
    if call.kind is not CallKind.CAMPAIGN or call.answered_at is not None:
        return call
    return revised(call, answered_at=at, outcome=Outcome.ABANDONED)


def _agent_left_hanging_up(call: Call, event: AgentLost) -> Step:
    return revised(call, seat_held=False), ()


def _ended(call: Call, event: LegEnded) -> Step:
    """The leg is gone, in whatever phase: decide the outcome and give everything back."""
    cancel: Commands = (CancelRequest(call.id, call.policy.pool),) if call.phase is Phase.WAITING else _unask(call)
    outcome = call.outcome or _live_outcome(call, event.at)
    if outcome is None:
        outcome = outcome_of(event.cause, event.sip_code, ringing_seen=call.ringing_at is not None)
    by = call.hangup_by or ("customer" if call.answered_at else None)
    call, commands = _end(call, event.at, cause=event.cause, sip_code=event.sip_code, hangup_by=by, outcome=outcome)
    return call, (*cancel, *commands)


def _end(call: Call, at: float, **changes: Any) -> Step:
    call, released = _release(call, talked=call.bridged_at is not None)
    call = revised(call, phase=Phase.ENDED, ended_at=at, deadline_at=None, **changes)
    recorded: Commands = (RecordOutcome(call.attempt),) if call.attempt is not None else ()
    return call, (*released, *recorded)


def _live_outcome(call: Call, at: float) -> Outcome | None:
    """The outcome of a call that a person answered, or None where nobody did."""
    if call.answered_at is None:
        return None
    if call.bridged_at is not None:
        return Outcome.ANSWERED
    if call.scripted:
        return Outcome.ANSWERED if call.settled else Outcome.CUSTOMER_HANGUP
    if call.phase is Phase.ANNOUNCING:  # agentless
        return Outcome.ANSWERED if _heard(call) else Outcome.CUSTOMER_HANGUP
    return Outcome.CUSTOMER_HANGUP if at - call.answered_at < call.policy.answer_limit_s else Outcome.ABANDONED


def _release(call: Call, *, talked: bool, unattended: bool = False) -> Step:
    if not call.seat_held or call.seat is None:
        return call, ()
    release = ReleaseAgent(call.id, call.seat.slot, talked, call.policy.wrap_up_s, unattended)
    return revised(call, seat_held=False), (release,)


def message_id(call: Call) -> PlaybackId:
    """The playback of a call's message; derived, so that it is known again after a restart."""
    return PlaybackId(f"{call.id}-message")


def confirmation_id(call: Call) -> PlaybackId:
    """The playback that confirms an opt-out."""
    return PlaybackId(f"{call.id}-confirmation")


def message_due(call: Call) -> float:
    """When the message must be started at the latest (epoch seconds)."""
    return (call.answered_at or call.created_at) + max(0.0, call.policy.answer_limit_s - MESSAGE_LEAD_S)


TABLE: dict[tuple[Phase, type], Callable[[Call, Any], Step]] = {
    (Phase.PREVIEWING, DialAsked): _dial_asked,
    (Phase.PREVIEWING, SkipAsked): _skip,
    (Phase.PREVIEWING, DialBarred): _barred,
    (Phase.PREVIEWING, DeadlinePassed): _undecided,
    (Phase.PREVIEWING, AgentLeaving): _agent_leaving_preview,
    (Phase.PREVIEWING, AgentLost): _agent_lost_preview,
    (Phase.PREVIEWING, HangUpAsked): _hang_up_preview,
    (Phase.PREVIEWING, LegEnded): _preview_concluded,
    (Phase.DIALING, LegRinging): _ring,
    (Phase.DIALING, LegAnswered): _answer,
    (Phase.DIALING, LegEntered): _enter,
    (Phase.DIALING, LegEnded): _ended,
    (Phase.DIALING, CommandFailed): _originate_failed,
    (Phase.DIALING, DeadlinePassed): _ring_overdue,
    (Phase.DIALING, HangUpAsked): _cancel,
    (Phase.DIALING, AgentLost): _agent_left_dialing,
    (Phase.RINGING, LegAnswered): _answer,
    (Phase.RINGING, LegEntered): _enter,
    (Phase.RINGING, LegEnded): _ended,
    (Phase.RINGING, DeadlinePassed): _ring_overdue,
    (Phase.RINGING, HangUpAsked): _cancel,
    (Phase.RINGING, AgentLost): _agent_left_dialing,
    (Phase.ANSWERED, LegEntered): _enter,
    (Phase.ANSWERED, LegEnded): _ended,
    (Phase.ANSWERED, DeadlinePassed): _enter_overdue,
    (Phase.ANSWERED, HangUpAsked): _hang_up_live,
    (Phase.ANSWERED, AgentLost): _agent_left_dialing,
    (Phase.WAITING, AgentAssigned): _assigned,
    (Phase.WAITING, LegEnded): _ended,
    (Phase.WAITING, LegSeen): _music_unheard,
    (Phase.WAITING, DeadlinePassed): _wait_overdue,
    (Phase.WAITING, HangUpAsked): _hang_up_waiting,
    (Phase.WAITING, ScriptTakes): _waiting_taken_by_script,
    (Phase.CONNECTING, AgentUnasked): _agent_unasked_connecting,
    (Phase.CONNECTING, LegJoined): _joined,
    (Phase.CONNECTING, LegEnded): _ended,
    (Phase.CONNECTING, CommandFailed): _connect_failed,
    (Phase.CONNECTING, DeadlinePassed): _connect_failed,
    (Phase.CONNECTING, HangUpAsked): _hang_up_live,
    (Phase.CONNECTING, AgentLost): _agent_lost_connecting,
    (Phase.TALKING, LegEnded): _ended,
    (Phase.TALKING, DeadlinePassed): _talk_overdue,
    (Phase.TALKING, HangUpAsked): _hang_up_talking,
    (Phase.TALKING, AgentLost): _agent_left_talking,
    (Phase.TALKING, TalkCut): _talk_cut,
    (Phase.TALKING, ScriptTakes): _taken_by_script,
    (Phase.SCRIPTED, LegAnswered): _script_answered,
    (Phase.SCRIPTED, LegEnded): _ended,
    (Phase.SCRIPTED, AgentAsked): _agent_asked,
    (Phase.SCRIPTED, AgentUnasked): _agent_unasked,
    (Phase.SCRIPTED, AgentAssigned): _agent_for_script,
    (Phase.SCRIPTED, AgentLost): _kept_agent_lost,
    (Phase.SCRIPTED, HangUpAsked): _hang_up_scripted,
    (Phase.SCRIPTED, Settled): _settled,
    (Phase.SCRIPTED, Judged): _judged,
    (Phase.SCRIPTED, ScriptLeaves): _script_leaves,
    (Phase.TALKING, Settled): _settled,
    (Phase.CONNECTING, Settled): _settled,
    (Phase.HANGING_UP, Settled): _settled,
    (Phase.ANNOUNCING, PlaybackBegan): _message_began,
    (Phase.ANNOUNCING, PlaybackEnded): _message_ended,
    (Phase.ANNOUNCING, LegDigit): _opt_out,
    (Phase.ANNOUNCING, LegEnded): _ended,
    (Phase.ANNOUNCING, LegSeen): _message_unheard,
    (Phase.ANNOUNCING, CommandFailed): _message_failed,
    (Phase.ANNOUNCING, DeadlinePassed): _message_overdue,
    (Phase.ANNOUNCING, HangUpAsked): _hang_up_announcing,
    (Phase.ANNOUNCING, AgentAssigned): _assigned_late,
    (Phase.ANNOUNCING, LegJoined): _joined_late,
    (Phase.HANGING_UP, LegAnswered): _answered_too_late,
    (Phase.HANGING_UP, LegEntered): _still_there,
    (Phase.HANGING_UP, LegSeen): _still_there,
    (Phase.HANGING_UP, LegDigit): _opt_out_late,
    (Phase.HANGING_UP, LegEnded): _ended,
    (Phase.HANGING_UP, DeadlinePassed): _hang_up_overdue,
    (Phase.HANGING_UP, AgentLost): _agent_left_hanging_up,
    (Phase.HANGING_UP, AgentAssigned): _assigned_late,
    (Phase.ENDED, AgentAssigned): _assigned_late,
}

_BEFORE_LIVE = (Phase.DIALING, Phase.RINGING, Phase.ANSWERED)
_LIVE = (Phase.WAITING, Phase.CONNECTING, Phase.TALKING, Phase.ANNOUNCING, Phase.HANGING_UP)
_OF_PREVIEWS = (DialAsked, SkipAsked, DialBarred, AgentLeaving)
_OF_SCRIPTS = (ScriptTakes, ScriptLeaves, Settled, Judged, AgentAsked, AgentUnasked, TalkCut)

IGNORED: frozenset[tuple[Phase, type]] = frozenset(
    {
        # Late: what was reported is already known, or was overtaken by something that says more.
        *((phase, LegRinging) for phase in (Phase.RINGING, Phase.ANSWERED, *_LIVE)),
        *((phase, LegAnswered) for phase in (Phase.ANSWERED, *_LIVE) if phase is not Phase.HANGING_UP),
        *((phase, LegEntered) for phase in _LIVE if phase is not Phase.HANGING_UP),
        *((phase, LegJoined) for phase in (Phase.WAITING, Phase.TALKING, Phase.HANGING_UP)),
        *(
            (phase, event)
            for phase in (Phase.WAITING, Phase.CONNECTING, Phase.TALKING, Phase.HANGING_UP)
            for event in (PlaybackBegan, PlaybackEnded)
        ),
        (Phase.HANGING_UP, HangUpAsked),
        # A command that failed because the leg is gone; its LegEnded is on the way.
        *((phase, CommandFailed) for phase in (Phase.RINGING, Phase.ANSWERED, Phase.WAITING, Phase.TALKING)),
        (Phase.HANGING_UP, CommandFailed),
        # A leg leaves its bridge just before it ends, or to be put into another one.
        *((phase, LegLeft) for phase in _LIVE),
        # Nothing was asked of a leg in these phases that a snapshot does not answer (reconcile.py).
        *((phase, LegSeen) for phase in (*_BEFORE_LIVE, Phase.CONNECTING, Phase.TALKING)),
        # Digits are for the journal: scripts and the agent's machine read theirs elsewhere.
        *((phase, LegDigit) for phase in (*_BEFORE_LIVE, Phase.WAITING, Phase.CONNECTING, Phase.TALKING)),
        # The pool tells of an agent's loss only while the agent is ours; these overtook our release.
        *((phase, AgentLost) for phase in (Phase.WAITING, Phase.ANNOUNCING)),
        # Said of a lead that is no longer only shown; and an agent who means to leave stays for a call under way.
        *((phase, event) for phase in (*_BEFORE_LIVE, *_LIVE) for event in _OF_PREVIEWS),
        # Runs hear what they asked for themselves, in whatever phase their call is.
        *((phase, LegRecorded) for phase in (*_BEFORE_LIVE, *_LIVE, Phase.SCRIPTED)),
        # Runs hear these themselves; what a script asks for may be overtaken by what happened meanwhile.
        *(
            (Phase.SCRIPTED, event)
            for event in (
                LegRinging,
                LegEntered,
                LegJoined,
                LegLeft,
                LegDigit,
                LegSeen,
                PlaybackBegan,
                PlaybackEnded,
                CommandFailed,
                DeadlinePassed,
                ScriptTakes,
                TalkCut,
                *_OF_PREVIEWS,
            )
        ),
        *(
            (phase, event)
            for phase in (Phase.CONNECTING, Phase.TALKING, Phase.HANGING_UP)
            for event in _OF_SCRIPTS
            if (phase, event) not in TABLE
        ),
        # Nobody hands over a call that no person is on; the run of a script that has the call is not ours there.
        *(
            (phase, event)
            for phase in (*_BEFORE_LIVE, Phase.WAITING, Phase.ANNOUNCING)
            for event in _OF_SCRIPTS
            if (phase, event) not in TABLE
        ),
        # An ended call is kept until its record is stored; whatever still arrives changes nothing.
        *((Phase.ENDED, event) for event in get_args(CallEvent) if event is not AgentAssigned),
    }
)

IMPOSSIBLE: frozenset[tuple[Phase, type]] = frozenset(
    {
        # A leg that is not in our application is in no bridge and plays nothing.
        *((phase, event) for phase in _BEFORE_LIVE for event in (LegJoined, LegLeft, PlaybackBegan, PlaybackEnded)),
        # The pool assigns once per request, and only waiting calls have one.
        *((phase, AgentAssigned) for phase in (*_BEFORE_LIVE, Phase.CONNECTING, Phase.TALKING)),
        # A lead that is shown has no leg, and nothing was asked of Asterisk.
        *((Phase.PREVIEWING, event) for event in get_args(CallEvent) if (Phase.PREVIEWING, event) not in TABLE),
    }
)
"""Pairs that only a bug of ours can produce; listed, so that nothing is forgotten."""
