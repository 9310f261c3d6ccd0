"""The interpreter: one pure step from (run, event) to (run, commands).

A run stands at a node and waits (state.py has the kinds of waits), or is over. An event is met in this order:

1. A run that is over stays over. A reply to something else than what is waited for came late: it changes nothing.
2. The caller's hang-up, a stop, a deadline, a restart and a key are met in every wait (a key that nothing uses is kept
   for the next input).
3. Any other event is met by the pair of wait and event in TABLE. What a wait does not expect changes nothing.

So every event has exactly one meaning in every wait, nothing is impossible, and since every wait has a deadline and a
deadline always moves the run (on to an outcome, to the next prompt of a queue, or into the handler of a limit), no run
gets stuck whatever happens or does not. tests/property/test_flow_runs.py holds that up.

When a node has its outcome, `_follow` looks up where that leads (outcomes.py) and begins the next node, until one
waits. Bounds: a run visits at most `limits.max_node_visits` nodes (and GRACE_VISITS in the handler of that limit) and
takes at most `limits.max_duration_s` of its own time (and GRACE_S). An event that no handler takes, or a handler of the
script a second time, ends it: apology, hang-up, disposition. Subflows spend from the same limits.
The disposition is decided once: by the first `disposition` node, or at the end (`hung_up`, `system_error`, `stopped`,
`unsaid`), so that there is exactly one whatever the way was.

Races. A key that ends a prompt cancels it, and the end that Asterisk reports afterwards is of a playback nobody waits
for. An agent may be there in the moment the time is up: whoever comes first decides, and the queue's answer then comes
late; the shell that joins and leaves queues settles that (`Cancel`). The caller's hang-up while people talk is the end
of the talk, and in a queue it is `abandoned`; at a node that needs no caller it is noticed at the next one that does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.revision import revised

from ..functions import Fault
from ..nodes.centre import Consent, Queue, VoicemailDrop
from ..nodes.control import Answer, HangUp, Reject
from ..nodes.entry import Collect, Gather, Menu
from ..nodes.media import BargeIn, Music, Pause, Play
from ..nodes.outside import Webhook
from ..nodes.verb import Resume
from ..outcomes import ANY_ERROR, HANGUP, MAX_DURATION, MAX_NODE_VISITS, Scope, is_event, target
from ..saying.words import Unsayable
from ..values import Value, WrongValue, raw_of, value_of
from . import entry
from .behaviour import STARTED, act, ask_webhook, join_queue, new_frame, take_response
from .commands import (
    AnswerCall,
    Cancel,
    Conclude,
    Dispose,
    FinishRecording,
    HangUpCall,
    RejectCall,
    RunCommand,
    Say,
    StartMusic,
    StopMusic,
    Words,
)
from .events import (
    AgentAssigned,
    AgentLost,
    BeepHeard,
    CommandFailed,
    DeadlinePassed,
    Detected,
    Digit,
    Done,
    HungUp,
    LookupAnswered,
    NoAgents,
    PartyAnswered,
    PartyFailed,
    PlaybackEnded,
    QueueMoved,
    RecordingEnded,
    Refused,
    Reply,
    Restarted,
    RoomFull,
    RoomJoined,
    RunEvent,
    StopAsked,
    Stored,
    StreamEnded,
    StreamStarted,
    TalkEnded,
    WebhookAnswered,
    WebhookFailed,
)
from .program import Program
from .state import KEYS_MAX, Facts, Frame, Run, Wait, WaitKind
from .turn import EPSILON_S, GRACE_VISITS, Turn

SYSTEM_ERROR, HUNG_UP, STOPPED, UNSAID = "system_error", "hung_up", "stopped", "unsaid"
"""The dispositions that the engine writes where a script wrote none."""
APOLOGY: Mapping[str, str] = {
    "ru": "Извините, произошла ошибка. Позвоните, пожалуйста, позже.",
    "en": "Sorry, something went wrong. Please call again later.",
}
"""By language; in other languages nothing is said."""
APOLOGY_LIMIT_S = 10.0
RECORDING_END_S = 2.0
"""From the finish key to the news that the recording is whole."""


@dataclass(frozen=True, slots=True)
class Step:
    """The run after an event, and what it asks for, in order."""

    run: Run
    commands: tuple[RunCommand, ...]
    passed: tuple[tuple[str, str], ...] = ()
    """The nodes that ended meanwhile, each with its outcome; a `hangup` or `reject` with none (`""`)."""

    @property
    def stored_first(self) -> bool:
        """Whether the run must be stored before the commands are issued."""
        return any(command.OUTSIDE for command in self.commands)


def begin(program: Program, facts: Facts, params: Mapping[str, Any], at: float, locale: str | None = None) -> Step:
    """Start a script on a call; `params` are as JSON has them. Raises WrongValue, which names the parameter."""
    flow = program.flow
    given: dict[str, Value] = {}
    for name in params:
        if name not in flow.params:
            raise WrongValue(f"{name}: {program.main} has no such parameter")
    for name, declared in flow.params.items():
        try:
            given[name] = value_of(declared, params.get(name))
        except WrongValue as wrong:
            raise WrongValue(f"{name}: {wrong}") from None
        if given[name] is None and declared.default is None and declared.required:
            raise WrongValue(f"{name}: is required")
    spoken = locale if locale in flow.locales.supported else flow.locales.default
    frame = Frame(flow=program.main, node=flow.start)
    run = Run(
        facts=facts, locale=spoken, started_at=at, stack=(frame,), answered=facts.answered, mark_at=at
    )  # fmt: skip
    turn = Turn(program, run, at)
    turn.set(stack=(new_frame(turn, program.main, given),))
    turn.outcome = STARTED
    return _settled(turn)


def advance(program: Program, run: Run, event: RunEvent) -> Step:
    """The run after `event`. Never raises for a sound program, whatever comes when."""
    wait = run.wait
    if wait is None or (isinstance(event, Reply) and event.request not in {wait.request, wait.sound}):
        return Step(run, ())
    turn = Turn(program, run, event.at)
    meet = _ALWAYS.get(type(event)) or TABLE.get((wait.kind, type(event)))
    if meet is None:
        return Step(run, ())
    try:
        meet(turn, event)
    except (Fault, WrongValue, Unsayable):
        _drop(turn)
        turn.end("error.expression")
    return _settled(turn)


def results(program: Program, run: Run) -> dict[str, Value]:
    """What came of the run so far, by the names of `results`; sensitive ones too."""
    frame = run.stack[0]
    kept = {**frame.values, **frame.secrets}
    return {result.name: kept.get(result.name) for result in program.flow.results}


# --- from outcome to node


def _settled(turn: Turn) -> Step:
    while turn.outcome is not None:
        outcome, turn.outcome = turn.outcome, None
        _follow(turn, outcome)
    return Step(turn.run, tuple(turn.commands), tuple(turn.passed))


def _follow(turn: Turn, outcome: str) -> None:
    """Go where an outcome of the node leads."""
    if outcome == STARTED:
        _enter(turn, turn.frame.node)
        return
    turn.passed.append((turn.run.node, outcome))
    if is_event(outcome):
        turn.set(befell=outcome)
    found = _found(turn, outcome)
    if found is None:
        _end_badly(turn, outcome)
    else:
        _enter(turn, found)


def _found(turn: Turn, outcome: str) -> str | None:
    """Where an outcome leads, in this script or for an event in those that called it; None: to the built-in ending."""
    while True:
        found = target(turn.flow, turn.node, outcome)
        if found is not None and found[1] is Scope.FLOW and is_event(outcome):
            handler = outcome if outcome in turn.flow.on else ANY_ERROR
            if handler in turn.frame.taken:
                return None
            turn.set_frame(taken=turn.frame.taken | {handler})
        if found is not None:
            return found[0]
        if not is_event(outcome) or len(turn.run.stack) == 1:
            return None
        turn.set(stack=turn.run.stack[:-1])


def _enter(turn: Turn, name: str) -> None:
    """Come to a node: within the limits, with the caller where it needs one, on an answered call where it speaks."""
    turn.set_frame(node=name)
    node, run = turn.node, turn.run
    limits = turn.program.flow.limits
    spare = GRACE_VISITS if MAX_NODE_VISITS in run.tripped else 0
    if run.visits >= limits.max_node_visits + spare or run.refused >= limits.max_node_visits + spare:
        _reach(turn, MAX_NODE_VISITS)
        return
    if turn.left_s <= EPSILON_S:
        _reach(turn, MAX_DURATION)
        return
    if node.max_visits is not None:
        visits = turn.frame.visits.get(name, 0)
        if visits >= node.max_visits:
            turn.set(refused=run.refused + 1)
            turn.outcome = "max_visits"
            return
        turn.set_frame(visits={**turn.frame.visits, name: visits + 1})
    turn.set(visits=run.visits + 1)
    turn.set_frame(visit=run.visits + 1)
    _act(turn)


def _act(turn: Turn) -> None:
    """Begin a node, or begin it again after a restart."""
    action = turn.action
    if isinstance(action, (HangUp, Reject)):
        turn.passed.append((turn.run.node, ""))
        _over(turn, "script", rejected=action if isinstance(action, Reject) else None)
        return
    if action.NEEDS_CALLER and not turn.run.caller_there:
        turn.outcome = HANGUP
        return
    if action.NEEDS_CALLER and not turn.run.answered and not isinstance(action, (Answer, Pause)):
        turn.do(AnswerCall(request=f"{turn.request}:answer"))
        turn.set(answered=True)
    try:
        act(turn)
    except (Fault, WrongValue, Unsayable):
        _drop(turn)
        turn.end("error.expression")


def _reach(turn: Turn, limit: str) -> None:
    """A limit is reached: its handler may end the run decently, once."""
    if limit in turn.run.tripped:
        turn.set(befell=limit)
        _end_badly(turn, limit)
    else:
        turn.set(tripped=turn.run.tripped | {limit})
        turn.outcome = limit


# --- the end


def _end_badly(turn: Turn, outcome: str) -> None:
    """The built-in ending."""
    text = APOLOGY.get(turn.run.locale.partition("-")[0])
    if outcome == HANGUP or not turn.run.caller_there or not turn.run.answered or text is None:
        _over(turn, outcome)
        return
    _dispose(turn, SYSTEM_ERROR)
    sound = f"{turn.run.facts.call}:apology"
    turn.do(Say(playback=sound, prompt="", sounds=(Words(text),), locale=turn.run.locale))
    until_at = turn.at + APOLOGY_LIMIT_S
    turn.set_wait(
        Wait(kind=WaitKind.APOLOGY, request=sound, deadline_at=until_at, until_at=until_at, sound=sound)
    )  # fmt: skip


def _over(turn: Turn, reason: str, rejected: Reject | None = None) -> None:
    """The run ends now, with its one disposition."""
    run = turn.run
    befell = run.befell if run.befell is not None else reason
    _dispose(
        turn,
        STOPPED if reason == STOPPED
        else HUNG_UP if befell == HANGUP or not run.caller_there
        else SYSTEM_ERROR if is_event(befell)
        else UNSAID,
    )  # fmt: skip
    if run.caller_there and rejected is not None and not run.answered:
        turn.do(RejectCall(cause=rejected.cause))
    elif run.caller_there:
        turn.do(HangUpCall())
    sensitive = {result.name for result in turn.program.flow.results if result.sensitive}
    there = results(turn.program, turn.run)
    plain = {name: raw_of(value) for name, value in there.items() if name not in sensitive}
    turn.set(wait=None, ended=reason, keys="")
    turn.outcome = None
    turn.do(Conclude(reason=reason, disposition=turn.run.disposition or UNSAID, results=plain))


def _dispose(turn: Turn, code: str) -> None:
    if turn.run.disposition is None:
        turn.set(disposition=code)
        turn.do(Dispose(request=f"{turn.run.facts.call}:disposition", code=code))


def _drop(turn: Turn) -> None:
    """Nobody waits any more for what the node has going on."""
    if turn.run.wait is None:
        return
    wait = turn.wait
    turn.silence()
    if wait.kind in _GOING_ON:
        turn.do(Cancel(request=wait.request))
    if wait.kind is WaitKind.DELAY and isinstance(turn.action, Music):
        turn.do(StopMusic())
    _stop_filler(turn)
    turn.set(wait=None)


_GOING_ON = frozenset({
    WaitKind.RECORDING, WaitKind.WEBHOOK, WaitKind.LOOKUP, WaitKind.QUEUED, WaitKind.RINGING, WaitKind.JOINING,
    WaitKind.TALKING, WaitKind.DETECTING, WaitKind.BEEP, WaitKind.OPENING, WaitKind.STREAMING,
})  # fmt: skip
"""Waits for something that must be told that nobody waits any more."""


def _stop_filler(turn: Turn) -> None:
    action = turn.action
    begun = turn.wait.kind is WaitKind.WEBHOOK and isinstance(action, Webhook) and "filler" not in turn.wait.asides
    if begun and action.filler is not None and action.filler.music is not None and turn.run.answered:
        turn.do(StopMusic())


# --- what is met in every wait


def _hung_up(turn: Turn, event: HungUp) -> None:
    turn.set(caller_there=False, keys="")
    kind, action = turn.wait.kind, turn.action
    if kind is WaitKind.APOLOGY:
        _over(turn, turn.run.befell or HANGUP)
    elif kind is WaitKind.TALKING:
        _drop(turn)
        turn.end(action.MAIN)
    elif kind is WaitKind.QUEUED:
        _drop(turn)
        turn.end("abandoned")
    elif kind is WaitKind.STORING or not action.NEEDS_CALLER:
        turn.silence()
    else:
        _drop(turn)
        turn.end(HANGUP)


def _stop(turn: Turn, event: StopAsked) -> None:
    _drop(turn)
    _over(turn, STOPPED)


def _deadline(turn: Turn, event: DeadlinePassed) -> None:
    wait = turn.wait
    if turn.at < wait.deadline_at - EPSILON_S:
        return  # it was moved meanwhile
    if wait.kind not in {WaitKind.TALKING, WaitKind.APOLOGY} and turn.left_s <= EPSILON_S:
        _drop(turn)
        _reach(turn, MAX_DURATION)
    elif turn.at >= wait.until_at - EPSILON_S:
        _PASSED[wait.kind](turn)
    else:
        _aside(turn)


def _restarted(turn: Turn, event: Restarted) -> None:
    """The engine died here: do what the node's resume class says."""
    wait, action = turn.wait, turn.action
    if wait.kind in {WaitKind.STORING, WaitKind.APOLOGY}:
        return
    match action.RESUME:
        case Resume.REPEAT:
            turn.silence()
            turn.set(wait=None)
            _act(turn)
        case Resume.REASK if wait.kind in {WaitKind.SOUND, WaitKind.ENTRY}:
            turn.silence()
            entry.again(turn, action)
        case Resume.REASK:
            _drop(turn)
            _act(turn)
        case Resume.REQUERY if isinstance(action, Webhook):
            turn.silence()
            ask_webhook(turn, action, turn.raw(action.query), turn.raw(action.body))
        case Resume.REQUERY:
            turn.set(wait=None)
            _act(turn)
        case Resume.CONTINUE if wait.kind is WaitKind.QUEUED:
            join_queue(turn, action)
        case Resume.CONTINUE | Resume.TERMINAL:
            pass


