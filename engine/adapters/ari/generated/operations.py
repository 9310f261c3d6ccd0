"""The operations of ARI: each function builds the request for one of them. Written by tools/generate_ari.py; change that, not this."""

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from engine.adapters.ari.generated.events import Message
from engine.adapters.ari.generated.models import (
    Application,
    AsteriskInfo,
    AsteriskPing,
    Bridge,
    Channel,
    ConfigTuple,
    DeviceState,
    Endpoint,
    LiveRecording,
    LogChannel,
    Mailbox,
    Module,
    Playback,
    RTPstat,
    Sound,
    StoredRecording,
    Variable,
    Variables,
)
from engine.adapters.ari.request import Request


def asterisk_get_object(config_class: str, object_type: str, id: str) -> Request[list[ConfigTuple]]:
    """GET /asterisk/config/dynamic/{configClass}/{objectType}/{id}"""
    return Request("GET", f"asterisk/config/dynamic/{quote(config_class, safe='')}/{quote(object_type, safe='')}/{quote(id, safe='')}", (), None, list[ConfigTuple])


def asterisk_update_object(config_class: str, object_type: str, id: str, *, fields: Mapping[str, object] | None = None) -> Request[list[ConfigTuple]]:
    """PUT /asterisk/config/dynamic/{configClass}/{objectType}/{id}"""
    return Request("PUT", f"asterisk/config/dynamic/{quote(config_class, safe='')}/{quote(object_type, safe='')}/{quote(id, safe='')}", (), None if fields is None else {"fields": fields}, list[ConfigTuple])


def asterisk_delete_object(config_class: str, object_type: str, id: str) -> Request[None]:
    """DELETE /asterisk/config/dynamic/{configClass}/{objectType}/{id}"""
    return Request("DELETE", f"asterisk/config/dynamic/{quote(config_class, safe='')}/{quote(object_type, safe='')}/{quote(id, safe='')}")


def asterisk_get_info(*, only: Sequence[str] | None = None) -> Request[AsteriskInfo]:
    """GET /asterisk/info"""
    query: list[tuple[str, str]] = []
    if only is not None:
        query.append(("only", ",".join(only)))
    return Request("GET", "asterisk/info", tuple(query), None, AsteriskInfo)


def asterisk_ping() -> Request[AsteriskPing]:
    """GET /asterisk/ping"""
    return Request("GET", "asterisk/ping", (), None, AsteriskPing)


def asterisk_list_modules() -> Request[list[Module]]:
    """GET /asterisk/modules"""
    return Request("GET", "asterisk/modules", (), None, list[Module])


def asterisk_get_module(module_name: str) -> Request[Module]:
    """GET /asterisk/modules/{moduleName}"""
    return Request("GET", f"asterisk/modules/{quote(module_name, safe='')}", (), None, Module)


def asterisk_load_module(module_name: str) -> Request[None]:
    """POST /asterisk/modules/{moduleName}"""
    return Request("POST", f"asterisk/modules/{quote(module_name, safe='')}")


def asterisk_unload_module(module_name: str) -> Request[None]:
    """DELETE /asterisk/modules/{moduleName}"""
    return Request("DELETE", f"asterisk/modules/{quote(module_name, safe='')}")


def asterisk_reload_module(module_name: str) -> Request[None]:
    """PUT /asterisk/modules/{moduleName}"""
    return Request("PUT", f"asterisk/modules/{quote(module_name, safe='')}")


def asterisk_list_log_channels() -> Request[list[LogChannel]]:
    """GET /asterisk/logging"""
    return Request("GET", "asterisk/logging", (), None, list[LogChannel])


def asterisk_add_log(log_channel_name: str, *, configuration: str) -> Request[None]:
    """POST /asterisk/logging/{logChannelName}"""
    query: list[tuple[str, str]] = []
    query.append(("configuration", configuration))
    return Request("POST", f"asterisk/logging/{quote(log_channel_name, safe='')}", tuple(query))


def asterisk_delete_log(log_channel_name: str) -> Request[None]:
    """DELETE /asterisk/logging/{logChannelName}"""
    return Request("DELETE", f"asterisk/logging/{quote(log_channel_name, safe='')}")


def asterisk_rotate_log(log_channel_name: str) -> Request[None]:
    """PUT /asterisk/logging/{logChannelName}/rotate"""
    return Request("PUT", f"asterisk/logging/{quote(log_channel_name, safe='')}/rotate")


def asterisk_get_global_var(*, variable: str) -> Request[Variable]:
    """GET /asterisk/variable"""
    query: list[tuple[str, str]] = []
    query.append(("variable", variable))
    return Request("GET", "asterisk/variable", tuple(query), None, Variable)


def asterisk_set_global_var(*, variable: str, value: str | None = None) -> Request[None]:
    """POST /asterisk/variable"""
    query: list[tuple[str, str]] = []
    query.append(("variable", variable))
    if value is not None:
        query.append(("value", value))
    return Request("POST", "asterisk/variable", tuple(query))


