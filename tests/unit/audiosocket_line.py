"""Asterisk's part of AudioSocket for tests, and sound to send."""

from __future__ import annotations

import asyncio
from uuid import UUID

import numpy as np
import numpy.typing as npt

from engine.adapters.audiosocket.protocol import FRAME_B, RATE_HZ, Kind, Messages, sound

Samples = npt.NDArray[np.float32]


def tone(hz: float, seconds: float, level: float = 0.2) -> Samples:
    """A sine wave whose edges take 3 ms, as a telephone's band allows."""
    times = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    edge = np.minimum(1.0, np.minimum(times, times[::-1]) / 0.003) if len(times) else times
    return (level * np.sqrt(2) * np.sin(2 * np.pi * hz * times) * edge).astype(np.float32)


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * RATE_HZ), np.float32)


def noise(seconds: float, level: float, seed: int = 1) -> Samples:
    return (level * np.random.default_rng(seed).standard_normal(round(seconds * RATE_HZ))).astype(np.float32)


def linear(samples: Samples) -> bytes:
    return (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()


class AsteriskEnd:
    """A connection as Asterisk makes it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._messages = Messages()
        self._waiting: list[tuple[Kind, bytes]] = []

    @classmethod
    async def connect(cls, address: str, tap: str | None = None) -> AsteriskEnd:
        host, _, port = address.rpartition(":")
        end = cls(*await asyncio.open_connection(host, int(port)))
        if tap is not None:
            end.send(bytes((Kind.NAME, 0, 16)) + UUID(tap).bytes)
        return end

    def send(self, data: bytes) -> None:
        self._writer.write(data)

    def say(self, samples: Samples) -> None:
        """All at once, in frames of 20 ms."""
        data = linear(samples)
        for start in range(0, len(data) - FRAME_B + 1, FRAME_B):
            self.send(sound(data[start : start + FRAME_B]))

    async def next(self) -> tuple[Kind, bytes] | None:
        """The next message from the engine; None: it closed."""
        async with asyncio.timeout(10):
            while not self._waiting:
                try:
                    data = await self._reader.read(65536)
                except ConnectionError:
                    return None
                if not data:
                    return None
                self._waiting += self._messages.take(data)
        return self._waiting.pop(0)

    async def until_closed(self) -> list[Kind]:
        """What comes until the engine closes."""
        kinds = []
        while (message := await self.next()) is not None:
            kinds.append(message[0])
        return kinds

    async def close(self) -> None:
        self._writer.transport.abort()
        await asyncio.sleep(0)