def _digit(turn: Turn, event: Digit) -> None:
    run, key = turn.run, event.key
    if run.finish_key:
        turn.set(finish_key="")
        if key == run.finish_key and turn.at <= run.finish_key_until_at:
            return
    wait, action = turn.wait, turn.action
    match wait.kind:
        case WaitKind.ENTRY:
            entry.press(turn, action, key)
        case WaitKind.SOUND if isinstance(action, (Gather, Menu, Collect, Consent)) and getattr(
            action, "barge_in", True
        ):
            turn.silence()
            entry.listen(turn, action, wait.stage, wait.attempt)
            entry.press(turn, action, key)
        case WaitKind.SOUND | WaitKind.DELAY if getattr(action, "barge_in", None) is BargeIn.DTMF:
            _keep(turn, key)
            _drop(turn)
            turn.end("done")
        case WaitKind.QUEUED:
            if action.callback is not None and key == action.callback.key:
                _drop(turn)
                turn.end("callback")
        case WaitKind.RECORDING:
            if key == action.finish_key:
                turn.do(FinishRecording(request=wait.request))
                turn.rewait(until_at=min(wait.until_at, turn.at + RECORDING_END_S))
        case WaitKind.STREAMING if action.finish_key is not None and key == action.finish_key:
            _drop(turn)
            turn.end("done")
        case WaitKind.TALKING | WaitKind.STREAMING | WaitKind.APOLOGY:
            pass  # it was meant for somebody else
        case _:
            _keep(turn, key)


