"""The Speech port on espeak-ng, which runs as a process of its own (it is GPL-3), a short one for each new text.

The text goes through a pipe, so it is neither an option nor in anybody's process list.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog

from engine.errors import Unavailable
from engine.ports import Metrics

from .shelf import SCHEME, Shelf
from .sound import Samples, telephone
from .words import spoken, voice_of

log = structlog.get_logger(__name__)

ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "ESPEAK_DATA_PATH", "HOME")
"""What the process gets of ours: the engine's secrets are in its environment and none of a synthesiser's business."""
WORDS_PER_MINUTE = 150
"""espeak-ng's own 175 is hard to follow on a telephone."""
PROCESSES_MAX = 2
WAITING_MAX = 200
PROCESS_LIMIT_S = 15.0
"""Measured: 30 ms for a sentence, 0.3 s for two minutes of speech."""
OUTPUT_MAX_BYTES = 20 << 20
"""Seven minutes at 22050 Hz."""
READ_BYTES = 1 << 16
COMPLAINT_MAX_BYTES = 2000


class EspeakSpeech:
    """Implements `engine.ports.Speech`; `async with` ends what is still being made."""

    def __init__(self, command: Sequence[str], directory: Path | Shelf, metrics: Metrics) -> None:
        """`command` is espeak-ng, or words such as `env NAME=value espeak-ng`; its options come after. `directory`: of
        its shelf, or that shelf itself."""
        self._command = tuple(command)
        self._env = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
        self._metrics = metrics
        self._shelf = directory if isinstance(directory, Shelf) else Shelf(directory, metrics)
        self._making: dict[Path, asyncio.Task[None]] = {}
        self._processes = asyncio.Semaphore(PROCESSES_MAX)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        making = tuple(self._making.values())
        for task in making:
            task.cancel()
        await asyncio.gather(*making, return_exceptions=True)

    async def prepare(self, text: str, language: str) -> tuple[str, ...]:
        """Make the text a sound file, unless there is one, and return its media URI.

        Requests of one text share one process. Raises Rejected (`language_unknown`, `text_empty`, `text_too_long`),
        Unavailable(`speech`).
        """
        voice, words = voice_of(language), spoken(text)
        stem = self._shelf.stem(voice, f"espeak-ng {WORDS_PER_MINUTE}", words)
        if await asyncio.to_thread(self._shelf.holds, stem):
            self._metrics.count("vss_speech_total", result="found")
            await asyncio.to_thread(self._shelf.touch, stem)
            return (f"{SCHEME}{stem}",)
        task = self._making.get(stem)
        if task is None:
            task = self._begin(stem, voice, words)
        # who waits may give up; the others, and the file, must not suffer from it
        await asyncio.shield(task)
        return (f"{SCHEME}{stem}",)

    def playable(self, media: Sequence[str]) -> bool:
        """Whether every file of ours among these media is there and whole."""
        return all(self._shelf.playable(one) for one in media)

    def _begin(self, stem: Path, voice: str, words: str) -> asyncio.Task[None]:
        if len(self._making) >= WAITING_MAX:
            self._metrics.count("vss_bounds_reached_total", bound="speech_waiting")
            raise Unavailable("speech", f"{WAITING_MAX} texts wait for their voice already")
        task = asyncio.create_task(self._make(stem, voice, words), name="speech")
        self._making[stem] = task
        task.add_done_callback(lambda done: self._made(stem, done))
        return task

    def _made(self, stem: Path, task: asyncio.Task[None]) -> None:
        del self._making[stem]
        failed = task.cancelled() or task.exception() is not None
        self._metrics.count("vss_speech_total", result="failed" if failed else "made")

    async def _make(self, stem: Path, voice: str, words: str) -> None:
        async with self._processes:
            began_at = time.monotonic()
            wav = await self._say(voice, words)
            samples = await asyncio.to_thread(_telephone, wav)
            await asyncio.to_thread(self._shelf.put, stem, samples)
            self._metrics.observe("vss_speech_seconds", time.monotonic() - began_at)

    async def _say(self, voice: str, words: str) -> bytes:
        """What espeak-ng says, as a WAV. Raises Unavailable when there is none, or it fails or is too slow."""
        options = ("-b", "1", "-v", voice, "-s", str(WORDS_PER_MINUTE), "--stdin", "--stdout")
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                *options,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=self._env,
            )
        except OSError as error:
            raise Unavailable("speech", f"{self._command[0]} does not start ({error.strerror}); {ADVICE}") from error
        try:
            async with asyncio.timeout(PROCESS_LIMIT_S):
                wav, complaint = await _talk(process, words.encode())
                code = await process.wait()
        except TimeoutError:
            self._metrics.count("vss_bounds_reached_total", bound="speech_process")
            raise Unavailable("speech", f"espeak-ng did not finish within {PROCESS_LIMIT_S:.0f} s") from None
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if code != 0 or not wav:
            said = complaint.decode(errors="replace").strip()[:200]
            raise Unavailable("speech", f"espeak-ng failed (exit {code}): {said or 'it said nothing'}")
        return wav


ADVICE = "install espeak-ng or name it in VSS_SPEECH"


class NoSpeech:
    """The Speech port where no synthesiser can be had: everything that needs one is refused with what to do."""

    async def prepare(self, text: str, language: str) -> tuple[str, ...]:
        """Raises Unavailable."""
        raise Unavailable("speech", f"there is no espeak-ng on this machine: {ADVICE}, or give the campaign media")

    def playable(self, media: Sequence[str]) -> bool:
        """Nothing is ours."""
        return True


async def _talk(process: asyncio.subprocess.Process, words: bytes) -> tuple[bytes, bytes]:
    """Write the words and read both pipes; more than OUTPUT_MAX_BYTES is not read."""
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    wav, complaint, _ = await asyncio.gather(
        _read(process.stdout, OUTPUT_MAX_BYTES),
        _read(process.stderr, COMPLAINT_MAX_BYTES),
        _write(process.stdin, words),
    )
    return wav, complaint


async def _read(stream: asyncio.StreamReader, most: int) -> bytes:
    """All of a pipe; the first `most` bytes are kept."""
    kept = bytearray()
    while piece := await stream.read(READ_BYTES):
        kept += piece[: max(0, most - len(kept))]
    return bytes(kept)


async def _write(stream: asyncio.StreamWriter, words: bytes) -> None:
    with contextlib.suppress(ConnectionError):  # it ended without reading: its exit code says why
        stream.write(words)
        await stream.drain()
        stream.close()
        await stream.wait_closed()


def _telephone(wav: bytes) -> Samples:
    try:
        return telephone(wav)
    except ValueError as error:
        raise Unavailable("speech", f"espeak-ng spoke nothing that can be heard: {error}") from error
