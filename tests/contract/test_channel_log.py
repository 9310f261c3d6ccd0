"""What every ChannelLog promises, Asterisk's own and the fake's alike: how channels went that nobody listened to."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from functools import partial

import aiohttp
import pytest

from engine.adapters.cel import CelLog
from engine.adapters.cel import log as module
from engine.call.commands import CreateBridge, HangUp, Join
from engine.call.events import LegEnded, LegEntered, LegJoined, LegRinging
from engine.call.fate import NOT_MADE_AFTER_S, Fate
from engine.fakes.asterisk import FakeAsterisk
from engine.fakes.metrics import FakeMetrics
from engine.ids import ChannelId
from engine.ports import ChannelLog
from engine.stack.asterisk import Asterisk
from engine.stack.home import state_home
from engine.stack.instance import Stack
from engine.stack.programs import Programs
from engine.stack.report import SilentReport
from tests.contract.telephony_rig import Rig, World, running
from tests.contract.test_telephony import BUSY, DECLINES, HANGS_UP, LISTENS, RINGS, TALKS, UNALLOCATED
from tests.eventually import eventually

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
    never = ChannelId("never")
    first = rig.dial(BUSY)
    before = await rig.heard.wait(LegEnded, channel=first)
    await asyncio.sleep(2 * NOT_MADE_AFTER_S + 1.0)
    assert not (await log.fates([never])).never_made(never, before.at + 1.5), "nothing later is written"
    later = rig.dial(BUSY)
    await rig.heard.wait(LegEnded, channel=later)
    await asyncio.sleep(WRITTEN_S)
    fates = await log.fates([first, never])
    assert fates.never_made(never, before.at + 1.5)
    assert not fates.never_made(first, before.at + 1.5)


@pytest.mark.parametrize(("last_digit", "left"), [(BUSY, True), (DECLINES, True), (HANGS_UP, True), (LISTENS, False)])
async def test_whether_the_far_end_hung_up_is_told(rig: Rig, log: ChannelLog, last_digit: int, left: bool) -> None:
    channel = rig.dial(last_digit)
    if not left:
        await rig.heard.wait(LegEntered, channel=channel)
        rig.do(HangUp(channel))
    await rig.heard.wait(LegEnded, channel=channel)
    assert (await fate_of(log, channel)).far_end_left is left


async def test_end_of_a_ring_without_an_answer_is_asterisks(rig: Rig, log: ChannelLog) -> None:
    channel = rig.dial(RINGS, ring_timeout_s=1)
    await rig.heard.wait(LegEnded, channel=channel)
    fate = await fate_of(log, channel)
    assert (fate.answered_at, fate.cause, fate.far_end_left) == (None, 19, False)


async def test_end_of_the_dialplans_message_is_asterisks(rig: Rig, log: ChannelLog) -> None:
    """Who answers while nobody listens hears the message, and is hung up on."""
    channel = rig.dial(LISTENS)
    await rig.heard.wait(LegRinging, channel=channel)
    await rig.cut()
    await eventually(partial(has_ended, log, channel), True, 30.0)
    await rig.mend()
    fate = await fate_of(log, channel)
    assert fate.answered_at is not None
    assert (fate.bridged_at, fate.cause, fate.far_end_left) == (None, 16, False)


async def has_ended(log: ChannelLog, channel: ChannelId) -> bool:
    fate = (await log.fates([channel])).of.get(channel)
    return fate is not None and fate.ended_at is not None


@pytest.mark.live
async def test_what_was_written_survives_asterisk_killed_and_a_file_put_aside(
    stack: Stack, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log goes on behind it, in the same file or a new one."""
    monkeypatch.setattr(module, "KEPT_MAX", 0)
    async with Stack.open(f"{stack.name}-cel", state_home(), programs, SilentReport()) as own:
        asterisk = await own.start_asterisk()
        path = asterisk.site.directory / "log" / "cel.json"
        log = CelLog(path, FakeMetrics())
        killed, aside, back = (ChannelId(name) for name in ("killed", "aside", "back"))
        await make(asterisk, killed)
        await written(log, killed)
        asterisk.process.signal(signal.SIGKILL)
        await asterisk.stop()
        asterisk = await own.start_asterisk()
        await make(asterisk, aside)
        await written(log, aside)
        log._put_aside()
        assert not path.exists()
        assert (await log.fates([killed, aside])).of.keys() == {killed, aside}
        await make(asterisk, back)
        await written(log, back)
        assert path.exists(), "Asterisk begins a file anew"
        fates = await log.fates([killed, aside, back])
        assert fates.of.keys() == {killed, aside, back}


async def make(asterisk: Asterisk, channel: ChannelId) -> None:
    """A leg of Asterisk's own."""
    site = asterisk.site
    told = {"endpoint": "Local/s@vss-identity", "app": site.app_name, "channelId": channel}
    async with (
        aiohttp.ClientSession(
            headers={"Authorization": aiohttp.encode_basic_auth(site.ari_user, site.ari_password)}
        ) as ari,
        ari.post(f"{asterisk.ari_url}/ari/channels", json=told, timeout=aiohttp.ClientTimeout(5.0)) as answer,
    ):
        assert answer.status == 200, await answer.text()


async def written(log: CelLog, channel: ChannelId) -> None:
    """Wait until nothing more is to be written of it: nobody is there for it, so it ends at once."""
    await eventually(partial(has_ended, log, channel), True, 5.0)
