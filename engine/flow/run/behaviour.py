"""What each node does when a run comes to it (pure). What happens afterwards is in interpreter.py.

A behaviour asks for things and waits, or ends its node at once; one that raises Fault, WrongValue or Unsayable ends it
with `error.expression`.
"""

from __future__ import annotations

import hashlib
from typing import Any

from ..check.policies import dialable
from ..duration import RETRY_PAUSE_S, STORE_S
from ..expression import Expression
from ..functions import Fault
from ..inferred import SPECS
from ..nodes.centre import Amd, Callback, Consent, Disposition, DncAdd, Queue, VoicemailDrop
from ..nodes.control import Answer, Conference, Dial, HangUp, Reject, Transfer, TransferKind
from ..nodes.entry import Collect, Gather, Menu
from ..nodes.logic import CallFlow, Loop, RandomSplit, Return, Set, Switch
from ..nodes.media import DtmfSend, Music, Pause, Play, Record, RecordCall
from ..nodes.outside import Emit, Lookup, Stream, Tag, Webhook
from ..tabular import tabular
from ..values import Kind, Value, WrongValue, fitted, raw_of, value_of
from . import entry
from .commands import (
    AddToDnc,
    AnswerCall,
    AwaitBeep,
    CallWebhook,
    DetectMachine,
    DialParty,
    Dispose,
    EmitEvent,
    Heard,
    JoinQueue,
    JoinRoom,
    KeepCallback,
    LookUp,
    OpenStream,
    RecordCaller,
    RecordWhole,
    SendKeys,
    StartMusic,
    TagCall,
)
from .state import Frame, WaitKind
from .turn import Turn, length_s

ACK_S = 5.0
"""So long may Asterisk take for an answer, a room, the recording of a call; measured: milliseconds."""
PARTY_GUARD_S = 5.0
"""The dialing side gives up by itself; this long after it we do."""
WEBHOOK_GUARD_S = 0.5
AMD_GUARD_S = 1.0
HOLD_MUSIC = "default"


def act(turn: Turn) -> None:
    """Begin the node at which the run stands."""
    action = turn.action
    match action:
        case Play():
            turn.say(action.prompt, WaitKind.SOUND)
        case Pause():
            turn.wait_for(WaitKind.DELAY, action.for_s)
        case Music():
            turn.do(StartMusic(name=action.name))
            turn.wait_for(WaitKind.DELAY, action.for_s)
        case DtmfSend():
            _send_keys(turn, action)
        case Record():
            turn.do(
                RecordCaller(
                    request=turn.request, max_s=action.max_s, silence_s=action.silence_s, beep=action.beep
                )
            )  # fmt: skip
            turn.wait_for(WaitKind.RECORDING, action.max_s + 1)
        case RecordCall():
            turn.do(RecordWhole(request=turn.request, action=action.action))
            turn.wait_for(WaitKind.ACK, ACK_S)
        case Gather() | Menu() | Collect() | Consent():
            entry.begin(turn, action)
        case Set() | Switch() | Loop() | RandomSplit() | CallFlow() | Return():
            _decide(turn, action)
        case Answer():
            _answer(turn)
        case Dial() | Transfer():
            _dial(turn, action)
        case Conference():
            room = turn.value(action.room, SPECS[Kind.STRING])
            turn.do(
                JoinRoom(
                    request=turn.request, room=_present(room), members_max=action.members_max, muted=action.muted,
                    music=action.music,
                )
            )  # fmt: skip
            turn.wait_for(WaitKind.JOINING, ACK_S)
        case Queue():
            _queue(turn, action)
        case Amd():
            turn.do(DetectMachine(request=turn.request, detector=action.detector, timeout_s=action.timeout_s))
            turn.wait_for(WaitKind.DETECTING, action.timeout_s + AMD_GUARD_S)
        case VoicemailDrop():
            turn.do(AwaitBeep(request=turn.request, wait_s=action.wait_s, silence_s=action.silence_s))
            turn.wait_for(WaitKind.BEEP, action.wait_s)
        case Callback() | Disposition() | DncAdd():
            _store(turn, action)
        case Webhook():
            _webhook(turn, action)
        case Lookup():
            _lookup(turn, action)
        case Emit():
            turn.do(EmitEvent(request=turn.request, event=action.event, data=turn.raw(action.data)))
            turn.end("done")
        case Tag():
            turn.do(TagCall(values=turn.raw(action.values)))
            turn.end("done")
        case Stream():
            _stream(turn, action)
        case HangUp() | Reject():
            raise AssertionError("ends are the interpreter's")