def _keep(turn: Turn, key: str) -> None:
    turn.set(keys=(turn.run.keys + key)[:KEYS_MAX])


_ALWAYS: Mapping[type[Any], Callable[[Turn, Any], None]] = {
    HungUp: _hung_up,
    StopAsked: _stop,
    DeadlinePassed: _deadline,
    Restarted: _restarted,
    Digit: _digit,
}


# --- what a wait's end means


def _ends(outcome: str) -> Callable[[Turn], None]:
    def passed(turn: Turn) -> None:
        _drop(turn)
        turn.end(outcome)

    return passed


def _heard(turn: Turn) -> None:
    """The prompt is over, as far as anybody knows."""
    action = turn.action
    if isinstance(action, (Play, VoicemailDrop)):
        turn.end("done")
    else:
        entry.heard(turn, action)


def _unheard(turn: Turn) -> None:
    turn.silence()
    _heard(turn)


def _entry_over(turn: Turn) -> None:
    entry.finish(turn, turn.action, turn.wait.entered)


def _fails(turn: Turn) -> None:
    """The node's own error: what was asked for did not happen."""
    errors = [error for error in turn.action.ERRORS if error != "error.expression"]
    _drop(turn)
    turn.end(errors[0] if errors else "error.expression")


def _talked(turn: Turn) -> None:
    _drop(turn)
    turn.end(turn.action.MAIN)


