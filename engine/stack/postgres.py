"""A private PostgreSQL: its own cluster, unprivileged, on a Unix socket, with a random password."""

from __future__ import annotations

import os
import re
import secrets
import signal
from pathlib import Path
from urllib.parse import quote

import asyncpg

from engine.stack import process
from engine.stack.command import run
from engine.stack.home import ServiceUser
from engine.stack.ports import LOOPBACK
from engine.stack.programs import Programs
from engine.stack.report import StackFailure

SUPERUSER = "vss"
READY_TIMEOUT_S = 30.0
STOP_GRACE_S = 15.0
COMMAND_TIMEOUT_S = 30.0
ADVICE = "Is the disk full, or /dev/shm too small? Remove the instance with ./vss down and try again."
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")

# fsync stays on: what the tests and benches say of durability must be true
SETTINGS = """\
listen_addresses = '{listen}'
port = {port}
unix_socket_directories = '{sockets}'
unix_socket_permissions = 0700
max_connections = 200
shared_buffers = 128MB
fsync = on
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] %d '
password_encryption = 'scram-sha-256'
"""


class Postgres:
    """A running server; made by `start_postgres`."""

    def __init__(self, server: process.ManagedProcess, sockets: Path, port: int, password: str, tcp: bool) -> None:
        self.process = server
        self.sockets = sockets
        self._port = port
        self.password = password
        self.tcp = tcp

    def dsn(self, database: str = "postgres") -> str:
        """The address of a database over the Unix socket."""
        host = quote(str(self.sockets), safe="")
        return f"postgresql://{SUPERUSER}:{self.password}@/{database}?host={host}&port={self._port}"

    def tcp_dsn(self, database: str = "postgres", port: int | None = None) -> str:
        """The address over loopback TCP, through a proxy's `port` if given; only if started with `tcp`."""
        if not self.tcp:
            raise StackFailure("postgres", "PostgreSQL was started without TCP")
        return f"postgresql://{SUPERUSER}:{self.password}@{LOOPBACK}:{port or self._port}/{database}"

    async def create_database(self, name: str, template: str | None = None) -> str:
        """Creates a database, as a copy of `template` if given (nobody may be connected to it); returns its DSN."""
        copy = f' TEMPLATE "{_checked(template)}"' if template else ""
        await self._execute(f'CREATE DATABASE "{_checked(name)}"{copy}')
        return self.dsn(name)

    async def drop_database(self, name: str) -> None:
        """Drops a database, ending its connections; no error if there is none."""
        await self._execute(f'DROP DATABASE IF EXISTS "{_checked(name)}" WITH (FORCE)')

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self.dsn(), timeout=COMMAND_TIMEOUT_S, command_timeout=COMMAND_TIMEOUT_S)
        try:
            await connection.execute(statement)
        finally:
            await connection.close(timeout=COMMAND_TIMEOUT_S)

    async def stop(self) -> None:
        """Fast shutdown: connections are ended, data is flushed."""
        await self.process.stop(STOP_GRACE_S)


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"not a plain database name: {name!r}")
    return name


def initialise(programs: Programs, directory: Path, user: ServiceUser, port: int, tcp: bool, log: Path) -> str:
    """Makes a new cluster in `directory`/data with its socket directory beside it; returns the password."""
    password = secrets.token_hex(16)
    directory.mkdir(parents=True, exist_ok=True)
    data, sockets, password_file = directory / "data", directory / "s", directory / "password"
    sockets.mkdir(exist_ok=True)
    sockets.chmod(0o700)
    with os.fdopen(os.open(password_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(password)
    user.own(directory, sockets, password_file)
    initdb = programs.initdb
    run(
        "initdb",
        [
            *initdb.argv_prefix,
            "-D",
            data,
            "-U",
            SUPERUSER,
            "--auth=scram-sha-256",
            f"--pwfile={password_file}",
            "--encoding=UTF8",
            "--locale=C",
            "--no-instructions",
        ],
        log=log,
        timeout_s=120,
        env=initdb.env,
        advice=ADVICE,
        cwd=directory,
        uid_gid=(user.uid, user.gid) if user.switch else None,
    )
    password_file.unlink()
    settings = SETTINGS.format(listen=LOOPBACK if tcp else "", port=port, sockets=sockets)
    with (data / "postgresql.conf").open("a") as file:
        file.write("\n# the stack's own settings\n" + settings)
    return password


async def start(
    programs: Programs,
    directory: Path,
    records: Path,
    user: ServiceUser,
    port: int,
    password: str,
    tcp: bool,
    log: Path,
) -> Postgres:
    """Starts the cluster made by `initialise` and waits until it answers."""
    program = programs.postgres
    server = process.start(
        "postgres",
        [*program.argv_prefix, "-D", str(directory / "data")],
        log=log,
        records=records,
        env=program.environment(),
        cwd=directory,
        user=user,
        stop_signal=signal.SIGINT,  # fast shutdown; SIGTERM would wait for every client
    )
    postgres = Postgres(server, directory / "s", port, password, tcp)
    try:
        await process.until(server, lambda: _answers(postgres.dsn()), READY_TIMEOUT_S, ADVICE)
    except BaseException:
        await postgres.stop()
        raise
    return postgres


async def _answers(dsn: str) -> bool:
    try:
        connection = await asyncpg.connect(dsn, timeout=5, command_timeout=5)
    except (OSError, asyncpg.CannotConnectNowError, asyncpg.PostgresConnectionError):
        return False
    await connection.close(timeout=5)
    return True
