"""Recordings: what MixMonitor wrote becomes a WAV file with two channels, and a row that tells of it.

What is a WAV file already (recordings of scripts, one channel) only gets its row.

MixMonitor's option D writes 16 bit samples at 8 kHz, interleaved: left is what came from the customer's channel, right
what went to it. The raw file has no header and cannot be played by itself.
"""

from __future__ import annotations

import asyncio
import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import structlog

from engine.adapters.postgres.pool import Database
from engine.ports import FinishedLeg, Metrics

log = structlog.get_logger()

RATE_HZ = 8000
CHANNELS = 2
SAMPLE_BYTES = 2
CHUNK_BYTES = 1 << 20
SIZE_MAX_BYTES = 0xFFFFFFFF - 36
"""RIFF sizes have 32 bits: 37 hours."""


@dataclass(frozen=True, slots=True)
class WavFile:
    """A finished recording. `sha256` is of the whole file."""

    path: Path
    duration_ms: int
    size_bytes: int
    sha256: str


class RecordingShelf:
    """Implements the RecordingStore port on a folder and PostgreSQL."""

    def __init__(self, database: Database, metrics: Metrics) -> None:
        self._database = database
        self._metrics = metrics

    async def finish(self, legs: Sequence[FinishedLeg]) -> None:
        """Convert and register; may be repeated. A file that is missing or cannot be read is told, not raised.

        Raises Unavailable.
        """
        for leg in legs:
            try:
                wav = await asyncio.to_thread(to_wav, Path(leg.raw))
                await self._database.value(
                    "add_recording",
                    leg.call,
                    str(wav.path),
                    leg.started_at,
                    wav.duration_ms,
                    wav.size_bytes,
                    wav.sha256,
                    leg.leg,
                )
            except (OSError, ValueError, asyncpg.ForeignKeyViolationError) as error:
                log.error("recording_lost", call=leg.call, error=str(error))
                self._metrics.count("vss_recordings_total", result="failed")
                continue
            self._metrics.count("vss_recordings_total", result="done")


def to_wav(raw: Path) -> WavFile:
    """Put a WAV header before a raw recording and remove the raw one; done already is no fault.

    Raises OSError, and ValueError for a file that is too long for the format.
    """
    wav = raw.with_suffix(".wav")
    if raw != wav and raw.exists():
        size = raw.stat().st_size
        if size > SIZE_MAX_BYTES:
            raise ValueError(f"{raw.name} is too long for a WAV file")
        partial = wav.with_suffix(".part")
        with raw.open("rb") as source, partial.open("wb") as target:
            target.write(header(size))
            while chunk := source.read(CHUNK_BYTES):
                target.write(chunk)
        partial.rename(wav)
        raw.unlink()
    digest = hashlib.sha256()
    with wav.open("rb") as source:
        while chunk := source.read(CHUNK_BYTES):
            digest.update(chunk)
    size = wav.stat().st_size
    frames = (size - len(header(0))) // (_channels(wav) * SAMPLE_BYTES)
    return WavFile(wav, frames * 1000 // RATE_HZ, size, digest.hexdigest())


def _channels(wav: Path) -> int:
    """How many a WAV file has. Raises ValueError for what is none."""
    with wav.open("rb") as source:
        begin = source.read(len(header(0)))
    if len(begin) < len(header(0)) or begin[:4] != b"RIFF" or begin[22] not in {1, 2}:
        raise ValueError(f"{wav.name} is no WAV file of one or two channels")
    return begin[22]


def header(data_bytes: int) -> bytes:
    """The 44 bytes of a PCM WAV header (RIFF; Microsoft's Multimedia Programming Interface, 1991)."""
    frame = CHANNELS * SAMPLE_BYTES
    return (
        struct.pack("<4sI4s", b"RIFF", 36 + data_bytes, b"WAVE")
        + struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, CHANNELS, RATE_HZ, RATE_HZ * frame, frame, SAMPLE_BYTES * 8)
        + struct.pack("<4sI", b"data", data_bytes)
    )
