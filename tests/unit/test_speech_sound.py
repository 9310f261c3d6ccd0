"""Synthesised sound on its way to the telephone: rate, band, loudness, formats."""

from __future__ import annotations

import io
import wave

import numpy as np
import pytest

from engine.adapters.speech.sound import (
    PEAK_MAX,
    RATE_HZ,
    SPEECH_RMS,
    Samples,
    a_law,
    level,
    loudness,
    mu_law,
    parse_wav,
    resample,
    telephone,
    trim,
    wav_file,
)
from engine.stack.sound import decode

FROM_HZ = 22_050


def tone(hz: float, seconds: float, rate_hz: int, amplitude: float = 0.5) -> Samples:
    return (amplitude * np.sin(2 * np.pi * hz / rate_hz * np.arange(int(seconds * rate_hz)))).astype(np.float32)


def wav_of(samples: Samples, rate_hz: int, channels: int = 1, width: int = 2) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(channels)
        out.setsampwidth(width)
        out.setframerate(rate_hz)
        out.writeframes((samples * 32767).astype("<i2").tobytes())
    return file.getvalue()


@pytest.mark.parametrize("hz", [200, 1000, 3000])
def test_speech_band_passes_the_resampler_unchanged(hz: int) -> None:
    found = resample(tone(hz, 1.0, FROM_HZ), FROM_HZ)
    assert len(found) == RATE_HZ
    expected = tone(hz, 1.0, RATE_HZ)
    middle = slice(200, -200)
    assert float(np.abs(found[middle] - expected[middle]).max()) < 0.01


@pytest.mark.parametrize("hz", [4600, 6000, 9000])
def test_what_a_telephone_cannot_carry_does_not_come_back_as_another_tone(hz: int) -> None:
    found = resample(tone(hz, 1.0, FROM_HZ), FROM_HZ)
    assert float(np.abs(found[200:-200]).max()) < 0.5 * 10 ** (-60 / 20)


def test_header_written_to_a_pipe_is_not_believed() -> None:
    sound = wav_of(tone(500, 0.1, FROM_HZ), FROM_HZ)
    piped = sound[:40] + (0x7FFFF000).to_bytes(4, "little") + sound[44:]
    rate_hz, samples = parse_wav(piped)
    assert (rate_hz, len(samples)) == (FROM_HZ, 2205)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not a sound",
        wav_of(tone(500, 0.1, FROM_HZ), FROM_HZ)[:36],
        wav_of(tone(500, 0.1, FROM_HZ), FROM_HZ, channels=2),
        wav_of(tone(500, 0.1, FROM_HZ), FROM_HZ, width=1),
        wav_of(tone(500, 0.1, 8000), 100),
        wav_of(np.zeros(8000, np.float32), FROM_HZ),
        wav_of(np.zeros(0, np.float32), FROM_HZ),
    ],
)
def test_what_is_no_audible_mono_wav_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"WAV|PCM|silent|rate"):
        telephone(data)


def test_silence_around_the_words_is_cut() -> None:
    words = np.concatenate([np.zeros(8000), tone(500, 1.0, RATE_HZ), np.zeros(16_000)]).astype(np.float32)
    assert len(trim(words)) == pytest.approx(8000 + 0.17 * RATE_HZ, abs=20)


@pytest.mark.parametrize("amplitude", [0.01, 0.3, 1.0])
def test_every_text_is_equally_loud_and_none_clips(amplitude: float) -> None:
    words = np.concatenate([tone(500, 1.0, RATE_HZ, amplitude), np.zeros(8000), tone(700, 1.0, RATE_HZ, amplitude)])
    measured = loudness(level(words.astype(np.float32)))
    assert measured.rms == pytest.approx(SPEECH_RMS, rel=0.02), "pauses must not count"
    clicks = np.zeros(8000, np.float32)
    clicks[::400] = amplitude
    assert loudness(level(clicks)).peak <= PEAK_MAX + 0.001


def test_files_hold_the_same_sound() -> None:
    sound = tone(440, 0.5, RATE_HZ, 0.8)
    with wave.open(io.BytesIO(wav_file(sound))) as read:
        assert (read.getframerate(), read.getnchannels(), read.getsampwidth()) == (RATE_HZ, 1, 2)
        linear = np.frombuffer(read.readframes(read.getnframes()), "<i2").astype(np.float32)
    assert np.abs(decode(mu_law(sound)) - linear).max() <= 600
    assert len(a_law(sound)) == len(mu_law(sound)) == len(linear)


def test_g711_codes_are_those_of_the_standard() -> None:
    edges = np.array([0.0, 1.0, -1.0], np.float32)
    assert list(mu_law(edges)) == [0xFF, 0x80, 0x00]
    assert list(a_law(edges)) == [0xD5, 0xAA, 0x2A]
