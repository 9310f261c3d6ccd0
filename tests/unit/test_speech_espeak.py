"""The synthesiser's process: one per text, bounded, and nothing half written."""

from __future__ import annotations

import asyncio
import os
import shlex
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from engine.adapters.speech import EspeakSpeech, NoSpeech, espeak, shelf
from engine.adapters.speech.shelf import Shelf
from engine.errors import Rejected, Unavailable
from engine.fakes.metrics import FakeMetrics
from tests.unit.test_speech_sound import FROM_HZ, tone, wav_of


class Stub:
    """A shell in espeak-ng's place: notes each start and what it was told, and says a tone of one second."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.heard = place / "heard"
        self.heard.touch()
        (place / "tone.wav").write_bytes(wav_of(tone(600, 1.0, FROM_HZ), FROM_HZ))
        (place / "silence.wav").write_bytes(wav_of(np.zeros(FROM_HZ, np.float32), FROM_HZ))

    def saying(self, sound: str = "tone.wav", then: str = "") -> tuple[str, ...]:
        heard, wav = shlex.quote(str(self.heard)), shlex.quote(str(self.place / sound))
        return ("/bin/sh", "-c", f'echo "$* <$(cat)>" >>{heard}; cat {wav}; {then}', "espeak-ng")

    def starts(self) -> list[str]:
        return self.heard.read_text().splitlines()


@pytest.fixture
def stub(tmp_path: Path) -> Stub:
    return Stub(tmp_path)


def speech(stub: Stub, *command: str, metrics: FakeMetrics | None = None) -> EspeakSpeech:
    return EspeakSpeech(command or stub.saying(), stub.place / "sounds", metrics or FakeMetrics())


async def until(true: Callable[[], bool]) -> None:
    """Wait for what another process does."""
    for _ in range(1000):
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not become so")


async def test_text_becomes_files_that_others_can_read_whatever_the_umask(stub: Stub) -> None:
    before = os.umask(0o077)
    try:
        async with speech(stub) as voice:
            (media,) = await voice.prepare("Hello", "en")
    finally:
        os.umask(before)
    stem = Path(media.removeprefix("sound:"))
    assert stub.starts() == ["-b 1 -v en-us -s 150 --stdin --stdout <Hello>"]
    files = {suffix: stem.with_suffix(suffix).stat() for suffix in shelf.SUFFIXES}
    assert {stat.st_mode & 0o777 for stat in files.values()} == {0o644}
    assert stem.parent.stat().st_mode & 0o777 == 0o755
    assert files[".ulaw"].st_size == files[".alaw"].st_size == pytest.approx(8000, abs=50)
    assert files[".wav"].st_size == 44 + 2 * files[".ulaw"].st_size
    assert sorted(path.suffix for path in stem.parent.iterdir()) == [".alaw", ".ulaw", ".wav"], "something is left over"


async def test_same_words_are_spoken_once_and_other_words_voices_and_restarts_are_told_apart(stub: Stub) -> None:
    metrics = FakeMetrics()
    async with speech(stub, metrics=metrics) as voice:
        first = await voice.prepare("Hello there", "en")
        assert await voice.prepare("Hello \n there", "en-US") == first
        others = {await voice.prepare(text, language) for text, language in (("Hello", "en"), ("Hello there", "ru"))}
    async with speech(stub, metrics=metrics) as restarted:
        assert await restarted.prepare("Hello there", "en") == first
    assert len(others | {first}) == 3
    assert len(stub.starts()) == 3
    assert (metrics.of("vss_speech_total", result="made"), metrics.of("vss_speech_total", result="found")) == (3, 2)


async def test_requests_of_one_text_share_a_process_and_survive_the_one_who_gives_up(stub: Stub) -> None:
    async with speech(stub, *stub.saying(then="sleep 0.2")) as voice:
        asked = [asyncio.create_task(voice.prepare("Hello", "en")) for _ in range(8)]
        await until(lambda: bool(stub.starts()))
        asked[0].cancel()
        done = await asyncio.gather(*asked, return_exceptions=True)
    assert isinstance(done[0], asyncio.CancelledError)
    assert all(isinstance(media, tuple) for media in done[1:])
    assert len(set(map(str, done[1:]))) == 1
    assert len(stub.starts()) == 1


async def test_no_more_processes_run_at_once_than_allowed(stub: Stub) -> None:
    running = shlex.quote(str(stub.place / "running"))
    count = f"cd {shlex.quote(str(stub.place))}; mkdir -p r; touch r/$$; ls r | wc -l >>{running}; sleep 0.05; rm r/$$"
    async with speech(stub, *stub.saying(then=count)) as voice:
        await asyncio.gather(*(voice.prepare(f"text {n}", "en") for n in range(6)))
    most = max(int(line) for line in (stub.place / "running").read_text().split())
    assert 1 <= most <= espeak.PROCESSES_MAX


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("/nowhere/espeak-ng",), "does not start"),
        (("/bin/sh", "-c", "echo voice not found >&2; exit 1"), r"failed \(exit 1\): voice not found"),
        (("/bin/sh", "-c", "exit 0"), "it said nothing"),
        (("/bin/sh", "-c", "echo no sound at all"), "nothing that can be heard: not a WAV file"),
    ],
)
async def test_synthesiser_that_fails_is_told_and_leaves_no_file(
    stub: Stub, command: tuple[str, ...], said: str
) -> None:
    metrics = FakeMetrics()
    async with speech(stub, *command, metrics=metrics) as voice:
        with pytest.raises(Unavailable, match=said):
            await voice.prepare("Hello", "en")
    assert not list((stub.place / "sounds").rglob("*.*"))
    assert metrics.of("vss_speech_total", result="failed") == 1


async def test_silence_is_no_speech(stub: Stub) -> None:
    async with speech(stub, *stub.saying("silence.wav")) as voice:
        with pytest.raises(Unavailable, match="it is silent"):
            await voice.prepare("Hello", "en")


async def test_synthesiser_that_hangs_is_killed(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(espeak, "PROCESS_LIMIT_S", 0.2)
    metrics = FakeMetrics()
    pid_file = stub.place / "pid"
    async with speech(
        stub, "/bin/sh", "-c", f"echo $$ >{shlex.quote(str(pid_file))}; exec sleep 60", metrics=metrics
    ) as v:
        with pytest.raises(Unavailable, match="did not finish"):
            await v.prepare("Hello", "en")
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid_file.read_text()), 0)
    assert metrics.of("vss_bounds_reached_total", bound="speech_process") == 1


async def test_closing_ends_what_is_still_being_made(stub: Stub) -> None:
    pid_file = stub.place / "pid"
    async with speech(stub, "/bin/sh", "-c", f"echo $$ >{shlex.quote(str(pid_file))}; exec sleep 60") as voice:
        asked = asyncio.create_task(voice.prepare("Hello", "en"))
        await until(lambda: pid_file.exists() and bool(pid_file.read_text()))
    with pytest.raises(asyncio.CancelledError):
        await asked
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid_file.read_text()), 0)


async def test_too_many_texts_at_once_are_refused_rather_than_queued_for_ever(
    stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(espeak, "WAITING_MAX", 2)
    async with speech(stub, "/bin/sh", "-c", "exec sleep 60") as voice:
        asked = [asyncio.create_task(voice.prepare(f"text {n}", "en")) for n in range(2)]
        await until(lambda: len(voice._making) == 2)
        with pytest.raises(Unavailable, match="wait for their voice"):
            await voice.prepare("text 3", "en")
    await asyncio.gather(*asked, return_exceptions=True)


async def test_file_that_is_lost_or_cut_off_is_noticed_and_made_again(stub: Stub) -> None:
    async with speech(stub) as voice:
        media = await voice.prepare("Hello", "en")
        assert voice.playable(media)
        assert voice.playable(("sound:hello", "tone:ring")), "Asterisk's own are not ours to judge"
        ulaw = Path(media[0].removeprefix("sound:")).with_suffix(".ulaw")
        for spoil in (ulaw.unlink, lambda: ulaw.write_bytes(b"")):
            spoil()
            assert not voice.playable(media)
            assert await voice.prepare("Hello", "en") == media
            assert voice.playable(media)


async def test_full_shelf_makes_room_by_what_nobody_used_for_a_day(stub: Stub) -> None:
    metrics = FakeMetrics()
    small = shelf.Shelf(stub.place / "sounds", metrics, texts_max=5)
    async with EspeakSpeech(stub.saying(), small, metrics) as voice:
        media = [await voice.prepare(f"text {n}", "en") for n in range(5)]
        with pytest.raises(Unavailable, match="holds 5 texts"):
            await voice.prepare("one more", "en")
        long_ago = time.time() - shelf.KEPT_S - 60
        for one in media[:3]:
            os.utime(Path(one[0].removeprefix("sound:")).with_suffix(".wav"), (long_ago, long_ago))
        await voice.prepare("text 0", "en")
        assert voice.playable(await voice.prepare("one more", "en"))
        assert [voice.playable(one) for one in media] == [True, False, False, True, True]
    assert metrics.of("vss_bounds_reached_total", bound="speech_texts") == 2


def test_directory_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    store = Shelf(tmp_path / "file", FakeMetrics())
    with pytest.raises(Unavailable, match="VSS_SOUNDS_DIR"):
        store.put(store.stem("en-us", "x", "Hello"), tone(500, 1.0, 8000))


async def test_bad_texts_and_languages_start_nothing(stub: Stub) -> None:
    async with speech(stub) as voice:
        for text, language in (("", "en"), ("Hello", "xx")):
            with pytest.raises(Rejected):
                await voice.prepare(text, language)
    assert stub.starts() == []


async def test_without_a_synthesiser_the_refusal_says_what_to_do() -> None:
    with pytest.raises(Unavailable, match="install espeak-ng or name it in VSS_SPEECH"):
        await NoSpeech().prepare("Hello", "en")


async def test_shelf_of_values_gives_away_what_was_not_said_for_longest(
    stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelf, "LOOK_EVERY", 2)
    values = shelf.Shelf(stub.place / "values", FakeMetrics(), texts_max=4, gives_away=True)
    async with EspeakSpeech(stub.saying(), values, FakeMetrics()) as voice:
        media = [await voice.prepare(f"text {n}", "en") for n in range(4)]
        for age, one in enumerate(media):
            at = time.time() - 100 + age
            os.utime(Path(one[0].removeprefix("sound:")).with_suffix(".wav"), (at, at))
        await voice.prepare("one more", "en")
        assert [voice.playable(one) for one in media] == [False, True, True, True]
