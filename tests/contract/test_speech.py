"""The Speech port: the fake one and espeak-ng keep the same promises, and espeak-ng's words can be heard."""

from __future__ import annotations

import wave
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from engine.adapters.speech import EspeakSpeech
from engine.adapters.speech.sound import PEAK_MAX, SPEECH_RMS, loudness
from engine.errors import Rejected
from engine.fakes.metrics import FakeMetrics
from engine.fakes.speech import FakeSpeech
from engine.ports import Speech
from engine.stack.programs import Programs
from engine.stack.sound import decode

IDENTITY = {
    "en": "This is Example Limited. We called you about your order. Call us back at +1 202 555 0199.",
    "en-GB": "This is Example Limited. We called you about your order.",
    "ru": "Вам звонили из компании Пример по поводу вашего заказа. Перезвоните нам: +7 495 555 01 99.",
}


@dataclass(frozen=True, slots=True)
class Voice:
    """A Speech port, and how its files get lost."""

    speech: Speech
    lose: Callable[[tuple[str, ...]], None]


@pytest.fixture(params=["fake", pytest.param("espeak", marks=pytest.mark.speech)])
async def voice(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Voice]:
    if request.param == "fake":
        fake = FakeSpeech()
        yield Voice(fake, fake.lost.update)
        return
    async with real(request.getfixturevalue("programs"), tmp_path) as speech:
        yield Voice(speech, lambda media: [path.unlink() for path in files(media)].clear())


def real(programs: Programs, place: Path) -> EspeakSpeech:
    return EspeakSpeech(programs.espeak.words, place / "sounds", FakeMetrics())


def files(media: tuple[str, ...]) -> list[Path]:
    stems = [Path(one.removeprefix("sound:")) for one in media]
    return [stem.with_suffix(suffix) for stem in stems for suffix in (".wav", ".ulaw", ".alaw")]


async def test_text_becomes_media_that_are_the_same_every_time(voice: Voice) -> None:
    media = await voice.speech.prepare(IDENTITY["en"], "en")
    assert media
    assert all(one.startswith("sound:") for one in media)
    assert voice.speech.playable(media)
    assert await voice.speech.prepare(IDENTITY["en"], "en") == media
    assert await voice.speech.prepare(IDENTITY["en"], "ru") != media
    assert await voice.speech.prepare("Other words", "en") != media


async def test_lost_media_are_not_playable_until_they_are_made_again(voice: Voice) -> None:
    media = await voice.speech.prepare(IDENTITY["en"], "en")
    voice.lose(media)
    assert not voice.speech.playable(media)
    assert await voice.speech.prepare(IDENTITY["en"], "en") == media
    assert voice.speech.playable(media)


async def test_media_of_others_are_not_judged(voice: Voice) -> None:
    assert voice.speech.playable(("sound:hello", "tone:ring", "recording:greeting"))


@pytest.mark.parametrize(
    ("text", "language", "code"),
    [("Hello", "tlh", "language_unknown"), ("…", "en", "text_empty"), ("a " * 1001, "en", "text_too_long")],
)
async def test_what_cannot_be_said_is_refused_with_a_code(voice: Voice, text: str, language: str, code: str) -> None:
    with pytest.raises(Rejected) as refusal:
        await voice.speech.prepare(text, language)
    assert refusal.value.code == code


@pytest.mark.speech
@pytest.mark.parametrize("language", IDENTITY)
async def test_real_words_last_as_long_as_a_person_needs_are_loud_and_do_not_clip(
    programs: Programs, tmp_path: Path, language: str
) -> None:
    async with real(programs, tmp_path) as speech:
        media = await speech.prepare(IDENTITY[language], language)
    wav, ulaw, _ = files(media)
    with wave.open(str(wav)) as read:
        assert (read.getframerate(), read.getnchannels(), read.getsampwidth()) == (8000, 1, 2)
        samples = np.frombuffer(read.readframes(read.getnframes()), "<i2") / np.float32(32768)
    measured = loudness(samples.astype(np.float32))
    words = len(IDENTITY[language].split())
    # 150 words a minute, digits and pauses on top
    assert 0.25 * words < measured.duration_s < 1.2 * words
    assert 0.5 * SPEECH_RMS < measured.rms <= 1.05 * SPEECH_RMS
    assert measured.peak <= PEAK_MAX + 0.01
    quiet = np.flatnonzero(np.abs(samples) > 0.02)
    assert quiet[0] < 0.2 * 8000, "it does not begin at once"
    assert np.diff(quiet).max() < 1.0 * 8000, "there is a second of silence in it"
    assert np.abs(decode(ulaw.read_bytes()) / 32768 - samples).max() < 0.04
