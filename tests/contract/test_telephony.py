"""The contract of the Telephony port, on the fake Asterisk and on a real one with SIPp as the carrier."""

from __future__ import annotations

import asyncio

import pytest

from engine.call.commands import (
    Continue,
    CreateBridge,
    DestroyBridge,
    HangUp,
    Join,
    Play,
    SetVariable,
    StartMusic,
    StopMusic,
    StopPlay,
    TelephonyCommand,
)
from engine.call.events import (
    CommandFailed,
    Failure,
    LegAnswered,
    LegDigit,
    LegEnded,
    LegEntered,
    LegJoined,
    LegLeft,
    LegRinging,
    PlaybackBegan,
    PlaybackEnded,
    Snapshot,
    SocketLost,
    SocketRestored,
)
from engine.errors import Unavailable
from engine.ids import BridgeId, ChannelId, PlaybackId
from tests.contract.telephony_rig import MISSING_SOUND, Rig
from tests.eventually import eventually

TALKS, LISTENS, BUSY, RINGS, DECLINES, UNALLOCATED, CONGESTED, HANGS_UP, EARLY_MEDIA, SILENT = range(10)


async def entered(rig: Rig) -> ChannelId:
    """A leg that was answered and is in the application."""
    channel = rig.dial(LISTENS)
    await rig.heard.wait(LegEntered, channel=channel)
    return channel


async def in_bridge(rig: Rig) -> tuple[ChannelId, BridgeId]:
    """A leg that waits in a bridge of its own."""
    channel, bridge = await entered(rig), rig.bridge()
    rig.do(CreateBridge(bridge, "test"), Join(bridge, channel))
    await rig.heard.wait(LegJoined, channel=channel, bridge=bridge)
    return channel, bridge


def channels_of(snapshot: Snapshot) -> set[ChannelId]:
    return {seen.channel for seen in snapshot.channels}


async def test_run_begins_with_a_snapshot(rig: Rig) -> None:
    first = rig.heard.all[0]
    assert isinstance(first, SocketRestored)
    assert first.snapshot.channels == ()
    assert rig.telephony.connected


async def test_answered_call_rings_answers_and_enters_with_the_arguments_of_its_context(rig: Rig) -> None:
    channel = await entered(rig)
    ringing = rig.heard.of(LegRinging, channel=channel)[0]
    answered = rig.heard.of(LegAnswered, channel=channel)[0]
    inside = rig.heard.of(LegEntered, channel=channel)[0]
    assert inside.args == ("customer",)
    assert ringing.at <= answered.at <= inside.at
    assert rig.heard.all.index(ringing) < rig.heard.all.index(answered) < rig.heard.all.index(inside)
    assert not rig.heard.of(CommandFailed)


@pytest.mark.parametrize(
    ("behaviour", "cause", "sip_code", "rings"),
    [(BUSY, 17, 486, False), (DECLINES, 21, 603, True), (UNALLOCATED, 1, 404, False), (CONGESTED, 34, 503, False)],
)
async def test_refused_call_ends_with_its_cause(
    rig: Rig, behaviour: int, cause: int, sip_code: int, rings: bool
) -> None:
    channel = rig.dial(behaviour)
    ended = await rig.heard.wait(LegEnded, channel=channel)
    assert (ended.cause, ended.sip_code) == (cause, sip_code)
    assert bool(rig.heard.of(LegRinging, channel=channel)) is rings
    assert not rig.heard.of(LegAnswered, channel=channel)


async def test_early_media_counts_as_ringing(rig: Rig) -> None:
    channel = rig.dial(EARLY_MEDIA)
    await rig.heard.wait(LegEntered, channel=channel)
    assert rig.heard.of(LegRinging, channel=channel)


async def test_nobody_picks_up_ends_with_19_after_ringing(rig: Rig) -> None:
    channel = rig.dial(RINGS, ring_timeout_s=2)
    ended = await rig.heard.wait(LegEnded, channel=channel)
    assert (ended.cause, ended.sip_code) == (19, 480)
    assert rig.heard.of(LegRinging, channel=channel)


