"""The FastAGI server and the dialplan's question, with a real Asterisk and callers over a trunk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from engine.adapters.fastagi import FastAgiServer
from engine.fakes.directory import FakeRoutes
from engine.fakes.metrics import FakeMetrics
from engine.ids import Slot
from engine.ports import InboundRoute
from engine.stack.callers import CallerHabits, start_callers
from engine.stack.calllog import read_calls
from engine.stack.instance import Stack
from engine.stack.programs import Programs
from tests.eventually import until
from tests.live.bare_ari import BareAri
from tests.live.far_ends import CALLER, FarEnds, hung_up, open_far_ends

pytestmark = pytest.mark.live

POOL, SEAT, NOBODY = "+4989123", "+4989124", "+4989999"
ROUTES = (InboundRoute(POOL, "sales.de", wait_max_s=45), InboundRoute(SEAT, "sales", Slot(7001)))
WAIT_S = 30.0


class Names:
    """Knows the caller by a name that would like to be more."""

    async def caller_name(self, number: str) -> str | None:
        return 'Ada "${SHELL(id)}" Lovelace' if number == CALLER else None


@pytest.fixture(scope="module")
async def far_ends(stack: Stack, programs: Programs) -> AsyncIterator[FarEnds]:
    async with open_far_ends(stack, "fastagi", programs) as opened:
        yield opened


class Bench:
    """The server under test, and what it was asked and answered."""

    def __init__(self, server: FastAgiServer, routes: FakeRoutes, metrics: FakeMetrics) -> None:
        self.server, self.routes, self.metrics = server, routes, metrics

    def result(self, result: str) -> int:
        return self.metrics.of("vss_fastagi_requests_total", result=result)


@asynccontextmanager
async def serving(far_ends: FarEnds, lookup_timeout_s: float = 2.0) -> AsyncIterator[Bench]:
    routes, metrics = FakeRoutes(ROUTES), FakeMetrics()
    site = far_ends.asterisk.site
    server = FastAgiServer(
        site.fastagi_host, site.fastagi_port, routes, metrics, callers=Names(), lookup_timeout_s=lookup_timeout_s
    )
    async with server:
        yield Bench(server, routes, metrics)
        await far_ends.quiet()
        await until(lambda: server.connections == 0, WAIT_S)


async def variable(ari: BareAri, channel: str, name: str) -> str:
    answer = await ari.get(f"channels/{channel}/variable", variable=name)
    return str(answer["value"])


async def test_call_to_a_pools_number_arrives_with_its_target_and_variables(far_ends: FarEnds) -> None:
    async with (
        BareAri(far_ends.asterisk) as ari,
        serving(far_ends) as bench,
        far_ends.caller("pool", POOL, CallerHabits(stay_ms=500)) as (running, _),
    ):
        start = await ari.event("StasisStart")
        channel = start["channel"]["id"]
        assert start["args"] == ["inbound", POOL, "queue/sales.de", CALLER, "callers", "45"]
        assert await variable(ari, channel, "VSS_POOL") == "sales.de"
        assert await variable(ari, channel, "VSS_WAIT_MAX_S") == "45"
        assert await variable(ari, channel, "VSS_CALLER_NAME") == "Ada SHELL id Lovelace"
        assert (bench.result("routed"), bench.routes.asked) == (1, [POOL])
        await ari.post(f"channels/{channel}/answer")
        assert (await hung_up(running)).final == 200


async def test_call_to_a_seats_number_names_the_slot(far_ends: FarEnds) -> None:
    async with (
        BareAri(far_ends.asterisk) as ari,
        serving(far_ends),
        far_ends.caller("seat", SEAT, CallerHabits()) as (running, _),
    ):
        start = await ari.event("StasisStart")
        assert start["args"][2] == "slot/7001"
        await ari.delete(f"channels/{start['channel']['id']}")
        await hung_up(running)


async def test_number_that_leads_nowhere_gets_404(far_ends: FarEnds) -> None:
    async with serving(far_ends) as bench, far_ends.caller("nobody", NOBODY, CallerHabits()) as (running, _):
        assert (await hung_up(running)).final == 404
        assert bench.result("rejected") == 1


@pytest.mark.parametrize("fault", ["away", "silent"])
async def test_directory_that_fails_sends_the_caller_to_the_fallback_in_time(far_ends: FarEnds, fault: str) -> None:
    async with BareAri(far_ends.asterisk), serving(far_ends, lookup_timeout_s=1.0) as bench:
        setattr(bench.routes, fault, True)
        async with far_ends.caller(f"fallback-{fault}", POOL, CallerHabits(stay_ms=500)) as (running, _):
            call = await hung_up(running)
        # nobody but the fallback answers here
        assert (call.final, bench.result("away")) == (200, 1)


async def test_directory_that_fails_later_is_answered_from_memory(far_ends: FarEnds) -> None:
    async with BareAri(far_ends.asterisk) as ari, serving(far_ends) as bench:
        for number in (1, 2):
            after = len(ari.events)
            async with far_ends.caller(f"memory-{number}", POOL, CallerHabits()) as (running, _):
                start = await ari.event("StasisStart", after=after)
                assert start["args"][2] == "queue/sales.de"
                await ari.delete(f"channels/{start['channel']['id']}")
                await hung_up(running)
            bench.routes.away = True
        assert bench.result("routed_stale") == 1


async def test_caller_who_gives_up_before_the_answer_leaves_nothing(far_ends: FarEnds) -> None:
    async with serving(far_ends, lookup_timeout_s=1.5) as bench:
        bench.routes.silent = True
        async with far_ends.caller("impatient", POOL, CallerHabits(patience_ms=500)) as (running, _):
            await until(lambda: bench.routes.asked == [POOL], WAIT_S)
            assert (await hung_up(running)).final != 200
        await until(lambda: bench.metrics.counted["vss_fastagi_requests_total"] == 1, WAIT_S)


async def test_a_burst_of_calls_is_all_answered(far_ends: FarEnds) -> None:
    async with serving(far_ends) as bench:
        running = await start_callers(
            far_ends.stack,
            [(CALLER, NOBODY)] * 60,
            port=far_ends.caller_port,
            tone_port=far_ends.stack.ports.sipp[21],
            habits=CallerHabits(per_second=60),
        )
        try:
            await until(lambda: bench.result("rejected") == 60, WAIT_S)
            await running.finish(WAIT_S)
        finally:
            await running.stop()
        assert [call.final for call in read_calls(running.log)] == [404] * 60
