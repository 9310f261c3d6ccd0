"""One test on a virtual clock: what happens is played to the run, and what came of it is compared (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..run.commands import CallWebhook, DialParty, EmitEvent, RunCommand, Say, TagCall, Words
from ..run.events import (
    AgentAssigned,
    BeepHeard,
    CommandFailed,
    DeadlinePassed,
    Detected,
    Digit,
    HungUp,
    LookupAnswered,
    NoAgents,
    PartyAnswered,
    PartyFailed,
    PartyFailure,
    PlaybackEnded,
    RecordingEnded,
    Refused,
    Restarted,
    RoomFull,
    RoomJoined,
    RunEvent,
    StopAsked,
    Stored,
    StreamEnded,
    StreamStarted,
    TalkEnded,
    Verdict,
    WebhookAnswered,
    WebhookFailed,
    WebhookFailure,
)
from ..run.interpreter import Step, advance, begin, results
from ..run.program import Program
from ..run.state import Facts, Run, WaitKind
from ..values import raw_of
from .scenario import Doing, Test, WrongTest
from .world import EVIDENCE, RECORDING, TALK_S, usual, waited

EVENTS_MAX = 10_000
STARTED_AT = 1_780_000_000.0
K = WaitKind


@dataclass(slots=True)
class Performance:
    """A run on a virtual clock, and all that came of it."""

    program: Program
    run: Run
    commands: list[RunCommand] = field(default_factory=list)
    passed: list[tuple[str, str]] = field(default_factory=list)
    """The nodes on the way, each with its outcome."""

    def take(self, step: Step) -> None:
        self.run = step.run
        self.commands += step.commands
        self.passed += step.passed

    def meet(self, event: RunEvent) -> None:
        self.take(advance(self.program, self.run, event))

    def usually(self) -> None:
        """What happens by itself."""
        self.meet(usual(self.run, self.commands))

    @property
    def nodes(self) -> list[str]:
        return [place for place, _ in self.passed]

    @property
    def prompts(self) -> list[str]:
        return [command.prompt for command in self.commands if isinstance(command, Say) and command.prompt]

    @property
    def words(self) -> list[str]:
        return [
            sound.text
            for command in self.commands
            if isinstance(command, Say)
            for sound in command.sounds
            if isinstance(sound, Words)
        ]


def opened(program: Program, test: Test) -> Performance:
    """The run of a test at its beginning. Raises WrongValue (params)."""
    at = test.at
    offset = None if at is None else at.utcoffset()
    facts = Facts(
        call=str(test.call.get("id", "rehearsed")),
        direction=str(test.call.get("direction", "inbound")),
        caller=test.call.get("caller"),
        called=test.call.get("called"),
        campaign=test.call.get("campaign"),
        answered=bool(test.call.get("answered", False)),
        utc_offset_s=0 if offset is None else int(offset.total_seconds()),
    )
    step = begin(program, facts, test.params, STARTED_AT if at is None else at.timestamp(), test.locale)
    performance = Performance(program, step.run)
    performance.take(step)
    return performance


def rehearse(program: Program, test: Test) -> tuple[Performance, list[str]]:
    """Play a test; the second are its failures in words. Raises WrongValue, WrongTest."""
    performance = opened(program, test)
    waiting = list(test.does)
    for _ in range(EVENTS_MAX):
        if performance.run.over:
            break
        if waiting and _fits(performance.run, waiting[0]):
            _happen(performance, waiting.pop(0))
        else:
            performance.usually()
    failures = [f"this never came to pass: {doing.what} {doing.value!r}" + _where(doing) for doing in waiting]
    return performance, failures + list(_failures(performance, test.expect))


def _where(doing: Doing) -> str:
    return f" at {doing.at}" if doing.at is not None else ""


def _fits(run: Run, doing: Doing) -> bool:
    """Whether it can happen at the wait where the run is."""
    wait = waited(run)
    if doing.at is not None and doing.at not in {run.node, run.stack[-1].node}:
        return False
    if doing.what in {"hang_up", "restart", "stop", "wait"}:
        return True
    if doing.what == "press":
        return wait.kind in ({K.SOUND, K.DELAY} if doing.during else {K.ENTRY, K.RECORDING, K.QUEUED, K.STREAMING})
    return wait.kind in _PLACES[doing.what]


_PLACES: Mapping[str, frozenset[WaitKind]] = {
    "silence": frozenset({K.ENTRY}),
    "webhook": frozenset({K.WEBHOOK}),
    "lookup": frozenset({K.LOOKUP}),
    "agent": frozenset({K.QUEUED}),
    "no_agents": frozenset({K.QUEUED}),
    "party": frozenset({K.RINGING}),
    "talk": frozenset({K.TALKING}),
    "detected": frozenset({K.DETECTING}),
    "beep": frozenset({K.BEEP}),
    "stream": frozenset({K.OPENING, K.STREAMING}),
    "recorded": frozenset({K.RECORDING}),
    "store": frozenset({K.STORING}),
    "room": frozenset({K.JOINING}),
    "media": frozenset({K.SOUND}),
}


def _happen(performance: Performance, doing: Doing) -> None:
    run = performance.run
    wait, at = waited(run), run.mark_at + doing.after_s
    if doing.what == "press":
        for offset, key in enumerate(str(doing.value)):
            if key not in "0123456789*#":
                raise WrongTest(f"press: there is no key {key!r}")
            if not performance.run.over:
                performance.meet(Digit(at=at + offset * 0.3, key=key))
        return
    if doing.what == "wait":
        performance.meet(DeadlinePassed(at=wait.deadline_at))
        return
    performance.meet(_event(doing, wait.request, wait.sound, at, wait.deadline_at))
    if doing.what == "agent" and not performance.run.over and waited(performance.run).kind is K.TALKING:
        talked_s = doing.value if isinstance(doing.value, (int, float)) else TALK_S
        performance.meet(TalkEnded(at=at + talked_s, request=waited(performance.run).request))


def _event(doing: Doing, request: str, sound: str | None, at: float, deadline_at: float) -> RunEvent:
    """What a step of a test means at a wait. Raises WrongTest."""
    value = doing.value
    match doing.what:
        case "hang_up":
            return HungUp(at=at)
        case "restart":
            return Restarted(at=at)
        case "stop":
            return StopAsked(at=at)
        case "silence":
            return DeadlinePassed(at=deadline_at)
        case "agent":
            return AgentAssigned(at=at, request=request)
        case "no_agents":
            return NoAgents(at=at, request=request)
        case "talk":
            return TalkEnded(at=at, request=request)
        case "beep":
            return BeepHeard(at=at, request=request) if value else DeadlinePassed(at=deadline_at)
        case "media":
            return PlaybackEnded(at=at, request=sound or request, ok=_word(doing, ("played", "failed")) == "played")
        case "recorded":
            return RecordingEnded(at=at, request=request, name=RECORDING, silent=value == "silence")
        case "webhook" | "lookup":
            return _told(doing, request, at)
    return _worded(doing, request, at)


def _told(doing: Doing, request: str, at: float) -> RunEvent:
    value = doing.value
    if doing.what == "lookup":
        if value == "failed":
            return CommandFailed(at=at, request=request)
        if value is not None and not isinstance(value, Mapping):
            raise WrongTest("lookup: what is found, null, or failed")
        return LookupAnswered(at=at, request=request, found=value)
    if isinstance(value, Mapping):
        return WebhookAnswered(at=at, request=request, body=value)
    found = f"error.{value}"
    if found not in set(WebhookFailure):
        raise WrongTest("webhook: the fields of the answer, or one of timeout, http, response, limit")
    return WebhookFailed(at=at, request=request, failure=WebhookFailure(found))


def _worded(doing: Doing, request: str, at: float) -> RunEvent:
    match doing.what:
        case "party":
            word = _word(doing, ("answered", *PartyFailure))
            if word == "answered":
                return PartyAnswered(at=at, request=request)
            return PartyFailed(at=at, request=request, failure=PartyFailure(word))
        case "detected":
            return Detected(at=at, request=request, verdict=Verdict(_word(doing, tuple(Verdict))))
        case "stream":
            word = _word(doing, ("started", "ended", "failed"))
            if word == "failed":
                return CommandFailed(at=at, request=request)
            return (StreamStarted if word == "started" else StreamEnded)(at=at, request=request)
        case "store":
            word = _word(doing, ("stored", "refused", "failed"))
            if word == "stored":
                return Stored(at=at, request=request, id=EVIDENCE)
            return (Refused if word == "refused" else CommandFailed)(at=at, request=request)
    word = _word(doing, ("joined", "full", "failed"))
    if word == "failed":
        return CommandFailed(at=at, request=request)
    return (RoomJoined if word == "joined" else RoomFull)(at=at, request=request)


def _word(doing: Doing, words: Sequence[str]) -> str:
    if doing.value not in words:
        raise WrongTest(f"{doing.what}: one of {', '.join(words)}")
    return str(doing.value)


# --- what is expected


def _failures(performance: Performance, expect: Mapping[str, Any]) -> Iterable[str]:
    run, commands = performance.run, performance.commands
    if not run.over:
        yield f"the run was not over after {EVENTS_MAX} events, at {run.node}"
    found: dict[str, Any] = {
        "disposition": run.disposition,
        "ended": run.ended,
        "dialed": [command.to for command in commands if isinstance(command, DialParty)],
        "emitted": [command.event for command in commands if isinstance(command, EmitEvent)],
    }
    for name, there in found.items():
        if name in expect and expect[name] != there:
            yield f"{name}: {there!r}, expected {expect[name]!r}"
    yield from _ordered("nodes", performance.nodes, _listed(expect, "nodes"), lambda there, one: there == one)
    yield from _ordered("prompts", performance.prompts, _listed(expect, "prompts"), lambda there, one: there == one)
    yield from _ordered("says", performance.words, _listed(expect, "says"), lambda there, one: one in there)
    for node in _listed(expect, "not_nodes"):
        if node in performance.nodes:
            yield f"not_nodes: the run came to {node}"
    yield from _values(performance, expect)


def _listed(expect: Mapping[str, Any], name: str) -> list[Any]:
    value = expect.get(name, [])
    return value if isinstance(value, list) else [value]


def _ordered(name: str, there: list[str], wanted: list[Any], same: Any) -> Iterable[str]:
    """All that is wanted must be there in that order; between them may be others."""
    at = 0
    for one in wanted:
        while at < len(there) and not same(there[at], one):
            at += 1
        if at == len(there):
            yield f"{name}: {one!r} is missing (in this order) in {' -> '.join(there) or 'nothing'}"
            return
        at += 1


def _values(performance: Performance, expect: Mapping[str, Any]) -> Iterable[str]:
    run, commands = performance.run, performance.commands
    values = results(performance.program, run)
    for name, wanted in _named(expect, "results").items():
        there = raw_of(values.get(name))
        if there != wanted:
            yield f"results.{name}: {there!r}, expected {wanted!r}"
    tags = {
        name: value for command in commands if isinstance(command, TagCall) for name, value in command.values.items()
    }
    for name, wanted in _named(expect, "tags").items():
        if tags.get(name) != wanted:
            yield f"tags.{name}: {tags.get(name)!r}, expected {wanted!r}"
    sent = [command for command in commands if isinstance(command, CallWebhook)]
    wanted_calls = _listed(expect, "webhooks")
    if "webhooks" in expect and len(sent) != len(wanted_calls):
        yield f"webhooks: {len(sent)} calls, expected {len(wanted_calls)}"
    for call, wanted in zip(sent, wanted_calls, strict=False):
        there = {**call.query, **call.body}
        for name, value in wanted.items() if isinstance(wanted, Mapping) else ():
            if there.get(name) != value:
                yield f"webhooks: {call.url} got {name} = {there.get(name)!r}, expected {value!r}"
    if "max_s" in expect and run.spent_s > float(expect["max_s"]):
        yield f"max_s: it took {run.spent_s:.1f} s, expected at most {expect['max_s']}"


def _named(expect: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = expect.get(name, {})
    if not isinstance(value, Mapping):
        raise WrongTest(f"expect.{name}: a mapping")
    return value
