"""The Telephony port on a real Asterisk: commands of the core -> ARI requests, ARI events -> events of the core."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, assert_never

import structlog

from engine.adapters.ari import translate, wire
from engine.adapters.ari.echo import Echoes
from engine.adapters.ari.generated import models
from engine.adapters.ari.generated import operations as ari
from engine.adapters.ari.link import Counters
from engine.adapters.ari.music import MusicStops
from engine.adapters.ari.reply import Done, Gone, Lost, Refused, Reply
from engine.adapters.ari.request import Request
from engine.adapters.ari.socket import AriSettings, AriSocket
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
from engine.call.events import CommandFailed, Failure, Snapshot, SocketLost, SocketRestored, TelephonyEvent
from engine.clock import Clock
from engine.errors import Unavailable
from engine.ids import ChannelId

log = structlog.get_logger(__name__)

ORIGINATE_LOAD_MAX = 0.5
"""Share of the request limit above which no originate is sent, so that hanging up is always possible."""

Failed = Callable[[CommandFailed], None]


class AriTelephony:
    """Implements `engine.ports.Telephony`; its contract is tests/contract/test_telephony.py."""

    def __init__(
        self,
        settings: AriSettings,
        clock: Clock,
        *,
        trunks: Iterable[str],
        random: Callable[[], float],
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """`trunks` are names of PJSIP endpoints whose legs are observed from the start; others at their first dial.

        `random` returns 0 to 1 (full jitter of the reconnects).
        """
        self._app = settings.app
        self._clock = clock
        self._endpoints = {f"PJSIP/{trunk}" for trunk in trunks}
        self._socket = AriSocket(settings, self._endpoints, random=random, sleep=sleep)
        self._echoes = Echoes()
        self._music_stops = MusicStops(self._stop_music_again)
        self._on_event: Callable[[TelephonyEvent], None] | None = None

    @property
    def connected(self) -> bool:
        return self._socket.connected

    @property
    def news_age_s(self) -> float:
        """Events and answers come over one socket, in order: what is older than an unanswered request may be unread."""
        return self._socket.waiting_s

    @property
    def counters(self) -> Counters:
        """Totals for the metrics endpoint."""
        return self._socket.counters

    async def run(self, on_event: Callable[[TelephonyEvent], None]) -> None:
        """Connect and keep connected until cancelled. Raises Unavailable when the application was taken over."""
        self._on_event = on_event
        try:
            await self._socket.run(self)
        finally:
            self._on_event = None
            self._music_stops.close()

    async def snapshot(self) -> Snapshot:
        """Channels and bridges as Asterisk holds them. Raises Unavailable."""
        channels, bridges = await self._socket.snapshot()
        return translate.snapshot(channels, bridges, self._app)

    # --- commands ---

    def perform(self, command: TelephonyCommand, failed: Failed) -> None:
        """Send a command at once; `failed` is called later, from the loop, and at most once.

        What Asterisk holds already as asked (409 for a bridge or a leg with our own id) is no failure.
        """
        try:
            if isinstance(command, Originate):
                self._prepare_originate(command)
            self._socket.send(request(command, self._app), lambda reply: self._judge(command, reply, failed))
            if isinstance(command, Snoop):
                self._hear_of_its_end(command.snoop)
            self._music_stops.sent(command)
        except Unavailable as error:
            failure = CommandFailed(command, Failure.NOT_SENT, str(error), self._clock.now())
            asyncio.get_running_loop().call_soon(failed, failure)

    def _prepare_originate(self, command: Originate) -> None:
        """REST over WebSocket is served in order, so a subscription sent first is in force when the leg is made."""
        if self._socket.load > ORIGINATE_LOAD_MAX:
            raise Unavailable("ari", "too many requests wait for Asterisk to dial now")
        endpoint = endpoint_name(command.endpoint)
        if endpoint in self._endpoints:
            return
        subscribe = ari.applications_subscribe(self._app, event_source=[f"endpoint:{endpoint}"])
        self._socket.send(subscribe, lambda reply: self._subscribed(endpoint, reply))
        self._endpoints.add(endpoint)

    def _subscribed(self, endpoint: str, reply: Reply) -> None:
        if isinstance(reply, (Refused, Gone)):
            log.error("ari.endpoint_not_subscribed", endpoint=endpoint, reason=reply.reason)
            self._endpoints.discard(endpoint)

    def _hear_of_its_end(self, snoop: ChannelId) -> None:
        """A snoop belongs to no endpoint, and being in the application tells nothing of what comes after that."""
        subscribe = ari.applications_subscribe(self._app, event_source=[f"channel:{snoop}"])
        self._socket.send(subscribe, lambda reply: None)  # refused: there is no snoop, and its own answer says so

    def _stop_music_again(self, channel: ChannelId) -> None:
        with contextlib.suppress(Unavailable):
            self._socket.send(ari.channels_stop_moh(channel), lambda reply: None)  # the leg may be gone by now

    def _judge(self, command: TelephonyCommand, reply: Reply, failed: Failed) -> None:
        match reply:
            case Done():
                return
            case Gone(status=409) if isinstance(command, (CreateBridge, Originate, Snoop, OpenMedia)):
                return
            case Gone(reason=detail):
                failure = Failure.GONE
            case Refused(status, detail):
                failure = Failure.GONE if is_gone(command, status, detail) else Failure.REFUSED
            case Lost(reason=detail):
                failure = Failure.TIMED_OUT
            case _:
                assert_never(reply)
        failed(CommandFailed(command, failure, detail, self._clock.now()))

    # --- the socket's listener ---

    def restored(self, channels: list[models.Channel], bridges: list[models.Bridge]) -> None:
        seen = translate.snapshot(channels, bridges, self._app)
        self._tell(SocketRestored(seen, self._clock.now()))

    def received(self, event: wire.Event) -> None:
        if self._echoes.is_echo(event):
            return
        if (known := translate.event(event, self._clock.now())) is not None:
            self._tell(known)

    def lost(self, reason: str) -> None:
        self._tell(SocketLost(self._clock.now()))

    def _tell(self, event: TelephonyEvent) -> None:
        if self._on_event is not None:
            self._on_event(event)


def endpoint_name(dialed: str) -> str:
    """`PJSIP/<number>@<trunk>` -> `PJSIP/<trunk>`; `PJSIP/<slot>` and `PJSIP/<trunk>/sip:...` likewise."""
    technology, _, rest = dialed.partition("/")
    target = rest.partition("/")[0]
    return f"{technology}/{target.rpartition('@')[2]}"


def is_gone(command: TelephonyCommand, status: int, reason: str) -> bool:
    """Whether a refusal says that the leg is gone, for operations that do not say it with 404.

    addChannel and removeChannel answer 400 `Channel not found`, and 422 for a channel that has just left our
    application, or is in no bridge or another one.
    """
    return isinstance(command, (Join, Leave)) and (status == 422 or (status == 400 and "not found" in reason))


SoundCommand = RecordLeg | StopRecording | PauseRecording | ResumeRecording | Snoop | OpenMedia | SendDigits


def request(command: TelephonyCommand, app: str) -> Request[Any]:
    """The ARI request of a command; legs that it makes enter the application `app`."""
    match command:
        case Originate():
            return ari.channels_originate_with_id(
                command.channel,
                endpoint=command.endpoint,
                context=command.context,
                extension=command.extension,
                priority=1,
                caller_id=command.caller_id,
                timeout=command.ring_timeout_s,
                variables=dict(command.variables) if command.variables else None,
            )
        case HangUp():
            return ari.channels_hangup(command.channel, reason_code=str(command.cause))
        case Answer():
            return ari.channels_answer(command.channel)
        case CreateBridge():
            return ari.bridges_create_with_id(command.bridge, type="mixing", name=command.name)
        case DestroyBridge():
            return ari.bridges_destroy(command.bridge)
        case Join():
            return ari.bridges_add_channel(command.bridge, channel=[command.channel], mute=command.mute or None)
        case Leave():
            return ari.bridges_remove_channel(command.bridge, channel=[command.channel])
        case StartMusic():
            return ari.channels_start_moh(command.channel, moh_class=command.music)
        case StopMusic():
            return ari.channels_stop_moh(command.channel)
        case Play():
            return ari.channels_play_with_id(
                command.channel, command.playback, media=command.media, lang=command.language
            )
        case StopPlay():
            return ari.playbacks_stop(command.playback)
        case SetVariable():
            return ari.channels_set_channel_var(command.channel, variable=command.name, value=command.value)
        case Continue():
            return ari.channels_continue_in_dialplan(command.channel)
        case ContinueAt():
            return ari.channels_continue_in_dialplan(
                command.channel, context=command.context, extension=command.extension, priority=1
            )
        case _:
            return _sound_request(command, app)


def _sound_request(command: SoundCommand, app: str) -> Request[Any]:
    """The ARI request of a command about what is heard, recorded or pressed."""
    match command:
        case RecordLeg():
            return ari.channels_record(
                command.channel,
                name=command.name,
                format="wav",
                max_duration_seconds=command.max_s,
                max_silence_seconds=command.silence_s,
                if_exists="overwrite",
                beep=command.beep,
                terminate_on="none",
            )
        case StopRecording():
            return ari.recordings_stop(command.name)
        case PauseRecording():
            return ari.recordings_pause(command.name)
        case ResumeRecording():
            return ari.recordings_unpause(command.name)
        case Snoop():
            return ari.channels_snoop_channel_with_id(
                command.channel, command.snoop, app=app, spy=command.spy, app_args=",".join(command.args)
            )
        case OpenMedia():
            return ari.channels_external_media(
                app=app,
                format="slin",
                channel_id=command.channel,
                external_host=command.address,
                encapsulation="audiosocket",
                transport="tcp",
                data=command.tap,
            )
        case SendDigits():
            return ari.channels_send_dtmf(
                command.channel, dtmf=command.digits, between=command.between_ms, duration=command.duration_ms
            )
    assert_never(command)
