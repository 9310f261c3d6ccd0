"""Agents' phones: a SIPp process that answers for slots, their registrations, their digits and the calls they make."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

from engine.adapters.asteriskconf import SlotAccount
from engine.stack.calllog import LoggedCall, read_calls
from engine.stack.ports import LOOPBACK
from engine.stack.report import StackFailure, log_tail
from engine.stack.scenario import Running, Scenario, SippHost, start

EXPIRY_S = 3600
_REFRESH_S = EXPIRY_S * 0.4
_REQUEST_TIMEOUT_S = 30.0
_label = itertools.count(1)


class PhoneManner(StrEnum):
    """What the phones do when they are called; the values are scenarios of /sipp."""

    ANSWERS = "agent_phone"
    BUSY = "agent_phone_busy"
    NO_ANSWER = "agent_phone_no_answer"


@dataclass(frozen=True, slots=True)
class PhonePorts:
    """UDP ports of a set of phones: where it listens, where its media goes, and one for requests it sends itself."""

    sip: int
    tone: int
    requests: int


@dataclass(frozen=True, slots=True)
class PhoneHabits:
    """How they behave. `hang_up_after_ms` 0: never by themselves."""

    manner: PhoneManner = PhoneManner.ANSWERS
    answer_after_ms: int = 50
    hang_up_after_ms: int = 0
    life_s: float = field(default=6 * 3600.0)


class Phones:
    """A running set of phones with one manner. `log` holds their calls, numbers being slots."""

    def __init__(self, host: SippHost, running: Running, slots: Sequence[SlotAccount], ports: PhonePorts) -> None:
        self._host = host
        self.running = running
        self.log = running.log
        self.ports = ports
        self._accounts = {slot.number: slot for slot in slots}
        self._registered: set[str] = set()
        self._requests = asyncio.Lock()
        self._keeper: asyncio.Task[None] | None = None

    @classmethod
    async def start(
        cls,
        host: SippHost,
        slots: Sequence[SlotAccount],
        ports: PhonePorts,
        habits: PhoneHabits | None = None,
        *,
        register: bool = True,
    ) -> Self:
        """Start the phones of `slots`, register them all, and keep them registered. Raises StackFailure."""
        manner = habits or PhoneHabits()
        variables: dict[str, str | int] = {}
        if manner.manner is PhoneManner.ANSWERS:
            variables = {
                "answer_after_ms": manner.answer_after_ms,
                "hang_up_after_ms": manner.hang_up_after_ms,
            }
        keys: dict[str, str | int] = {"tone_host": LOOPBACK, "tone_port": ports.tone}
        scenario = Scenario(manner.manner, ports.sip, variables=variables, keys=keys)
        running = await start(host, scenario, f"phones-{next(_label)}", manner.life_s)
        phones = cls(host, running, slots, ports)
        if register:
            try:
                await phones.register()
            except BaseException:
                await running.stop()
                raise
        phones._keeper = asyncio.create_task(phones._keep_registered(), name="phones stay registered")
        return phones

    async def register(self, *numbers: str) -> None:
        """Register these slots, or all. Raises StackFailure when Asterisk refuses one."""
        chosen = numbers or tuple(self._accounts)
        await self._send_registers(chosen, EXPIRY_S)
        self._registered.update(chosen)

    async def unregister(self, *numbers: str) -> None:
        """Take these slots' registrations back, or all."""
        chosen = tuple(number for number in numbers or tuple(self._accounts) if number in self._registered)
        self._registered.difference_update(chosen)
        if chosen:
            await self._send_registers(chosen, 0)

    def calls(self) -> list[LoggedCall]:
        """The calls the phones got. Raises CallLogError."""
        return read_calls(self.log)

    async def dial(self, slot: str, number: str, *, stay_ms: int = 2000) -> int:
        """Call `number` (a feature code, a slot, anyone) from a slot's phone as a second call, and hang up `stay_ms`
        after the answer unless the other side does; returns 0 when it was answered. Bounded by half a minute."""
        async with self._requests:
            return await self._finish(await self._begin_dial(slot, number, stay_ms))

    async def begin_dial(self, slot: str, number: str, *, stay_ms: int = 2000) -> Running:
        """The same without waiting: the caller finishes or stops it, and makes no other request meanwhile."""
        async with self._requests:
            return await self._begin_dial(slot, number, stay_ms)

    async def stop(self) -> None:
        """Unregister and end the phones; their open calls get no BYE."""
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
        with contextlib.suppress(StackFailure):
            await self.unregister()
        await self.running.stop()

    async def _begin_dial(self, slot: str, number: str, stay_ms: int) -> Running:
        account = self._accounts[slot]
        scenario = Scenario(
            "phone_dials",
            self.ports.requests,
            self._host.ports.sip,
            variables={"stay_ms": stay_ms},
            keys={"dialed": number, "tone_host": LOOPBACK, "tone_port": self.ports.tone},
            rows=_rows([(account.number, _credentials(account))]),
            options=("-m", "1"),
        )
        return await start(self._host, scenario, f"phone-{slot}-dials-{next(_label)}", _REQUEST_TIMEOUT_S)

    async def _keep_registered(self) -> None:
        while True:
            await asyncio.sleep(_REFRESH_S)
            if self._registered:
                # Asterisk may be away just now; the next round comes before the registration expires
                with contextlib.suppress(StackFailure):
                    await self._send_registers(tuple(self._registered), EXPIRY_S)

    async def _send_registers(self, numbers: Sequence[str], expiry_s: int) -> None:
        accounts = [self._accounts[number] for number in numbers]
        scenario = Scenario(
            "register",
            self.ports.requests,
            self._host.ports.sip,
            keys={"phone_host": LOOPBACK, "phone_port": self.ports.sip},
            rows=_rows((account.number, _credentials(account), expiry_s) for account in accounts),
            options=("-m", str(len(accounts)), "-r", "50"),
        )
        # one request at a time: they share a port, so that Asterisk sees one address per set of phones
        async with self._requests:
            running = await start(self._host, scenario, f"register-{next(_label)}", _REQUEST_TIMEOUT_S)
            code = await self._finish(running)
        if code != 0:
            raise StackFailure(
                "register", "Asterisk did not accept the phones' registrations", advice="See Asterisk's messages.log."
            )

    @staticmethod
    async def _finish(running: Running) -> int:
        try:
            return await running.finish(_REQUEST_TIMEOUT_S)
        except TimeoutError as error:
            await running.stop()
            name = running.scenario.name
            raise StackFailure(name, "no end within half a minute", log=log_tail(running.errors)) from error


def _credentials(account: SlotAccount) -> str:
    # SIPp expands it where the row is used; inside a scenario it cannot contain another [word]
    if any(character in account.password for character in "; []\r\n"):
        raise ValueError("SIPp cannot carry a password with blanks, brackets or semicolons: choose another")
    return f"[authentication username={account.number} password={account.password}]"


def _rows(rows: Iterable[tuple[str | int, ...]]) -> str:
    return "SEQUENTIAL\n" + "".join(";".join(map(str, row)) + ";\n" for row in rows)
