"""The example's voice bot at the engine's real ear: it greets, is interrupted, answers, and says goodbye."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import numpy as np

from engine.adapters.audiosocket import AudioSocketEar
from engine.adapters.audiosocket.beep import tone_in
from engine.adapters.audiosocket.protocol import Kind
from engine.adapters.webhook import Gate, Hosts
from engine.fakes.metrics import FakeMetrics
from engine.flow.document import Syntax, load
from engine.flow.nodes.outside import Direction
from engine.flow.publication import publications
from engine.run_ports import StreamLimits
from tests.eventually import until
from tests.unit.audiosocket_line import AsteriskEnd, Samples, noise, silence
from tests.unit.voice_bot import FOLDER, RunningBot, voice_bot

SECRET = "what-only-the-two-of-them-know"
LIMITS = StreamLimits(max_s=60, connect_timeout_s=5, silence_max_s=30)
LOOPBACK = Hosts(frozenset({"127.0.0.1"}))


class Talk:
    """A caller, in real time, on a tap that is streamed to the bot."""

    def __init__(self, asterisk: AsteriskEnd, told: list[tuple[str, Mapping[str, Any]]]) -> None:
        self.asterisk = asterisk
        self.told = told
        self.pitches: list[int] = []
        """Of what was heard, frame by frame; 0 for silence, 1 for no tone."""

    async def listen(self) -> None:
        before = np.zeros(160, np.float32)
        while (message := await self.asterisk.next()) is not None:
            if message[0] is not Kind.SOUND:
                continue
            frame = (np.frombuffer(message[1], "<i2") / 32768).astype(np.float32)
            if float(np.abs(frame).max()) < 0.01:
                self.pitches.append(0)
            else:
                found = tone_in(np.concatenate((before, frame)))
                self.pitches.append(round(found.hz, -1) if found.explained > 0.8 else 1)  # type: ignore[arg-type]
            before = frame

    async def say(self, samples: Samples) -> None:
        for start in range(0, len(samples), 160):
            self.asterisk.say(samples[start : start + 160])
            await asyncio.sleep(0.02)

    async def until_heard(self, pitch: int) -> None:
        await until(lambda: pitch in self.pitches)


@asynccontextmanager
async def talking(bot: RunningBot, secret: str = SECRET) -> AsyncIterator[Talk]:
    told: list[tuple[str, Mapping[str, Any]]] = []
    async with AudioSocketEar("127.0.0.1", 0, FakeMetrics(), Gate(secret.encode(), LOOPBACK)) as ear:
        tap = str(uuid4())
        ear.relay(tap, bot.url, Direction.BOTH, {"call": "c1"}, LIMITS, lambda what, data: told.append((what, data)))
        talk = Talk(await AsteriskEnd.connect(ear.address, tap), told)
        listening = asyncio.create_task(talk.listen())
        yield talk
        await listening


async def test_it_greets_is_interrupted_answers_and_says_goodbye() -> None:
    async with voice_bot(SECRET, "--turns", "1") as bot, talking(bot) as talk:
        await talk.until_heard(520)
        await talk.say(noise(0.4, 0.3))
        await until(lambda: "interrupted" in bot.said)
        await talk.say(silence(0.8))
        await talk.until_heard(1600)  # the tone for a loud voice, and then the voice
        await until(lambda: talk.pitches.count(1) >= 10)
        await talk.until_heard(780)  # the goodbye
        await until(lambda: ("ended", {"reason": "bot_ended"}) in talk.told)
        assert bot.said[0] == "call c1"


async def test_it_ends_at_the_key() -> None:
    async with voice_bot(SECRET) as bot, talking(bot) as talk:
        await talk.until_heard(520)
        talk.asterisk.send(bytes((Kind.KEY, 0, 1)) + b"#")
        await until(lambda: ("ended", {"reason": "bot_ended"}) in talk.told)


async def test_it_talks_to_nobody_who_does_not_know_the_secret() -> None:
    async with voice_bot(SECRET) as bot, talking(bot, "somebody-elses-secret") as talk:
        await until(lambda: ("ended", {"reason": "bot_closed"}) in talk.told)
        assert bot.said == ["refused: the signature is wrong"]


def test_its_script_is_sound() -> None:
    (made,) = publications(load((FOLDER / "stream.yaml").read_text(), Syntax.YAML))
    assert made.name == "examples.voice-bot"
