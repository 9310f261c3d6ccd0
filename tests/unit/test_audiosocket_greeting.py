"""A person or a machine: by how long who answers speaks."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from engine.adapters.audiosocket import voice_model
from engine.adapters.audiosocket.greeting import GreetingJudge
from engine.adapters.audiosocket.voice_model import PIECE_MS, PIECE_SAMPLES, VoiceModel, is_installed
from engine.adapters.speech import EspeakSpeech
from engine.adapters.speech.sound import parse_wav
from engine.fakes.metrics import FakeMetrics
from engine.flow.run.events import Verdict
from engine.stack.programs import Programs
from tests.unit.audiosocket_line import Samples, noise, silence, tone

PIECE = 20


def judged(*parts: tuple[bool, int], limit_s: float = 4.0) -> tuple[Verdict | None, int]:
    """The verdict on parts of voice and silence (milliseconds), and when it comes."""
    judge, at = GreetingJudge(limit_s), 0
    for voice, lasts_ms in parts:
        for _ in range(lasts_ms // PIECE):
            at += PIECE
            if (verdict := judge.hear(voice, PIECE)) is not None:
                return verdict, at
    return None, at


@pytest.mark.parametrize(
    ("parts", "verdict", "at_ms"),
    [
        ([(False, 500), (True, 500), (False, 2000)], Verdict.HUMAN, 1800),
        ([(False, 300), (True, 400), (False, 300), (True, 600), (False, 2000)], Verdict.HUMAN, 2400),
        ([(True, 5000)], Verdict.MACHINE, 1800),
        ([(False, 1000), (True, 900), (False, 300), (True, 900)], Verdict.MACHINE, 2800),
        ([(False, 5000)], Verdict.UNSURE, 4000),
        ([(False, 500), (True, 60), (False, 5000)], Verdict.UNSURE, 4000),
        ([(True, 60), (False, 1000), (True, 60), (False, 5000)], Verdict.UNSURE, 4000),
        ([(False, 3500), (True, 1000)], Verdict.UNSURE, 4000),
    ],
)
def test_how_long_it_speaks_tells(parts: list[tuple[bool, int]], verdict: Verdict, at_ms: int) -> None:
    assert judged(*parts) == (verdict, at_ms)


def heard_by_model(sound: Samples) -> Verdict | None:
    model, judge = VoiceModel(), GreetingJudge(4.0)
    for start in range(0, len(sound) - PIECE_SAMPLES + 1, PIECE_SAMPLES):
        voice = model.hears_voice(sound[start : start + PIECE_SAMPLES].astype(np.float32))
        if (verdict := judge.hear(voice, PIECE_MS)) is not None:
            return verdict
    return None


def test_without_the_extra_there_is_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_installed()
    monkeypatch.setattr(voice_model, "PACKAGE", "no_such_package")
    assert not is_installed()
    with pytest.raises(ModuleNotFoundError):
        VoiceModel()


@pytest.mark.speech
@pytest.mark.parametrize(
    ("language", "text", "verdict"),
    [
        ("en-GB", "Hello?", Verdict.HUMAN),
        ("en-GB", "Hello, John here.", Verdict.HUMAN),
        ("ru-RU", "Алло?", Verdict.HUMAN),
        ("en-GB", "The person you are calling is not available. Please leave a message.", Verdict.MACHINE),
        ("ru-RU", "Абонент временно недоступен. Пожалуйста, перезвоните позднее.", Verdict.MACHINE),
    ],
)
async def test_the_voice_model_tells_spoken_people_and_machines_through_noise(
    programs: Programs, tmp_path: Path, language: str, text: str, verdict: Verdict
) -> None:
    async with EspeakSpeech(programs.espeak.words, tmp_path, FakeMetrics()) as speech:
        (media,) = await speech.prepare(text, language)
    _, words = parse_wav(await asyncio.to_thread(Path(media.removeprefix("sound:") + ".wav").read_bytes))
    sound = np.concatenate((silence(0.6), words, silence(2.0)))
    for level in (0.0, 0.01, 0.02):
        assert heard_by_model(sound + noise(len(sound) / 8000, level)) is verdict
    hum = np.concatenate((tone(440, 2.0), noise(3.0, 0.1)))
    assert heard_by_model(hum) is Verdict.UNSURE