def _apologised(turn: Turn) -> None:
    _over(turn, turn.run.befell or SYSTEM_ERROR)


_PASSED: Mapping[WaitKind, Callable[[Turn], None]] = {
    WaitKind.SOUND: _unheard,
    WaitKind.ENTRY: _entry_over,
    WaitKind.DELAY: _ends("done"),
    WaitKind.RECORDING: _fails,
    WaitKind.ACK: _fails,
    WaitKind.STORING: _ends("error.store"),
    WaitKind.WEBHOOK: _ends("error.timeout"),
    WaitKind.LOOKUP: _fails,
    WaitKind.QUEUED: _ends("timeout"),
    WaitKind.RINGING: _ends("no_answer"),
    WaitKind.JOINING: _fails,
    WaitKind.TALKING: _talked,
    WaitKind.DETECTING: _ends("unsure"),
    WaitKind.BEEP: _ends("no_beep"),
    WaitKind.OPENING: _fails,
    WaitKind.STREAMING: _ends("done"),
    WaitKind.APOLOGY: _apologised,
}
"""What it means that a node has waited long enough; every kind of wait is here."""


def _aside(turn: Turn) -> None:
    """Say what is due in between: the position, the offer of a call-back, a filler."""
    action, wait = turn.action, turn.wait
    name = min(wait.asides, key=lambda one: wait.asides[one])
    asides = dict(wait.asides)
    del asides[name]
    if isinstance(action, Webhook) and action.filler is not None:
        if action.filler.music is not None:
            turn.do(StartMusic(name=action.filler.music))
        turn.rewait(asides=asides)
        _interject(turn, action.filler.prompt)
    elif isinstance(action, Queue):
        offer = action.callback
        if name == "callback" and offer is not None:
            prompt, every_s = offer.prompt, offer.every_s
        else:
            prompt, every_s = action.position or "", action.position_every_s
        turn.rewait(asides={**asides, name: turn.at + every_s})
        _interject(turn, prompt)


