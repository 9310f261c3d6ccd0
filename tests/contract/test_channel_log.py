"""What every ChannelLog promises, Asterisk's own and the fake's alike: how channels went that nobody listened to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from engine.adapters.cel import CelLog
from engine.call.commands import CreateBridge, HangUp, Join
from engine.call.events import LegEnded, LegEntered, LegJoined
from engine.call.fate import Fate
from engine.fakes.asterisk import FakeAsterisk
from engine.fakes.metrics import FakeMetrics
from engine.ids import ChannelId
from engine.ports import ChannelLog
from engine.stack.asterisk import Asterisk
from tests.contract.telephony_rig import Rig, World, running
from tests.contract.test_telephony import BUSY, LISTENS, TALKS, UNALLOCATED

WRITTEN_S = 0.5
"""A line is written beside the channel's thread."""


@pytest.fixture
def log(world: World, request: pytest.FixtureRequest) -> ChannelLog:
    if isinstance(world.telephony, FakeAsterisk):
        return world.telephony.log
    asterisk: Asterisk = request.getfixturevalue("asterisk")
    return CelLog(asterisk.site.directory / "log" / "cel.json", FakeMetrics())


@pytest.fixture
async def rig(world: World) -> AsyncIterator[Rig]:
    async with running(world) as rig:
        yield rig


async def fate_of(log: ChannelLog, channel: ChannelId) -> Fate:
    await asyncio.sleep(WRITTEN_S)
    return (await log.fates([channel])).of[channel]


@pytest.mark.parametrize(("last_digit", "cause"), [(BUSY, 17), (UNALLOCATED, 1)])
async def test_leg_that_nobody_answered_has_its_cause(rig: Rig, log: ChannelLog, last_digit: int, cause: int) -> None:
    channel = rig.dial(last_digit)
    ended = await rig.heard.wait(LegEnded, channel=channel)
    fate = await fate_of(log, channel)
    assert (fate.answered_at, fate.bridged_at, fate.cause) == (None, None, cause)
    assert fate.ended_at is not None
    assert fate.began_at <= fate.ended_at
    assert fate.ended_at == pytest.approx(ended.at, abs=0.5)


async def test_leg_that_was_in_a_bridge_and_goes_on_has_no_end(rig: Rig, log: ChannelLog) -> None:
    channel, bridge = rig.dial(LISTENS), rig.bridge()
    rig.do(CreateBridge(bridge, "test"))
    entered = await rig.heard.wait(LegEntered, channel=channel)
    rig.do(Join(bridge, channel))
    joined = await rig.heard.wait(LegJoined, channel=channel)
    fate = await fate_of(log, channel)
    assert fate.answered_at == pytest.approx(entered.at, abs=0.5)
    assert fate.bridged_at == pytest.approx(joined.at, abs=0.5)
    assert fate.ended_at is None
    rig.do(HangUp(channel))
    await rig.heard.wait(LegEnded, channel=channel)
    assert (await fate_of(log, channel)).ended_at is not None


async def test_end_that_nobody_heard_is_there(rig: Rig, log: ChannelLog) -> None:
    channel = rig.dial(TALKS)
    await rig.heard.wait(LegEntered, channel=channel)
    await rig.cut()
    await asyncio.sleep(3.0)
    await rig.mend()
    assert channel not in {seen.channel for seen in (await rig.snapshot()).channels}
    fate = await fate_of(log, channel)
    assert fate.answered_at is not None
    assert fate.ended_at is not None


async def test_channel_that_was_never_made_is_told_from_one_that_was(rig: Rig, log: ChannelLog) -> None:
    made = rig.dial(BUSY)
    ended = await rig.heard.wait(LegEnded, channel=made)
    await asyncio.sleep(WRITTEN_S)
    fates = await log.fates([made, ChannelId("never")])
    assert fates.complete_since is not None
    assert fates.never_made(ChannelId("never"), ended.at + 10)
    assert not fates.never_made(made, ended.at + 10)
