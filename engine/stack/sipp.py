"""SIPp processes of an instance: each in its own log directory, each with a limited life."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from pathlib import Path

from engine.stack import process
from engine.stack.programs import Program

STOP_GRACE_S = 3.0
LIFE_S = 900.0


class SippProcess:
    """A running SIPp; `directory` is its working directory and holds its logs."""

    def __init__(self, server: process.ManagedProcess, directory: Path, life_s: float) -> None:
        self.process = server
        self.directory = directory
        self._watchdog = asyncio.create_task(self._end_after(life_s), name=f"life of {server.name}")

    @property
    def name(self) -> str:
        """The name it was started under."""
        return self.process.name

    async def wait(self, timeout_s: float) -> int:
        """Waits for its own end and returns SIPp's exit code (0: all calls as expected, 1: some failed)."""
        code = await self.process.wait(timeout_s)
        await self._dismiss()
        return code

    async def stop(self) -> int:
        """Ends it; returns its exit code."""
        await self._dismiss()
        return await self.process.stop(STOP_GRACE_S)

    async def _dismiss(self) -> None:
        self._watchdog.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._watchdog

    async def _end_after(self, life_s: float) -> None:
        await asyncio.sleep(life_s)
        await self.process.stop(STOP_GRACE_S)


def start(
    program: Program, name: str, args: Sequence[str], directory: Path, records: Path, life_s: float = LIFE_S
) -> SippProcess:
    """Starts SIPp with `args` (as for its command line); relative paths in them lie in `directory`."""
    directory.mkdir(parents=True, exist_ok=True)
    server = process.start(
        name,
        [*program.argv_prefix, *args, "-nostdin"],
        log=directory / "sipp.log",
        records=records,
        # SIPp draws its screen even without a terminal and needs to know some
        env={**program.environment(), "TERM": "dumb"},
        cwd=directory,
    )
    return SippProcess(server, directory, life_s)
