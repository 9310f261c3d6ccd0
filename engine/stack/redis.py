"""A private Redis on a Unix socket, in memory only."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from urllib.parse import quote

import redis.asyncio
import redis.exceptions

from engine.stack import process
from engine.stack.home import ServiceUser
from engine.stack.programs import Programs

READY_TIMEOUT_S = 15.0
STOP_GRACE_S = 5.0

SETTINGS = """\
port 0
unixsocket {socket}
unixsocketperm 700
requirepass {password}
dir {directory}
save ""
appendonly no
maxmemory 256mb
maxmemory-policy noeviction
daemonize no
"""


class Redis:
    """A running server; made by `start`."""

    def __init__(self, server: process.ManagedProcess, socket: Path, password: str) -> None:
        self.process = server
        self._socket = socket
        self.password = password

    def url(self, database: int = 0) -> str:
        """The address for redis-py: unix://:password@/path?db=n."""
        return f"unix://:{self.password}@{quote(str(self._socket))}?db={database}"

    async def stop(self) -> None:
        """Ends it; nothing is saved."""
        await self.process.stop(STOP_GRACE_S)
        self._socket.unlink(missing_ok=True)


async def start(
    programs: Programs, directory: Path, records: Path, user: ServiceUser, log: Path, password: str | None = None
) -> Redis:
    """Starts a fresh server in `directory` and waits until it answers PING; None: with a password of its own."""
    password, socket = password or secrets.token_hex(16), directory / "redis.sock"
    settings = _configure(directory, socket, password, user)
    program = programs.redis_server
    server = process.start(
        "redis",
        [*program.argv_prefix, str(settings)],
        log=log,
        records=records,
        env=program.environment(),
        cwd=directory,
        user=user,
    )
    started = Redis(server, socket, password)
    try:
        await process.until(server, lambda: _answers(started.url()), READY_TIMEOUT_S)
    except BaseException:
        await started.stop()
        raise
    return started


def _configure(directory: Path, socket: Path, password: str, user: ServiceUser) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    settings = directory / "redis.conf"
    settings.unlink(missing_ok=True)
    with os.fdopen(os.open(settings, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(SETTINGS.format(socket=socket, password=password, directory=directory))
    user.own(directory, settings)
    return settings


async def _answers(url: str) -> bool:
    client = redis.asyncio.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2)
    try:
        return bool(await client.ping())
    except (OSError, redis.exceptions.RedisError):
        return False
    finally:
        await client.aclose()