def endpoints_list() -> Request[list[Endpoint]]:
    """GET /endpoints"""
    return Request("GET", "endpoints", (), None, list[Endpoint])


def endpoints_send_message(*, to: str, from_: str, body: str | None = None, variables: Mapping[str, object] | None = None) -> Request[None]:
    """PUT /endpoints/sendMessage"""
    query: list[tuple[str, str]] = []
    query.append(("to", to))
    query.append(("from", from_))
    if body is not None:
        query.append(("body", body))
    return Request("PUT", "endpoints/sendMessage", tuple(query), None if variables is None else {"variables": variables})


def endpoints_refer(*, to: str, from_: str, refer_to: str, to_self: bool | None = None, variables: Mapping[str, object] | None = None) -> Request[None]:
    """POST /endpoints/refer"""
    query: list[tuple[str, str]] = []
    query.append(("to", to))
    query.append(("from", from_))
    query.append(("refer_to", refer_to))
    if to_self is not None:
        query.append(("to_self", "true" if to_self else "false"))
    return Request("POST", "endpoints/refer", tuple(query), None if variables is None else {"variables": variables})


def endpoints_list_by_tech(tech: str) -> Request[list[Endpoint]]:
    """GET /endpoints/{tech}"""
    return Request("GET", f"endpoints/{quote(tech, safe='')}", (), None, list[Endpoint])


def endpoints_get(tech: str, resource: str) -> Request[Endpoint]:
    """GET /endpoints/{tech}/{resource}"""
    return Request("GET", f"endpoints/{quote(tech, safe='')}/{quote(resource, safe='')}", (), None, Endpoint)


def endpoints_send_message_to_endpoint(tech: str, resource: str, *, from_: str, body: str | None = None, variables: Mapping[str, object] | None = None) -> Request[None]:
    """PUT /endpoints/{tech}/{resource}/sendMessage"""
    query: list[tuple[str, str]] = []
    query.append(("from", from_))
    if body is not None:
        query.append(("body", body))
    return Request("PUT", f"endpoints/{quote(tech, safe='')}/{quote(resource, safe='')}/sendMessage", tuple(query), None if variables is None else {"variables": variables})


def endpoints_refer_to_endpoint(tech: str, resource: str, *, from_: str, refer_to: str, to_self: bool | None = None, variables: Mapping[str, object] | None = None) -> Request[None]:
    """POST /endpoints/{tech}/{resource}/refer"""
    query: list[tuple[str, str]] = []
    query.append(("from", from_))
    query.append(("refer_to", refer_to))
    if to_self is not None:
        query.append(("to_self", "true" if to_self else "false"))
    return Request("POST", f"endpoints/{quote(tech, safe='')}/{quote(resource, safe='')}/refer", tuple(query), None if variables is None else {"variables": variables})


def channels_list() -> Request[list[Channel]]:
    """GET /channels"""
    return Request("GET", "channels", (), None, list[Channel])


def channels_originate(*, endpoint: str, extension: str | None = None, context: str | None = None, priority: int | None = None, label: str | None = None, app: str | None = None, app_args: str | None = None, caller_id: str | None = None, timeout: int | None = None, variables: Mapping[str, object] | None = None, channel_id: str | None = None, other_channel_id: str | None = None, originator: str | None = None, formats: str | None = None) -> Request[Channel]:
    """POST /channels"""
    query: list[tuple[str, str]] = []
    query.append(("endpoint", endpoint))
    if extension is not None:
        query.append(("extension", extension))
    if context is not None:
        query.append(("context", context))
    if priority is not None:
        query.append(("priority", str(priority)))
    if label is not None:
        query.append(("label", label))
    if app is not None:
        query.append(("app", app))
    if app_args is not None:
        query.append(("appArgs", app_args))
    if caller_id is not None:
        query.append(("callerId", caller_id))
    if timeout is not None:
        query.append(("timeout", str(timeout)))
    if channel_id is not None:
        query.append(("channelId", channel_id))
    if other_channel_id is not None:
        query.append(("otherChannelId", other_channel_id))
    if originator is not None:
        query.append(("originator", originator))
    if formats is not None:
        query.append(("formats", formats))
    return Request("POST", "channels", tuple(query), None if variables is None else {"variables": variables}, Channel)


def channels_create(*, endpoint: str, app: str, app_args: str | None = None, channel_id: str | None = None, other_channel_id: str | None = None, originator: str | None = None, formats: str | None = None, variables: Mapping[str, object] | None = None) -> Request[Channel]:
    """POST /channels/create"""
    query: list[tuple[str, str]] = []
    query.append(("endpoint", endpoint))
    query.append(("app", app))
    if app_args is not None:
        query.append(("appArgs", app_args))
    if channel_id is not None:
        query.append(("channelId", channel_id))
    if other_channel_id is not None:
        query.append(("otherChannelId", other_channel_id))
    if originator is not None:
        query.append(("originator", originator))
    if formats is not None:
        query.append(("formats", formats))
    return Request("POST", "channels/create", tuple(query), None if variables is None else {"variables": variables}, Channel)


