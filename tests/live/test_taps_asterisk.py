"""Taps on real legs: a voice bot hears the caller and is heard, a beep is found, and nothing is left over."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest
from aiohttp import web

from engine.adapters.ari.socket import AriSettings
from engine.adapters.ari.telephony import AriTelephony
from engine.adapters.asteriskconf import Trunk
from engine.adapters.audiosocket import AudioSocketEar
from engine.adapters.audiosocket.beep import tone_in
from engine.adapters.speech import EspeakSpeech
from engine.adapters.speech.sound import parse_wav
from engine.adapters.webhook import Gate, Hosts
from engine.call.commands import HangUp, Originate, TelephonyCommand
from engine.call.events import CommandFailed, LegDigit, LegEnded, LegEntered, SocketRestored, TelephonyEvent
from engine.call.model import Call
from engine.fakes.metrics import FakeMetrics
from engine.flow.nodes.centre import Detector
from engine.flow.nodes.outside import Direction
from engine.flow.run.commands import AwaitBeep, DetectMachine, OpenStream
from engine.flow.run.events import BeepHeard, Detected, StreamEnded, StreamStarted, Verdict
from engine.flow.run.events import CommandFailed as RunFailed
from engine.ids import CallId, ChannelId
from engine.run_ports import RunId
from engine.runtime.flows.detecting import Detecting
from engine.runtime.flows.streaming import Streaming
from engine.runtime.steady import SteadyClock
from engine.stack.carrier import Carrier
from engine.stack.home import state_home
from engine.stack.instance import Stack
from engine.stack.ports import LOOPBACK
from engine.stack.programs import Programs
from engine.stack.report import SilentReport
from tests.contract.heard import Heard
from tests.eventually import until
from tests.live.media_end import MediaCall, MediaEnd, Samples
from tests.unit.audiosocket_line import noise, silence, tone
from tests.unit.run_stub import StubRun
from tests.unit.voice_bot import voice_bot

pytestmark = [pytest.mark.live, pytest.mark.timeout(120)]

BOT_HZ, CALLER_HZ = 1400.0, 1000.0
_serials = itertools.count(1)


class LiveLeg(StubRun):
    """A run whose commands a real Asterisk carries out; what performers tell is kept with its time."""

    def __init__(self, channel: ChannelId, telephony: AriTelephony) -> None:
        super().__init__(str(channel))
        self.call = Call(CallId(channel), self.call.kind, self.call.phase, "+1", self.call.policy, 0.0, scripted=True)
        self.id = RunId(channel)
        self.times: list[float] = []
        self.failures: list[CommandFailed] = []
        self._telephony = telephony

    def now(self) -> float:
        return time.time()

    def tell(self, event: Any) -> None:
        super().tell(event)
        self.times.append(time.time())

    def send(self, command: TelephonyCommand, failed: Callable[[CommandFailed], None] | None = None) -> None:
        self._telephony.perform(command, failed or self.failures.append)

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.told if isinstance(event, kind)]

    async def until(self, kind: type[Any], timeout_s: float = 10.0) -> tuple[Any, float]:
        await until(lambda: bool(self.of(kind)), timeout_s)
        event = self.of(kind)[0]
        return event, self.times[self.told.index(event)]


class Loopback:
    """A door to bots of the test."""

    def connector(self) -> aiohttp.BaseConnector:
        return aiohttp.TCPConnector()

    def headers(self, url: str, first: str) -> Mapping[str, str]:
        return {}


@dataclass
class Taps:
    stack: Stack
    telephony: AriTelephony
    heard: Heard
    end: MediaEnd
    ear: AudioSocketEar
    metrics: FakeMetrics
    streaming: Streaming
    detecting: Detecting
    runs: dict[ChannelId, LiveLeg]

    async def leg(self) -> tuple[LiveLeg, MediaCall]:
        """Somebody answers, and the engine has their leg."""
        serial = next(_serials)
        channel = ChannelId(f"tap-{serial}-{random.getrandbits(32):08x}")
        number = f"+1{200 + serial}5550101"
        run = self.runs[channel] = LiveLeg(channel, self.telephony)
        self.telephony.perform(
            Originate(channel, f"PJSIP/{number}@carrier", "vss-customer", "s", "+12005550999", 20), self.heard.failure
        )
        await self.heard.wait(LegEntered, channel=channel)
        return run, await self.end.call(number)

    def on_event(self, event: TelephonyEvent) -> None:
        self.heard.event(event)
        for run in self.runs.values():
            channel = getattr(event, "channel", None)
            if channel in run.legs:
                run.legs[channel](event)  # type: ignore[arg-type]
            elif channel == run.channel:
                self.streaming.heard(run, event)  # type: ignore[arg-type]
                self.detecting.heard(run, event)  # type: ignore[arg-type]

    async def asterisk_holds(self) -> dict[str, int]:
        site = self.stack.asterisk.site
        found = {}
        headers = {"Authorization": aiohttp.encode_basic_auth(site.ari_user, site.ari_password)}
        async with aiohttp.ClientSession(headers=headers) as session:
            for kind in ("channels", "bridges"):
                async with session.get(f"{self.stack.asterisk.ari_url}/ari/{kind}") as answer:
                    found[kind] = len(await answer.json())
        return found

    async def is_quiet(self) -> None:
        """No channel, bridge, tap or task is left."""
        for run in self.runs.values():
            self.telephony.perform(HangUp(run.channel), lambda failure: None)
        for _ in range(100):
            left = await self.asterisk_holds()
            left |= {"taps": self.ear.taps, "streams": self.ear.streams}
            if not any(left.values()):
                break
            await asyncio.sleep(0.1)
        assert not any(left.values()), left
        assert (self.streaming.open, self.detecting.open) == (0, 0)
        assert [failure for run in self.runs.values() for failure in run.failures] == []


@pytest.fixture(scope="module")
async def instance(stack: Stack, programs: Programs) -> AsyncIterator[tuple[Stack, Carrier]]:
    async with Stack.open(f"{stack.name}-taps", state_home(), programs, SilentReport()) as opened:
        port = opened.ports.sipp[0]
        carrier = await Carrier.start(opened, port=port, tone_port=port + 1)
        await opened.start_asterisk(trunks=(Trunk("carrier", LOOPBACK, port),))
        yield opened, carrier


@pytest.fixture
async def taps(instance: tuple[Stack, Carrier]) -> AsyncIterator[Taps]:
    stack, carrier = instance
    site = stack.asterisk.site
    settings = AriSettings(f"{stack.asterisk.ari_url}/ari", site.ari_user, site.ari_password, site.app_name)
    telephony = AriTelephony(settings, SteadyClock(), trunks=["carrier"], random=random.random)
    metrics = FakeMetrics()
    async with (
        MediaEnd(carrier.log, stack.ports.sipp[1]) as end,
        AudioSocketEar(LOOPBACK, stack.ports.audiosocket, metrics, Loopback()) as ear,
    ):
        made = Taps(stack, telephony, Heard(), end, ear, metrics, Streaming(ear), Detecting(ear, metrics), {})
        task = asyncio.create_task(telephony.run(made.on_event))
        try:
            await made.heard.wait(SocketRestored)
            yield made
            await made.is_quiet()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def measured(what: str, ms: int) -> None:
    """Figures for who runs the test with -s."""
    print(f"{what}: {ms}")


class Bot:
    """Answers a stream: keeps the caller's sound with its times, and says what the test says."""

    def __init__(self) -> None:
        self.url = ""
        self.events: list[dict[str, Any]] = []
        self.sound: list[tuple[float, bytes]] = []
        self.socket: web.WebSocketResponse | None = None

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.socket = web.WebSocketResponse()
        await self.socket.prepare(request)
        async for message in self.socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                self.events.append(message.json())
            elif message.type is aiohttp.WSMsgType.BINARY:
                self.sound.append((time.time(), message.data))
        return self.socket

    async def say(self, samples: Samples) -> float:
        assert self.socket is not None
        await self.socket.send_bytes((samples * 32767).astype("<i2").tobytes())
        return time.time()

    def frames(self) -> list[tuple[float, Samples]]:
        return [(at, np.frombuffer(data, "<i2").astype(np.float32) / 32768) for at, data in self.sound]