def _interject(turn: Turn, prompt: str | None) -> None:
    """Say a prompt while the node goes on; one that has no value this time is left out."""
    if not prompt or not turn.run.caller_there:
        return
    turn.silence()
    try:
        heard, sensitive = turn.rendered(prompt)
    except (Fault, Unsayable):
        return
    turn.set(wait=revised(turn.wait, sound=turn.start_sound(prompt, heard, sensitive)))


# --- replies


def _sound_ended(turn: Turn, event: PlaybackEnded) -> None:
    if event.request != turn.wait.sound:
        return
    turn.set(wait=revised(turn.wait, sound=None))
    if event.ok:
        _heard(turn)
    else:
        turn.end("error.media")


def _aside_ended(turn: Turn, event: PlaybackEnded) -> None:
    if event.request == turn.wait.sound:
        turn.set(wait=revised(turn.wait, sound=None))


def _apology_ended(turn: Turn, event: PlaybackEnded) -> None:
    _apologised(turn)


def _recorded(turn: Turn, event: RecordingEnded) -> None:
    if not event.silent:
        turn.assign(turn.action.into, event.name)
    turn.end("silence" if event.silent else "done")


def _done(turn: Turn, event: Done) -> None:
    if isinstance(turn.action, Answer):
        turn.set(answered=True)
    turn.end("done")