def channels_get(channel_id: str) -> Request[Channel]:
    """GET /channels/{channelId}"""
    return Request("GET", f"channels/{quote(channel_id, safe='')}", (), None, Channel)


def channels_originate_with_id(channel_id: str, *, endpoint: str, extension: str | None = None, context: str | None = None, priority: int | None = None, label: str | None = None, app: str | None = None, app_args: str | None = None, caller_id: str | None = None, timeout: int | None = None, variables: Mapping[str, object] | None = None, other_channel_id: str | None = None, originator: str | None = None, formats: str | None = None) -> Request[Channel]:
    """POST /channels/{channelId}"""
    query: list[tuple[str, str]] = []
    query.append(("endpoint", endpoint))
    if extension is not None:
        query.append(("extension", extension))
    if context is not None:
        query.append(("context", context))
    if priority is not None:
        query.append(("priority", str(priority)))
    if label is not None:
        query.append(("label", label))
    if app is not None:
        query.append(("app", app))
    if app_args is not None:
        query.append(("appArgs", app_args))
    if caller_id is not None:
        query.append(("callerId", caller_id))
    if timeout is not None:
        query.append(("timeout", str(timeout)))
    if other_channel_id is not None:
        query.append(("otherChannelId", other_channel_id))
    if originator is not None:
        query.append(("originator", originator))
    if formats is not None:
        query.append(("formats", formats))
    return Request("POST", f"channels/{quote(channel_id, safe='')}", tuple(query), None if variables is None else {"variables": variables}, Channel)


def channels_hangup(channel_id: str, *, reason_code: str | None = None, reason: str | None = None) -> Request[None]:
    """DELETE /channels/{channelId}"""
    query: list[tuple[str, str]] = []
    if reason_code is not None:
        query.append(("reason_code", reason_code))
    if reason is not None:
        query.append(("reason", reason))
    return Request("DELETE", f"channels/{quote(channel_id, safe='')}", tuple(query))


def channels_continue_in_dialplan(channel_id: str, *, context: str | None = None, extension: str | None = None, priority: int | None = None, label: str | None = None) -> Request[None]:
    """POST /channels/{channelId}/continue"""
    query: list[tuple[str, str]] = []
    if context is not None:
        query.append(("context", context))
    if extension is not None:
        query.append(("extension", extension))
    if priority is not None:
        query.append(("priority", str(priority)))
    if label is not None:
        query.append(("label", label))
    return Request("POST", f"channels/{quote(channel_id, safe='')}/continue", tuple(query))


def channels_move(channel_id: str, *, app: str, app_args: str | None = None) -> Request[None]:
    """POST /channels/{channelId}/move"""
    query: list[tuple[str, str]] = []
    query.append(("app", app))
    if app_args is not None:
        query.append(("appArgs", app_args))
    return Request("POST", f"channels/{quote(channel_id, safe='')}/move", tuple(query))


def channels_redirect(channel_id: str, *, endpoint: str) -> Request[None]:
    """POST /channels/{channelId}/redirect"""
    query: list[tuple[str, str]] = []
    query.append(("endpoint", endpoint))
    return Request("POST", f"channels/{quote(channel_id, safe='')}/redirect", tuple(query))


def channels_answer(channel_id: str) -> Request[None]:
    """POST /channels/{channelId}/answer"""
    return Request("POST", f"channels/{quote(channel_id, safe='')}/answer")


def channels_ring(channel_id: str) -> Request[None]:
    """POST /channels/{channelId}/ring"""
    return Request("POST", f"channels/{quote(channel_id, safe='')}/ring")


def channels_ring_stop(channel_id: str) -> Request[None]:
    """DELETE /channels/{channelId}/ring"""
    return Request("DELETE", f"channels/{quote(channel_id, safe='')}/ring")


def channels_progress(channel_id: str) -> Request[None]:
    """POST /channels/{channelId}/progress"""
    return Request("POST", f"channels/{quote(channel_id, safe='')}/progress")


def channels_send_dtmf(channel_id: str, *, dtmf: str | None = None, before: int | None = None, between: int | None = None, duration: int | None = None, after: int | None = None) -> Request[None]:
    """POST /channels/{channelId}/dtmf"""
    query: list[tuple[str, str]] = []
    if dtmf is not None:
        query.append(("dtmf", dtmf))
    if before is not None:
        query.append(("before", str(before)))
    if between is not None:
        query.append(("between", str(between)))
    if duration is not None:
        query.append(("duration", str(duration)))
    if after is not None:
        query.append(("after", str(after)))
    return Request("POST", f"channels/{quote(channel_id, safe='')}/dtmf", tuple(query))


def channels_mute(channel_id: str, *, direction: str | None = None) -> Request[None]:
    """POST /channels/{channelId}/mute"""
    query: list[tuple[str, str]] = []
    if direction is not None:
        query.append(("direction", direction))
    return Request("POST", f"channels/{quote(channel_id, safe='')}/mute", tuple(query))


