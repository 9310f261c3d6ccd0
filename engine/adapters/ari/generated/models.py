"""The objects that ARI's answers and events are made of. Written by tools/generate_ari.py; change that, not this."""

from __future__ import annotations

from typing import Any

import msgspec


class Model(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Base of all models. Fields that this list does not know are ignored on decoding."""


class AdditionalParam(Model, frozen=True, kw_only=True, gc=False):
    parameter_name: str
    parameter_value: str


class Application(Model, frozen=True, kw_only=True, gc=False):
    name: str
    channel_ids: list[str]
    bridge_ids: list[str]
    endpoint_ids: list[str]
    device_names: list[str]
    events_allowed: list[dict[str, Any]]
    events_disallowed: list[dict[str, Any]]


class AsteriskInfo(Model, frozen=True, kw_only=True, gc=False):
    build: BuildInfo | None = None
    system: SystemInfo | None = None
    config: ConfigInfo | None = None
    status: StatusInfo | None = None


class AsteriskPing(Model, frozen=True, kw_only=True, gc=False):
    asterisk_id: str
    ping: str
    timestamp: str


class Bridge(Model, frozen=True, kw_only=True, gc=False):
    id: str
    technology: str
    bridge_type: str
    bridge_class: str
    creator: str
    name: str
    channels: list[str]
    creationtime: str
    video_mode: str | None = None
    video_source_id: str | None = None
    bridgevars: dict[str, Any] | None = None


class BuildInfo(Model, frozen=True, kw_only=True, gc=False):
    os: str
    kernel: str
    options: str
    machine: str
    date: str
    user: str


class CallerID(Model, frozen=True, kw_only=True, gc=False):
    name: str
    number: str


class Channel(Model, frozen=True, kw_only=True, gc=False):
    id: str
    protocol_id: str
    name: str
    state: str
    caller: CallerID
    connected: CallerID
    accountcode: str
    dialplan: DialplanCEP
    creationtime: str
    language: str
    channelvars: dict[str, Any] | None = None
    caller_rdnis: str | None = None
    tenantid: str | None = None


class ConfigInfo(Model, frozen=True, kw_only=True, gc=False):
    name: str
    default_language: str
    setid: SetId
    max_channels: int | None = None
    max_open_files: int | None = None
    max_load: float | None = None


class ConfigTuple(Model, frozen=True, kw_only=True, gc=False):
    attribute: str
    value: str


class ContactInfo(Model, frozen=True, kw_only=True, gc=False):
    uri: str
    contact_status: str
    aor: str
    roundtrip_usec: str | None = None


class DeviceState(Model, frozen=True, kw_only=True, gc=False):
    name: str
    state: str


class Dialed(Model, frozen=True, kw_only=True, gc=False):
    pass


class DialplanCEP(Model, frozen=True, kw_only=True, gc=False):
    context: str
    exten: str
    priority: int
    app_name: str
    app_data: str


class Endpoint(Model, frozen=True, kw_only=True, gc=False):
    technology: str
    resource: str
    channel_ids: list[str]
    state: str | None = None


class FormatLangPair(Model, frozen=True, kw_only=True, gc=False):
    language: str
    format: str


class LiveRecording(Model, frozen=True, kw_only=True, gc=False):
    name: str
    format: str
    target_uri: str
    state: str
    duration: int | None = None
    talking_duration: int | None = None
    silence_duration: int | None = None
    cause: str | None = None


class LogChannel(Model, frozen=True, kw_only=True, gc=False):
    channel: str
    type: str
    status: str
    configuration: str


class Mailbox(Model, frozen=True, kw_only=True, gc=False):
    name: str
    old_messages: int
    new_messages: int


class Module(Model, frozen=True, kw_only=True, gc=False):
    name: str
    description: str
    use_count: int
    status: str
    support_level: str


class Peer(Model, frozen=True, kw_only=True, gc=False):
    peer_status: str
    cause: str | None = None
    address: str | None = None
    port: str | None = None
    time: str | None = None


class Playback(Model, frozen=True, kw_only=True, gc=False):
    id: str
    media_uri: str
    target_uri: str
    state: str
    next_media_uri: str | None = None
    language: str | None = None


class RESTHeader(Model, frozen=True, kw_only=True, gc=False):
    name: str
    value: str


class RESTQueryStringParameter(Model, frozen=True, kw_only=True, gc=False):
    name: str
    value: str


class RESTRequest(Model, frozen=True, kw_only=True, gc=False):
    type: str
    transaction_id: str
    request_id: str
    method: str
    uri: str
    content_type: str | None = None
    query_strings: list[RESTQueryStringParameter] | None = None
    message_body: str | None = None


class RTPstat(Model, frozen=True, kw_only=True, gc=False):
    txcount: int
    rxcount: int
    txploss: int
    rxploss: int
    local_ssrc: int
    remote_ssrc: int
    txoctetcount: int
    rxoctetcount: int
    channel_uniqueid: str
    txjitter: float | None = None
    rxjitter: float | None = None
    remote_maxjitter: float | None = None
    remote_minjitter: float | None = None
    remote_normdevjitter: float | None = None
    remote_stdevjitter: float | None = None
    local_maxjitter: float | None = None
    local_minjitter: float | None = None
    local_normdevjitter: float | None = None
    local_stdevjitter: float | None = None
    remote_maxrxploss: float | None = None
    remote_minrxploss: float | None = None
    remote_normdevrxploss: float | None = None
    remote_stdevrxploss: float | None = None
    local_maxrxploss: float | None = None
    local_minrxploss: float | None = None
    local_normdevrxploss: float | None = None
    local_stdevrxploss: float | None = None
    rtt: float | None = None
    maxrtt: float | None = None
    minrtt: float | None = None
    normdevrtt: float | None = None
    stdevrtt: float | None = None


class ReferTo(Model, frozen=True, kw_only=True, gc=False):
    requested_destination: RequiredDestination
    destination_channel: Channel | None = None
    connected_channel: Channel | None = None
    bridge: Bridge | None = None


class ReferredBy(Model, frozen=True, kw_only=True, gc=False):
    source_channel: Channel
    connected_channel: Channel | None = None
    bridge: Bridge | None = None


class RequiredDestination(Model, frozen=True, kw_only=True, gc=False):
    protocol_id: str | None = None
    destination: str | None = None
    additional_protocol_params: list[AdditionalParam] | None = None


class SetId(Model, frozen=True, kw_only=True, gc=False):
    user: str
    group: str


class Sound(Model, frozen=True, kw_only=True, gc=False):
    id: str
    formats: list[FormatLangPair]
    text: str | None = None


class StatusInfo(Model, frozen=True, kw_only=True, gc=False):
    startup_time: str
    last_reload_time: str


class StoredRecording(Model, frozen=True, kw_only=True, gc=False):
    name: str
    format: str


class SystemInfo(Model, frozen=True, kw_only=True, gc=False):
    version: str
    entity_id: str


class TextMessage(Model, frozen=True, kw_only=True, gc=False):
    from_: str = msgspec.field(name="from")
    to: str
    body: str
    variables: dict[str, Any] | None = None


class Variable(Model, frozen=True, kw_only=True, gc=False):
    value: str


class Variables(Model, frozen=True, kw_only=True, gc=False):
    variables: dict[str, Any]
