"""The example's voice bot as a process of its own, for tests."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "voice_bot"
START_S = 20.0


class RunningBot:
    """What it printed so far is in `said`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.said: list[str] = []

    async def read(self, stdout: asyncio.StreamReader) -> None:
        while line := await stdout.readline():
            self.said.append(line.decode().strip())


@asynccontextmanager
async def voice_bot(secret: str, *options: str) -> AsyncIterator[RunningBot]:
    """Start it on a free port; it is ended afterwards."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(FOLDER / "bot.py"), "--port", "0", *options,
        env={**os.environ, "VSS_WEBHOOK_SECRET": secret}, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        line = (await asyncio.wait_for(process.stdout.readline(), START_S)).decode()
        assert line.startswith("listening on "), line
        bot = RunningBot(line.removeprefix("listening on ").strip())
        reading = asyncio.create_task(bot.read(process.stdout))
        yield bot
        reading.cancel()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
