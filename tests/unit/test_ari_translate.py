"""Frames of a real Asterisk -> events of the core; and what is told twice."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.adapters.ari import translate, wire
from engine.adapters.ari.echo import Echoes
from engine.adapters.ari.generated import models, operations
from engine.adapters.ari.generated.events import EVENTS
from engine.call.events import (
    BridgeSeen,
    ChannelSeen,
    LegAnswered,
    LegDigit,
    LegEnded,
    LegEntered,
    LegJoined,
    LegLeft,
    LegRinging,
    PlaybackBegan,
    PlaybackEnded,
)
from engine.ids import BridgeId, ChannelId, PlaybackId

CHANNEL: dict[str, Any] = {
    "id": "c1",
    "name": "PJSIP/carrier-00000000",
    "state": "Up",
    "protocol_id": "f0e2ccce",
    "caller": {"name": "", "number": "+12005550999"},
    "connected": {"name": "", "number": ""},
    "accountcode": "",
    "dialplan": {"context": "vss-inbound", "exten": "+1200", "priority": 2, "app_name": "Stasis", "app_data": "vss,in"},
    "creationtime": "2026-11-24T22:59:31.458+0000",
    "language": "en",
}
BRIDGE: dict[str, Any] = {
    "id": "b1",
    "technology": "native_rtp",
    "bridge_type": "mixing",
    "bridge_class": "stasis",
    "creator": "Stasis",
    "name": "",
    "channels": ["c1", "c2"],
    "creationtime": "2026-11-24T23:01:38.269+0000",
    "video_mode": "talker",
}
C1, B1 = ChannelId("c1"), BridgeId("b1")


def frame(kind: str, **fields: object) -> bytes:
    """As Asterisk writes it; `type` is not always first."""
    body = {"application": "vss", "timestamp": "2026-11-24T22:59:31.462+0000", **fields, "type": kind}
    return json.dumps({**body, "asterisk_id": "02:fc:00:00:00:01"}).encode()


def playback(state: str) -> dict[str, str]:
    return {"id": "p1", "media_uri": "sound:beep", "target_uri": "channel:c1", "language": "en", "state": state}


@pytest.mark.parametrize(
    ("raw", "event"),
    [
        (frame("Dial", dialstatus="RINGING", peer=CHANNEL), LegRinging(C1, 5.0)),
        (frame("Dial", dialstatus="PROGRESS", peer=CHANNEL), LegRinging(C1, 5.0)),
        (frame("Dial", dialstatus="ANSWER", peer=CHANNEL), LegAnswered(C1, 5.0)),
        (frame("Dial", dialstatus="", peer=CHANNEL), None),
        (frame("Dial", dialstatus="BUSY", peer=CHANNEL), None),
        (
            frame("StasisStart", args=["inbound", "a"], channel=CHANNEL),
            LegEntered(C1, ("inbound", "a"), "+12005550999", "+1200", 5.0),
        ),
        (frame("ChannelDestroyed", cause=17, cause_txt="x", tech_cause=486, channel=CHANNEL), LegEnded(C1, 17, 486, 5)),
        (frame("ChannelDestroyed", cause=0, cause_txt="x", channel=CHANNEL), LegEnded(C1, 0, None, 5.0)),
        (frame("ChannelEnteredBridge", bridge=BRIDGE, channel=CHANNEL), LegJoined(C1, B1, 5.0)),
        (frame("ChannelLeftBridge", bridge=BRIDGE, channel=CHANNEL), LegLeft(C1, B1, 5.0)),
        (frame("ChannelDtmfReceived", digit="#", duration_ms=80, channel=CHANNEL), LegDigit(C1, "#", 5.0)),
        (frame("PlaybackStarted", playback=playback("playing")), PlaybackBegan(PlaybackId("p1"), C1, 5.0)),
        (frame("PlaybackFinished", playback=playback("done")), PlaybackEnded(PlaybackId("p1"), C1, False, 5.0)),
        (frame("PlaybackFinished", playback=playback("failed")), PlaybackEnded(PlaybackId("p1"), C1, True, 5.0)),
        (frame("ApplicationReplaced"), None),
    ],
)
def test_frame_becomes_the_event_of_the_core(raw: bytes, event: object) -> None:
    heard = wire.parse(raw)
    assert not isinstance(heard, (wire.UnknownEvent, wire.RESTResponse, wire.ChannelUserevent))
    assert translate.event(heard, 5.0) == event
    msgspec.json.decode(raw, type=EVENTS[type(heard).__name__])  # the generated type agrees


def test_unknown_type_passes_through_with_its_bytes() -> None:
    raw = frame("SomethingNew", channel=CHANNEL)
    assert wire.parse(raw) == wire.UnknownEvent("SomethingNew", raw)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_garbage_never_raises(raw: bytes) -> None:
    assert isinstance(wire.parse(raw), wire.UnknownEvent)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=8,
    ),
    st.sampled_from([*wire.WANTED_TYPES, "Other"]),
)
def test_fields_of_the_wrong_shape_never_raise(value: object, kind: str) -> None:
    wire.parse(frame(kind, channel=value, peer=value, playback=value, bridge=value))


def test_snapshot_knows_who_is_in_our_application() -> None:
    elsewhere = {**CHANNEL, "id": "c2", "dialplan": {**CHANNEL["dialplan"], "app_name": "AppDial2", "app_data": ""}}
    other_app = {**CHANNEL, "id": "c3", "dialplan": {**CHANNEL["dialplan"], "app_data": "vss2,x"}}
    no_args = {**CHANNEL, "id": "c4", "dialplan": {**CHANNEL["dialplan"], "app_data": "vss"}}
    channels = msgspec.convert([CHANNEL, elsewhere, other_app, no_args], list[models.Channel])
    bridges = msgspec.convert([BRIDGE], list[models.Bridge])
    seen = translate.snapshot(channels, bridges, "vss")
    assert seen.channels == (
        ChannelSeen(C1, "Up", ("in",)),
        ChannelSeen(ChannelId("c2"), "Up", None),
        ChannelSeen(ChannelId("c3"), "Up", None),
        ChannelSeen(ChannelId("c4"), "Up", ()),
    )
    assert seen.bridges == (BridgeSeen(B1, frozenset({C1, ChannelId("c2")})),)


def heard(kind: str, **fields: object) -> wire.Event:
    event = wire.parse(frame(kind, **fields))
    assert not isinstance(event, (wire.UnknownEvent, wire.RESTResponse, wire.ChannelUserevent))
    return event


def test_second_of_two_equal_events_is_an_echo_even_with_others_between() -> None:
    echoes = Echoes()
    first = heard("ChannelDtmfReceived", digit="1", channel=CHANNEL)
    between = heard("ChannelEnteredBridge", bridge=BRIDGE, channel=CHANNEL)
    assert [echoes.is_echo(each) for each in (first, between, first, between)] == [False, False, True, True]


def test_same_key_pressed_again_is_no_echo() -> None:
    echoes = Echoes()
    presses = [heard("ChannelDtmfReceived", digit="1", channel=CHANNEL, timestamp=at) for at in ("t1", "t2")]
    assert not any(echoes.is_echo(press) for press in presses)


def test_joining_and_leaving_in_the_same_millisecond_are_two_events() -> None:
    echoes = Echoes()
    assert not echoes.is_echo(heard("ChannelEnteredBridge", bridge=BRIDGE, channel=CHANNEL))
    assert not echoes.is_echo(heard("ChannelLeftBridge", bridge=BRIDGE, channel=CHANNEL))


def test_echoes_forget_the_oldest() -> None:
    echoes = Echoes(remembered=2)
    presses = [heard("ChannelDtmfReceived", digit=key, channel=CHANNEL) for key in "1231"]
    assert [echoes.is_echo(press) for press in presses] == [False] * 4


def test_request_frame_carries_values_as_they_are_and_the_path_encoded() -> None:
    request = operations.channels_originate_with_id(
        "a/b c", endpoint="PJSIP/1@x", caller_id='"A + %" <1>', timeout=30, variables={"K": "v"}
    )
    decoded = json.loads(wire.encode("7", request))
    assert decoded == {
        "type": "RESTRequest",
        "request_id": "7",
        "method": "POST",
        "uri": "channels/a%2Fb%20c",
        "query_strings": [
            {"name": "endpoint", "value": "PJSIP/1@x"},
            {"name": "callerId", "value": '"A + %" <1>'},
            {"name": "timeout", "value": "30"},
        ],
        "content_type": "application/json",
        "message_body": '{"variables":{"K":"v"}}',
    }


def test_answer_is_read_as_its_operation_declares() -> None:
    channels = wire.decode_answer(operations.channels_list(), json.dumps([CHANNEL]))
    assert [channel.id for channel in channels] == ["c1"]
    with pytest.raises(TypeError):
        wire.decode_answer(operations.channels_hangup("c1"), "{}")
