"""The media end of carrier calls inside of the test: plays what a test says, to the frame, and keeps what it hears."""

from __future__ import annotations

import asyncio
import itertools
import random
import struct
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from engine.stack.ports import LOOPBACK
from engine.stack.sound import FRAME_MS, FRAME_SAMPLES, decode, encode
from engine.stack.tone_server import LogFollower

HEADER = struct.Struct("!BBHII")
SILENCE = encode(np.zeros(FRAME_SAMPLES, np.float32))
Samples = npt.NDArray[np.float32]


@dataclass
class MediaCall:
    """One call. Times are `time.time()` seconds."""

    number: str
    port: int
    answered: bool = False
    over: bool = False
    script: list[bytes] = field(default_factory=list)
    sent_at: list[float] = field(default_factory=list)
    """When each frame of the script was sent."""
    heard: list[tuple[float, bytes]] = field(default_factory=list)
    keys: list[bytes] = field(default_factory=list)
    """Payloads of telephone events to send (RFC 4733), one a frame."""
    key_stamp: int = 0
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(random.getrandbits(12)))

    def play(self, samples: Samples) -> None:
        """Samples of full scale 1, from the next frame on; silence afterwards."""
        whole = samples[: len(samples) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
        self.script = [encode((frame * 32767).astype(np.float32)) for frame in whole]
        self.sent_at = []

    def press(self, digit: int) -> None:
        """100 ms of a key, its end said three times."""
        going = [struct.pack("!BBH", digit, 10, FRAME_SAMPLES * (n + 1)) for n in range(5)]
        self.keys += [*going, *[struct.pack("!BBH", digit, 0x8A, FRAME_SAMPLES * 5)] * 3]

    def sound(self) -> list[tuple[float, Samples]]:
        """What came from Asterisk, linear, of full scale 1."""
        return [(at, (decode(payload) / 32768).astype(np.float32)) for at, payload in self.heard]

    @property
    def played(self) -> bool:
        return len(self.sent_at) == len(self.script)


class MediaEnd(asyncio.DatagramProtocol):
    """`async with MediaEnd(log, port)`: follows the carrier's log."""

    def __init__(self, log: Path, port: int) -> None:
        self._follower = LogFollower(log)
        self._port = port
        self._transport: asyncio.DatagramTransport | None = None
        self._task: asyncio.Task[None] | None = None
        self.calls: dict[str, MediaCall] = {}

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(LOOPBACK, self._port))
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._transport is not None:
            self._transport.close()

    async def call(self, number: str) -> MediaCall:
        """The answered call to a number."""
        async with asyncio.timeout(10):
            while True:
                for call in self.calls.values():
                    if call.number == number and call.answered and not call.over:
                        return call
                await asyncio.sleep(0.01)

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        for call in self.calls.values():
            if call.port == address[1] and not call.over and data[1] & 0x7F == 0:
                call.heard.append((time.time(), data[12:]))

    async def _run(self) -> None:
        due = time.monotonic()
        while True:
            due += FRAME_MS / 1000
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            for line in self._follower.new_lines():
                if line.event == "invite" and line.rtp_port is not None:
                    self.calls[line.call_id] = MediaCall(line.number, line.rtp_port)
                elif line.event == "answer" and line.call_id in self.calls:
                    self.calls[line.call_id].answered = True
                elif line.event == "end" and line.call_id in self.calls:
                    self.calls[line.call_id].over = True
            for call in self.calls.values():
                if call.answered and not call.over:
                    self._send(call)

    def _send(self, call: MediaCall) -> None:
        payload = SILENCE
        if not call.played:
            payload = call.script[len(call.sent_at)]
            call.sent_at.append(time.time())
        number = next(call.numbers)
        header = HEADER.pack(0x80, 0, number & 0xFFFF, number * FRAME_SAMPLES & 0xFFFFFFFF, 7)
        if call.keys:
            payload = call.keys.pop(0)
            call.key_stamp = call.key_stamp or number
            header = HEADER.pack(0x80, 101, number & 0xFFFF, call.key_stamp * FRAME_SAMPLES & 0xFFFFFFFF, 7)
            call.key_stamp = call.key_stamp if call.keys else 0
        assert self._transport is not None
        self._transport.sendto(header + payload, (LOOPBACK, call.port))
