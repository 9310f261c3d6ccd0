"""Waiting for what another task or process does, and ports that nobody has."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable


async def until(condition: Callable[[], bool], timeout_s: float = 10.0) -> None:
    """Wait until a condition holds, looking every 5 ms; a test never depends on how long it took."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - the condition may be of another process
            await asyncio.sleep(0.005)


async def eventually(question: Callable[[], Awaitable[object]], wanted: object, timeout_s: float = 10.0) -> None:
    """Ask until the answer is the wanted one; fails with the last answer."""
    deadline = time.monotonic() + timeout_s
    while (answer := await question()) != wanted:
        assert time.monotonic() < deadline, f"still {answer!r}"
        await asyncio.sleep(0.01)


def closed_port() -> int:
    """A loopback port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
