"""An Asterisk with everything that can be at its other side: carrier, phones, callers, tones. One per test module."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from engine.adapters.asteriskconf import SlotAccount, Trunk
from engine.stack.asterisk import Asterisk
from engine.stack.callers import CallerHabits, callers_with_ears
from engine.stack.calllog import LoggedCall, read_calls
from engine.stack.carrier import Carrier
from engine.stack.home import state_home
from engine.stack.instance import Stack
from engine.stack.phones import PhoneHabits, PhonePorts, Phones
from engine.stack.ports import LOOPBACK
from engine.stack.programs import Programs
from engine.stack.report import SilentReport
from engine.stack.scenario import Running
from engine.stack.tones import AGENT_HZ, CARRIER_HZ, ToneEnd

CALLER = "+12125550999"
FALLBACK = "+12125550191"
SLOTS = tuple(SlotAccount(str(number), f"secret{number}") for number in range(7001, 7007))
SETTLE_S = 20.0
FINISH_S = 30.0
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class FarEnds:
    """`carrier_tones` hears what customers hear, `caller_tones` what callers hear."""

    stack: Stack
    asterisk: Asterisk
    carrier: Carrier
    carrier_tones: ToneEnd

    @property
    def caller_port(self) -> int:
        return self.stack.ports.sipp[20]

    @asynccontextmanager
    async def phones(self, first: int, slots: tuple[SlotAccount, ...], habits: PhoneHabits) -> AsyncIterator[Phones]:
        """Registered phones on ports from the `first`-th of SIPp's on."""
        ports = self.stack.ports.sipp
        phones = await Phones.start(
            self.stack, slots, PhonePorts(ports[first], ports[first + 1], ports[first + 2]), habits
        )
        try:
            yield phones
        finally:
            await phones.stop()

    @asynccontextmanager
    async def tones(self, label: str, of: Phones | Running, port: int, sends_hz: int) -> AsyncIterator[ToneEnd]:
        """The media end of phones or callers."""
        expects_hz = CARRIER_HZ if sends_hz == AGENT_HZ else AGENT_HZ
        end = await ToneEnd.start(
            self.stack.directory, label, port=port, log=of.log, sends_hz=sends_hz, expects_hz=expects_hz
        )
        try:
            yield end
        finally:
            await end.stop()

    @asynccontextmanager
    async def caller(
        self, label: str, dialed: str, habits: CallerHabits, account: str = ""
    ) -> AsyncIterator[tuple[Running, ToneEnd]]:
        """Somebody calls us, with ears."""
        async with callers_with_ears(
            self.stack,
            [(CALLER, dialed)],
            label=label,
            port=self.caller_port,
            tone_port=self.stack.ports.sipp[21],
            habits=habits,
            account=account,
        ) as (running, tones):
            yield running, tones

    async def channels(self) -> int:
        """How many channels Asterisk has."""
        said = await self.asterisk.cli("core show channels count")
        return int(said.split(" active channel")[0].split()[-1])

    async def quiet(self) -> None:
        """Wait until no channel is left."""
        await eventually(self.channels, lambda count: count == 0)


@asynccontextmanager
async def open_far_ends(beside: Stack, label: str, programs: Programs) -> AsyncIterator[FarEnds]:
    """An instance of its own, so that other tests' Asterisk is not disturbed."""
    async with Stack.open(f"{beside.name}-{label}", state_home(), programs, SilentReport()) as stack:
        ports = stack.ports.sipp
        carrier = await Carrier.start(stack, port=ports[0], tone_port=ports[1])
        tones = await ToneEnd.start(
            stack.directory, "carrier-tones", port=ports[1], log=carrier.log, sends_hz=CARRIER_HZ, expects_hz=AGENT_HZ
        )
        try:
            asterisk = await stack.start_asterisk(
                slots=SLOTS,
                trunks=(
                    Trunk("carrier", LOOPBACK, ports[0], caller_id="+12125550100"),
                    Trunk("callers", LOOPBACK, ports[20]),
                ),
                fallback=(FALLBACK, "carrier"),
                callback_number="+12125550100",
            )
            yield FarEnds(stack, asterisk, carrier, tones)
        finally:
            await tones.stop()


async def hung_up(running: Running) -> LoggedCall:
    """What became of a caller's only call, once SIPp is done: its log tells of the end before the BYE is sent."""
    await running.finish(FINISH_S)
    return read_calls(running.log)[-1]


async def eventually(ask: Callable[[], Awaitable[Answer]], wanted: Callable[[Answer], bool]) -> Answer:
    """Ask every 50 ms until the answer is wanted; fails after 20 s with the last answer."""
    deadline = time.monotonic() + SETTLE_S
    while True:
        answer = await ask()
        if wanted(answer):
            return answer
        assert time.monotonic() < deadline, f"still {answer!r}"
        await asyncio.sleep(0.05)