def _stored(turn: Turn, event: Stored) -> None:
    action = turn.action
    if not isinstance(action, Consent):
        turn.end("done")
        return
    if turn.wait.granted:
        turn.assign(action.into, event.id or turn.request)
    turn.end("granted" if turn.wait.granted else "refused")


def _refused(turn: Turn, event: Refused) -> None:
    if "refused" in turn.action.OUTCOMES and not isinstance(turn.action, Consent):
        turn.end("refused")


def _webhook_answered(turn: Turn, event: WebhookAnswered) -> None:
    turn.silence()
    _stop_filler(turn)
    _answered(turn, event.body, "done")


def _answered(turn: Turn, raw: Mapping[str, Any], outcome: str) -> None:
    try:
        take_response(turn, turn.action, raw)
    except WrongValue:
        outcome = "error.response"
    turn.end(outcome)


def _webhook_failed(turn: Turn, event: WebhookFailed) -> None:
    turn.silence()
    _stop_filler(turn)
    turn.end(str(event.failure))


def _looked_up(turn: Turn, event: LookupAnswered) -> None:
    if event.found is None:
        turn.end("not_found")
    else:
        _answered(turn, event.found, "found")


def _moved(turn: Turn, event: QueueMoved) -> None:
    turn.set(position=event.position, expected_wait_s=event.expected_wait_s)


