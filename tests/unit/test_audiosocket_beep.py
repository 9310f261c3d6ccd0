"""Beeps are found in whatever a machine says before; voices, melodies and the network's tones are none."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from engine.adapters.audiosocket.beep import BeepFinder, Samples, tone_in
from engine.adapters.audiosocket.protocol import FRAME_SAMPLES, RATE_HZ
from engine.adapters.audiosocket.quiet import NO_VOICE_MS, QuietFinder
from engine.adapters.speech import EspeakSpeech
from engine.adapters.speech.sound import parse_wav
from engine.fakes.metrics import FakeMetrics
from engine.stack.programs import Programs
from tests.unit.audiosocket_line import noise, silence, tone

LATE_MAX_S = 0.2
"""What is left of the 300 ms that the whole way may take."""


def heard_at(finder: BeepFinder | QuietFinder, *parts: Samples) -> list[float]:
    """When it says yes, in seconds from the beginning."""
    sound = mu_law_noise(np.concatenate(parts))
    frames = sound[: len(sound) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    return [(index + 1) * 0.02 for index, frame in enumerate(frames) if finder.hear(frame)]


def mu_law_noise(sound: Samples) -> Samples:
    """What G.711 makes of it."""
    pressed = np.sign(sound) * np.log1p(255 * np.abs(np.clip(sound, -1, 1))) / np.log1p(255)
    rounded = np.round(pressed * 127) / 127
    return (np.sign(rounded) * (256 ** np.abs(rounded) - 1) / 255).astype(np.float32)


def beeps(*parts: Samples) -> list[float]:
    return heard_at(BeepFinder(), *parts)


def voice(seconds: float, pitch_hz: float = 120.0) -> Samples:
    """Vowel-like: a pitch that moves, its harmonics under a formant, in syllables."""
    times = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    phase = 2 * np.pi * np.cumsum(pitch_hz * (1 + 0.15 * np.sin(2 * np.pi * 1.3 * times))) / RATE_HZ
    weights = [np.exp(-(((n * pitch_hz - 500) / 400) ** 2)) + 0.1 for n in range(1, 25)]
    whole = sum(weight * np.sin(n * phase) for n, weight in enumerate(weights, 1))
    syllables = np.clip(np.sin(2 * np.pi * 4 * times) * 3, 0, 1)
    return (0.1 * whole * syllables / np.std(whole)).astype(np.float32)


def melody(harmonics: Sequence[float], gap_s: float) -> Samples:
    notes = (262, 294, 330, 349, 392, 440, 494, 523, 587, 659, 698, 784)
    chance = np.random.default_rng(7)
    parts = list[Samples]()
    for _ in range(60):
        hz, long_s = float(chance.choice(notes)), float(chance.choice((0.15, 0.3, 0.6)))
        parts.append(sum((tone(hz * (n + 1), long_s, 0.15 * a) for n, a in enumerate(harmonics)), silence(long_s)))
        parts.append(silence(gap_s))
    return np.concatenate(parts)


@pytest.mark.parametrize("hz", [350, 390, 440, 600, 850, 1000, 1400, 1700, 2100, 2500])
def test_a_beep_is_heard_once_and_soon_after_its_end(hz: int) -> None:
    for level_db, lasts_s, offset in itertools.product((-10, -25, -38), (0.12, 0.2, 0.5, 1.5), (0, 53, 107)):
        level = 10 ** (level_db / 20)
        parts = [silence(0.5 + offset / RATE_HZ), tone(hz, lasts_s, level), silence(1.0)]
        ended_s = (len(parts[0]) + len(parts[1])) / RATE_HZ
        found = beeps(np.concatenate(parts) + noise(sum(map(len, parts)) / RATE_HZ, level / 6))
        assert len(found) == 1, (hz, level_db, lasts_s, offset, found)
        assert ended_s <= found[0] <= ended_s + LATE_MAX_S


def test_a_beep_right_after_the_words_is_heard() -> None:
    for pause_s in (0.1, 0.3, 1.0):
        assert len(beeps(voice(4.0), silence(pause_s), tone(1000, 0.4), silence(1.0))) == 1


def test_voices_are_no_beeps() -> None:
    for pitch_hz in (85.0, 120.0, 180.0, 220.0, 260.0, 320.0):
        assert beeps(voice(20.0, pitch_hz), silence(1.0)) == []


def test_melodies_are_no_beeps() -> None:
    for harmonics, gap_s in itertools.product(((1.0,), (1.0, 0.1), (1.0, 0.5, 0.3)), (0.0, 0.05)):
        assert beeps(melody(harmonics, gap_s)) == []


@pytest.mark.parametrize(
    ("tones_hz", "on_s", "off_s"),
    [
        ((350, 440), 2.0, 0.2),  # dial tone, North America
        ((425,), 0.35, 0.35),  # busy, Europe
        ((425,), 1.0, 4.0),  # ringing, Europe
        ((440, 480), 2.0, 1.0),  # ringing, North America
        ((480, 620), 0.5, 0.5),  # busy, North America
        ((697, 1209), 0.2, 0.2),  # DTMF
        ((941, 1633), 0.2, 0.2),
        ((2100,), 2.6, 1.0),  # a fax answers
        ((1000,), 0.06, 0.5),  # clicks
    ],
)
def test_tones_of_the_network_are_no_beeps(tones_hz: tuple[int, ...], on_s: float, off_s: float) -> None:
    one = np.concatenate([sum((tone(hz, on_s, 0.1) for hz in tones_hz), silence(on_s)), silence(off_s)])
    assert beeps(silence(0.5), *[one] * 5, silence(1.0)) == []


def test_special_information_tones_are_no_beeps() -> None:
    for short_s, long_s in ((0.276, 0.38), (0.33, 0.33)):
        assert beeps(silence(1), tone(914, short_s), tone(1371, short_s), tone(1777, long_s), silence(1)) == []


def test_a_tone_into_which_somebody_speaks_on_is_no_beep() -> None:
    assert beeps(silence(0.5), tone(1000, 0.4), noise(1.0, 0.2)) == []


def test_a_tone_is_measured_within_a_hertz() -> None:
    for hz in (351.0, 523.3, 1004.0, 2471.5):
        assert tone_in(tone(hz, 0.2)[400 : 400 + 2 * FRAME_SAMPLES]).hz == pytest.approx(hz, abs=1.0)


def test_silence_counts_only_after_a_voice() -> None:
    (found, *_) = heard_at(QuietFinder(1.5), silence(3.0), voice(3.0), silence(3.0))
    assert 7.2 <= found <= 7.8
    assert heard_at(QuietFinder(1.5), silence(3.0)) == []


def test_a_pause_between_sentences_is_not_the_end() -> None:
    (found, *_) = heard_at(QuietFinder(1.5), voice(3.0), silence(1.2), voice(3.0), silence(2.0))
    assert found >= 8.5


def test_a_line_with_noise_is_quiet_too() -> None:
    sound = np.concatenate([silence(1.0), voice(3.0), silence(3.0)])
    (found, *_) = heard_at(QuietFinder(1.5), sound + noise(len(sound) / RATE_HZ, 0.008))
    assert 5.2 <= found <= 6.0


def test_a_line_that_is_noisy_from_the_first_moment_on_is_heard_through() -> None:
    sound = np.concatenate([voice(6.0), silence(4.0)])
    (found, *_) = heard_at(QuietFinder(1.5), sound + noise(len(sound) / RATE_HZ, 0.03))
    assert 7.0 <= found <= 8.5


def test_a_line_without_any_voice_ends_the_wait_later() -> None:
    (found, *_) = heard_at(QuietFinder(1.5), silence(NO_VOICE_MS / 1000 + 0.5))
    assert found == pytest.approx(NO_VOICE_MS / 1000, abs=0.05)


@pytest.mark.speech
@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en-GB", "Hello. You have reached the voice mail of John Moon. Leave your name after the tone, thank you."),
        ("ru-RU", "Здравствуйте! Вы позвонили Ивану Петрову. У-у-у, тут туман. Оставьте сообщение после сигнала."),
    ],
)
async def test_spoken_greetings_are_no_beeps_and_their_beep_is_heard(
    programs: Programs, tmp_path: Path, language: str, text: str
) -> None:
    async with EspeakSpeech(programs.espeak.words, tmp_path, FakeMetrics()) as speech:
        (media,) = await speech.prepare(text, language)
    _, words = parse_wav(await asyncio.to_thread(Path(media.removeprefix("sound:") + ".wav").read_bytes))
    assert beeps(words, silence(1.0)) == []
    (found,) = beeps(words, silence(0.2), tone(1400, 0.5), silence(1.0))
    assert found <= len(words) / RATE_HZ + 0.7 + LATE_MAX_S
