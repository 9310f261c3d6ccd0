"""A voice bot of a few lines: answers the node `stream` of a script (docs/stream.md). Needs aiohttp and numpy.

    VSS_WEBHOOK_SECRET=... python bot.py --port 8765 [--say "Hello!" --espeak espeak-ng] [--turns 3]

It greets, listens, and says back what it heard: first a tone that tells how loud that was (low: softly, high: loudly),
then the words themselves. Who speaks while it speaks interrupts it. After some turns, or at the key #, it says goodbye
and ends.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import hmac
import io
import json
import os
import time
import wave
from collections import deque

import aiohttp
import numpy as np
from aiohttp import web

RATE_HZ = 8000
FRAME = RATE_HZ // 50
OLD_S = 300
HEARD_MAX_S = 10
VOICE_LEVEL = 0.02
"""Louder than -34 dB of full scale is a voice."""
BEGINS_FRAMES = 5
"""100 ms of voice: they speak."""
ENDS_FRAMES = 30
"""600 ms of silence: they have finished."""
SOFT, LOUD = 0.05, 0.15
GREETING_HZ, GOODBYE_HZ = (523.0, 659.0, 784.0), (784.0, 659.0, 523.0)
LOUDNESS_HZ = {"soft": 400.0, "normal": 800.0, "loud": 1600.0}


def tone(hz: float, seconds: float = 0.25, level: float = 0.2) -> np.ndarray:
    times = np.arange(int(RATE_HZ * seconds)) / RATE_HZ
    edge = np.minimum(1, np.minimum(times, times[::-1]) * 100)
    return level * np.sin(2 * np.pi * hz * times) * edge


def melody(pitches: tuple[float, ...]) -> np.ndarray:
    return np.concatenate([tone(hz) for hz in pitches])


def linear(samples: np.ndarray) -> bytes:
    return (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()


def loudness(samples: np.ndarray) -> str:
    level = float(np.sqrt(np.mean(samples**2)))
    return "soft" if level < SOFT else "loud" if level > LOUD else "normal"


async def speech(espeak: str, words: str) -> np.ndarray:
    """What espeak-ng says, at 8 kHz."""
    process = await asyncio.create_subprocess_exec(
        espeak, "--stdin", "--stdout", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await asyncio.wait_for(process.communicate(words.encode()), 10)
    with wave.open(io.BytesIO(said)) as file:
        rate, data = file.getframerate(), said[44:]
    samples = np.frombuffer(data[: len(data) // 2 * 2], "<i2") / 32768
    smooth = np.convolve(samples, np.ones(3) / 3, "same")  # enough of a low pass for a telephone
    return np.interp(np.arange(0, len(smooth), rate / RATE_HZ), np.arange(len(smooth)), smooth)


class Hearing:
    """Tells when somebody begins to speak and when they have finished."""

    def __init__(self) -> None:
        self.speaking = False
        self._frames: deque[np.ndarray] = deque(maxlen=HEARD_MAX_S * 50)
        self._loud = self._quiet = 0

    def hear(self, frame: np.ndarray) -> str | None:
        voice = float(np.sqrt(np.mean(frame**2))) > VOICE_LEVEL
        self._loud, self._quiet = (self._loud + 1, 0) if voice else (0, self._quiet + 1)
        self._frames.append(frame)
        if not self.speaking and self._loud >= BEGINS_FRAMES:
            self.speaking = True
            return "begins"
        if self.speaking and self._quiet >= ENDS_FRAMES:
            self.speaking = False
            return "ends"
        if not self.speaking:  # only what came just before the first word is worth keeping
            while len(self._frames) > 2 * BEGINS_FRAMES:
                self._frames.popleft()
        return None

    def taken(self) -> np.ndarray:
        heard = np.concatenate(self._frames) if self._frames else np.zeros(FRAME)
        self._frames.clear()
        return heard[: -ENDS_FRAMES * FRAME or None]


class Conversation:
    """One stream."""

    def __init__(self, socket: web.WebSocketResponse, greeting: np.ndarray, turns: int) -> None:
        self._socket = socket
        self._greeting = greeting
        self._turns = turns
        self._unplayed = 0
        """Marks that the caller has not reached: the bot is being heard."""
        self._hearing = Hearing()

    async def run(self) -> None:
        await self._say(self._greeting, "greeting")
        async for message in self._socket:
            if message.type is aiohttp.WSMsgType.BINARY:
                await self._hear(np.frombuffer(message.data, "<i2") / 32768)
            elif message.type is aiohttp.WSMsgType.TEXT:
                await self._told(json.loads(message.data))

    async def _hear(self, frame: np.ndarray) -> None:
        match self._hearing.hear(frame):
            case "begins" if self._unplayed:
                print("interrupted", flush=True)
                await self._socket.send_json({"command": "clear"})
            case "ends":
                words = self._hearing.taken()
                level = loudness(words)
                print(f"heard {len(words) / RATE_HZ:.1f} s, {level}", flush=True)
                await self._say(np.concatenate((tone(LOUDNESS_HZ[level]), words)), "answer")
                self._turns -= 1
                if self._turns == 0:
                    await self._goodbye()

    async def _told(self, event: dict[str, object]) -> None:
        if event["event"] == "mark":
            self._unplayed -= 1
        elif event["event"] == "key" and event["key"] == "#":
            await self._goodbye()
        elif event["event"] in {"error", "end"}:
            print(event, flush=True)

    async def _say(self, samples: np.ndarray, name: str) -> None:
        self._unplayed += 1
        await self._socket.send_bytes(linear(samples))
        await self._socket.send_json({"command": "mark", "name": name})

    async def _goodbye(self) -> None:
        await self._say(melody(GOODBYE_HZ), "goodbye")
        await self._socket.send_json({"command": "end"})


def genuine(secret: str, header: str, target: str, first: str) -> bool:
    """Whether the engine that knows our secret sent this, and just now."""
    given = dict(part.partition("=")[::2] for part in header.split(","))
    signed = f"{given.get('t')}.GET.{target}.{first}".encode()
    right = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    at = given.get("t", "")
    return hmac.compare_digest(right, given.get("v1", "")) and at.isdigit() and abs(time.time() - int(at)) < OLD_S


def application(secret: str, greeting: np.ndarray, turns: int) -> web.Application:
    async def answer(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(heartbeat=10)
        await socket.prepare(request)
        first = await socket.receive(timeout=5)
        header = request.headers.get("X-VSS-Signature", "")
        if first.type is not aiohttp.WSMsgType.TEXT or not genuine(secret, header, request.raw_path, first.data):
            print("refused: the signature is wrong", flush=True)
            await socket.close(code=aiohttp.WSCloseCode.POLICY_VIOLATION)
            return socket
        print("call", json.loads(first.data)["call"], flush=True)
        await Conversation(socket, greeting, turns).run()
        return socket

    app = web.Application()
    app.router.add_get("/", answer)
    return app


async def serve(wanted: argparse.Namespace, secret: str) -> None:
    greeting = await speech(wanted.espeak, wanted.say) if wanted.say else melody(GREETING_HZ)
    runner = web.AppRunner(application(secret, greeting, wanted.turns))
    await runner.setup()
    await web.TCPSite(runner, wanted.host, wanted.port).start()
    print(f"listening on ws://{wanted.host}:{runner.addresses[0][1]}/", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8765, help="0: a free one")
    parser.add_argument("--say", help="words of the greeting, spoken by espeak-ng; without them a melody")
    parser.add_argument("--espeak", default="espeak-ng", help="the synthesiser's command")
    parser.add_argument("--turns", type=int, default=3, help="answers before it says goodbye")
    wanted = parser.parse_args()
    secret = os.environ.get("VSS_WEBHOOK_SECRET", "")
    if not secret:
        parser.error("VSS_WEBHOOK_SECRET must be the engine's: nobody else may talk to this bot")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(wanted, secret))


if __name__ == "__main__":
    main()
