"""The engine itself as a child: `python -m engine.cli serve`, ready when /readyz says so."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import aiohttp

from engine.stack import process
from engine.stack.home import CHECKOUT

READY_TIMEOUT_S = 30.0
STOP_GRACE_S = 30.0


class EngineProcess:
    """A running engine; made by `start`."""

    def __init__(self, server: process.ManagedProcess, url: str) -> None:
        self.process = server
        self.url = url

    async def stop(self) -> None:
        """SIGTERM: it stops dialing and drains; killed after 30 s."""
        await self.process.stop(STOP_GRACE_S)


async def start(
    settings: Mapping[str, str],
    records: Path,
    log: Path,
    name: str = "engine",
    wait_ready: bool = True,
    standby: bool = False,
) -> EngineProcess:
    """Starts an engine with these VSS_* settings; `wait_ready` False returns at once (for fault tests)."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("VSS_")}
    search = os.pathsep.join(filter(None, (str(CHECKOUT), os.environ.get("PYTHONPATH"))))
    server = process.start(
        name,
        [sys.executable, "-P", "-m", "engine.cli", "serve", *(("--standby",) if standby else ())],
        log=log,
        records=records,
        # a .env in the working directory is another installation's
        env={**env, **settings, "VSS_DOTENV": "", "PYTHONPATH": search, "PYTHONUNBUFFERED": "1"},
    )
    engine = EngineProcess(server, f"http://{settings['VSS_HTTP_HOST']}:{settings['VSS_HTTP_PORT']}")
    if wait_ready:
        try:
            await process.until(server, lambda: _ready(engine.url), READY_TIMEOUT_S)
        except BaseException:
            await engine.stop()
            raise
    return engine


async def _ready(url: str) -> bool:
    limit = aiohttp.ClientTimeout(total=2)
    try:
        async with aiohttp.ClientSession(timeout=limit) as session, session.get(f"{url}/readyz") as answer:
            return answer.status == 200
    except (aiohttp.ClientError, OSError):
        return False
