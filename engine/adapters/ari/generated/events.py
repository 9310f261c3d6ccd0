"""The events of ARI, tagged by `type`. Written by tools/generate_ari.py; change that, not this."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from engine.adapters.ari.generated.models import Bridge, Channel, ContactInfo, DeviceState, Endpoint, LiveRecording, Peer, Playback, ReferTo, ReferredBy, TextMessage


class Message(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag_field="type", tag=True):
    asterisk_id: str | None = None


class Event(Message, frozen=True, kw_only=True, gc=False, tag=True):
    application: str
    timestamp: str


class MissingParams(Message, frozen=True, kw_only=True, gc=False, tag=True):
    params: list[str]


class ApplicationMoveFailed(Event, frozen=True, kw_only=True, gc=False, tag=True):
    channel: Channel
    destination: str
    args: list[str]


class ApplicationRegistered(Event, frozen=True, kw_only=True, gc=False, tag=True):
    pass


class ApplicationReplaced(Event, frozen=True, kw_only=True, gc=False, tag=True):
    pass


class ApplicationUnregistered(Event, frozen=True, kw_only=True, gc=False, tag=True):
    pass


class BridgeAttendedTransfer(Event, frozen=True, kw_only=True, gc=False, tag=True):
    transferer_first_leg: Channel
    transferer_second_leg: Channel
    result: str
    is_external: bool
    destination_type: str
    replace_channel: Channel | None = None
    transferee: Channel | None = None
    transfer_target: Channel | None = None
    transferer_first_leg_bridge: Bridge | None = None
    transferer_second_leg_bridge: Bridge | None = None
    destination_bridge: str | None = None
    destination_application: str | None = None
    destination_link_first_leg: Channel | None = None
    destination_link_second_leg: Channel | None = None
    destination_threeway_channel: Channel | None = None
    destination_threeway_bridge: Bridge | None = None


class BridgeBlindTransfer(Event, frozen=True, kw_only=True, gc=False, tag=True):
    channel: Channel
    exten: str
    context: str
    result: str
    is_external: bool
    replace_channel: Channel | None = None
    transferee: Channel | None = None
    bridge: Bridge | None = None


class BridgeCreated(Event, frozen=True, kw_only=True, gc=False, tag=True):
    bridge: Bridge


class BridgeDestroyed(Event, frozen=True, kw_only=True, gc=False, tag=True):
    bridge: Bridge


class BridgeMerged(Event, frozen=True, kw_only=True, gc=False, tag=True):
    bridge: Bridge
    bridge_from: Bridge


class BridgeVideoSourceChanged(Event, frozen=True, kw_only=True, gc=False, tag=True):
    bridge: Bridge
    old_video_source_id: str | None = None


class CallBroadcast(Event, frozen=True, kw_only=True, gc=False, tag=True):
    channel: Channel
    caller: str | None = None
    called: str | None = None


class CallClaimed(Event, frozen=True, kw_only=True, gc=False, tag=True):
    channel: Channel
    winner_app: str


class ChannelCallerId(Event, frozen=True, kw_only=True, gc=False, tag=True):
    caller_presentation: int
    caller_presentation_txt: str
    channel: Channel


class ChannelConnectedLine(Event, frozen=True, kw_only=True, gc=False, tag=True):
    channel: Channel


class ChannelCreated(Event, frozen=True, kw_only=True, gc=False, tag=True):
    channel: Channel


class ChannelDestroyed(Event, frozen=True, kw_only=True, gc=False, tag=True):
    cause: int
    cause_txt: str
    channel: Channel
    tech_cause: int | None = None


class ChannelDialplan(Event, frozen=True, kw_only=True, gc=False, tag=True):
    channel: Channel
    dialplan_app: str
    dialplan_app_data: str


class ChannelDtmfReceived(Event, frozen=True, kw_only=True, gc=False, tag=True):
    digit: str
    duration_ms: int
    channel: Channel


class ChannelEnteredBridge(Event, frozen=True, kw_only=True, gc=False, tag=True):
    bridge: Bridge
    channel: Channel | None = None


class ChannelHangupRequest(Event, frozen=True, kw_only=True, gc=False, tag=True):
    channel: Channel
    cause: int | None = None
    tech_cause: int | None = None
    soft: bool | None = None


class ChannelHold(Event, frozen=True, kw_only=True, gc=False, tag=True):
    channel: Channel
    musicclass: str | None = None


class ChannelLeftBridge(Event, frozen=True, kw_only=True, gc=False, tag=True):
    bridge: Bridge
    channel: Channel


class ChannelStateChange(Event, frozen=True, kw_only=True, gc=False, tag=True):
    channel: Channel


class ChannelTalkingFinished(Event, frozen=True, kw_only=True, gc=False, tag=True):
    channel: Channel
    duration: int


class ChannelTalkingStarted(Event, frozen=True, kw_only=True, gc=False, tag=True):
    channel: Channel


class ChannelToneDetected(Event, frozen=True, kw_only=True, gc=False, tag=True):
    channel: Channel


class ChannelTransfer(Event, frozen=True, kw_only=True, gc=False, tag=True):
    refer_to: ReferTo
    referred_by: ReferredBy
    state: str | None = None


class ChannelUnhold(Event, frozen=True, kw_only=True, gc=False, tag=True):
    channel: Channel


class ChannelUserevent(Event, frozen=True, kw_only=True, gc=False, tag=True):
    eventname: str
    userevent: dict[str, Any]
    channel: Channel | None = None
    bridge: Bridge | None = None
    endpoint: Endpoint | None = None


class ChannelVarset(Event, frozen=True, kw_only=True, gc=False, tag=True):
    variable: str
    value: str
    channel: Channel | None = None


class ContactStatusChange(Event, frozen=True, kw_only=True, gc=False, tag=True):
    endpoint: Endpoint
    contact_info: ContactInfo


class DeviceStateChanged(Event, frozen=True, kw_only=True, gc=False, tag=True):
    device_state: DeviceState


class Dial(Event, frozen=True, kw_only=True, gc=False, tag=True):
    peer: Channel
    dialstatus: str
    caller: Channel | None = None
    forward: str | None = None
    forwarded: Channel | None = None
    dialstring: str | None = None


class EndpointStateChange(Event, frozen=True, kw_only=True, gc=False, tag=True):
    endpoint: Endpoint


class PeerStatusChange(Event, frozen=True, kw_only=True, gc=False, tag=True):
    endpoint: Endpoint
    peer: Peer


class PlaybackContinuing(Event, frozen=True, kw_only=True, gc=False, tag=True):
    playback: Playback


class PlaybackFinished(Event, frozen=True, kw_only=True, gc=False, tag=True):
    playback: Playback


class PlaybackStarted(Event, frozen=True, kw_only=True, gc=False, tag=True):
    playback: Playback


class RESTResponse(Event, frozen=True, kw_only=True, gc=False, tag=True):
    transaction_id: str
    request_id: str
    status_code: int
    reason_phrase: str
    uri: str
    content_type: str | None = None
    message_body: str | None = None


class RecordingFailed(Event, frozen=True, kw_only=True, gc=False, tag=True):
    recording: LiveRecording


class RecordingFinished(Event, frozen=True, kw_only=True, gc=False, tag=True):
    recording: LiveRecording


class RecordingStarted(Event, frozen=True, kw_only=True, gc=False, tag=True):
    recording: LiveRecording


class StasisEnd(Event, frozen=True, kw_only=True, gc=False, tag=True):
    channel: Channel


class StasisStart(Event, frozen=True, kw_only=True, gc=False, tag=True):
    args: list[str]
    channel: Channel
    replace_channel: Channel | None = None


class TextMessageReceived(Event, frozen=True, kw_only=True, gc=False, tag=True):
    message: TextMessage
    endpoint: Endpoint | None = None


EVENTS: Final[dict[str, type[Message]]] = {
    "ApplicationMoveFailed": ApplicationMoveFailed,
    "ApplicationRegistered": ApplicationRegistered,
    "ApplicationReplaced": ApplicationReplaced,
    "ApplicationUnregistered": ApplicationUnregistered,
    "BridgeAttendedTransfer": BridgeAttendedTransfer,
    "BridgeBlindTransfer": BridgeBlindTransfer,
    "BridgeCreated": BridgeCreated,
    "BridgeDestroyed": BridgeDestroyed,
    "BridgeMerged": BridgeMerged,
    "BridgeVideoSourceChanged": BridgeVideoSourceChanged,
    "CallBroadcast": CallBroadcast,
    "CallClaimed": CallClaimed,
    "ChannelCallerId": ChannelCallerId,
    "ChannelConnectedLine": ChannelConnectedLine,
    "ChannelCreated": ChannelCreated,
    "ChannelDestroyed": ChannelDestroyed,
    "ChannelDialplan": ChannelDialplan,
    "ChannelDtmfReceived": ChannelDtmfReceived,
    "ChannelEnteredBridge": ChannelEnteredBridge,
    "ChannelHangupRequest": ChannelHangupRequest,
    "ChannelHold": ChannelHold,
    "ChannelLeftBridge": ChannelLeftBridge,
    "ChannelStateChange": ChannelStateChange,
    "ChannelTalkingFinished": ChannelTalkingFinished,
    "ChannelTalkingStarted": ChannelTalkingStarted,
    "ChannelToneDetected": ChannelToneDetected,
    "ChannelTransfer": ChannelTransfer,
    "ChannelUnhold": ChannelUnhold,
    "ChannelUserevent": ChannelUserevent,
    "ChannelVarset": ChannelVarset,
    "ContactStatusChange": ContactStatusChange,
    "DeviceStateChanged": DeviceStateChanged,
    "Dial": Dial,
    "EndpointStateChange": EndpointStateChange,
    "MissingParams": MissingParams,
    "PeerStatusChange": PeerStatusChange,
    "PlaybackContinuing": PlaybackContinuing,
    "PlaybackFinished": PlaybackFinished,
    "PlaybackStarted": PlaybackStarted,
    "RESTResponse": RESTResponse,
    "RecordingFailed": RecordingFailed,
    "RecordingFinished": RecordingFinished,
    "RecordingStarted": RecordingStarted,
    "StasisEnd": StasisEnd,
    "StasisStart": StasisStart,
    "TextMessageReceived": TextMessageReceived,
}