def _joined(turn: Turn, event: AgentAssigned | PartyAnswered | RoomJoined) -> None:
    turn.silence()
    turn.wait_for(WaitKind.TALKING, turn.action.talk_max_s)


def _talk_over(turn: Turn, event: TalkEnded | AgentLost) -> None:
    turn.end(turn.action.MAIN)


def _party_failed(turn: Turn, event: PartyFailed) -> None:
    outcome = str(event.failure)
    turn.end(outcome if outcome in turn.action.outcomes() else "failed")


def _detected(turn: Turn, event: Detected) -> None:
    turn.end(str(event.verdict))


def _beep(turn: Turn, event: BeepHeard) -> None:
    turn.say(turn.action.prompt, WaitKind.SOUND)


def _streaming(turn: Turn, event: StreamStarted) -> None:
    turn.wait_for(WaitKind.STREAMING, turn.action.max_s)


def _now(outcome: str) -> Callable[[Turn, Any], None]:
    def now(turn: Turn, event: Reply) -> None:
        turn.silence()
        turn.end(outcome)

    return now


def _failed(turn: Turn, event: CommandFailed) -> None:
    if event.request == turn.wait.request:
        turn.silence()
        _stop_filler(turn)
        errors = [error for error in turn.action.ERRORS if error != "error.expression"]
        if errors:
            turn.end(errors[0])


def _talk_failed(turn: Turn, event: CommandFailed) -> None:
    turn.end(turn.action.MAIN)


Meet = Callable[[Turn, Any], None]
K = WaitKind
TABLE: Mapping[tuple[WaitKind, type[Any]], Meet] = {
    (K.SOUND, PlaybackEnded): _sound_ended,
    (K.RECORDING, RecordingEnded): _recorded,
    (K.RECORDING, CommandFailed): _failed,
    (K.DELAY, CommandFailed): _failed,
    (K.ACK, Done): _done,
    (K.ACK, CommandFailed): _failed,
    (K.STORING, Stored): _stored,
    (K.STORING, Refused): _refused,
    (K.STORING, CommandFailed): _now("error.store"),
    (K.WEBHOOK, WebhookAnswered): _webhook_answered,
    (K.WEBHOOK, WebhookFailed): _webhook_failed,
    (K.WEBHOOK, CommandFailed): _failed,
    (K.WEBHOOK, PlaybackEnded): _aside_ended,
    (K.LOOKUP, LookupAnswered): _looked_up,
    (K.LOOKUP, CommandFailed): _failed,
    (K.QUEUED, AgentAssigned): _joined,
    (K.QUEUED, NoAgents): _now("no_agents"),
    (K.QUEUED, QueueMoved): _moved,
    (K.QUEUED, PlaybackEnded): _aside_ended,
    (K.QUEUED, CommandFailed): _failed,
    (K.RINGING, PartyAnswered): _joined,
    (K.RINGING, PartyFailed): _party_failed,
    (K.RINGING, CommandFailed): _failed,
    (K.JOINING, RoomJoined): _joined,
    (K.JOINING, RoomFull): _now("full"),
    (K.JOINING, CommandFailed): _failed,
    (K.TALKING, TalkEnded): _talk_over,
    (K.TALKING, AgentLost): _talk_over,
    (K.TALKING, CommandFailed): _talk_failed,
    (K.DETECTING, Detected): _detected,
    (K.DETECTING, CommandFailed): _failed,
    (K.BEEP, BeepHeard): _beep,
    (K.BEEP, CommandFailed): _failed,
    (K.OPENING, StreamStarted): _streaming,
    (K.OPENING, StreamEnded): _now("error.stream"),
    (K.OPENING, CommandFailed): _failed,
    (K.STREAMING, StreamEnded): _now("done"),
    (K.STREAMING, CommandFailed): _failed,
    (K.APOLOGY, PlaybackEnded): _apology_ended,
}
"""What replies mean. The pairs that are not here cannot be asked for by the wait, and change nothing."""
