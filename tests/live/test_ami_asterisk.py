"""The AMI observer with a real Asterisk and a phone that registers, falls silent and leaves."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from engine.adapters.ami import AmiObserver
from engine.adapters.asteriskconf import SlotAccount
from engine.fakes.metrics import FakeMetrics
from engine.ids import Slot
from engine.stack.chaos_proxy import ChaosProxy
from engine.stack.home import state_home
from engine.stack.instance import Stack
from engine.stack.programs import Programs
from engine.stack.report import SilentReport
from tests.eventually import until
from tests.live.bare_ari import BareAri
from tests.live.phone import Phone

pytestmark = pytest.mark.live

SLOTS = tuple(SlotAccount(str(number), f"secret{number}") for number in range(7001, 7005))
WAIT_S = 30.0
SEVEN = Slot(7001)


@pytest.fixture(scope="module")
async def instance(stack: Stack, programs: Programs) -> AsyncIterator[Stack]:
    async with Stack.open(f"{stack.name}-ami", state_home(), programs, SilentReport()) as opened:
        await opened.start_asterisk(slots=SLOTS)
        yield opened


class Watch:
    """An observer that runs, and what it said last of each slot."""

    def __init__(self, instance: Stack, port: int | None = None) -> None:
        site = instance.asterisk.site
        self.told: dict[Slot, bool] = {}
        self.observer = AmiObserver(
            site.http_host, port or site.ami_port, site.ami_user, site.ami_password, self._take, FakeMetrics(),
            poll_s=0.2, backoff_first_s=0.1,
        )  # fmt: skip

    def _take(self, slot: Slot, registered: bool, at: float) -> None:
        self.told[slot] = registered

    async def __aenter__(self) -> Watch:
        self._task = asyncio.create_task(self.observer.run())
        await until(lambda: self.observer.connected, WAIT_S)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def says(self, slot: Slot, registered: bool) -> None:
        await until(lambda: self.told.get(slot) is registered, WAIT_S)


def phone(instance: Stack, number: int = 7001) -> Phone:
    site = instance.asterisk.site
    return Phone((site.sip_host, site.sip_port), str(number), f"secret{number}")


async def test_phone_that_registers_and_leaves_is_seen(instance: Stack) -> None:
    async with Watch(instance) as watch, phone(instance) as desk:
        assert watch.told == {}
        await desk.register()
        await watch.says(SEVEN, True)
        assert watch.observer.registered == {SEVEN}
        await desk.register(expires_s=0)
        await watch.says(SEVEN, False)


async def test_phones_that_were_there_before_are_told_at_connect(instance: Stack) -> None:
    async with phone(instance) as first, phone(instance, 7002) as second:
        await first.register()
        await second.register()
        async with Watch(instance) as watch:
            assert watch.told == {SEVEN: True, Slot(7002): True}
            await first.register(expires_s=0)
            await second.register(expires_s=0)
            await watch.says(SEVEN, False)
            await watch.says(Slot(7002), False)


async def test_phone_without_power_is_seen_and_seen_again_when_it_answers(instance: Stack) -> None:
    async with Watch(instance) as watch, phone(instance) as desk:
        await desk.register()
        await watch.says(SEVEN, True)
        desk.answering = False
        await instance.asterisk.cli("pjsip qualify 7001")
        await watch.says(SEVEN, False)
        desk.answering = True
        await instance.asterisk.cli("pjsip qualify 7001")
        await watch.says(SEVEN, True)
        await desk.register(expires_s=0)
        await watch.says(SEVEN, False)


async def test_news_lost_in_an_outage_is_told_after_it(instance: Stack) -> None:
    site = instance.asterisk.site
    async with (
        ChaosProxy((site.http_host, site.ami_port)) as proxy,
        phone(instance) as desk,
        Watch(instance, proxy.port) as watch,
    ):
        await desk.register()
        await watch.says(SEVEN, True)
        proxy.cut()
        await until(lambda: not watch.observer.connected, WAIT_S)
        await desk.register(expires_s=0)
        proxy.heal()
        await watch.says(SEVEN, False)


async def test_channels_are_counted(instance: Stack) -> None:
    async with BareAri(instance.asterisk) as ari, Watch(instance) as watch:
        await until(lambda: watch.observer.channels == 0, WAIT_S)
        channel = await ari.dial("Local/s@vss-away/n", "vss-agent")
        await until(lambda: watch.observer.channels == 2, WAIT_S)
        await ari.delete(f"channels/{channel}")
        await until(lambda: watch.observer.channels == 0, WAIT_S)


async def test_configuration_of_ours_is_reloaded(instance: Stack) -> None:
    async with Watch(instance) as watch:
        await watch.observer.reload("res_pjsip.so")
        await watch.observer.reload("pbx_config.so")
        assert watch.observer.connected


async def test_account_of_the_engine_could_not_dial_even_if_it_asked(instance: Stack) -> None:
    site = instance.asterisk.site
    reader, writer = await asyncio.open_connection(site.http_host, site.ami_port)
    async with asyncio.timeout(WAIT_S):
        writer.write(
            f"Action: Login\r\nUsername: {site.ami_user}\r\nSecret: {site.ami_password}\r\nEvents: off\r\n\r\n".encode()
        )
        while b"Authentication accepted" not in await reader.readuntil(b"\r\n\r\n"):
            pass
        for action in ("Originate\r\nChannel: Local/s@vss-away\r\nApplication: Wait", "Command\r\nCommand: core show"):
            writer.write(f"Action: {action}\r\nActionID: x\r\n\r\n".encode())
            while b"ActionID: x" not in (answer := await reader.readuntil(b"\r\n\r\n")):
                pass
            assert b"Permission denied" in answer
    writer.close()


async def test_killed_asterisk_is_found_again(instance: Stack) -> None:
    async with phone(instance) as desk, Watch(instance) as watch:
        await desk.register()
        await watch.says(SEVEN, True)
        instance.asterisk.process.signal(signal.SIGKILL)
        await until(lambda: not watch.observer.connected, WAIT_S)
        assert watch.observer.channels is None
        await instance.asterisk.process.wait(10)
        await instance.restart_asterisk()
        await until(lambda: watch.observer.connected, WAIT_S)
        await desk.register(expires_s=0)
        await watch.says(SEVEN, False)
