"""The ARI client against a real Asterisk: its types, its filter, takeover, a stalled and a restarted Asterisk."""

from __future__ import annotations

import asyncio
import base64
import itertools
import os
import random
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from engine.adapters.ari import websocket
from engine.adapters.ari.generated import operations
from engine.adapters.ari.generated.events import EVENTS
from engine.adapters.ari.link import Limits
from engine.adapters.ari.socket import AriSettings
from engine.adapters.ari.telephony import AriTelephony
from engine.adapters.asteriskconf import Trunk
from engine.call.commands import CreateBridge, DestroyBridge, HangUp, Join, Originate, Play
from engine.call.events import (
    CommandFailed,
    Failure,
    LegEnded,
    LegEntered,
    LegJoined,
    PlaybackEnded,
    SocketLost,
    SocketRestored,
)
from engine.errors import Unavailable
from engine.ids import BridgeId, ChannelId, PlaybackId
from engine.runtime.steady import SteadyClock
from engine.stack.asterisk import Asterisk
from engine.stack.carrier import Carrier
from engine.stack.home import state_home
from engine.stack.instance import Stack
from engine.stack.ports import LOOPBACK
from engine.stack.programs import Programs
from engine.stack.report import SilentReport
from tests.contract.heard import Heard
from tests.eventually import until
from tools import generate_ari

pytestmark = pytest.mark.live

LISTENS, BUSY, RINGS = "+12005550101", "+12005550102", "+12005550103"
AWAY_AFTER_S = 1.0
_serials = itertools.count(1)


@pytest.fixture(scope="module")
async def instance(stack: Stack, programs: Programs) -> AsyncIterator[Stack]:
    """An instance beside the run's own, so that stalling it disturbs no other test."""
    async with Stack.open(f"{stack.name}-ari", state_home(), programs, SilentReport()) as opened:
        port = opened.ports.sipp[0]
        await Carrier.start(opened, port=port, tone_port=port + 1)
        await opened.start_asterisk(trunks=(Trunk("carrier", LOOPBACK, port),))
        yield opened


def telephony(asterisk: Asterisk, connect_timeout_s: float = 5.0) -> AriTelephony:
    site = asterisk.site
    settings = AriSettings(
        f"{asterisk.ari_url}/ari",
        site.ari_user,
        site.ari_password,
        site.app_name,
        limits=Limits(away_after_s=AWAY_AFTER_S),
        connect_timeout_s=connect_timeout_s,
        backoff_max_s=0.2,
    )
    return AriTelephony(settings, SteadyClock(), trunks=["carrier"], random=random.random)


@asynccontextmanager
async def running(client: AriTelephony) -> AsyncIterator[tuple[Heard, asyncio.Task[None]]]:
    heard = Heard()
    task = asyncio.create_task(client.run(heard.event))
    try:
        await heard.wait(SocketRestored)
        yield heard, task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def dial(client: AriTelephony, heard: Heard, number: str) -> ChannelId:
    channel = ChannelId(f"live-{next(_serials)}-{random.getrandbits(32):08x}")
    leg = Originate(channel, f"PJSIP/{number}@carrier", "vss-customer", "s", "+12005550999", 20)
    client.perform(leg, heard.failure)
    return channel


async def one_call(client: AriTelephony, heard: Heard) -> None:
    """A leg that is answered, bridged, spoken to and hung up."""
    channel = dial(client, heard, LISTENS)
    bridge, playback = BridgeId(f"b-{channel}"), PlaybackId(f"p-{channel}")
    await heard.wait(LegEntered, channel=channel)
    client.perform(Play(channel, playback, ("sound:beep",)), heard.failure)
    await heard.wait(PlaybackEnded, playback=playback)
    client.perform(CreateBridge(bridge, "b"), heard.failure)
    client.perform(Join(bridge, channel), heard.failure)
    await heard.wait(LegJoined, channel=channel)
    client.perform(HangUp(channel), heard.failure)
    client.perform(DestroyBridge(bridge), heard.failure)
    await heard.wait(LegEnded, channel=channel)
    assert not heard.of(CommandFailed)


def test_every_generated_operation_exists_in_this_asterisk(instance: Stack) -> None:
    """A newer Asterisk may add; what was generated must still be there."""
    folder = instance.asterisk.site.data_directory / "rest-api"
    there = {(each.python_name, each.method, each.path) for each in generate_ari.read(folder).operations}
    text = Path(operations.__file__).read_text()
    generated = set(re.findall(r'^def (\w+)\(.*\n    """(\w+) (\S+)"""', text, re.MULTILINE))
    assert len(generated) > 100
    assert generated <= there