async def test_number_that_never_answers_at_all_ends_with_19_without_ringing(rig: Rig) -> None:
    channel = rig.dial(SILENT, ring_timeout_s=2)
    ended = await rig.heard.wait(LegEnded, channel=channel)
    assert (ended.cause, ended.sip_code) == (19, 480)
    assert not rig.heard.of(LegRinging, channel=channel)


@pytest.mark.parametrize("behaviour", [TALKS, HANGS_UP])
async def test_callee_that_hangs_up_ends_the_leg_without_a_cause(rig: Rig, behaviour: int) -> None:
    channel = rig.dial(behaviour)
    ended = await rig.heard.wait(LegEnded, channel=channel)
    assert (ended.cause, ended.sip_code) == (0, None)
    assert rig.heard.of(LegAnswered, channel=channel)


async def test_hanging_up_ends_an_answered_leg_with_16(rig: Rig) -> None:
    channel = await entered(rig)
    rig.do(HangUp(channel))
    assert (await rig.heard.wait(LegEnded, channel=channel)).cause == 16
    assert len(rig.heard.of(LegEnded, channel=channel)) == 1
    assert channel not in channels_of(await rig.snapshot())


async def test_hanging_up_ends_a_ringing_leg(rig: Rig) -> None:
    channel = rig.dial(RINGS)
    await rig.heard.wait(LegRinging, channel=channel)
    rig.do(HangUp(channel))
    await rig.heard.wait(LegEnded, channel=channel)
    assert not rig.heard.of(LegAnswered, channel=channel)


async def test_two_legs_in_one_bridge(rig: Rig) -> None:
    agent, bridge = await in_bridge(rig)
    customer = await entered(rig)
    rig.do(Join(bridge, customer))
    await rig.heard.wait(LegJoined, channel=customer, bridge=bridge)
    (seen,) = [each for each in (await rig.snapshot()).bridges if each.bridge == bridge]
    assert seen.channels == {agent, customer}
    rig.do(HangUp(customer))
    await rig.heard.wait(LegEnded, channel=customer)
    assert len(rig.heard.of(LegJoined, channel=agent)) == len(rig.heard.of(LegJoined, channel=customer)) == 1
    assert len(rig.heard.of(LegLeft, channel=customer, bridge=bridge)) == 1
    assert not rig.heard.of(LegLeft, channel=agent)


async def test_leg_moves_from_one_bridge_to_another(rig: Rig) -> None:
    channel, first = await in_bridge(rig)
    second = rig.bridge()
    rig.do(CreateBridge(second, "second"), Join(second, channel))
    await rig.heard.wait(LegJoined, channel=channel, bridge=second)
    left = rig.heard.of(LegLeft, channel=channel, bridge=first)
    assert rig.heard.all.index(left[0]) < rig.heard.all.index(rig.heard.of(LegJoined, bridge=second)[0])
    rig.do(DestroyBridge(first), DestroyBridge(second))


async def test_destroying_a_bridge_lets_its_legs_go_on(rig: Rig) -> None:
    channel, bridge = await in_bridge(rig)
    rig.do(DestroyBridge(bridge))
    await rig.heard.wait(LegLeft, channel=channel, bridge=bridge)

    async def is_there() -> bool:
        return bridge in {seen.bridge for seen in (await rig.snapshot()).bridges}

    await eventually(is_there, False)
    assert channel in channels_of(await rig.snapshot())
    assert not rig.heard.of(CommandFailed)


async def test_commands_repeated_change_nothing(rig: Rig) -> None:
    channel, bridge = await in_bridge(rig)
    rig.do(CreateBridge(bridge, "test"), Join(bridge, channel), StopMusic(channel), StopMusic(channel))
    (seen,) = [each for each in (await rig.snapshot()).bridges if each.bridge == bridge]
    assert seen.channels == {channel}
    assert not rig.heard.of(CommandFailed)


