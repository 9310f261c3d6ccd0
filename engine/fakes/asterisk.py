"""A fake Asterisk behind the Telephony port: channels, bridges, playbacks and far ends, in memory.

Time is the running loop's, so a loop with virtual time runs hours in a moment, and the same script gives the same
events. It passes the contract suite of the real one (tests/contract/test_telephony.py). What a test or a simulation
does to it: `cut`, `mend`, `replace`, `restart` (the socket and the machine), `call_in`, `far_end_hangs_up`, `press`
(people), and `channels`, `bridges`, `dialed` to look at it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, assert_never

from engine.call.commands import (
    Answer,
    Continue,
    ContinueAt,
    CreateBridge,
    DestroyBridge,
    HangUp,
    Join,
    Leave,
    OpenMedia,
    Originate,
    PauseRecording,
    Play,
    RecordLeg,
    ResumeRecording,
    SendDigits,
    SetVariable,
    Snoop,
    StartMusic,
    StopMusic,
    StopPlay,
    StopRecording,
    TelephonyCommand,
)
from engine.call.events import (
    BridgeSeen,
    ChannelSeen,
    CommandFailed,
    Failure,
    LegAnswered,
    LegDigit,
    LegEnded,
    LegEntered,
    LegJoined,
    LegLeft,
    LegRecorded,
    LegRinging,
    PlaybackBegan,
    PlaybackEnded,
    Snapshot,
    SocketLost,
    SocketRestored,
    TelephonyEvent,
)
from engine.call.fate import Fate
from engine.clock import Clock
from engine.errors import Unavailable
from engine.fakes.callee import Callee, carrier
from engine.fakes.channel_log import FakeChannelLog
from engine.ids import BridgeId, ChannelId, PlaybackId

CONTEXTS: Mapping[str, tuple[str, ...]] = {
    "vss-customer": ("customer",),
    "vss-agent": ("agent",),
    "vss-party": ("party",),
    "vss-amd": ("amd",),
}
"""Contexts of the dialplan that lead into the application, with the arguments they give."""
SoundCommand = RecordLeg | StopRecording | PauseRecording | ResumeRecording | Snoop | OpenMedia | SendDigits
IDENTITY_S = 5.0
"""Length of the message that a customer hears when the engine is away."""
MEDIA_S = 0.3
"""Length of any sound; a tone (`tone:...`) goes on until it is stopped."""
FOR_EVER_S = 86_400.0
RECENT = 30
HEARD_AFTER_S = 0.001


class _Refusal(Exception):
    def __init__(self, failure: Failure, detail: str) -> None:
        super().__init__(detail)
        self.failure = failure


@dataclass(slots=True)
class FakeChannel:
    id: ChannelId
    caller: str
    exten: str
    state: str = "Down"
    app_args: tuple[str, ...] | None = None
    """Arguments of the application while the channel is in it."""
    bridge: BridgeId | None = None
    music: str | None = None
    variables: dict[str, str] = field(default_factory=dict)
    timers: list[asyncio.TimerHandle] = field(default_factory=list)
    context: str = ""
    """Where in the dialplan it is, out of the application."""
    snoops: ChannelId | None = None
    """The channel that it hears, and ends with."""
    muted: bool = False


@dataclass(slots=True)
class FakeRecording:
    channel: ChannelId
    began_at: float
    timer: asyncio.TimerHandle
    talking_s: float = 0.0
    paused: bool = False


class FakeAsterisk:
    """Implements `engine.ports.Telephony`."""

    def __init__(
        self,
        clock: Clock,
        callees: Callable[[str], Callee | None] = carrier,
        contexts: Mapping[str, tuple[str, ...]] = CONTEXTS,
        missing_media: Collection[str] = (),
    ) -> None:
        """`callees` tells how an endpoint behaves, None for one that Asterisk does not know; `missing_media` fails."""
        self.log = FakeChannelLog(complete_since=clock.now())
        self.channels: dict[ChannelId, FakeChannel] = {}
        self.bridges: dict[BridgeId, str] = {}
        self.playbacks: dict[PlaybackId, tuple[ChannelId, asyncio.TimerHandle]] = {}
        self.commands: list[TelephonyCommand] = []
        """Every command that reached it, in order."""
        self.dialed: list[Originate] = []
        """Every originate that was carried out."""
        self.played: list[Play] = []
        """Every playback that began."""
        self.recordings: dict[str, FakeRecording] = {}
        self.recorded: list[str] = []
        """Names of recordings that ended."""
        self.taps: dict[ChannelId, str] = {}
        """Legs whose sound goes to an AudioSocket server, and how they name themselves there."""
        self.sent_digits: list[tuple[ChannelId, str]] = []
        self._clock = clock
        self._callees = callees
        self._contexts = contexts
        self._missing_media = frozenset(missing_media)
        self._on_event: Callable[[TelephonyEvent], None] | None = None
        self._ended: asyncio.Future[None] | None = None
        self._connected = False
        self._reachable = True
        self.news_age_s = 0.0
        """How far behind it is; set by tests."""
        self.began_at = clock.now()
        self.lag_s = 0.0
        """So late events reach who listens, in their order; what Asterisk does is not late."""
        self.events = 0
        self.recent: deque[tuple[float, TelephonyEvent]] = deque(maxlen=RECENT)
        """What was told last."""
        self._told_until = 0.0
        self._socket = 0
        self._in_flight: dict[int, tuple[TelephonyCommand, Callable[[CommandFailed], None]]] = {}
        self._sent = 0

    # --- the port ---

    @property
    def connected(self) -> bool:
        return self._connected

    def perform(self, command: TelephonyCommand, failed: Callable[[CommandFailed], None]) -> None:
        """Carry the command out in the next round of the loop, in the order given."""
        loop = asyncio.get_running_loop()
        if not self._connected:
            loop.call_soon(failed, self._failure(command, Failure.NOT_SENT, "no socket to Asterisk"))
            return
        self._sent += 1
        self._in_flight[self._sent] = (command, failed)
        loop.call_soon(self._next_command, self._sent)

    async def snapshot(self) -> Snapshot:
        if not self._connected:
            raise Unavailable("ari", "no socket to Asterisk")
        await asyncio.sleep(0)
        return self._snapshot()

    async def run(self, on_event: Callable[[TelephonyEvent], None]) -> None:
        loop = asyncio.get_running_loop()
        self._on_event = on_event
        self._ended = loop.create_future()
        start = loop.call_soon(self._connect)
        try:
            await self._ended
        finally:
            start.cancel()
            self._connected = False
            self._on_event = None

    # --- what happens to the socket and the machine ---

    def cut(self, *, carried_out: bool = False) -> None:
        """The socket breaks. Commands on their way are reported as timed out, whether they are carried out or not."""
        self._reachable = False
        if not self._connected:
            return
        self._connected = False
        in_flight, self._in_flight = self._in_flight, {}
        loop = asyncio.get_running_loop()
        for command, failed in in_flight.values():
            if carried_out:
                self._try(command)
            loop.call_soon(failed, self._failure(command, Failure.TIMED_OUT, "the socket broke"))
        self._tell(SocketLost(self._clock.now()))

    def mend(self) -> None:
        """Asterisk can be reached again: the socket comes back with a snapshot."""
        self._reachable = True
        self._connect()

    def replace(self) -> None:
        """Another engine takes the application over."""
        if self._ended is not None and not self._ended.done():
            self._ended.set_exception(Unavailable("ari", "another client took the application over"))

    def restart(self) -> None:
        """Asterisk dies: the socket breaks and everything it held is gone, without an event; `mend` starts it again."""
        self.cut()
        for channel in self.channels.values():
            for timer in channel.timers:
                timer.cancel()
        for _, timer in self.playbacks.values():
            timer.cancel()
        for recording in self.recordings.values():
            recording.timer.cancel()
        self.recordings.clear()
        self.taps.clear()
        self.channels.clear()
        self.bridges.clear()
        self.playbacks.clear()

    # --- what people do ---

    def call_in(self, channel: ChannelId, caller: str, dialed: str, args: tuple[str, ...] = ("inbound",)) -> None:
        """A call from outside; without the engine the dialplan's message plays and the call ends."""
        seen = self.channels[channel] = FakeChannel(channel, caller, dialed, "Ring")
        self._note(seen)
        self._enter(seen, args)

    def far_end_hangs_up(self, channel: ChannelId, cause: int = 0) -> None:
        """The person at the other end hangs up; without a Reason header Asterisk knows no cause (0)."""
        self._end(self.channels[channel], cause, None, left=True)

    def press(self, channel: ChannelId, digits: str) -> None:
        """The person at the other end presses keys."""
        for digit in digits:
            self._tell(LegDigit(channel, digit, self._clock.now()))

    def speak(self, channel: ChannelId, for_s: float) -> None:
        """The person speaks: recordings of the leg have that much of a voice."""
        for recording in self.recordings.values():
            if recording.channel == channel and not recording.paused:
                recording.talking_s += for_s

    def recording_ends(self, name: str, *, failed: bool = False) -> None:
        """A recording ends: by silence, by its limit, or because its channel is gone."""
        recording = self.recordings.pop(name)
        recording.timer.cancel()
        now = self._clock.now()
        duration_s = now - recording.began_at
        self.recorded.append(name)
        self._tell(LegRecorded(recording.channel, name, failed, duration_s, recording.talking_s, now))

    def comes_back(self, channel: ChannelId, *args: str) -> None:
        """The dialplan brings a channel back into the application, such as with what AMD found."""
        self._enter(self.channels[channel], args)

    # --- inside ---

    def _connect(self) -> None:
        if self._reachable and not self._connected and self._on_event is not None:
            self._connected = True
            self._socket += 1
            self._tell(SocketRestored(self._snapshot(), self._clock.now()))

    def _tell(self, event: TelephonyEvent) -> None:
        if not self._connected and not isinstance(event, SocketLost):
            return
        now = asyncio.get_running_loop().time()
        self._told_until = max(self._told_until, now + self.lag_s)
        if self._told_until <= now or isinstance(event, SocketLost | SocketRestored):
            self._told_until = now
            self._deliver(event, self._socket)
        else:
            asyncio.get_running_loop().call_at(self._told_until, self._deliver, event, self._socket)

    def _deliver(self, event: TelephonyEvent, socket: int) -> None:
        """An event reaches who listens, over the socket on which it was sent."""
        if socket == self._socket and self._on_event is not None:
            self.events += 1
            self.recent.append((self._clock.now(), event))
            self._on_event(event)

    def _failure(self, command: TelephonyCommand, failure: Failure, detail: str) -> CommandFailed:
        return CommandFailed(command, failure, detail, self._clock.now())

    def _next_command(self, number: int) -> None:
        command, failed = self._in_flight.pop(number, (None, None))
        if command is not None and failed is not None and (failure := self._try(command)) is not None:
            failed(failure)

    def _try(self, command: TelephonyCommand) -> CommandFailed | None:
        self.commands.append(command)
        try:
            self._carry_out(command)
        except _Refusal as refusal:
            return self._failure(command, refusal.failure, str(refusal))
        return None

    def _carry_out(self, command: TelephonyCommand) -> None:
        match command:
            case Originate():
                self._dial(command)
            case HangUp():
                self._end(self._channel(command.channel), command.cause, None)
            case Answer():
                self._up(self._in_app(command.channel))
            case CreateBridge():
                self.bridges.setdefault(command.bridge, command.name)
            case DestroyBridge():
                self._destroy(self._bridge(command.bridge))
            case Join():
                self._in_app(command.channel).muted = command.mute
                self._join(self._bridge(command.bridge), self._in_app(command.channel))
            case Leave():
                self._leave(command)
            case StartMusic():
                self._in_app(command.channel).music = command.music
            case StopMusic():
                self._in_app(command.channel).music = None
            case Play():
                self._play(command, self._in_app(command.channel))
            case StopPlay():
                self._playback_ends(command.playback, failed=False)
            case SetVariable():
                self._in_app(command.channel).variables[command.name] = command.value
            case Continue():
                self._leave_app(self._in_app(command.channel))
            case ContinueAt():
                self._go_on_at(self._in_app(command.channel), command.context)
            case _:
                self._carry_out_sound(command)

    def _carry_out_sound(self, command: SoundCommand) -> None:
        match command:
            case RecordLeg():
                self._record(command, self._in_app(command.channel))
            case StopRecording():
                self._recording(command.name)
                self.recording_ends(command.name)
            case PauseRecording():
                self._recording(command.name).paused = True
            case ResumeRecording():
                self._recording(command.name).paused = False
            case Snoop():
                self._channel(command.channel)
                self._make(command.snoop, command.args, of=command.channel)
            case OpenMedia():
                self._make(command.channel, ())
                self.taps[command.channel] = command.tap
            case SendDigits():
                self.sent_digits.append((self._in_app(command.channel).id, command.digits))
            case _:
                assert_never(command)

    def _go_on_at(self, channel: FakeChannel, context: str) -> None:
        """Out of the application, and back again where the dialplan of the context leads there (`comes_back`)."""
        self._leave_bridge(channel)
        channel.app_args = None
        args = self._contexts.get(context)
        if args is None:
            self._later(channel, 0.0, lambda: self._end(channel, 16, None))
        else:
            channel.context = context

    def _make(self, name: ChannelId, args: tuple[str, ...], of: ChannelId | None = None) -> None:
        """A channel without a far end of its own."""
        if name in self.channels:
            return
        channel = self.channels[name] = FakeChannel(name, "", "", "Up", snoops=of)
        self._later(channel, 0.0, lambda: self._enter(channel, args))

    def _record(self, command: RecordLeg, channel: FakeChannel) -> None:
        timer = asyncio.get_running_loop().call_later(command.max_s, lambda: self.recording_ends(command.name))
        began_at = self._clock.now()
        self.recordings[command.name] = FakeRecording(channel.id, began_at, timer)

    def _recording(self, name: str) -> FakeRecording:
        if name not in self.recordings:
            raise _Refusal(Failure.GONE, "Recording not found")
        return self.recordings[name]

    def _leave(self, command: Leave) -> None:
        channel = self._in_app(command.channel)
        if channel.bridge == command.bridge:
            channel.bridge = None
            self._tell(LegLeft(channel.id, command.bridge, self._clock.now()))

    def _channel(self, name: ChannelId) -> FakeChannel:
        channel = self.channels.get(name)
        if channel is None:
            raise _Refusal(Failure.GONE, "Channel not found")
        return channel

    def _in_app(self, name: ChannelId) -> FakeChannel:
        channel = self._channel(name)
        if channel.app_args is None:
            raise _Refusal(Failure.GONE, "Channel not in Stasis application")
        return channel

    def _bridge(self, name: BridgeId) -> BridgeId:
        if name not in self.bridges:
            raise _Refusal(Failure.GONE, "Bridge not found")
        return name

    def _dial(self, command: Originate) -> None:
        if command.channel in self.channels:
            return
        callee = self._callees(command.endpoint)
        if callee is None:
            raise _Refusal(Failure.REFUSED, "Allocation failed")
        self.dialed.append(command)
        channel = FakeChannel(command.channel, command.caller_id, command.extension, variables=dict(command.variables))
        self.channels[command.channel] = channel
        self._note(channel)
        self._later(channel, callee.rings_after_s, lambda: self._rings(channel))
        self._later(channel, callee.answers_after_s, lambda: self._answers(channel, command, callee))
        self._later(
            channel, callee.refuses_after_s, lambda: self._end(channel, callee.cause, callee.sip_code, left=True)
        )
        self._later(channel, command.ring_timeout_s, lambda: self._rings_out(channel))

    def _later(self, channel: FakeChannel, delay_s: float | None, action: Callable[[], None]) -> None:
        if delay_s is not None:
            channel.timers.append(asyncio.get_running_loop().call_later(delay_s, action))

    def _rings(self, channel: FakeChannel) -> None:
        channel.state = "Ringing"
        self._tell(LegRinging(channel.id, self._clock.now()))

    def _up(self, channel: FakeChannel) -> None:
        if channel.state != "Up":
            channel.state = "Up"
            self._note(channel, answered_at=self._clock.now())

    def _note(self, channel: FakeChannel, **changes: Any) -> None:
        """Write what happened to the log, with Asterisk's time: who listens hears of it a moment later."""
        self.log.complete_until = self._clock.now() - HEARD_AFTER_S
        known = self.log.of.get(channel.id, Fate(self.log.complete_until))
        self.log.of[channel.id] = replace(
            known, **{name: value - HEARD_AFTER_S if name.endswith("_at") else value for name, value in changes.items()}
        )

    def _rings_out(self, channel: FakeChannel) -> None:
        if channel.state != "Up":
            self._end(channel, 19, 480)

    def _answers(self, channel: FakeChannel, command: Originate, callee: Callee) -> None:
        self._up(channel)
        self._tell(LegAnswered(channel.id, self._clock.now()))
        self._later(channel, callee.hangs_up_after_s, lambda: self.far_end_hangs_up(channel.id))
        args = self._contexts.get(command.context)
        if args is None:
            self._end(channel, 16, None)
        else:
            self._enter(channel, args)

    def _enter(self, channel: FakeChannel, args: tuple[str, ...]) -> None:
        if self._connected:
            channel.app_args = args
            self._tell(LegEntered(channel.id, args, channel.caller, channel.exten, self._clock.now()))
        else:
            self._later(channel, IDENTITY_S, lambda: self._end(channel, 16, None))

    def _leave_app(self, channel: FakeChannel) -> None:
        self._leave_bridge(channel)
        channel.app_args = None
        self._later(channel, 0.0, lambda: self._end(channel, 16, None))

    def _join(self, bridge: BridgeId, channel: FakeChannel) -> None:
        if channel.bridge != bridge:
            self._leave_bridge(channel)
            channel.bridge = bridge
            if self.log.of[channel.id].bridged_at is None:
                self._note(channel, bridged_at=self._clock.now())
            self._tell(LegJoined(channel.id, bridge, self._clock.now()))

    def _leave_bridge(self, channel: FakeChannel) -> None:
        bridge, channel.bridge = channel.bridge, None
        if bridge is not None:
            self._tell(LegLeft(channel.id, bridge, self._clock.now()))

    def _destroy(self, bridge: BridgeId) -> None:
        for channel in tuple(self.channels.values()):
            if channel.bridge == bridge:
                self._leave_bridge(channel)
        del self.bridges[bridge]

    def _play(self, command: Play, channel: FakeChannel) -> None:
        failed = not self._missing_media.isdisjoint(command.media)
        length_s = 0.0 if failed else MEDIA_S * len(command.media)
        if any(media.startswith("tone:") for media in command.media):
            length_s = FOR_EVER_S
        if command.playback in self.playbacks:  # asked again: it ends with its first end
            return
        timer = asyncio.get_running_loop().call_later(
            length_s, lambda: self._playback_ends(command.playback, failed=failed)
        )
        self.playbacks[command.playback] = (channel.id, timer)
        self.played.append(command)
        self._tell(PlaybackBegan(command.playback, channel.id, self._clock.now()))

    def _playback_ends(self, playback: PlaybackId, *, failed: bool) -> None:
        found = self.playbacks.pop(playback, None)
        if found is None:
            raise _Refusal(Failure.GONE, "Playback not found")
        channel, timer = found
        timer.cancel()
        self._tell(PlaybackEnded(playback, channel, failed, self._clock.now()))

    def _end(self, channel: FakeChannel, cause: int, sip_code: int | None, *, left: bool = False) -> None:
        """`left`: the far end hung up, and not Asterisk."""
        for timer in channel.timers:
            timer.cancel()
        for playback in [name for name, (owner, _) in self.playbacks.items() if owner == channel.id]:
            self._playback_ends(playback, failed=True)
        for name in [name for name, recording in self.recordings.items() if recording.channel == channel.id]:
            self.recording_ends(name)
        self._leave_bridge(channel)
        del self.channels[channel.id]
        self._note(channel, ended_at=self._clock.now(), cause=cause, far_end_left=left)
        self.taps.pop(channel.id, None)
        self._tell(LegEnded(channel.id, cause, sip_code, self._clock.now()))
        for snoop in [other for other in self.channels.values() if other.snoops == channel.id]:
            self._end(snoop, 16, None)

    def _snapshot(self) -> Snapshot:
        return Snapshot(
            tuple(ChannelSeen(each.id, each.state, each.app_args) for each in self.channels.values()),
            tuple(
                BridgeSeen(
                    bridge, frozenset(channel.id for channel in self.channels.values() if channel.bridge == bridge)
                )
                for bridge in self.bridges
            ),
        )
