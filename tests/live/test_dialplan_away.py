"""What people hear while the engine is away, mute or unwilling: always words, never dead air."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from engine.stack.callers import CallerHabits
from engine.stack.calllog import LoggedCall, read_calls
from engine.stack.instance import Stack
from engine.stack.phones import PhoneHabits
from engine.stack.ports import LOOPBACK
from engine.stack.programs import Programs
from engine.stack.scenario import Running
from engine.stack.sound import Sound
from engine.stack.tones import AGENT_HZ, ToneEnd
from tests.live.bare_ari import BareAri
from tests.live.far_ends import CALLER, FALLBACK, SLOTS, FarEnds, eventually, hung_up, open_far_ends

pytestmark = pytest.mark.live

DID = "+12125550700"
Answerer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(scope="module")
async def far_ends(stack: Stack, programs: Programs) -> AsyncIterator[FarEnds]:
    async with open_far_ends(stack, "dialplan", programs) as opened:
        yield opened


@asynccontextmanager
async def route_service(far_ends: FarEnds, answer: Answerer) -> AsyncIterator[None]:
    """A FastAGI service in the engine's place."""
    ends: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends.append(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await answer(reader, writer)

    server = await asyncio.start_server(serve, LOOPBACK, far_ends.stack.ports.fastagi)
    try:
        yield
    finally:
        server.close()
        for writer in ends:
            writer.close()
        await server.wait_closed()


def target(value: str, seen: list[str] | None = None) -> Answerer:
    """Answers the question with a target; `seen` receives the arguments of the question."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := (await reader.readline()).decode().strip():
            if seen is not None and line.startswith("agi_arg_"):
                seen.append(line.partition(": ")[2])
        writer.write(f'SET VARIABLE VSS_TARGET "{value}"\n'.encode())
        await reader.readline()
        writer.close()

    return answer


async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


def last_call(running: Running) -> LoggedCall | None:
    calls = read_calls(running.log)
    return calls[-1] if calls else None


async def hears(tones: ToneEnd, sound: Sound) -> None:
    """Wait until the only call of a tone end has heard something."""

    async def heard() -> bool:
        return any(call.first_ms(sound) is not None for call in tones.heard())

    await eventually(heard, bool)


async def ended(running: Running) -> LoggedCall:
    async def call() -> LoggedCall | None:
        found = last_call(running)
        return found if found is not None and not found.is_open else None

    found = await eventually(call, lambda one: one is not None)
    assert found is not None
    return found


async def test_customer_answered_while_the_engine_is_away_hears_who_called(far_ends: FarEnds) -> None:
    async with BareAri(far_ends.asterisk) as ari:
        # the number rings for 1.2 s; by then the engine is gone
        await ari.dial("PJSIP/+12995550191@carrier", "vss-customer")

    async def call() -> bool:
        calls = [one for one in far_ends.carrier.calls() if one.number == "+12995550191"]
        return bool(calls) and not calls[-1].is_open

    await eventually(call, bool)
    record = next(one for one in far_ends.carrier.calls() if one.number == "+12995550191")
    assert (record.final, record.ended_by) == (200, "caller")
    heard = next(one for one in far_ends.carrier_tones.heard() if one.call_id == record.call_id)
    assert record.answered_ms is not None
    assert record.ended_ms is not None
    assert heard.lasting_ms(Sound.OTHER, record.answered_ms, record.ended_ms) > 2000
    first = heard.first_ms(Sound.OTHER)
    assert first is not None
    # the words begin well within the two seconds that the rule on identity messages allows
    assert first - record.answered_ms < 1500


async def test_agent_answered_while_the_engine_is_away_is_released(far_ends: FarEnds) -> None:
    async with far_ends.phones(2, SLOTS[:1], PhoneHabits(answer_after_ms=700)) as phones:
        async with BareAri(far_ends.asterisk) as ari:
            await ari.dial("PJSIP/7001", "vss-agent")
        call = await ended(phones.running)
        assert (call.final, call.ended_by) == (200, "caller")


@pytest.mark.parametrize("service", ["absent", "mute", "closing"])
async def test_caller_hears_words_when_nobody_answers_the_question(far_ends: FarEnds, service: str) -> None:
    async def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with contextlib.AsyncExitStack() as exits:
        if service != "absent":
            await exits.enter_async_context(route_service(far_ends, mute if service == "mute" else close))
        running, tones = await exits.enter_async_context(
            far_ends.caller(f"caller-{service}", DID, CallerHabits(stay_ms=4000))
        )
        await hears(tones, Sound.OTHER)
        call = await hung_up(running)
        assert call.answered_ms is not None
        assert call.answered_ms - call.invited_ms < 8000
    await far_ends.quiet()


async def test_caller_hears_words_when_the_engine_leaves_between_question_and_call(far_ends: FarEnds) -> None:
    async with (
        route_service(far_ends, target("queue/sales")),
        far_ends.caller("caller-between", DID, CallerHabits(stay_ms=3000)) as (running, tones),
    ):
        await hears(tones, Sound.OTHER)
        await hung_up(running)
    await far_ends.quiet()


async def test_caller_presses_5_and_leaves_a_message(far_ends: FarEnds) -> None:
    messages = far_ends.asterisk.site.directory / "spool/messages"
    before = set(messages.iterdir())
    async with far_ends.caller("caller-message", DID, CallerHabits(stay_ms=12000)) as (running, tones):
        await hears(tones, Sound.OTHER)
        tones.press(DID, "5")
        # the prompt, the beep (silence again), then the caller's tone until hang-up
        await hung_up(running)
    await far_ends.quiet()
    new = set(messages.iterdir()) - before
    assert len(new) == 1
    assert new.pop().stat().st_size > 16000


async def test_caller_presses_0_and_reaches_the_fallback_number(far_ends: FarEnds) -> None:
    async with far_ends.caller("caller-fallback", DID, CallerHabits(stay_ms=15000)) as (running, tones):
        await hears(tones, Sound.OTHER)
        tones.press(DID, "0")

        async def connected() -> bool:
            return any(call.number == FALLBACK and call.answered_ms is not None for call in far_ends.carrier.calls())

        await eventually(connected, bool)
        await hung_up(running)
    await far_ends.quiet()


async def test_refused_number_gets_404(far_ends: FarEnds) -> None:
    async with (
        route_service(far_ends, target("reject")),
        far_ends.caller("caller-refused", DID, CallerHabits()) as (running, _),
    ):
        assert (await hung_up(running)).final == 404


async def test_routed_call_reaches_the_engine_with_number_target_caller_and_trunk(far_ends: FarEnds) -> None:
    seen: list[str] = []
    async with (
        BareAri(far_ends.asterisk) as ari,
        route_service(far_ends, target("slot/7001", seen)),
        far_ends.caller("caller-routed", DID, CallerHabits(stay_ms=500)) as (running, _),
    ):
        start = await ari.event("StasisStart")
        assert start["args"][:5] == ["inbound", DID, "slot/7001", CALLER, "callers"]
        assert start["channel"]["state"] == "Ring"
        await ari.post(f"channels/{start['channel']['id']}/answer")
        assert (await hung_up(running)).final == 200
    assert seen == [DID, CALLER, "callers"]
    await far_ends.quiet()


async def test_caller_who_gives_up_while_it_rings_is_gone_at_once(far_ends: FarEnds) -> None:
    async with (
        BareAri(far_ends.asterisk) as ari,
        route_service(far_ends, target("queue/sales")),
        far_ends.caller("caller-gives-up", DID, CallerHabits(patience_ms=1000)) as (running, _),
    ):
        start = await ari.event("StasisStart")
        await ari.event("StasisEnd", start["channel"]["id"])
        call = await hung_up(running)
        assert (call.final, call.answered_ms) == (487, None)
    await far_ends.quiet()


async def test_call_addressed_to_our_account_is_routed_by_the_number_dialed(far_ends: FarEnds) -> None:
    seen: list[str] = []
    async with (
        route_service(far_ends, target("reject", seen)),
        far_ends.caller("caller-account", DID, CallerHabits(), account="vss-trunk") as (running, _),
    ):
        assert (await hung_up(running)).final == 404
    assert seen[0] == DID


async def test_engine_that_hangs_after_the_question_does_not_inherit_its_time_limit(far_ends: FarEnds) -> None:
    async with (
        BareAri(far_ends.asterisk) as ari,
        route_service(far_ends, target("queue/sales")),
        far_ends.caller("caller-waits", DID, CallerHabits(stay_ms=7000)) as (running, _),
    ):
        start = await ari.event("StasisStart")
        await ari.post(f"channels/{start['channel']['id']}/answer")
        call = await hung_up(running)
        # the question's 5 s are lifted: the call lasts as long as the caller wants
        assert (call.final, call.ended_by) == (200, "caller")
    await far_ends.quiet()


@pytest.mark.parametrize(
    ("dialed", "arguments"),
    [
        ("*40", ["feature", "7001", "login", ""]),
        ("*41", ["feature", "7001", "logout", ""]),
        ("*42", ["feature", "7001", "pause", ""]),
        ("*427", ["feature", "7001", "pause", "7"]),
        ("*4212", ["feature", "7001", "pause", "12"]),
        ("*43", ["feature", "7001", "ready", ""]),
        ("*44", ["feature", "7001", "done", ""]),
        ("*443", ["feature", "7001", "done", "3"]),
        ("7002", ["dial", "7001", "7002"]),
        ("+12125550101", ["dial", "7001", "+12125550101"]),
        ("12,evil,7003", ["dial", "7001", "127003"]),
    ],
)
async def test_what_a_phone_dials_reaches_the_engine(far_ends: FarEnds, dialed: str, arguments: list[str]) -> None:
    async with BareAri(far_ends.asterisk) as ari, far_ends.phones(2, SLOTS[:1], PhoneHabits()) as phones:
        calling = asyncio.create_task(phones.dial("7001", dialed, stay_ms=15000))
        start = await ari.event("StasisStart")
        assert [*start["args"], ""][: len(arguments)] == arguments
        assert len(start["args"]) <= len(arguments)
        await ari.post(f"channels/{start['channel']['id']}/answer")
        await ari.delete(f"channels/{start['channel']['id']}")
        assert await calling == 0
    await far_ends.quiet()


@pytest.mark.parametrize("result", ["ok", "refused", "away"])
async def test_feature_code_is_confirmed_in_words(far_ends: FarEnds, result: str) -> None:
    ports = far_ends.stack.ports.sipp
    async with contextlib.AsyncExitStack() as exits:
        phones = await exits.enter_async_context(far_ends.phones(2, SLOTS[:1], PhoneHabits()))
        ari = None if result == "away" else await exits.enter_async_context(BareAri(far_ends.asterisk))
        calling = await phones.begin_dial("7001", "*40", stay_ms=15000)
        tones = await exits.enter_async_context(far_ends.tones(f"feature-{result}", calling, ports[3], AGENT_HZ))
        if ari is not None:
            start = await ari.event("StasisStart")
            channel = start["channel"]["id"]
            await ari.post(f"channels/{channel}/variable", variable="VSS_RESULT", value=result)
            await ari.post(f"channels/{channel}/continue")
        await hears(tones, Sound.OTHER)
        # Asterisk hangs up after the words, well before the phone would
        assert await calling.finish(20) == 0
        call = read_calls(calling.log)[-1]
        assert call.ended_by == "carrier"
    await far_ends.quiet()
