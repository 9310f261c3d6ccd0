"""Frames of the ARI socket: the events that the engine wants, and REST over the same WebSocket (Asterisk >= 22).

The structs below are partial on purpose: msgspec reads the tag first, decodes only the fields named here and skips
the rest without building objects, which is most of a frame (a StasisStart is 650 bytes, of which 60 are wanted). The
complete models are in `generated/`. What is no wanted type passes through as `UnknownEvent`.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from engine.adapters.ari.request import Request

T = TypeVar("T")


class Caller(msgspec.Struct, frozen=True, gc=False):
    number: str = ""


class Dialplan(msgspec.Struct, frozen=True, gc=False):
    exten: str = ""


class Channel(msgspec.Struct, frozen=True, gc=False):
    id: str


class EnteringChannel(msgspec.Struct, frozen=True, gc=False):
    id: str
    caller: Caller = Caller()
    dialplan: Dialplan = Dialplan()


class Bridge(msgspec.Struct, frozen=True, gc=False):
    id: str


class Playback(msgspec.Struct, frozen=True, gc=False):
    id: str
    target_uri: str
    state: str = ""


class StasisStart(msgspec.Struct, frozen=True, gc=False, tag=True):
    """The channel is in our application."""

    channel: EnteringChannel
    args: tuple[str, ...] = ()


class Dial(msgspec.Struct, frozen=True, gc=False, tag=True):
    """Progress of an outgoing leg. `dialstatus`: empty (started), RINGING, PROGRESS (183), ANSWER, BUSY, ..."""

    peer: Channel
    dialstatus: str = ""


class ChannelDestroyed(msgspec.Struct, frozen=True, gc=False, tag=True):
    """`cause` is Q.850; `tech_cause` the SIP status that ended it, where there was one."""

    channel: Channel
    cause: int = 0
    tech_cause: int | None = None


class ChannelEnteredBridge(msgspec.Struct, frozen=True, gc=False, tag=True):
    bridge: Bridge
    channel: Channel
    timestamp: str = ""


class ChannelLeftBridge(msgspec.Struct, frozen=True, gc=False, tag=True):
    bridge: Bridge
    channel: Channel
    timestamp: str = ""


class ChannelDtmfReceived(msgspec.Struct, frozen=True, gc=False, tag=True):
    channel: Channel
    digit: str
    timestamp: str = ""


class PlaybackStarted(msgspec.Struct, frozen=True, gc=False, tag=True):
    playback: Playback


class PlaybackFinished(msgspec.Struct, frozen=True, gc=False, tag=True):
    playback: Playback


class LiveRecording(msgspec.Struct, frozen=True, gc=False):
    name: str
    target_uri: str
    duration: int = 0
    talking_duration: int | None = None


class RecordingFinished(msgspec.Struct, frozen=True, gc=False, tag=True):
    recording: LiveRecording


class RecordingFailed(msgspec.Struct, frozen=True, gc=False, tag=True):
    recording: LiveRecording


class ChannelUserevent(msgspec.Struct, frozen=True, gc=False, tag=True):
    """Only our own, asked for to prove that events still come."""

    eventname: str = ""


class ApplicationReplaced(msgspec.Struct, frozen=True, gc=False, tag=True):
    """Another socket took our application name; this one stays open and silent from here on."""

    application: str = ""


class RESTResponse(msgspec.Struct, frozen=True, gc=False, tag=True):
    """An answer; `request_id` is empty when Asterisk could not read the request at all."""

    request_id: str = ""
    status_code: int = 0
    reason_phrase: str = ""
    message_body: str = ""


class UnknownEvent(msgspec.Struct, frozen=True, gc=False):
    """A frame that the engine does not know or cannot read; `type` is empty when there is none."""

    type: str
    raw: bytes


Event = (
    StasisStart
    | Dial
    | ChannelDestroyed
    | ChannelEnteredBridge
    | ChannelLeftBridge
    | ChannelDtmfReceived
    | PlaybackStarted
    | PlaybackFinished
    | RecordingFinished
    | RecordingFailed
    | ApplicationReplaced
)
Frame = Event | ChannelUserevent | RESTResponse | UnknownEvent

WANTED_TYPES = tuple(
    kind.__name__
    for kind in (
        StasisStart,
        Dial,
        ChannelDestroyed,
        ChannelEnteredBridge,
        ChannelLeftBridge,
        ChannelDtmfReceived,
        PlaybackStarted,
        PlaybackFinished,
        RecordingFinished,
        RecordingFailed,
        ChannelUserevent,
        ApplicationReplaced,
        RESTResponse,
    )
)
"""What the application's event filter allows. RESTResponse must be in it, or Asterisk swallows its own answers."""


class _Head(msgspec.Struct, frozen=True, gc=False):
    type: str = ""


class _QueryString(msgspec.Struct, frozen=True, gc=False):
    name: str
    value: str


class _RESTRequest(msgspec.Struct, frozen=True, gc=False, tag="RESTRequest", omit_defaults=True):
    request_id: str
    method: str
    uri: str
    query_strings: list[_QueryString] | None = None
    content_type: str | None = None
    message_body: str | None = None


_frames: msgspec.json.Decoder[Event | ChannelUserevent | RESTResponse] = msgspec.json.Decoder(
    Event | ChannelUserevent | RESTResponse
)
_heads = msgspec.json.Decoder(_Head)
_encoder = msgspec.json.Encoder()


def parse(raw: bytes) -> Frame:
    """Read one text frame. Never raises: what is not wanted or not readable becomes an `UnknownEvent`."""
    try:
        return _frames.decode(raw)
    except msgspec.MsgspecError:
        return UnknownEvent(_type_of(raw), raw)


def _type_of(raw: bytes) -> str:
    try:
        return _heads.decode(raw).type
    except msgspec.MsgspecError:
        return ""


def encode(request_id: str, request: Request[Any]) -> bytes:
    """The text frame of one request. Query values travel as they are; only the path is percent-encoded."""
    query = [_QueryString(name, value) for name, value in request.query] if request.query else None
    if request.body is None:
        return _encoder.encode(_RESTRequest(request_id, request.method, request.path, query))
    body = _encoder.encode(request.body).decode()
    frame = _RESTRequest(request_id, request.method, request.path, query, "application/json", body)
    return _encoder.encode(frame)


def decode_answer(request: Request[T], body: str) -> T:
    """The body of a 2xx answer as the operation declares it. Raises msgspec.ValidationError."""
    if request.answers is None:
        raise TypeError(f"{request.method} {request.path} answers nothing")
    return msgspec.json.decode(body, type=request.answers)


class _Refusal(msgspec.Struct, frozen=True, gc=False):
    message: str = ""
    error: str = ""


_refusals = msgspec.json.Decoder(_Refusal)


def refusal_reason(response: RESTResponse) -> str:
    """Why Asterisk refused: the text of its body, else the reason phrase."""
    try:
        refusal = _refusals.decode(response.message_body)
    except msgspec.MsgspecError:
        return response.reason_phrase
    return refusal.message or refusal.error or response.reason_phrase
