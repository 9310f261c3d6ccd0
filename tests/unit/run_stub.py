"""A run without a script, for performers alone: what they ask for and tell is kept."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from engine.call.commands import TelephonyCommand
from engine.call.events import CallEvent, CommandFailed, Failure, LegEvent, PlaybackEvent
from engine.call.model import AnswerAction, Call, CallKind, CallPolicy, Phase
from engine.flow.run.events import RunEvent
from engine.flow.run.state import WaitKind
from engine.ids import BridgeId, CallId, ChannelId
from engine.run_ports import RunId, RunItem

Command = TelephonyCommand
POLICY = CallPolicy(AnswerAction.AGENT, "front", 120.0, 30.0, 3600.0, 25, ("sound:identity",))


class StubRun:
    """Implements LiveRun."""

    def __init__(self, name: str = "c1") -> None:
        self.id = RunId(name)
        self.script = "hash"
        self.call = Call(CallId("c1"), CallKind.INBOUND, Phase.SCRIPTED, "+15550100", POLICY, 0.0, scripted=True)
        self.over = False
        self.waits_for: WaitKind | None = None
        self.posted: list[CallEvent] = []
        self.told: list[RunEvent] = []
        self.sent: list[tuple[Command, Callable[[CommandFailed], None] | None]] = []
        self.legs: dict[ChannelId, Callable[[LegEvent | PlaybackEvent], None]] = {}
        self.bridges: set[BridgeId] = set()

    @property
    def channel(self) -> ChannelId:
        return self.call.channel

    def now(self) -> float:
        return 100.0

    def tell(self, event: RunEvent) -> None:
        self.told.append(event)

    def post(self, event: CallEvent) -> None:
        self.posted.append(event)

    def send(self, command: Command, failed: Callable[[CommandFailed], None] | None = None) -> None:
        self.sent.append((command, failed))

    def write(self, item: RunItem, written: Callable[[], None] | None = None) -> None:
        raise AssertionError(f"nobody asked for {item}")

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> Callable[[], None]:
        raise AssertionError(f"nobody asked for {name}")

    def later(self, delay_s: float, then: Callable[[], None]) -> Callable[[], None]:
        raise AssertionError("nobody asked for a timer")

    def own(self, leg: ChannelId, heard: Callable[[LegEvent | PlaybackEvent], None]) -> None:
        self.legs[leg] = heard

    def disown(self, leg: ChannelId) -> None:
        self.legs.pop(leg, None)

    def own_bridge(self, bridge: BridgeId) -> None:
        self.bridges.add(bridge)

    def disown_bridge(self, bridge: BridgeId) -> None:
        self.bridges.discard(bridge)

    # --- what a test says and asks

    def commands(self, *kinds: type[Any]) -> list[Any]:
        return [command for command, _ in self.sent if isinstance(command, kinds)]

    def fail(self, kind: type[Any], failure: Failure = Failure.REFUSED) -> None:
        """The last command of a kind was not carried out."""
        command, failed = next(one for one in reversed(self.sent) if isinstance(one[0], kind))
        assert failed is not None
        failed(CommandFailed(command, failure, "no", 100.0))