async def test_every_event_of_a_call_is_readable_with_its_generated_type(instance: Stack) -> None:
    site = instance.asterisk.site
    frames: list[bytes] = []
    token = base64.b64encode(f"{site.ari_user}:{site.ari_password}".encode()).decode()
    watcher = await websocket.connect(
        f"{instance.asterisk.ari_url}/ari/events?app=watcher&subscribeAll=true",
        {"Authorization": f"Basic {token}"},
        frames.append,
        lambda reason: None,
        timeout_s=5,
        message_max_bytes=1 << 20,
        random_bytes=os.urandom,
    )
    client = telephony(instance.asterisk)
    try:
        async with running(client) as (heard, _):
            await one_call(client, heard)
            await until(lambda: any(b'"ChannelDestroyed"' in frame for frame in frames))
    finally:
        watcher.close("done")
    seen = set[str]()
    for frame in frames:
        kind = msgspec.json.decode(frame)["type"]
        msgspec.json.decode(frame, type=EVENTS[kind])
        seen.add(kind)
    assert seen >= {"ChannelCreated", "ChannelStateChange", "Dial", "ChannelVarset", "PlaybackStarted", "BridgeCreated"}


async def test_filter_lets_only_wanted_events_through(instance: Stack) -> None:
    client = telephony(instance.asterisk)
    async with running(client) as (heard, _):
        await one_call(client, heard)
    assert client.counters.events_unknown == 0
    assert client.counters.events_failed == 0


async def test_second_client_of_the_same_application_stops_the_first(instance: Stack) -> None:
    first, second = telephony(instance.asterisk), telephony(instance.asterisk)
    async with running(first) as (_, task), running(second) as (heard, _):
        with pytest.raises(Unavailable, match="took the application"):
            await asyncio.wait_for(asyncio.shield(task), 10)
        assert not first.connected
        await one_call(second, heard)


async def test_stalled_asterisk_is_away_and_comes_back(instance: Stack) -> None:
    client, pid = telephony(instance.asterisk), instance.asterisk.process.pid
    async with running(client) as (heard, _):
        channel = dial(client, heard, LISTENS)
        await heard.wait(LegEntered, channel=channel)
        os.kill(pid, signal.SIGSTOP)
        try:
            command = HangUp(channel)
            client.perform(command, heard.failure)
            await heard.wait(SocketLost)
            failed = await heard.wait(CommandFailed, command=command)
            assert failed.failure is Failure.TIMED_OUT
            assert not client.connected
            refused = dial(client, heard, LISTENS)
            await heard.until(lambda: len(heard.of(CommandFailed)) == 2, "the refusal")
            assert heard.of(CommandFailed)[1].failure is Failure.NOT_SENT
        finally:
            os.kill(pid, signal.SIGCONT)
        await heard.until(lambda: len(heard.of(SocketRestored)) == 2, "the return of the socket")
        seen = {each.channel for each in (await client.snapshot()).channels}
        assert refused not in seen
        if channel in seen:
            client.perform(HangUp(channel), heard.failure)
            await heard.wait(LegEnded, channel=channel)


async def test_silent_stall_without_any_request_is_noticed_too(instance: Stack) -> None:
    client, pid = telephony(instance.asterisk), instance.asterisk.process.pid
    async with running(client) as (heard, _):
        os.kill(pid, signal.SIGSTOP)
        try:
            await heard.wait(SocketLost)
        finally:
            os.kill(pid, signal.SIGCONT)
        await heard.until(lambda: len(heard.of(SocketRestored)) == 2, "the return of the socket")


async def test_own_connections_that_stalled_asterisk_serves_late_are_not_taken_for_a_takeover(instance: Stack) -> None:
    """Handshakes that timed out here are answered once Asterisk goes on, after or before the one that counts."""
    client, pid = telephony(instance.asterisk, connect_timeout_s=0.1), instance.asterisk.process.pid
    async with running(client) as (heard, task):
        for round_number in range(2, 5):
            os.kill(pid, signal.SIGSTOP)
            try:
                await heard.until(lambda: not client.connected, "the loss of the socket")
                await asyncio.sleep(1.5)
            finally:
                os.kill(pid, signal.SIGCONT)
            await heard.until(lambda: len(heard.of(SocketRestored)) >= round_number, "the return of the socket")  # noqa: B023
            assert not task.done()
        await until(lambda: client.connected)
        await one_call(client, heard)


async def test_restarted_asterisk_is_subscribed_and_filtered_again(instance: Stack) -> None:
    client = telephony(instance.asterisk)
    async with running(client) as (heard, _):
        ringing = dial(client, heard, RINGS)
        await until(lambda: bool(heard.all[1:]))
        await instance.restart_asterisk()
        await heard.until(lambda: len(heard.of(SocketRestored)) == 2, "the return of the socket")
        assert ringing not in {seen.channel for seen in heard.of(SocketRestored)[1].snapshot.channels}
        busy = dial(client, heard, BUSY)
        assert (await heard.wait(LegEnded, channel=busy)).cause == 17
    assert client.counters.events_unknown == 0
