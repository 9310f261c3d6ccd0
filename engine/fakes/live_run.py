"""A LiveRun for tests of performers: it remembers what it was asked for, and does nothing by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from engine.call.commands import TelephonyCommand
from engine.call.events import CallEvent, CommandFailed, Failure, LegEvent, PlaybackEvent
from engine.call.model import Call, CallKind, CallPolicy, Phase
from engine.dialer.campaign import AnswerAction
from engine.flow.run.events import RunEvent
from engine.ids import BridgeId, CallId, ChannelId
from engine.run_ports import RunId, RunItem

POLICY = CallPolicy(AnswerAction.AGENT, "", 120.0, 30.0, 3600.0, 25, ("sound:identity",))
SCRIPT = "a" * 64


def scripted_call(name: str = "c1", **changes: Any) -> Call:
    """An answered inbound call that a script has."""
    fields: dict[str, Any] = {"answered_at": 1.0, "script": SCRIPT, "scripted": True, **changes}
    return Call(CallId(name), CallKind.INBOUND, Phase.SCRIPTED, "+74950000001", POLICY, 1.0, **fields)


@dataclass(slots=True)
class FakeLiveRun:
    """Implements LiveRun. Timers and tasks are the loop's own; `end` is what the runner does when a run is over."""

    call: Call = field(default_factory=scripted_call)
    id: RunId = field(default_factory=lambda: RunId("c1"))
    script: str = SCRIPT
    over: bool = False
    told: list[RunEvent] = field(default_factory=list)
    posted: list[CallEvent] = field(default_factory=list)
    sent: list[TelephonyCommand] = field(default_factory=list)
    written: list[RunItem] = field(default_factory=list)
    stores: bool = True
    """Whether what is written is stored at once."""
    legs: dict[ChannelId, Callable[[LegEvent | PlaybackEvent], None]] = field(default_factory=dict)
    bridges: set[BridgeId] = field(default_factory=set)
    failures: dict[int, Callable[[CommandFailed], None]] = field(default_factory=dict)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    timers: set[asyncio.TimerHandle] = field(default_factory=set)

    @property
    def channel(self) -> ChannelId:
        return self.call.channel

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    def tell(self, event: RunEvent) -> None:
        if not self.over:
            self.told.append(event)

    def post(self, event: CallEvent) -> None:
        self.posted.append(event)

    def send(self, command: TelephonyCommand, failed: Callable[[CommandFailed], None] | None = None) -> None:
        self.sent.append(command)
        if failed is not None:
            self.failures[len(self.sent) - 1] = failed

    def fail(self, index: int, failure: Failure = Failure.REFUSED) -> None:
        """Asterisk did not carry out the command at this place of `sent`."""
        self.failures[index](CommandFailed(self.sent[index], failure, "the test says so", self.now()))

    def write(self, item: RunItem, written: Callable[[], None] | None = None) -> None:
        self.written.append(item)
        if written is not None and self.stores:
            asyncio.get_running_loop().call_soon(written)

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> Callable[[], None]:
        task = asyncio.create_task(work, name=name)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return lambda: None if task.done() else (task.cancel(), None)[1]

    def later(self, delay_s: float, then: Callable[[], None]) -> Callable[[], None]:
        timer = asyncio.get_running_loop().call_later(delay_s, lambda: None if self.over else then())
        self.timers.add(timer)
        return timer.cancel

    def own(self, leg: ChannelId, heard: Callable[[LegEvent | PlaybackEvent], None]) -> None:
        self.legs[leg] = heard

    def disown(self, leg: ChannelId) -> None:
        self.legs.pop(leg, None)

    def own_bridge(self, bridge: BridgeId) -> None:
        self.bridges.add(bridge)

    def disown_bridge(self, bridge: BridgeId) -> None:
        self.bridges.discard(bridge)

    async def end(self) -> None:
        """The run is over: its tasks and timers end."""
        self.over = True
        for timer in self.timers:
            timer.cancel()
        for task in tuple(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
