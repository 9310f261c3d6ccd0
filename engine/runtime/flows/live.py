"""A live run: one script on one call, with everything that it holds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from engine.call.commands import TelephonyCommand
from engine.call.events import CallEvent, CommandFailed, LegEvent, PlaybackEvent
from engine.call.model import Call
from engine.flow.run.commands import RunCommand
from engine.flow.run.events import RunEvent
from engine.flow.run.program import Program
from engine.flow.run.state import Run, WaitKind
from engine.ids import BridgeId, ChannelId
from engine.run_ports import RunId, RunItem

if TYPE_CHECKING:
    from .runner import Runner

Heard = Callable[[LegEvent | PlaybackEvent], None]


class Live:
    """Implements LiveRun (performer.py) over the runner that owns it."""

    __slots__ = (
        "_runner", "_tasks", "_timers", "bridges", "call", "held", "id", "legs", "over", "program", "results", "run",
        "script", "tags", "to_agent",
    )  # fmt: skip

    def __init__(
        self, runner: Runner, name: RunId, script: str, program: Program, run: Run, call: Call, *, to_agent: bool
    ) -> None:
        """`to_agent`: the caller goes back to the agent who handed them over once the run is over."""
        self._runner = runner
        self._tasks: set[asyncio.Task[None]] = set()
        self._timers: set[asyncio.TimerHandle] = set()
        self.id = name
        self.script = script
        self.program = program
        self.run = run
        self.call = call
        self.to_agent = to_agent
        self.over = False
        self.tags: dict[str, Any] = {}
        self.results: dict[str, Any] = {}
        self.held: dict[str, RunCommand] = {}
        """Commands, by request, that wait until the cursor is stored."""
        self.legs: dict[ChannelId, Heard] = {}
        self.bridges: set[BridgeId] = set()

    @property
    def channel(self) -> ChannelId:
        return self.call.channel

    @property
    def waits_for(self) -> WaitKind | None:
        return None if self.run.wait is None else self.run.wait.kind

    def now(self) -> float:
        return self._runner.now()

    def tell(self, event: RunEvent) -> None:
        self._runner.tell(self, event)

    def post(self, event: CallEvent) -> None:
        self._runner.post(self.call.id, event)

    def send(self, command: TelephonyCommand, failed: Callable[[CommandFailed], None] | None = None) -> None:
        self._runner.send(command, failed)

    def write(self, item: RunItem, written: Callable[[], None] | None = None) -> None:
        self._runner.write(item, None if written is None else lambda kept: written() if kept else None)

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> Callable[[], None]:
        task = asyncio.create_task(self._runner.guarded(self, work), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return lambda: None if task.done() else _cancel(task)

    def later(self, delay_s: float, then: Callable[[], None]) -> Callable[[], None]:
        def due() -> None:
            self._timers.discard(timer)
            if not self.over:
                then()

        timer = asyncio.get_running_loop().call_later(max(0.0, delay_s), due)
        self._timers.add(timer)

        def cancel() -> None:
            timer.cancel()
            self._timers.discard(timer)

        return cancel

    def own(self, leg: ChannelId, heard: Heard) -> None:
        self.legs[leg] = heard
        self._runner.legs[leg] = self

    def disown(self, leg: ChannelId) -> None:
        self.legs.pop(leg, None)
        self._runner.legs.pop(leg, None)

    def own_bridge(self, bridge: BridgeId) -> None:
        self.bridges.add(bridge)

    def disown_bridge(self, bridge: BridgeId) -> None:
        self.bridges.discard(bridge)

    def close(self) -> None:
        """Stop every task and timer; legs and bridges are given back by who made them."""
        for task in tuple(self._tasks):
            _cancel(task)
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()


def _cancel(task: asyncio.Task[None]) -> None:
    """A task that ends its own run must not be cut off in the middle of that."""
    if task is not asyncio.current_task():
        task.cancel()