def _present(value: Value) -> str:
    if not isinstance(value, str) or not value:
        raise Fault("there is no text")
    return value


def _send_keys(turn: Turn, action: DtmfSend) -> None:
    keys = _present(turn.value(action.digits, SPECS[Kind.DIGITS]))
    turn.do(
        SendKeys(
            request=turn.request, keys=keys, gap_ms=action.gap_ms, sensitive=bool(action.allow_sensitive)
        )
    )  # fmt: skip
    turn.wait_for(WaitKind.DELAY, len(keys) * (0.1 + action.gap_ms / 1000))


def _answer(turn: Turn) -> None:
    if turn.run.answered:
        turn.end("done")
    else:
        turn.do(AnswerCall(request=turn.request))
        turn.wait_for(WaitKind.ACK, ACK_S)


# --- decisions


def _decide(turn: Turn, action: Set | Switch | Loop | RandomSplit | CallFlow | Return) -> None:
    match action:
        case Set():
            for variable, expression in action.values.items():
                turn.assign(variable, turn.value(expression))
            turn.end("done")
        case Switch():
            turn.end(_case(turn, action))
        case Loop():
            _loop(turn, action)
        case RandomSplit():
            turn.end(f"branch.{_branch(turn, action)}")
        case CallFlow():
            _call(turn, action)
        case Return():
            _return(turn, action)


def _case(turn: Turn, action: Switch) -> str:
    for at, case in enumerate(action.cases):
        if _true(turn, case.when):
            return f"case.{at + 1}"
    return "default"


def _true(turn: Turn, expression: Expression) -> bool:
    value = turn.value(expression)
    if not isinstance(value, bool):
        raise Fault("a condition is neither true nor false")
    return value


def _loop(turn: Turn, action: Loop) -> None:
    name, rounds = turn.frame.node, turn.frame.rounds
    done = rounds.get(name, 0)
    entries: Any = None
    goes_on = done < action.times
    if goes_on and action.each is not None:
        entries = turn.value(action.each)
        if not isinstance(entries, tuple):
            raise Fault("there is no list to go through")
        goes_on = done < len(entries)
    if goes_on and action.while_ is not None:
        goes_on = _true(turn, action.while_)
    if goes_on and entries is not None:
        turn.assign(action.into, entries[done])
    turn.set_frame(rounds={**rounds, name: done + 1 if goes_on else 0})
    turn.end("again" if goes_on else "done")


def _branch(turn: Turn, action: RandomSplit) -> int:
    """By the hash of call, script and node: the same at every visit, and even over calls."""
    seed = f"{turn.run.facts.call}:{turn.frame.flow}:{turn.frame.node}".encode()
    total = sum(branch.weight for branch in action.branches)
    point = int.from_bytes(hashlib.sha256(seed).digest()[:8]) % total
    for at, branch in enumerate(action.branches):
        point -= branch.weight
        if point < 0:
            return at + 1
    return len(action.branches)


def _call(turn: Turn, action: CallFlow) -> None:
    flow = turn.program.flows[action.flow]
    given = {
        name: turn.value(expression, flow.params[name])
        for name, expression in action.params.items()
        if name in flow.params
    }
    turn.set(stack=(*turn.run.stack, new_frame(turn, action.flow, given)))
    turn.outcome = STARTED