@asynccontextmanager
async def answering() -> AsyncIterator[Bot]:
    bot = Bot()
    app = web.Application()
    app.router.add_get("/", bot.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.2)
    await runner.setup()
    site = web.TCPSite(runner, LOOPBACK, 0)
    await site.start()
    bot.url = f"ws://{LOOPBACK}:{runner.addresses[0][1]}/"
    try:
        yield bot
    finally:
        await runner.cleanup()


def first_heard(frames: list[tuple[float, Samples]], hz: float) -> float | None:
    """When a tone of this pitch was first heard, or None."""
    for (_, before), (at, frame) in itertools.pairwise(frames):
        window = np.concatenate((before, frame))
        if float(np.sqrt(np.mean(window**2))) > 0.02:
            found = tone_in(window)
            if found.explained > 0.8 and abs(found.hz - hz) < 10:
                return at
    return None


def opened(run: LiveLeg, url: str, **changes: Any) -> OpenStream:
    fields: dict[str, Any] = {
        "request": f"{run.id}:talk:1", "url": url, "direction": Direction.BOTH, "max_s": 60.0,
        "connect_timeout_s": 5.0, "silence_max_s": 30.0, "name": "bot", "params": {"lang": "en"},
    }  # fmt: skip
    return OpenStream(**fields | changes)