async def test_same_leg_is_never_dialed_twice(rig: Rig) -> None:
    channel = rig.dial(LISTENS)
    rig.channel = lambda: channel  # type: ignore[method-assign]
    rig.dial(LISTENS)
    await rig.heard.wait(LegEntered, channel=channel)
    assert len([seen for seen in (await rig.snapshot()).channels if seen.channel == channel]) == 1
    rig.do(HangUp(channel))
    await rig.heard.wait(LegEnded, channel=channel)
    assert len(rig.heard.of(LegAnswered, channel=channel)) == 1
    assert not rig.heard.of(CommandFailed)


async def test_music_starts_and_stops_for_a_waiting_leg(rig: Rig) -> None:
    channel, _ = await in_bridge(rig)
    rig.do(StartMusic(channel))
    await rig.snapshot()
    rig.do(StopMusic(channel))
    await rig.snapshot()
    assert not rig.heard.of(CommandFailed)


async def test_playback_that_runs_to_its_end(rig: Rig) -> None:
    channel, playback = await entered(rig), rig.playback()
    rig.do(Play(channel, playback, ("sound:beep", "sound:beep")))
    ended = await rig.heard.wait(PlaybackEnded, playback=playback)
    assert (ended.channel, ended.failed) == (channel, False)
    assert len(rig.heard.of(PlaybackEnded, playback=playback)) == 1
    began = rig.heard.of(PlaybackBegan, playback=playback)[0]  # Asterisk tells it of every sound in the list
    assert began.channel == channel
    assert rig.heard.all.index(began) < rig.heard.all.index(ended)


async def test_playback_that_is_stopped(rig: Rig) -> None:
    channel, playback = await entered(rig), rig.playback()
    rig.do(Play(channel, playback, ("tone:ring",)), StopPlay(playback))
    ended = await rig.heard.wait(PlaybackEnded, playback=playback)
    assert (ended.channel, ended.failed) == (channel, False)


async def test_media_that_does_not_exist_fails(rig: Rig) -> None:
    channel, playback = await entered(rig), rig.playback()
    rig.do(Play(channel, playback, (MISSING_SOUND,)))
    assert (await rig.heard.wait(PlaybackEnded, playback=playback)).failed


async def test_keys_pressed_by_the_far_end(rig: Rig) -> None:
    number = "+12015550191"  # of this test alone: the media end finds the call by its number
    channel = rig.dial(LISTENS, endpoint=f"PJSIP/{number}@carrier")
    await rig.heard.wait(LegEntered, channel=channel)
    await rig.world.press(number, channel, "42")
    await rig.heard.wait(LegDigit, channel=channel, digit="2")
    assert [heard.digit for heard in rig.heard.of(LegDigit, channel=channel)] == ["4", "2"]


async def test_leg_goes_on_in_the_dialplan_and_ends_there(rig: Rig) -> None:
    channel = await entered(rig)
    rig.do(SetVariable(channel, "VSS_RESULT", "ok"), Continue(channel))
    assert (await rig.heard.wait(LegEnded, channel=channel)).cause == 16
    assert not rig.heard.of(CommandFailed)


@pytest.mark.parametrize("endpoint", ["PJSIP/+12005550101@no-such-trunk", "PJSIP/no-such-seat"])
async def test_unknown_endpoint_is_refused(rig: Rig, endpoint: str) -> None:
    channel = rig.dial(LISTENS, endpoint=endpoint)
    failed = await rig.heard.wait(CommandFailed)
    assert failed.failure is Failure.REFUSED
    assert channel not in channels_of(await rig.snapshot())
    assert not rig.heard.of(LegEnded, channel=channel)


GONE_CHANNEL = ChannelId("gone-channel")
GONE_BRIDGE = BridgeId("gone-bridge")


@pytest.mark.parametrize(
    "command",
    [
        HangUp(GONE_CHANNEL),
        StartMusic(GONE_CHANNEL),
        StopMusic(GONE_CHANNEL),
        Play(GONE_CHANNEL, PlaybackId("never"), ("sound:beep",)),
        StopPlay(PlaybackId("never")),
        SetVariable(GONE_CHANNEL, "A", "b"),
        Continue(GONE_CHANNEL),
        DestroyBridge(GONE_BRIDGE),
        Join(GONE_BRIDGE, GONE_CHANNEL),
    ],
    ids=lambda command: type(command).__name__,
)
async def test_command_for_something_gone_is_a_fact(rig: Rig, command: TelephonyCommand) -> None:
    rig.do(command)
    failed = await rig.heard.wait(CommandFailed)
    assert (failed.command, failed.failure) == (command, Failure.GONE)