def channels_unmute(channel_id: str, *, direction: str | None = None) -> Request[None]:
    """DELETE /channels/{channelId}/mute"""
    query: list[tuple[str, str]] = []
    if direction is not None:
        query.append(("direction", direction))
    return Request("DELETE", f"channels/{quote(channel_id, safe='')}/mute", tuple(query))


def channels_hold(channel_id: str) -> Request[None]:
    """POST /channels/{channelId}/hold"""
    return Request("POST", f"channels/{quote(channel_id, safe='')}/hold")


def channels_unhold(channel_id: str) -> Request[None]:
    """DELETE /channels/{channelId}/hold"""
    return Request("DELETE", f"channels/{quote(channel_id, safe='')}/hold")


def channels_start_moh(channel_id: str, *, moh_class: str | None = None) -> Request[None]:
    """POST /channels/{channelId}/moh"""
    query: list[tuple[str, str]] = []
    if moh_class is not None:
        query.append(("mohClass", moh_class))
    return Request("POST", f"channels/{quote(channel_id, safe='')}/moh", tuple(query))


def channels_stop_moh(channel_id: str) -> Request[None]:
    """DELETE /channels/{channelId}/moh"""
    return Request("DELETE", f"channels/{quote(channel_id, safe='')}/moh")


def channels_start_silence(channel_id: str) -> Request[None]:
    """POST /channels/{channelId}/silence"""
    return Request("POST", f"channels/{quote(channel_id, safe='')}/silence")


def channels_stop_silence(channel_id: str) -> Request[None]:
    """DELETE /channels/{channelId}/silence"""
    return Request("DELETE", f"channels/{quote(channel_id, safe='')}/silence")


def channels_play(channel_id: str, *, media: Sequence[str], lang: str | None = None, offsetms: int | None = None, skipms: int | None = None, playback_id: str | None = None) -> Request[Playback]:
    """POST /channels/{channelId}/play"""
    query: list[tuple[str, str]] = []
    query.append(("media", ",".join(media)))
    if lang is not None:
        query.append(("lang", lang))
    if offsetms is not None:
        query.append(("offsetms", str(offsetms)))
    if skipms is not None:
        query.append(("skipms", str(skipms)))
    if playback_id is not None:
        query.append(("playbackId", playback_id))
    return Request("POST", f"channels/{quote(channel_id, safe='')}/play", tuple(query), None, Playback)


def channels_play_with_id(channel_id: str, playback_id: str, *, media: Sequence[str], lang: str | None = None, offsetms: int | None = None, skipms: int | None = None) -> Request[Playback]:
    """POST /channels/{channelId}/play/{playbackId}"""
    query: list[tuple[str, str]] = []
    query.append(("media", ",".join(media)))
    if lang is not None:
        query.append(("lang", lang))
    if offsetms is not None:
        query.append(("offsetms", str(offsetms)))
    if skipms is not None:
        query.append(("skipms", str(skipms)))
    return Request("POST", f"channels/{quote(channel_id, safe='')}/play/{quote(playback_id, safe='')}", tuple(query), None, Playback)


def channels_record(channel_id: str, *, name: str, format: str, max_duration_seconds: int | None = None, max_silence_seconds: int | None = None, if_exists: str | None = None, beep: bool | None = None, terminate_on: str | None = None) -> Request[LiveRecording]:
    """POST /channels/{channelId}/record"""
    query: list[tuple[str, str]] = []
    query.append(("name", name))
    query.append(("format", format))
    if max_duration_seconds is not None:
        query.append(("maxDurationSeconds", str(max_duration_seconds)))
    if max_silence_seconds is not None:
        query.append(("maxSilenceSeconds", str(max_silence_seconds)))
    if if_exists is not None:
        query.append(("ifExists", if_exists))
    if beep is not None:
        query.append(("beep", "true" if beep else "false"))
    if terminate_on is not None:
        query.append(("terminateOn", terminate_on))
    return Request("POST", f"channels/{quote(channel_id, safe='')}/record", tuple(query), None, LiveRecording)


def channels_get_channel_var(channel_id: str, *, variable: str) -> Request[Variable]:
    """GET /channels/{channelId}/variable"""
    query: list[tuple[str, str]] = []
    query.append(("variable", variable))
    return Request("GET", f"channels/{quote(channel_id, safe='')}/variable", tuple(query), None, Variable)


def channels_set_channel_var(channel_id: str, *, variable: str, value: str | None = None, report_events: bool | None = None) -> Request[None]:
    """POST /channels/{channelId}/variable"""
    query: list[tuple[str, str]] = []
    query.append(("variable", variable))
    if value is not None:
        query.append(("value", value))
    if report_events is not None:
        query.append(("report_events", "true" if report_events else "false"))
    return Request("POST", f"channels/{quote(channel_id, safe='')}/variable", tuple(query))


def channels_get_channel_vars(channel_id: str, *, variables: Sequence[str]) -> Request[Variables]:
    """GET /channels/{channelId}/variables"""
    query: list[tuple[str, str]] = []
    query.append(("variables", ",".join(variables)))
    return Request("GET", f"channels/{quote(channel_id, safe='')}/variables", tuple(query), None, Variables)


