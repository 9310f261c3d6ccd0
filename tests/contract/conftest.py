"""The two worlds of the telephony contract: the fake always, the real one when live tests are asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from engine.adapters.asteriskconf import SlotAccount, Trunk
from engine.stack.asterisk import Asterisk
from engine.stack.carrier import Carrier
from engine.stack.chaos_proxy import ChaosProxy
from engine.stack.home import state_home
from engine.stack.instance import Stack
from engine.stack.ports import LOOPBACK
from engine.stack.programs import Programs
from engine.stack.report import SilentReport
from engine.stack.tones import ToneEnd
from tests.contract.telephony_rig import FakeWorld, RealWorld, Rig, World, running

TONE_HZ = 450


@pytest.fixture(scope="session")
async def telephony_stack(stack: Stack, programs: Programs) -> AsyncIterator[Stack]:
    """An instance beside the run's own, so that other tests may start an Asterisk in that."""
    async with Stack.open(f"{stack.name}-telephony", state_home(), programs, SilentReport()) as opened:
        yield opened


@pytest.fixture(scope="session")
async def carrier(telephony_stack: Stack) -> Carrier:
    """SIPp's carrier; its media is at the port after its own."""
    port = telephony_stack.ports.sipp[0]
    return await Carrier.start(telephony_stack, port=port, tone_port=port + 1)


@pytest.fixture(scope="session")
async def tone_end(telephony_stack: Stack, carrier: Carrier) -> AsyncIterator[ToneEnd]:
    """The carrier's media: a tone, and keys pressed on command."""
    end = await ToneEnd.start(
        telephony_stack.directory,
        "contract-tones",
        port=telephony_stack.ports.sipp[1],
        log=carrier.log,
        sends_hz=TONE_HZ,
        expects_hz=TONE_HZ,
    )
    yield end
    await end.stop()


@pytest.fixture(scope="session")
async def asterisk(telephony_stack: Stack, carrier: Carrier) -> Asterisk:
    """A real Asterisk with the carrier behind the trunk `carrier`, and one seat that nobody registers."""
    return await telephony_stack.start_asterisk(
        trunks=(Trunk("carrier", LOOPBACK, carrier.running.scenario.port),),
        slots=(SlotAccount("7001", "not-registered"),),
    )


@pytest.fixture
async def fake_world() -> FakeWorld:
    return FakeWorld()


@pytest.fixture
async def real_world(asterisk: Asterisk, tone_end: ToneEnd) -> AsyncIterator[RealWorld]:
    async with ChaosProxy((asterisk.site.http_host, asterisk.site.http_port)) as proxy:
        yield RealWorld(asterisk, proxy, tone_end)


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.live)])
def world(request: pytest.FixtureRequest) -> World:
    """What the telephony contract is tried on."""
    chosen: World = request.getfixturevalue(f"{request.param}_world")
    return chosen


@pytest.fixture
async def rig(world: World) -> AsyncIterator[Rig]:
    """A running Telephony, fake or real."""
    async with running(world) as running_rig:
        yield running_rig
