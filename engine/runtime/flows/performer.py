"""What a performer is: it carries out some of a run's commands and tells the run what came of them.

Everything runs to completion on the loop's thread. A performer never waits: what takes time is a task of the run
(`spawn`), which ends with the run. Each command has a `request` of its own (or a `playback`), and the answer names it.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from engine.call.commands import TelephonyCommand
from engine.call.events import CallEvent, CommandFailed, LegEvent, PlaybackEvent
from engine.call.model import Call
from engine.call.reconcile import Sight
from engine.flow.run.commands import Command, RunCommand
from engine.flow.run.events import RunEvent
from engine.flow.run.state import WaitKind
from engine.ids import BridgeId, ChannelId
from engine.run_ports import RunId, RunItem


class LiveRun(Protocol):
    """A run, as its performers see it."""

    @property
    def id(self) -> RunId: ...

    @property
    def script(self) -> str:
        """The pinned version: its content hash."""
        ...

    @property
    def call(self) -> Call:
        """The call as it is now; its last state once it is over."""
        ...

    @property
    def channel(self) -> ChannelId:
        """The caller's leg."""
        ...

    @property
    def over(self) -> bool: ...

    @property
    def waits_for(self) -> WaitKind | None:
        """What the run waits for."""
        ...

    def now(self) -> float: ...

    def tell(self, event: RunEvent) -> None:
        """Step the run with what came of a command; in order, whenever it is called; a run that is over ignores it."""
        ...

    def post(self, event: CallEvent) -> None:
        """Tell the call machine something."""
        ...

    def send(self, command: TelephonyCommand, failed: Callable[[CommandFailed], None] | None = None) -> None:
        """Ask Asterisk for something; without `failed` a failure is only logged."""
        ...

    def write(self, item: RunItem, written: Callable[[], None] | None = None) -> None:
        """Queue something to be stored; `written` is called once it is."""
        ...

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> Callable[[], None]:
        """Run a task that ends with the run at the latest; returns what cancels it."""
        ...

    def later(self, delay_s: float, then: Callable[[], None]) -> Callable[[], None]:
        """Call `then` after `delay_s`, unless the run is over or what is returned was called."""
        ...

    def own(self, leg: ChannelId, heard: Callable[[LegEvent | PlaybackEvent], None]) -> None:
        """Hear what happens to a leg that this run made; its name begins with LEG_PREFIX."""
        ...

    def disown(self, leg: ChannelId) -> None: ...

    def own_bridge(self, bridge: BridgeId) -> None:
        """A bridge that this run made; what nobody owns is swept when the socket comes back."""
        ...

    def disown_bridge(self, bridge: BridgeId) -> None: ...


class Performer(Protocol):
    """Carries out the commands of the types in `COMMANDS`. One object serves all runs; it keeps its state by run."""

    @property
    def COMMANDS(self) -> tuple[type[Command], ...]: ...

    def perform(self, run: LiveRun, command: RunCommand) -> None:
        """Begin; returns at once. The same request may come again after a restart: then nothing is done twice."""
        ...

    def cancel(self, run: LiveRun, request: str) -> None:
        """Nobody waits for this request any more: stop it. Requests of other performers are none of ours."""
        ...

    def heard(self, run: LiveRun, event: CallEvent) -> None:
        """Something happened to the caller's leg: a key, the end of a playback, what the dialplan found."""
        ...

    def hush(self, run: LiveRun) -> None:
        """The caller's leg is about to be joined with others: stop its sounds, or the join waits for their end."""
        ...

    def adopt(self, run: LiveRun, request: str, sight: Sight) -> bool:
        """After a restart: take over what Asterisk still has of the request that the run waits for; False: nothing."""
        ...

    def over(self, run: LiveRun) -> None:
        """The run is over or the caller's leg is gone: end what still goes on, and forget the run."""
        ...


class Performing:
    """A performer that does nothing by itself: what most of them are made from."""

    def cancel(self, run: LiveRun, request: str) -> None:
        """Nothing of ours goes on."""

    def heard(self, run: LiveRun, event: CallEvent) -> None:
        """Nothing of ours hangs on the caller's leg."""

    def hush(self, run: LiveRun) -> None:
        """Nothing of ours is heard."""

    def adopt(self, run: LiveRun, request: str, sight: Sight) -> bool:
        """Nothing of ours is left in Asterisk."""
        return False

    def over(self, run: LiveRun) -> None:
        """Nothing of ours outlives its command."""