STARTED = "(start)"
"""No outcome: a subflow was entered, and its first node comes next."""


def new_frame(turn: Turn, name: str, given: dict[str, Value]) -> Frame:
    """A script at its start, with its parameters and the initial values of its variables."""
    flow = turn.program.flows[name]
    values: dict[str, Value] = {}
    secrets: dict[str, Value] = {}
    for param, declared in flow.params.items():
        value = given.get(param)
        value = value_of(declared, declared.default) if value is None else value
        (secrets if declared.sensitive else values)[param] = value
    for variable, kept in flow.vars.items():
        (secrets if kept.sensitive else values)[variable] = value_of(kept, kept.init)
    return Frame(flow=name, node=flow.start, values=values, secrets=secrets)


def _return(turn: Turn, action: Return) -> None:
    declared = {result.name: result for result in turn.flow.results}
    found = {
        name: turn.value(expression, declared[name]) for name, expression in action.results.items() if name in declared
    }
    if len(turn.run.stack) == 1:
        raise Fault("there is nobody to return to")
    stack = turn.run.stack
    turn.set(stack=stack[:-1])
    called = turn.action
    try:
        for variable, result in called.into.items():
            turn.assign(variable, found.get(result))
    except WrongValue:
        turn.set(stack=stack)
        raise
    turn.end("done")


# --- other people


def _dial(turn: Turn, action: Dial | Transfer) -> None:
    number = _present(turn.value(action.to, SPECS[Kind.PHONE]))
    if not dialable(number, turn.flow.policies.dial_to):
        turn.end("error.dial")
        return
    whisper: tuple[Heard, ...] = ()
    confirm: tuple[Heard, ...] = ()
    caller_id: Value = None
    key: str | None = None
    answer_s = 0.0
    music = action.music
    if isinstance(action, Transfer) and action.kind is TransferKind.WARM and music is None:
        music = HOLD_MUSIC
    if isinstance(action, Transfer) and action.whisper is not None:
        whisper = turn.rendered(action.whisper)[0]
    if isinstance(action, Dial) and action.caller_id is not None:
        caller_id = turn.value(action.caller_id, SPECS[Kind.PHONE])
    if isinstance(action, Dial) and action.confirm is not None:
        confirm = turn.rendered(action.confirm.prompt)[0]
        key, answer_s = action.confirm.key, action.confirm.timeout_s
    turn.do(
        DialParty(
            request=turn.request, to=number, timeout_s=action.timeout_s, talk_max_s=action.talk_max_s,
            locale=turn.run.locale,
            caller_id=None if caller_id is None else str(caller_id), trunk=getattr(action, "trunk", None),
            music=music, whisper=whisper, confirm=confirm, confirm_key=key, confirm_timeout_s=answer_s,
        )
    )  # fmt: skip
    said_s = _said_s((*whisper, *confirm))
    turn.wait_for(WaitKind.RINGING, action.timeout_s + answer_s + said_s + PARTY_GUARD_S)


def _said_s(heard: tuple[Heard, ...]) -> float:
    return sum(map(length_s, heard))


def _queue(turn: Turn, action: Queue) -> None:
    turn.set(position=None, expected_wait_s=None)
    asides: dict[str, float] = {}
    if action.position is not None:
        asides["position"] = turn.at + action.position_every_s
    if action.callback is not None:
        asides["callback"] = turn.at + action.callback.every_s
    join_queue(turn, action)
    turn.wait_for(WaitKind.QUEUED, action.max_wait_s, asides=asides)


def join_queue(turn: Turn, action: Queue) -> None:
    """Ask for a place in the queue, or for the same one again after a restart."""
    turn.do(
        JoinQueue(
            request=turn.request, pool=action.pool, priority=action.priority, music=action.music,
            max_wait_s=action.max_wait_s, talk_max_s=action.talk_max_s,
        )
    )  # fmt: skip