def channels_set_channel_vars(channel_id: str, *, variables: Mapping[str, object]) -> Request[None]:
    """POST /channels/{channelId}/variables"""
    return Request("POST", f"channels/{quote(channel_id, safe='')}/variables", (), {"variables": variables})


def channels_snoop_channel(channel_id: str, *, app: str, spy: str | None = None, whisper: str | None = None, app_args: str | None = None, snoop_id: str | None = None) -> Request[Channel]:
    """POST /channels/{channelId}/snoop"""
    query: list[tuple[str, str]] = []
    if spy is not None:
        query.append(("spy", spy))
    if whisper is not None:
        query.append(("whisper", whisper))
    query.append(("app", app))
    if app_args is not None:
        query.append(("appArgs", app_args))
    if snoop_id is not None:
        query.append(("snoopId", snoop_id))
    return Request("POST", f"channels/{quote(channel_id, safe='')}/snoop", tuple(query), None, Channel)


def channels_snoop_channel_with_id(channel_id: str, snoop_id: str, *, app: str, spy: str | None = None, whisper: str | None = None, app_args: str | None = None) -> Request[Channel]:
    """POST /channels/{channelId}/snoop/{snoopId}"""
    query: list[tuple[str, str]] = []
    if spy is not None:
        query.append(("spy", spy))
    if whisper is not None:
        query.append(("whisper", whisper))
    query.append(("app", app))
    if app_args is not None:
        query.append(("appArgs", app_args))
    return Request("POST", f"channels/{quote(channel_id, safe='')}/snoop/{quote(snoop_id, safe='')}", tuple(query), None, Channel)


def channels_dial(channel_id: str, *, caller: str | None = None, timeout: int | None = None) -> Request[None]:
    """POST /channels/{channelId}/dial"""
    query: list[tuple[str, str]] = []
    if caller is not None:
        query.append(("caller", caller))
    if timeout is not None:
        query.append(("timeout", str(timeout)))
    return Request("POST", f"channels/{quote(channel_id, safe='')}/dial", tuple(query))


def channels_rtpstatistics(channel_id: str) -> Request[RTPstat]:
    """GET /channels/{channelId}/rtp_statistics"""
    return Request("GET", f"channels/{quote(channel_id, safe='')}/rtp_statistics", (), None, RTPstat)


def channels_external_media(*, app: str, format: str, channel_id: str | None = None, variables: Mapping[str, object] | None = None, external_host: str | None = None, encapsulation: str | None = None, transport: str | None = None, connection_type: str | None = None, direction: str | None = None, data: str | None = None, transport_data: str | None = None) -> Request[Channel]:
    """POST /channels/externalMedia"""
    query: list[tuple[str, str]] = []
    if channel_id is not None:
        query.append(("channelId", channel_id))
    query.append(("app", app))
    if external_host is not None:
        query.append(("external_host", external_host))
    if encapsulation is not None:
        query.append(("encapsulation", encapsulation))
    if transport is not None:
        query.append(("transport", transport))
    if connection_type is not None:
        query.append(("connection_type", connection_type))
    query.append(("format", format))
    if direction is not None:
        query.append(("direction", direction))
    if data is not None:
        query.append(("data", data))
    if transport_data is not None:
        query.append(("transport_data", transport_data))
    return Request("POST", "channels/externalMedia", tuple(query), None if variables is None else {"variables": variables}, Channel)


def channels_transfer_progress(channel_id: str, *, states: str) -> Request[None]:
    """POST /channels/{channelId}/transfer_progress"""
    query: list[tuple[str, str]] = []
    query.append(("states", states))
    return Request("POST", f"channels/{quote(channel_id, safe='')}/transfer_progress", tuple(query))


def bridges_list() -> Request[list[Bridge]]:
    """GET /bridges"""
    return Request("GET", "bridges", (), None, list[Bridge])


def bridges_create(*, type: str | None = None, bridge_id: str | None = None, name: str | None = None, variables: Mapping[str, object] | None = None) -> Request[Bridge]:
    """POST /bridges"""
    query: list[tuple[str, str]] = []
    if type is not None:
        query.append(("type", type))
    if bridge_id is not None:
        query.append(("bridgeId", bridge_id))
    if name is not None:
        query.append(("name", name))
    return Request("POST", "bridges", tuple(query), None if variables is None else {"variables": variables}, Bridge)


def bridges_create_with_id(bridge_id: str, *, type: str | None = None, name: str | None = None, variables: Mapping[str, object] | None = None) -> Request[Bridge]:
    """POST /bridges/{bridgeId}"""
    query: list[tuple[str, str]] = []
    if type is not None:
        query.append(("type", type))
    if name is not None:
        query.append(("name", name))
    return Request("POST", f"bridges/{quote(bridge_id, safe='')}", tuple(query), None if variables is None else {"variables": variables}, Bridge)


def bridges_get(bridge_id: str) -> Request[Bridge]:
    """GET /bridges/{bridgeId}"""
    return Request("GET", f"bridges/{quote(bridge_id, safe='')}", (), None, Bridge)