async def test_a_bot_and_a_caller_hear_each_other(taps: Taps) -> None:
    async with answering() as bot:
        run, call = await taps.leg()
        began = time.time()
        taps.streaming.perform(run, opened(run, bot.url))
        _, started = await run.until(StreamStarted)
        measured("start_ms", round(1000 * (started - began)))
        await until(lambda: len(bot.sound) > 10)

        call.play(tone(CALLER_HZ, 1.0))
        await until(lambda: first_heard(bot.frames(), CALLER_HZ) is not None)
        heard_at = first_heard(bot.frames(), CALLER_HZ)
        assert heard_at is not None
        measured("caller_to_bot_ms", round(1000 * (heard_at - call.sent_at[0])))

        said_at = await bot.say(tone(BOT_HZ, 1.0))
        await until(lambda: first_heard(call.sound(), BOT_HZ) is not None)
        heard_at = first_heard(call.sound(), BOT_HZ)
        assert heard_at is not None
        measured("bot_to_caller_ms", round(1000 * (heard_at - said_at)))

        await bot.say(tone(BOT_HZ, 5.0))
        await asyncio.sleep(1.0)
        assert bot.socket is not None
        await bot.socket.send_str('{"command": "clear"}')
        cut_at = time.time()
        await asyncio.sleep(1.0)
        last = max(at for at, frame in call.sound() if float(np.abs(frame).max()) > 0.02)
        measured("cut_ms", round(1000 * (last - cut_at)))
        assert last - cut_at < 0.5
        gaps = [second - first for (first, _), (second, _) in itertools.pairwise(call.sound()[-100:])]
        measured("longest_gap_ms", round(1000 * max(gaps)))

        await bot.socket.send_str('{"command": "end"}')
        await run.until(StreamEnded)
        await until(lambda: bot.events[-1] == {"event": "end", "reason": "bot_ended"})
        assert bot.events[0]["params"] == {"lang": "en"}
        assert run.legs == {}


async def test_a_key_reaches_the_bot_and_the_script(taps: Taps) -> None:
    async with answering() as bot:
        run, call = await taps.leg()
        taps.streaming.perform(run, opened(run, bot.url))
        await run.until(StreamStarted)
        call.press(5)
        await taps.heard.wait(LegDigit, channel=run.channel)
        assert [event.digit for event in taps.heard.of(LegDigit)] == ["5"]
        await until(lambda: {"event": "key", "key": "5"} in bot.events)
        taps.streaming.cancel(run, f"{run.id}:talk:1")


async def test_a_caller_who_hangs_up_ends_the_stream(taps: Taps) -> None:
    async with answering() as bot:
        run, _ = await taps.leg()
        taps.streaming.perform(run, opened(run, bot.url))
        await run.until(StreamStarted)
        taps.telephony.perform(HangUp(run.channel), taps.heard.failure)
        await taps.heard.wait(LegEnded, channel=run.channel)
        await until(lambda: bool(bot.events) and bot.events[-1]["event"] == "end")


async def test_a_stream_to_nobody_fails_and_the_leg_stays(taps: Taps) -> None:
    run, _ = await taps.leg()
    taps.streaming.perform(run, opened(run, "ws://127.0.0.1:9/"))
    await run.until(RunFailed)
    taps.streaming.perform(run, opened(run, "ws://127.0.0.1:9/", request=f"{run.id}:talk:2"))
    await until(lambda: len(run.of(RunFailed)) == 2)
    await asyncio.sleep(0.3)
    assert (await taps.asterisk_holds()) == {"channels": 1, "bridges": 0}