# --- what is written down


def _store(turn: Turn, action: Callback | Disposition | DncAdd) -> None:
    match action:
        case Disposition():
            if turn.run.disposition is not None:
                turn.end("done")
                return
            note = _note(turn, action.note)
            turn.set(disposition=action.code)
            turn.do(Dispose(request=turn.request, code=action.code, note=note))
        case Callback():
            number = _present(turn.value(action.number, SPECS[Kind.PHONE]))
            when = None if action.at is None else turn.value(action.at, SPECS[Kind.DATETIME])
            at = None if when is None else str(raw_of(when))
            note = _note(turn, action.note)
            turn.do(KeepCallback(request=turn.request, number=number, pool=action.pool, at=at, note=note))
        case DncAdd():
            facts = turn.run.facts
            found: Value = facts.called if facts.direction == "outbound" else facts.caller
            if action.number is not None:
                found = turn.value(action.number, SPECS[Kind.PHONE])
            if not isinstance(found, str):
                turn.end("error.store")
                return
            turn.do(AddToDnc(request=turn.request, number=found, scope=action.scope))
    turn.wait_for(WaitKind.STORING, STORE_S)


def _note(turn: Turn, expression: Expression | None) -> str | None:
    value = None if expression is None else turn.value(expression, SPECS[Kind.STRING])
    return None if value is None else str(value)


# --- other systems


def _webhook(turn: Turn, action: Webhook) -> None:
    if turn.run.webhooks >= turn.program.flow.limits.max_webhooks:
        turn.end("error.limit")
        return
    query, body = turn.raw(action.query), turn.raw(action.body)
    turn.set(webhooks=turn.run.webhooks + 1)
    ask_webhook(turn, action, query, body)


def ask_webhook(turn: Turn, action: Webhook, query: dict[str, Any], body: dict[str, Any]) -> None:
    """Ask, or ask again with the same key after a restart."""
    turn.do(
        CallWebhook(
            request=turn.request, url=action.url, method=action.method, query=query, body=body,
            headers=action.headers, timeout_s=action.timeout_s, retries=action.retries,
        )
    )  # fmt: skip
    limit_s = (action.retries + 1) * action.timeout_s + action.retries * RETRY_PAUSE_S + WEBHOOK_GUARD_S
    hears = turn.run.caller_there and turn.run.answered
    asides = {"filler": turn.at + action.filler.after_s} if action.filler is not None and hears else {}
    turn.wait_for(WaitKind.WEBHOOK, limit_s, asides=asides)


def _lookup(turn: Turn, action: Lookup) -> None:
    key = raw_of(turn.value(action.key))
    turn.do(LookUp(request=turn.request, source=action.source, key=key, timeout_s=action.timeout_s))
    turn.wait_for(WaitKind.LOOKUP, action.timeout_s)


def _stream(turn: Turn, action: Stream) -> None:
    turn.do(
        OpenStream(
            request=turn.request, url=action.url, direction=action.direction, max_s=action.max_s,
            connect_timeout_s=action.connect_timeout_s, silence_max_s=action.silence_max_s, name=action.name,
            params=turn.raw(action.params),
        )
    )  # fmt: skip
    turn.wait_for(WaitKind.OPENING, action.connect_timeout_s)


def take_response(turn: Turn, action: Webhook | Lookup, raw: Any) -> None:
    """Give variables the fields of an answer of the declared types. Raises WrongValue."""
    read = tabular if isinstance(action, Lookup) else _as_it_is
    fields = {name: value_of(spec, read(spec.type, raw.get(name))) for name, spec in action.response.items()}
    for variable, name in action.into.items():
        spec = turn.flow.vars[variable]
        turn.assign(variable, fitted(spec, fields.get(name)))


def _as_it_is(kind: Kind, value: Any) -> Any:
    """JSON has types of its own."""
    return value
