"""Trunks as providers run them: digest on every call, or service only for who is registered."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from engine.adapters.asteriskconf import Trunk
from engine.stack.callers import CallerHabits, Demand, provider_calls, registrations, start_callers, start_provider
from engine.stack.calllog import read_calls
from engine.stack.home import state_home
from engine.stack.instance import Stack
from engine.stack.ports import LOOPBACK
from engine.stack.programs import Programs
from engine.stack.report import SilentReport
from engine.stack.scenario import Running, Scenario, start
from tests.live.bare_ari import BareAri
from tests.live.far_ends import eventually

pytestmark = pytest.mark.live

USER = "vss-trunk"
# what INI, SIPp and digests could each stumble over
PASSWORD = "se;cr=e#t%40"
NUMBER = "+12125550100"


@pytest.fixture(scope="module")
async def instance(stack: Stack, programs: Programs) -> AsyncIterator[Stack]:
    async with Stack.open(f"{stack.name}-trunks", state_home(), programs, SilentReport()) as opened:
        ports = opened.ports.sipp
        await opened.start_asterisk(
            trunks=(
                Trunk("digest", LOOPBACK, ports[2], auth="digest", username=USER, password=PASSWORD),
                Trunk("bench", LOOPBACK, ports[6]),
            )
        )
        yield opened


async def provider(instance: Stack, demand: Demand, port: int, password: str) -> Running:
    return await start_provider(
        instance, demand, port=port, tone_port=instance.ports.sipp[10], username=USER, password=password
    )


async def dial(instance: Stack, trunk: str) -> int:
    """Call through a trunk, hang up after an answer; the SIP code that ended it (200: answered)."""
    async with BareAri(instance.asterisk, trunk) as ari:
        channel = await ari.dial(f"PJSIP/{NUMBER}@{trunk}", "vss-customer")
        seen = await ari.until(
            lambda event: event["type"] in {"StasisStart", "ChannelDestroyed"} and event["channel"]["id"] == channel
        )
        if seen["type"] == "ChannelDestroyed":
            return int(seen["tech_cause"])
        await ari.delete(f"channels/{channel}")
        await ari.event("ChannelDestroyed", channel)
        return 200


async def finals(running: Running, count: int) -> list[int | None]:
    """How the provider's calls ended, once so many have."""

    async def ended() -> list[int | None]:
        return [seen.final for seen in provider_calls(running) if not seen.is_open]

    return await eventually(ended, lambda found: len(found) >= count)


async def test_digest_challenge_is_answered(instance: Stack) -> None:
    running = await provider(instance, Demand.DIGEST, instance.ports.sipp[2], PASSWORD)
    try:
        assert await dial(instance, "digest") == 200
        assert await finals(running, 1) == [200]
    finally:
        await running.stop()


async def test_wrong_digest_password_is_refused(instance: Stack) -> None:
    running = await provider(instance, Demand.DIGEST, instance.ports.sipp[2], "another")
    try:
        assert await dial(instance, "digest") == 403
        assert await finals(running, 1) == [403]
    finally:
        await running.stop()


async def test_trunk_registers_before_it_may_call(instance: Stack) -> None:
    port = instance.ports.sipp[4]
    running = await provider(instance, Demand.REGISTRATION, port, PASSWORD)
    plain = Trunk("registered", LOOPBACK, port)
    site = instance.asterisk.site
    try:
        await instance.asterisk.update(instance.asterisk_site(trunks=(*site.trunks, plain)))
        assert await dial(instance, "registered") == 403
        with_registration = Trunk("registered", LOOPBACK, port, registration=True, username=USER, password=PASSWORD)
        await instance.asterisk.update(instance.asterisk_site(trunks=(*site.trunks, with_registration)))

        async def accepted() -> int:
            return registrations(running)[0]

        # Asterisk spreads first registrations over ten seconds
        await eventually(accepted, lambda count: count >= 1)
        assert await dial(instance, "registered") == 200
        assert await finals(running, 2) == [403, 200]
    finally:
        await instance.asterisk.update(instance.asterisk_site(trunks=site.trunks))
        await running.stop()


async def test_call_of_an_unknown_source_is_not_served(instance: Stack) -> None:
    ports = instance.ports.sipp
    habits = CallerHabits(patience_ms=3000, stay_ms=100)
    running = await start_callers(instance, [(NUMBER, NUMBER)], port=ports[12], tone_port=ports[13], habits=habits)
    try:
        assert await running.finish(10) != 0
        assert [seen.answered_ms for seen in read_calls(running.log)] == [None]
    finally:
        await running.stop()


async def test_bench_carrier_answers_every_call_at_once(instance: Stack) -> None:
    ports = instance.ports.sipp
    scenario = Scenario("answer_at_once", ports[6], keys={"tone_host": LOOPBACK, "tone_port": ports[10]})
    running = await start(instance, scenario, "bench-carrier", 60.0)
    try:
        async with BareAri(instance.asterisk, "bench") as ari:
            channels = [await ari.dial(f"PJSIP/{NUMBER}@bench", "vss-customer") for _ in range(30)]
            for channel in channels:
                await ari.event("StasisStart", channel)
                await ari.delete(f"channels/{channel}")
                destroyed = await ari.event("ChannelDestroyed", channel)
                assert destroyed["cause"] == 16
    finally:
        await running.stop()