async def test_joining_a_leg_that_is_gone_is_a_fact(rig: Rig) -> None:
    bridge = rig.bridge()
    join = Join(bridge, GONE_CHANNEL)
    rig.do(CreateBridge(bridge, "test"), join)
    failed = await rig.heard.wait(CommandFailed)
    assert (failed.command, failed.failure) == (join, Failure.GONE)
    rig.do(DestroyBridge(bridge))


async def test_failures_come_later_from_the_loop_and_not_while_performing(rig: Rig) -> None:
    rig.do(HangUp(GONE_CHANNEL))
    assert not rig.heard.of(CommandFailed)
    await rig.heard.wait(CommandFailed)
    await rig.cut()
    before = len(rig.heard.of(CommandFailed))
    rig.do(HangUp(GONE_CHANNEL))
    assert len(rig.heard.of(CommandFailed)) == before
    await rig.heard.until(lambda: len(rig.heard.of(CommandFailed)) > before, "the failure")
    await rig.mend()


async def test_without_a_socket_nothing_is_dialed(rig: Rig) -> None:
    await rig.cut()
    assert not rig.telephony.connected
    channel = rig.dial(LISTENS)
    failed = await rig.heard.wait(CommandFailed)
    assert failed.failure is Failure.NOT_SENT
    with pytest.raises(Unavailable):
        await rig.snapshot()
    restored = await rig.mend()
    assert channel not in channels_of(restored.snapshot)
    assert channel not in channels_of(await rig.snapshot())
    assert not rig.heard.of(LegRinging, channel=channel)


async def test_socket_that_comes_back_brings_a_snapshot_of_what_went_on(rig: Rig) -> None:
    agent, bridge = await in_bridge(rig)
    ringing = rig.dial(RINGS)
    await rig.heard.wait(LegRinging, channel=ringing)
    await rig.cut()
    restored = await rig.mend()
    seen = {each.channel: each for each in restored.snapshot.channels}
    assert seen[agent].app_args == ("customer",)
    assert seen[agent].state == "Up"
    assert seen[ringing].app_args is None
    assert seen[ringing].state == "Ringing"
    assert [each.channels for each in restored.snapshot.bridges if each.bridge == bridge] == [{agent}]
    assert rig.telephony.connected
    assert rig.heard.all.index(rig.heard.of(SocketLost)[0]) < rig.heard.all.index(restored)


async def test_events_go_on_after_the_socket_came_back(rig: Rig) -> None:
    channel = await entered(rig)
    await rig.cut()
    await rig.mend()
    rig.do(HangUp(channel))
    await rig.heard.wait(LegEnded, channel=channel)
    again = rig.dial(BUSY)
    assert (await rig.heard.wait(LegEnded, channel=again)).cause == 17


async def test_leg_that_ends_while_the_socket_is_away_is_missing_from_the_snapshot(rig: Rig) -> None:
    channel = rig.dial(RINGS, ring_timeout_s=1)
    await rig.heard.wait(LegRinging, channel=channel)
    await rig.cut()
    await asyncio.sleep(1.5)
    restored = await rig.mend()
    assert channel not in channels_of(restored.snapshot)
    assert not rig.heard.of(LegEnded, channel=channel)


async def test_many_commands_at_once_are_carried_out_in_order(rig: Rig) -> None:
    bridges = {rig.bridge() for _ in range(100)}
    for bridge in bridges:
        rig.do(CreateBridge(bridge, "many"), DestroyBridge(bridge))

    async def left_over() -> int:
        return len({seen.bridge for seen in (await rig.snapshot()).bridges} & bridges)

    await eventually(left_over, 0)  # Asterisk's list of bridges follows a moment later
    assert not rig.heard.of(CommandFailed)
