"""A Telephony with a carrier behind it, fake or real, as the contract suite sees it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
from collections.abc import AsyncIterator
from functools import partial
from typing import Protocol

from engine.adapters.ari.link import Limits
from engine.adapters.ari.socket import AriSettings
from engine.adapters.ari.telephony import AriTelephony
from engine.call.commands import DestroyBridge, HangUp, Originate, TelephonyCommand
from engine.call.events import CommandFailed, Failure, LegEnded, Snapshot, SocketLost, SocketRestored
from engine.fakes.asterisk import FakeAsterisk
from engine.ids import BridgeId, ChannelId, PlaybackId
from engine.ports import Telephony
from engine.runtime.steady import SteadyClock
from engine.stack.asterisk import Asterisk
from engine.stack.chaos_proxy import ChaosProxy
from engine.stack.tones import Heard as HeardCall
from engine.stack.tones import ToneEnd
from tests.contract.heard import Heard
from tests.eventually import until

MISSING_SOUND = "sound:no-such-sound"
_serials = itertools.count(1)


class World(Protocol):
    """What differs between the fake and the real."""

    telephony: Telephony

    def cut(self) -> None: ...
    def mend(self) -> None: ...
    async def press(self, number: str, channel: ChannelId, digits: str) -> None: ...
    async def received(self, number: str, channel: ChannelId, digits: str) -> None:
        """Wait until the far end has heard these keys."""
        ...


class FakeWorld:
    def __init__(self) -> None:
        self.telephony = FakeAsterisk(SteadyClock(), missing_media=[MISSING_SOUND])

    def cut(self) -> None:
        self.telephony.cut()

    def mend(self) -> None:
        self.telephony.mend()

    async def press(self, number: str, channel: ChannelId, digits: str) -> None:
        self.telephony.press(channel, digits)

    async def received(self, number: str, channel: ChannelId, digits: str) -> None:
        await until(lambda: (channel, digits) in self.telephony.sent_digits)


class RealWorld:
    """Asterisk behind a proxy that can cut the socket; SIPp as the carrier, whose media end presses keys."""

    def __init__(self, asterisk: Asterisk, proxy: ChaosProxy, tones: ToneEnd) -> None:
        self._proxy = proxy
        self._tones = tones
        settings = AriSettings(
            url=f"http://{proxy.host}:{proxy.port}/ari",
            username=asterisk.site.ari_user,
            password=asterisk.site.ari_password,
            app=asterisk.site.app_name,
            limits=Limits(away_after_s=5.0),
            backoff_max_s=0.2,
        )
        self.telephony = AriTelephony(settings, SteadyClock(), trunks=["carrier"], random=random.random)

    def cut(self) -> None:
        self._proxy.cut()

    def mend(self) -> None:
        self._proxy.heal()

    async def press(self, number: str, channel: ChannelId, digits: str) -> None:
        await self._connected(number)
        self._tones.press(number, digits)

    async def received(self, number: str, channel: ChannelId, digits: str) -> None:
        await until(lambda: any(call.number == number and call.digits == digits for call in self._open_calls()))

    async def _connected(self, number: str) -> None:
        """The media end follows the carrier's log: wait until it has the call, else it ignores orders."""
        await until(lambda: any(call.number == number for call in self._open_calls()))

    def _open_calls(self) -> list[HeardCall]:
        return [call for call in self._tones.heard() if call.closed_ms is None]


class Rig:
    """A running Telephony: `do` gives commands, `heard` holds what it told."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.telephony = world.telephony
        self.heard = Heard()

    def do(self, *commands: TelephonyCommand) -> None:
        for command in commands:
            self.telephony.perform(command, self.heard.failure)

    def new_id(self, kind: str) -> str:
        return f"{kind}-{next(_serials)}-{random.getrandbits(32):08x}"

    def channel(self) -> ChannelId:
        return ChannelId(self.new_id("leg"))

    def bridge(self) -> BridgeId:
        return BridgeId(self.new_id("bridge"))

    def playback(self) -> PlaybackId:
        return PlaybackId(self.new_id("playback"))

    def number(self, last_digit: int) -> str:
        """A number of the carrier, whose last digit is its behaviour (sipp/carrier.xml)."""
        return f"+1200555010{last_digit}"

    def dial(self, last_digit: int, *, ring_timeout_s: int = 20, endpoint: str | None = None) -> ChannelId:
        """Originate to a number of the carrier, or to `endpoint`, and return the leg's id."""
        channel = self.channel()
        number = self.number(last_digit)
        self.do(
            Originate(
                channel,
                endpoint if endpoint is not None else f"PJSIP/{number}@carrier",
                "vss-customer",
                "s",
                "+12005550999",
                ring_timeout_s,
                (("VSS_TEST", "yes"),),
            )
        )
        return channel

    async def snapshot(self) -> Snapshot:
        return await self.telephony.snapshot()

    async def cut(self) -> None:
        """Break the socket and wait until it is known."""
        losses = len(self.heard.of(SocketLost))
        self.world.cut()
        await self.heard.until(lambda: len(self.heard.of(SocketLost)) > losses, "the loss of the socket")

    async def mend(self) -> SocketRestored:
        """Let the socket come back and wait for it."""
        before = len(self.heard.of(SocketRestored))
        self.world.mend()
        await self.heard.until(lambda: len(self.heard.of(SocketRestored)) > before, "the return of the socket")
        return self.heard.of(SocketRestored)[-1]

    async def silence(self) -> None:
        """Hang up every leg and wait until none is left; destroy every bridge."""
        snapshot = await self.snapshot()
        self.do(*(HangUp(seen.channel) for seen in snapshot.channels))
        self.do(*(DestroyBridge(seen.bridge) for seen in snapshot.bridges))
        for seen in snapshot.channels:
            await self.heard.until(partial(self._is_over, seen.channel), f"the end of {seen.channel}")

    def _is_over(self, channel: ChannelId) -> bool:
        failures = self.heard.of(CommandFailed, command=HangUp(channel), failure=Failure.GONE)
        return bool(failures or self.heard.of(LegEnded, channel=channel))


@contextlib.asynccontextmanager
async def running(world: World) -> AsyncIterator[Rig]:
    """A rig whose socket is up; its legs are hung up at the end."""
    rig = Rig(world)
    task = asyncio.create_task(world.telephony.run(rig.heard.event))
    try:
        await rig.heard.wait(SocketRestored)
        yield rig
        if world.telephony.connected:
            await rig.silence()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