def bridges_destroy(bridge_id: str) -> Request[None]:
    """DELETE /bridges/{bridgeId}"""
    return Request("DELETE", f"bridges/{quote(bridge_id, safe='')}")


def bridges_get_bridge_var(bridge_id: str, *, variable: str) -> Request[Variable]:
    """GET /bridges/{bridgeId}/variable"""
    query: list[tuple[str, str]] = []
    query.append(("variable", variable))
    return Request("GET", f"bridges/{quote(bridge_id, safe='')}/variable", tuple(query), None, Variable)


def bridges_set_bridge_var(bridge_id: str, *, variable: str, value: str | None = None, report_events: bool | None = None) -> Request[None]:
    """POST /bridges/{bridgeId}/variable"""
    query: list[tuple[str, str]] = []
    query.append(("variable", variable))
    if value is not None:
        query.append(("value", value))
    if report_events is not None:
        query.append(("report_events", "true" if report_events else "false"))
    return Request("POST", f"bridges/{quote(bridge_id, safe='')}/variable", tuple(query))


def bridges_get_bridge_vars(bridge_id: str, *, variables: Sequence[str]) -> Request[Variables]:
    """GET /bridges/{bridgeId}/variables"""
    query: list[tuple[str, str]] = []
    query.append(("variables", ",".join(variables)))
    return Request("GET", f"bridges/{quote(bridge_id, safe='')}/variables", tuple(query), None, Variables)


def bridges_set_bridge_vars(bridge_id: str, *, variables: Mapping[str, object]) -> Request[None]:
    """POST /bridges/{bridgeId}/variables"""
    return Request("POST", f"bridges/{quote(bridge_id, safe='')}/variables", (), {"variables": variables})


def bridges_add_channel(bridge_id: str, *, channel: Sequence[str], role: str | None = None, absorb_dtmf: bool | None = None, mute: bool | None = None, inhibit_connected_line_updates: bool | None = None) -> Request[None]:
    """POST /bridges/{bridgeId}/addChannel"""
    query: list[tuple[str, str]] = []
    query.append(("channel", ",".join(channel)))
    if role is not None:
        query.append(("role", role))
    if absorb_dtmf is not None:
        query.append(("absorbDTMF", "true" if absorb_dtmf else "false"))
    if mute is not None:
        query.append(("mute", "true" if mute else "false"))
    if inhibit_connected_line_updates is not None:
        query.append(("inhibitConnectedLineUpdates", "true" if inhibit_connected_line_updates else "false"))
    return Request("POST", f"bridges/{quote(bridge_id, safe='')}/addChannel", tuple(query))


def bridges_remove_channel(bridge_id: str, *, channel: Sequence[str]) -> Request[None]:
    """POST /bridges/{bridgeId}/removeChannel"""
    query: list[tuple[str, str]] = []
    query.append(("channel", ",".join(channel)))
    return Request("POST", f"bridges/{quote(bridge_id, safe='')}/removeChannel", tuple(query))


def bridges_set_video_source(bridge_id: str, channel_id: str) -> Request[None]:
    """POST /bridges/{bridgeId}/videoSource/{channelId}"""
    return Request("POST", f"bridges/{quote(bridge_id, safe='')}/videoSource/{quote(channel_id, safe='')}")


def bridges_clear_video_source(bridge_id: str) -> Request[None]:
    """DELETE /bridges/{bridgeId}/videoSource"""
    return Request("DELETE", f"bridges/{quote(bridge_id, safe='')}/videoSource")


def bridges_start_moh(bridge_id: str, *, moh_class: str | None = None) -> Request[None]:
    """POST /bridges/{bridgeId}/moh"""
    query: list[tuple[str, str]] = []
    if moh_class is not None:
        query.append(("mohClass", moh_class))
    return Request("POST", f"bridges/{quote(bridge_id, safe='')}/moh", tuple(query))


def bridges_stop_moh(bridge_id: str) -> Request[None]:
    """DELETE /bridges/{bridgeId}/moh"""
    return Request("DELETE", f"bridges/{quote(bridge_id, safe='')}/moh")


def bridges_play(bridge_id: str, *, media: Sequence[str], announcer_format: str | None = None, lang: str | None = None, offsetms: int | None = None, skipms: int | None = None, playback_id: str | None = None) -> Request[Playback]:
    """POST /bridges/{bridgeId}/play"""
    query: list[tuple[str, str]] = []
    query.append(("media", ",".join(media)))
    if announcer_format is not None:
        query.append(("announcer_format", announcer_format))
    if lang is not None:
        query.append(("lang", lang))
    if offsetms is not None:
        query.append(("offsetms", str(offsetms)))
    if skipms is not None:
        query.append(("skipms", str(skipms)))
    if playback_id is not None:
        query.append(("playbackId", playback_id))
    return Request("POST", f"bridges/{quote(bridge_id, safe='')}/play", tuple(query), None, Playback)


