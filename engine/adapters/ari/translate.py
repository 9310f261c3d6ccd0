"""ARI's events and objects -> what can happen to a call (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from engine.adapters.ari import wire
from engine.adapters.ari.generated import models
from engine.call.events import (
    BridgeSeen,
    ChannelSeen,
    LegAnswered,
    LegDigit,
    LegEnded,
    LegEntered,
    LegEvent,
    LegJoined,
    LegLeft,
    LegRecorded,
    LegRinging,
    PlaybackBegan,
    PlaybackEnded,
    PlaybackEvent,
    Snapshot,
)
from engine.ids import BridgeId, ChannelId, PlaybackId

SOMEBODY_THERE = frozenset({"RINGING", "PROGRESS"})
"""Dial states that prove a far end: 180, and 183 with early media, which shows in no channel state."""


def event(heard: wire.Event, at: float) -> LegEvent | PlaybackEvent | None:
    """The event of the core, or None where ARI says something that the core does not ask about.

    Ringing and answer come from Dial rather than ChannelStateChange: only Dial tells of early media (183), and it
    costs one frame more a call than the other, two less than both.
    """
    match heard:
        case wire.Dial():
            return _dialed(heard, at)
        case wire.StasisStart():
            channel = heard.channel
            return LegEntered(ChannelId(channel.id), heard.args, channel.caller.number, channel.dialplan.exten, at)
        case wire.ChannelDestroyed():
            return LegEnded(ChannelId(heard.channel.id), heard.cause, heard.tech_cause, at)
        case wire.ChannelEnteredBridge():
            return LegJoined(ChannelId(heard.channel.id), BridgeId(heard.bridge.id), at)
        case wire.ChannelLeftBridge():
            return LegLeft(ChannelId(heard.channel.id), BridgeId(heard.bridge.id), at)
        case wire.ChannelDtmfReceived():
            return LegDigit(ChannelId(heard.channel.id), heard.digit, at)
        case wire.PlaybackStarted(playback):
            return PlaybackBegan(PlaybackId(playback.id), _target(playback), at)
        case wire.PlaybackFinished(playback):
            return PlaybackEnded(PlaybackId(playback.id), _target(playback), playback.state == "failed", at)
        case wire.RecordingFinished(recording):
            return _recorded(recording, failed=False, at=at)
        case wire.RecordingFailed(recording):
            return _recorded(recording, failed=True, at=at)
        case wire.ApplicationReplaced():
            return None
    assert_never(heard)


def _target(playback: wire.Playback) -> ChannelId:
    return ChannelId(playback.target_uri.partition(":")[2])


def _recorded(recording: wire.LiveRecording, *, failed: bool, at: float) -> LegRecorded:
    channel = ChannelId(recording.target_uri.partition(":")[2])
    talking = recording.talking_duration
    talking_s = None if talking is None else float(talking)
    return LegRecorded(channel, recording.name, failed, float(recording.duration), talking_s, at)


def _dialed(heard: wire.Dial, at: float) -> LegRinging | LegAnswered | None:
    channel = ChannelId(heard.peer.id)
    if heard.dialstatus in SOMEBODY_THERE:
        return LegRinging(channel, at)
    if heard.dialstatus == "ANSWER":
        return LegAnswered(channel, at)
    return None  # the start of dialing, and failures, which ChannelDestroyed tells with their cause


def snapshot(channels: Sequence[models.Channel], bridges: Sequence[models.Bridge], app: str) -> Snapshot:
    """What Asterisk holds, as the core sees it. `app` is the name of our application."""
    return Snapshot(
        tuple(ChannelSeen(ChannelId(each.id), each.state, _app_args(each.dialplan, app)) for each in channels),
        tuple(
            BridgeSeen(BridgeId(each.id), frozenset(ChannelId(channel) for channel in each.channels))
            for each in bridges
        ),
    )


def _app_args(dialplan: models.DialplanCEP, app: str) -> tuple[str, ...] | None:
    """`Stasis(vss,customer)` -> `("customer",)`; None for a channel that is anywhere else."""
    name, *args = dialplan.app_data.split(",")
    return tuple(args) if dialplan.app_name == "Stasis" and name == app else None