@pytest.mark.parametrize("hz", [440.0, 1000.0, 2000.0])
async def test_a_beep_is_heard_soon_after_its_end(taps: Taps, hz: float) -> None:
    run, call = await taps.leg()
    taps.detecting.perform(run, AwaitBeep(request=f"{run.id}:drop:1", wait_s=30, silence_s=2))
    await asyncio.sleep(0.5)
    call.play(np.concatenate((0.2 * noise(1.0, 0.5), silence(0.5), tone(hz, 0.4), silence(2.0))))
    _, heard_at = await run.until(BeepHeard)
    ended_at = call.sent_at[94]
    measured("beep_ms", round(1000 * (heard_at - ended_at)))
    assert 0 < heard_at - ended_at < 0.3
    assert run.legs == {}


async def test_silence_after_a_voice_counts_as_a_beep(taps: Taps) -> None:
    run, call = await taps.leg()
    taps.detecting.perform(run, AwaitBeep(request=f"{run.id}:drop:1", wait_s=30, silence_s=1))
    await asyncio.sleep(0.5)
    call.play(np.concatenate((0.2 * noise(1.0, 0.5), silence(1.5))))
    _, heard_at = await run.until(BeepHeard)
    assert 0.9 < heard_at - call.sent_at[49] < 1.4


@pytest.mark.parametrize(
    ("greeting", "verdict"),
    [((0.5, 0.0), Verdict.HUMAN), ((3.0, 0.0), Verdict.MACHINE), ((0.0, 0.0), Verdict.UNSURE)],
)
async def test_who_answered_is_told(taps: Taps, greeting: tuple[float, float], verdict: Verdict) -> None:
    run, call = await taps.leg()
    began = time.time()
    taps.detecting.perform(run, DetectMachine(request=f"{run.id}:who:1", detector=Detector.ASTERISK, timeout_s=4))
    call.play(np.concatenate((silence(0.4), 0.2 * noise(greeting[0], 0.5), silence(3.0))))
    found, at = await run.until(Detected)
    assert found.verdict is verdict
    assert at - began < 5.0


@pytest.mark.parametrize(
    ("words", "verdict"),
    [("Hello?", Verdict.HUMAN), ("The person you are calling is not here. Leave a message.", Verdict.MACHINE)],
)
async def test_the_voice_model_tells_who_answered(
    taps: Taps, programs: Programs, tmp_path: Path, words: str, verdict: Verdict
) -> None:
    async with EspeakSpeech(programs.espeak.words, tmp_path, FakeMetrics()) as speech:
        (media,) = await speech.prepare(words, "en-GB")
    _, spoken = parse_wav(await asyncio.to_thread(Path(media.removeprefix("sound:") + ".wav").read_bytes))
    run, call = await taps.leg()
    taps.detecting.perform(run, DetectMachine(request=f"{run.id}:who:1", detector=Detector.SILERO, timeout_s=5))
    call.play(np.concatenate((silence(0.5), spoken, silence(2.0))))
    found, _ = await run.until(Detected)
    assert found.verdict is verdict
    assert run.legs == {}


async def test_the_example_bot_talks_with_a_caller(taps: Taps) -> None:
    secret = "what-only-the-two-of-them-know"
    gate = Gate(secret.encode(), Hosts(frozenset({LOOPBACK})))
    async with (
        voice_bot(secret, "--turns", "1") as bot,
        AudioSocketEar(LOOPBACK, 0, taps.metrics, gate) as ear,
    ):
        streaming = taps.streaming = Streaming(ear)
        run, call = await taps.leg()
        streaming.perform(run, opened(run, bot.url))
        await until(lambda: first_heard(call.sound(), 523.0) is not None)
        call.play(np.concatenate((0.3 * noise(0.4, 0.5), silence(1.0))))
        await until(lambda: first_heard(call.sound(), 784.0) is not None)
        await run.until(StreamEnded)
        assert "interrupted" in bot.said
        assert any(line.startswith("heard") for line in bot.said)


async def test_many_streams_at_once_leave_nothing(taps: Taps) -> None:
    async with answering() as bot:
        legs = await asyncio.gather(*(taps.leg() for _ in range(8)))
        for run, _ in legs:
            taps.streaming.perform(run, opened(run, bot.url))
        for run, _ in legs:
            await run.until(StreamStarted)
        assert taps.ear.streams == 8
        for run, _ in legs:
            taps.streaming.cancel(run, f"{run.id}:talk:1")
        await until(lambda: taps.ear.streams == 0)