def bridges_play_with_id(bridge_id: str, playback_id: str, *, media: Sequence[str], announcer_format: str | None = None, lang: str | None = None, offsetms: int | None = None, skipms: int | None = None) -> Request[Playback]:
    """POST /bridges/{bridgeId}/play/{playbackId}"""
    query: list[tuple[str, str]] = []
    query.append(("media", ",".join(media)))
    if announcer_format is not None:
        query.append(("announcer_format", announcer_format))
    if lang is not None:
        query.append(("lang", lang))
    if offsetms is not None:
        query.append(("offsetms", str(offsetms)))
    if skipms is not None:
        query.append(("skipms", str(skipms)))
    return Request("POST", f"bridges/{quote(bridge_id, safe='')}/play/{quote(playback_id, safe='')}", tuple(query), None, Playback)


def bridges_record(bridge_id: str, *, name: str, format: str, recorder_format: str | None = None, max_duration_seconds: int | None = None, max_silence_seconds: int | None = None, if_exists: str | None = None, beep: bool | None = None, terminate_on: str | None = None) -> Request[LiveRecording]:
    """POST /bridges/{bridgeId}/record"""
    query: list[tuple[str, str]] = []
    query.append(("name", name))
    query.append(("format", format))
    if recorder_format is not None:
        query.append(("recorder_format", recorder_format))
    if max_duration_seconds is not None:
        query.append(("maxDurationSeconds", str(max_duration_seconds)))
    if max_silence_seconds is not None:
        query.append(("maxSilenceSeconds", str(max_silence_seconds)))
    if if_exists is not None:
        query.append(("ifExists", if_exists))
    if beep is not None:
        query.append(("beep", "true" if beep else "false"))
    if terminate_on is not None:
        query.append(("terminateOn", terminate_on))
    return Request("POST", f"bridges/{quote(bridge_id, safe='')}/record", tuple(query), None, LiveRecording)


def recordings_list_stored() -> Request[list[StoredRecording]]:
    """GET /recordings/stored"""
    return Request("GET", "recordings/stored", (), None, list[StoredRecording])


def recordings_get_stored(recording_name: str) -> Request[StoredRecording]:
    """GET /recordings/stored/{recordingName}"""
    return Request("GET", f"recordings/stored/{quote(recording_name, safe='')}", (), None, StoredRecording)


def recordings_delete_stored(recording_name: str) -> Request[None]:
    """DELETE /recordings/stored/{recordingName}"""
    return Request("DELETE", f"recordings/stored/{quote(recording_name, safe='')}")


def recordings_get_stored_file(recording_name: str) -> Request[bytes]:
    """GET /recordings/stored/{recordingName}/file"""
    return Request("GET", f"recordings/stored/{quote(recording_name, safe='')}/file")


def recordings_copy_stored(recording_name: str, *, destination_recording_name: str) -> Request[StoredRecording]:
    """POST /recordings/stored/{recordingName}/copy"""
    query: list[tuple[str, str]] = []
    query.append(("destinationRecordingName", destination_recording_name))
    return Request("POST", f"recordings/stored/{quote(recording_name, safe='')}/copy", tuple(query), None, StoredRecording)


def recordings_get_live(recording_name: str) -> Request[LiveRecording]:
    """GET /recordings/live/{recordingName}"""
    return Request("GET", f"recordings/live/{quote(recording_name, safe='')}", (), None, LiveRecording)


def recordings_cancel(recording_name: str) -> Request[None]:
    """DELETE /recordings/live/{recordingName}"""
    return Request("DELETE", f"recordings/live/{quote(recording_name, safe='')}")


def recordings_stop(recording_name: str) -> Request[None]:
    """POST /recordings/live/{recordingName}/stop"""
    return Request("POST", f"recordings/live/{quote(recording_name, safe='')}/stop")


def recordings_pause(recording_name: str) -> Request[None]:
    """POST /recordings/live/{recordingName}/pause"""
    return Request("POST", f"recordings/live/{quote(recording_name, safe='')}/pause")


def recordings_unpause(recording_name: str) -> Request[None]:
    """DELETE /recordings/live/{recordingName}/pause"""
    return Request("DELETE", f"recordings/live/{quote(recording_name, safe='')}/pause")


def recordings_mute(recording_name: str) -> Request[None]:
    """POST /recordings/live/{recordingName}/mute"""
    return Request("POST", f"recordings/live/{quote(recording_name, safe='')}/mute")


def recordings_unmute(recording_name: str) -> Request[None]:
    """DELETE /recordings/live/{recordingName}/mute"""
    return Request("DELETE", f"recordings/live/{quote(recording_name, safe='')}/mute")


def sounds_list(*, lang: str | None = None, format: str | None = None) -> Request[list[Sound]]:
    """GET /sounds"""
    query: list[tuple[str, str]] = []
    if lang is not None:
        query.append(("lang", lang))
    if format is not None:
        query.append(("format", format))
    return Request("GET", "sounds", tuple(query), None, list[Sound])


def sounds_get(sound_id: str) -> Request[Sound]:
    """GET /sounds/{soundId}"""
    return Request("GET", f"sounds/{quote(sound_id, safe='')}", (), None, Sound)


