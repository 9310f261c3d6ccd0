"""The contract of the Telephony port for what is heard, recorded and pressed, on the fake Asterisk and a real one."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from engine.call.commands import (
    ContinueAt,
    CreateBridge,
    HangUp,
    Join,
    Leave,
    OpenMedia,
    PauseRecording,
    RecordLeg,
    ResumeRecording,
    SendDigits,
    Snoop,
    StopRecording,
    TelephonyCommand,
)
from engine.call.events import (
    CommandFailed,
    Failure,
    LegEnded,
    LegEntered,
    LegJoined,
    LegLeft,
    LegRecorded,
)
from engine.ids import BridgeId, ChannelId
from tests.contract.telephony_rig import Rig
from tests.contract.test_telephony import LISTENS, channels_of, entered, in_bridge

GONE_CHANNEL, GONE_BRIDGE = ChannelId("gone-channel"), BridgeId("gone-bridge")


@asynccontextmanager
async def audio_server() -> AsyncIterator[str]:
    """Somebody who takes the sound of taps and says nothing; the address."""

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(4096):
            pass
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        yield f"{host}:{port}"


def recording(rig: Rig, channel: ChannelId, max_s: int = 30) -> RecordLeg:
    return RecordLeg(channel, rig.new_id("recording"), max_s, 0, beep=False)


async def begun(rig: Rig, record: RecordLeg) -> None:
    """A recording that has gone on for a moment: a real one begins a moment after it was asked for."""
    rig.do(record)
    await asyncio.sleep(0.5)
    assert not rig.heard.of(CommandFailed)


async def test_leg_that_leaves_its_bridge_stays_in_the_application(rig: Rig) -> None:
    channel, bridge = await in_bridge(rig)
    rig.do(Leave(bridge, channel))
    await rig.heard.wait(LegLeft, channel=channel, bridge=bridge)
    (seen,) = [seen for seen in (await rig.snapshot()).channels if seen.channel == channel]
    assert seen.app_args == ("customer",)
    rig.do(Join(bridge, channel))
    await rig.heard.until(lambda: len(rig.heard.of(LegJoined, channel=channel)) == 2, "the leg in its bridge again")


async def test_leaving_a_bridge_in_which_a_leg_is_not_changes_nothing(rig: Rig) -> None:
    (channel, bridge), other = await in_bridge(rig), rig.bridge()
    rig.do(CreateBridge(other, "test"), Leave(other, channel))
    snapshot = await rig.snapshot()
    assert {seen.bridge: seen.channels for seen in snapshot.bridges}[bridge] == {channel}
    assert not rig.heard.of(LegLeft)


async def test_muted_leg_is_in_the_bridge_like_any_other(rig: Rig) -> None:
    channel, bridge = await entered(rig), rig.bridge()
    rig.do(CreateBridge(bridge, "test"), Join(bridge, channel, mute=True))
    await rig.heard.wait(LegJoined, channel=channel, bridge=bridge)
    rig.do(Join(bridge, channel))
    assert channel in channels_of(await rig.snapshot())
    assert not rig.heard.of(CommandFailed)


async def test_recording_ends_at_its_limit(rig: Rig) -> None:
    channel = await entered(rig)
    record = recording(rig, channel, max_s=1)
    rig.do(record)
    ended = await rig.heard.wait(LegRecorded, name=record.name)
    assert (ended.channel, ended.failed) == (channel, False)
    assert 0.5 <= ended.duration_s <= 3.0


async def test_recording_that_is_stopped_is_kept_and_then_gone(rig: Rig) -> None:
    record = recording(rig, await entered(rig))
    await begun(rig, record)
    rig.do(StopRecording(record.name))
    ended = await rig.heard.wait(LegRecorded, name=record.name)
    assert not ended.failed
    rig.do(StopRecording(record.name))
    assert (await rig.heard.wait(CommandFailed)).failure is Failure.GONE


async def test_recording_is_paused_and_goes_on(rig: Rig) -> None:
    record = recording(rig, await entered(rig))
    await begun(rig, record)
    rig.do(PauseRecording(record.name), PauseRecording(record.name), ResumeRecording(record.name))
    rig.do(StopRecording(record.name))
    assert not (await rig.heard.wait(LegRecorded, name=record.name)).failed
    assert not rig.heard.of(CommandFailed)


async def test_recording_ends_with_its_leg(rig: Rig) -> None:
    channel = await entered(rig)
    record = recording(rig, channel)
    await begun(rig, record)
    rig.do(HangUp(channel))
    recorded = await rig.heard.wait(LegRecorded, name=record.name)
    ended = await rig.heard.wait(LegEnded, channel=channel)
    assert not recorded.failed
    assert rig.heard.all.index(recorded) < rig.heard.all.index(ended)


async def test_snoop_enters_with_its_arguments_and_ends_with_the_leg_it_hears(rig: Rig) -> None:
    channel, snoop = await entered(rig), rig.channel()
    rig.do(Snoop(channel, snoop, "in", ("listen", "to")))
    inside = await rig.heard.wait(LegEntered, channel=snoop)
    assert inside.args == ("listen", "to")
    rig.do(HangUp(channel))
    await rig.heard.wait(LegEnded, channel=channel)
    await rig.heard.wait(LegEnded, channel=snoop)


async def test_snoop_that_is_hung_up_leaves_the_leg_it_heard(rig: Rig) -> None:
    channel, snoop = await entered(rig), rig.channel()
    rig.do(Snoop(channel, snoop, "both"))
    await rig.heard.wait(LegEntered, channel=snoop)
    rig.do(HangUp(snoop))
    await rig.heard.wait(LegEnded, channel=snoop)
    assert channel in channels_of(await rig.snapshot())
    assert not rig.heard.of(LegEnded, channel=channel)


async def test_tap_enters_the_application_and_goes_when_it_is_hung_up(rig: Rig) -> None:
    async with audio_server() as address:
        tap = rig.channel()
        rig.do(OpenMedia(tap, address, str(uuid.uuid4())))
        await rig.heard.wait(LegEntered, channel=tap)
        rig.do(HangUp(tap))
        await rig.heard.wait(LegEnded, channel=tap)
        assert tap not in channels_of(await rig.snapshot())


async def test_keys_reach_the_far_end(rig: Rig) -> None:
    channel = await entered(rig)
    rig.do(SendDigits(channel, "42#", 100))
    await rig.world.received(rig.number(LISTENS), channel, "42#")


async def test_leg_that_is_sent_where_the_dialplan_has_nothing_ends(rig: Rig) -> None:
    channel = await entered(rig)
    rig.do(ContinueAt(channel, "no-such-context"))
    await rig.heard.wait(LegEnded, channel=channel)
    assert not rig.heard.of(CommandFailed)


@pytest.mark.parametrize(
    "command",
    [
        Leave(GONE_BRIDGE, GONE_CHANNEL),
        ContinueAt(GONE_CHANNEL, "vss-customer"),
        RecordLeg(GONE_CHANNEL, "never", 10, 0, beep=False),
        StopRecording("never"),
        PauseRecording("never"),
        ResumeRecording("never"),
        Snoop(GONE_CHANNEL, ChannelId("never"), "in"),
        SendDigits(GONE_CHANNEL, "1", 100),
    ],
    ids=lambda command: type(command).__name__,
)
async def test_command_for_something_gone_is_a_fact(rig: Rig, command: TelephonyCommand) -> None:
    rig.do(command)
    failed = await rig.heard.wait(CommandFailed)
    assert (failed.command, failed.failure) == (command, Failure.GONE)