def playbacks_get(playback_id: str) -> Request[Playback]:
    """GET /playbacks/{playbackId}"""
    return Request("GET", f"playbacks/{quote(playback_id, safe='')}", (), None, Playback)


def playbacks_stop(playback_id: str) -> Request[None]:
    """DELETE /playbacks/{playbackId}"""
    return Request("DELETE", f"playbacks/{quote(playback_id, safe='')}")


def playbacks_control(playback_id: str, *, operation: str) -> Request[None]:
    """POST /playbacks/{playbackId}/control"""
    query: list[tuple[str, str]] = []
    query.append(("operation", operation))
    return Request("POST", f"playbacks/{quote(playback_id, safe='')}/control", tuple(query))


def device_states_list() -> Request[list[DeviceState]]:
    """GET /deviceStates"""
    return Request("GET", "deviceStates", (), None, list[DeviceState])


def device_states_get(device_name: str) -> Request[DeviceState]:
    """GET /deviceStates/{deviceName}"""
    return Request("GET", f"deviceStates/{quote(device_name, safe='')}", (), None, DeviceState)


def device_states_update(device_name: str, *, device_state: str) -> Request[None]:
    """PUT /deviceStates/{deviceName}"""
    query: list[tuple[str, str]] = []
    query.append(("deviceState", device_state))
    return Request("PUT", f"deviceStates/{quote(device_name, safe='')}", tuple(query))


def device_states_delete(device_name: str) -> Request[None]:
    """DELETE /deviceStates/{deviceName}"""
    return Request("DELETE", f"deviceStates/{quote(device_name, safe='')}")


def mailboxes_list() -> Request[list[Mailbox]]:
    """GET /mailboxes"""
    return Request("GET", "mailboxes", (), None, list[Mailbox])


def mailboxes_get(mailbox_name: str) -> Request[Mailbox]:
    """GET /mailboxes/{mailboxName}"""
    return Request("GET", f"mailboxes/{quote(mailbox_name, safe='')}", (), None, Mailbox)


def mailboxes_update(mailbox_name: str, *, old_messages: int, new_messages: int) -> Request[None]:
    """PUT /mailboxes/{mailboxName}"""
    query: list[tuple[str, str]] = []
    query.append(("oldMessages", str(old_messages)))
    query.append(("newMessages", str(new_messages)))
    return Request("PUT", f"mailboxes/{quote(mailbox_name, safe='')}", tuple(query))


def mailboxes_delete(mailbox_name: str) -> Request[None]:
    """DELETE /mailboxes/{mailboxName}"""
    return Request("DELETE", f"mailboxes/{quote(mailbox_name, safe='')}")


def events_event_websocket(*, app: Sequence[str], subscribe_all: bool | None = None) -> Request[Message]:
    """GET /events"""
    query: list[tuple[str, str]] = []
    query.append(("app", ",".join(app)))
    if subscribe_all is not None:
        query.append(("subscribeAll", "true" if subscribe_all else "false"))
    return Request("GET", "events", tuple(query), None, Message)


def events_user_event(event_name: str, *, application: str, source: Sequence[str] | None = None, variables: Mapping[str, object] | None = None) -> Request[None]:
    """POST /events/user/{eventName}"""
    query: list[tuple[str, str]] = []
    query.append(("application", application))
    if source is not None:
        query.append(("source", ",".join(source)))
    return Request("POST", f"events/user/{quote(event_name, safe='')}", tuple(query), None if variables is None else {"variables": variables})


def events_claim_channel(*, channel_id: str, application: str) -> Request[None]:
    """POST /events/claim"""
    query: list[tuple[str, str]] = []
    query.append(("channelId", channel_id))
    query.append(("application", application))
    return Request("POST", "events/claim", tuple(query))


def applications_list() -> Request[list[Application]]:
    """GET /applications"""
    return Request("GET", "applications", (), None, list[Application])


def applications_get(application_name: str) -> Request[Application]:
    """GET /applications/{applicationName}"""
    return Request("GET", f"applications/{quote(application_name, safe='')}", (), None, Application)


def applications_subscribe(application_name: str, *, event_source: Sequence[str]) -> Request[Application]:
    """POST /applications/{applicationName}/subscription"""
    query: list[tuple[str, str]] = []
    query.append(("eventSource", ",".join(event_source)))
    return Request("POST", f"applications/{quote(application_name, safe='')}/subscription", tuple(query), None, Application)


def applications_unsubscribe(application_name: str, *, event_source: Sequence[str]) -> Request[Application]:
    """DELETE /applications/{applicationName}/subscription"""
    query: list[tuple[str, str]] = []
    query.append(("eventSource", ",".join(event_source)))
    return Request("DELETE", f"applications/{quote(application_name, safe='')}/subscription", tuple(query), None, Application)


def applications_filter(application_name: str, *, filter: Mapping[str, object] | None = None) -> Request[Application]:
    """PUT /applications/{applicationName}/eventFilter"""
    return Request("PUT", f"applications/{quote(application_name, safe='')}/eventFilter", (), filter, Application)
