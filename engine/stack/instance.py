"""One named instance of the stack (`demo`, `test`, `bench`): its directory, ports, secrets and servers."""

from __future__ import annotations

import asyncio
import os
import secrets
import shlex
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from engine.adapters.asteriskconf import AsteriskSite, SlotAccount, Trunk, UnsafeValue
from engine.stack import asterisk as asterisk_server
from engine.stack import postgres as postgres_server
from engine.stack import redis as redis_server
from engine.stack import serving, sipp
from engine.stack.down import RECORDS, clear, owned
from engine.stack.home import ServiceUser, service_user
from engine.stack.ports import LOOPBACK, PortBlock, Ports, take_block
from engine.stack.programs import Programs
from engine.stack.report import Report, StackFailure

# sun_path holds 108 bytes with the closing zero; the deepest socket of ours is Asterisk's
SOCKET_PATH_BYTES = 107
DEEPEST_SOCKET = "asterisk/run/asterisk.ctl"

_T = TypeVar("_T")


class Stack:
    """An open instance. Servers start on demand and stop in reverse order when the context ends.

    `async with Stack.open("demo", home, programs, report) as stack: await stack.start_postgres(); ...`
    """

    def __init__(self, name: str, directory: Path, programs: Programs, report: Report, block: PortBlock) -> None:
        self.name = name
        self.directory = directory
        self.programs = programs
        self.report = report
        self.user: ServiceUser = service_user()
        self.ari_password = secrets.token_hex(16)
        self.ami_password = secrets.token_hex(16)
        # hex, because no word that the settings take for a placeholder can be spelled in it
        self.api_token = secrets.token_hex(24)
        self._block = block
        self._stops: list[Callable[[], Awaitable[object]]] = []
        self._postgres: postgres_server.Postgres | None = None
        self._redis: redis_server.Redis | None = None
        self._asterisk: asterisk_server.Asterisk | None = None
        self._engine: serving.EngineProcess | None = None
        self._sipp_count = 0

    @staticmethod
    @asynccontextmanager
    async def open(name: str, home: Path, programs: Programs, report: Report) -> AsyncIterator[Stack]:
        """Opens an instance with an empty directory and a block of ports of its own; one owner at a time.

        Raises StackFailure if another live process owns it. What an earlier, killed owner left behind is stopped
        (recognised by pid and start time) and removed first.
        """
        directory = home / "run" / name
        _check_path(directory)
        _make_open(home, home / "run", directory)
        with owned(directory):
            for stopped in await asyncio.to_thread(clear, directory):
                report.note(f"stopped {stopped.process} (pid {stopped.pid}) that an earlier {name} left behind")
            _make_open(directory, directory / RECORDS, directory / "log")
            block = take_block(directory / "ports.json")
            stack = Stack(name, directory, programs, report, block)
            try:
                yield stack
            finally:
                try:
                    await stack._close()
                finally:
                    block.close()

    @property
    def ports(self) -> Ports:
        """The instance's block of loopback ports."""
        return self._block.ports

    @property
    def postgres(self) -> postgres_server.Postgres:
        return _started(self._postgres, "postgres")

    @property
    def redis(self) -> redis_server.Redis:
        return _started(self._redis, "redis")

    @property
    def asterisk(self) -> asterisk_server.Asterisk:
        return _started(self._asterisk, "asterisk")

    @property
    def engine(self) -> serving.EngineProcess:
        return _started(self._engine, "engine")

    async def start_postgres(self, *, tcp: bool = False) -> postgres_server.Postgres:
        """Makes and starts a new cluster; `tcp` also listens on loopback (a fault-injecting proxy needs it)."""
        place = self.directory / "postgres"
        with self.report.step("PostgreSQL") as step:
            password = postgres_server.initialise(
                self.programs, place, self.user, self.ports.postgres, tcp, self._log("initdb")
            )
            self._postgres = await postgres_server.start(
                self.programs,
                place,
                self._records,
                self.user,
                self.ports.postgres,
                password,
                tcp,
                self._log("postgres"),
            )
            step.detail = f"{self.programs.postgres.version} on a Unix socket"
        self._stops.append(self._postgres.stop)
        return self._postgres

    async def start_redis(self) -> redis_server.Redis:
        """Starts a fresh Redis."""
        with self.report.step("Redis") as step:
            self._redis = await redis_server.start(
                self.programs, self.directory / "redis", self._records, self.user, self._log("redis")
            )
            step.detail = f"{self.programs.redis_server.version} on a Unix socket"
        self._stops.append(self._redis.stop)
        return self._redis

    def asterisk_site(
        self, *, slots: tuple[SlotAccount, ...] = (), trunks: tuple[Trunk, ...] = (), **overrides: Any
    ) -> AsteriskSite:
        """What this instance's Asterisk is rendered from; `overrides` are fields of AsteriskSite."""
        fields: dict[str, Any] = {
            "tree": self.programs.asterisk_tree,
            "directory": self.directory / "asterisk",
            "sip_host": LOOPBACK,
            "sip_port": self.ports.sip,
            "rtp_first_port": self.ports.rtp.start,
            "rtp_last_port": self.ports.rtp.stop - 1,
            "http_host": LOOPBACK,
            "http_port": self.ports.ari,
            "ami_port": self.ports.ami,
            "ari_user": "vss",
            "ari_password": self.ari_password,
            "ami_user": "vss",
            "ami_password": self.ami_password,
            "fastagi_host": LOOPBACK,
            "fastagi_port": self.ports.fastagi,
            "slots": slots,
            "trunks": trunks,
        }
        try:
            return AsteriskSite(**{**fields, **overrides})
        except UnsafeValue as error:
            raise StackFailure("asterisk", str(error), advice="Set VSS_HOME to a plain path.") from error

    async def start_asterisk(
        self, *, slots: tuple[SlotAccount, ...] = (), trunks: tuple[Trunk, ...] = (), **overrides: Any
    ) -> asterisk_server.Asterisk:
        """Renders the configuration and starts Asterisk; arguments as for `asterisk_site`."""
        site = self.asterisk_site(slots=slots, trunks=trunks, **overrides)
        with self.report.step("Asterisk") as step:
            self._asterisk = await asterisk_server.start(
                self.programs.asterisk, site, self._records, self.user, self._log("asterisk")
            )
            step.detail = f"{self.programs.asterisk.version}, SIP on {LOOPBACK}:{site.sip_port}"
        self._stops.append(self._asterisk.stop)
        return self._asterisk

    async def resume_postgres(self) -> postgres_server.Postgres:
        """Starts PostgreSQL again, which was stopped, on its data (for fault tests)."""
        old = self.postgres
        self._stops.remove(old.stop)
        self._postgres = await postgres_server.start(
            self.programs, self.directory / "postgres", self._records, self.user, self.ports.postgres, old.password,
            old.tcp, self._log("postgres"),
        )  # fmt: skip
        self._stops.append(self._postgres.stop)
        return self._postgres

    async def resume_redis(self) -> redis_server.Redis:
        """Starts Redis again, which was stopped, without its data and with its password (for fault tests)."""
        old = self.redis
        self._stops.remove(old.stop)
        self._redis = await redis_server.start(
            self.programs, self.directory / "redis", self._records, self.user, self._log("redis"), old.password
        )
        self._stops.append(self._redis.stop)
        return self._redis

    async def restart_asterisk(self) -> asterisk_server.Asterisk:
        """Stops Asterisk if it still runs and starts it again with the same configuration (for fault tests)."""
        old = self.asterisk
        self._stops.remove(old.stop)
        await old.stop()
        self._asterisk = await asterisk_server.start(
            self.programs.asterisk, old.site, self._records, self.user, self._log("asterisk")
        )
        self._stops.append(self._asterisk.stop)
        return self._asterisk

    async def start_engine(self, *, wait_ready: bool = True, **settings: str) -> serving.EngineProcess:
        """Starts the engine as a child with `engine_env()` and these further VSS_* settings."""
        with self.report.step("Engine") as step:
            self._engine = await serving.start(
                {**self.engine_env(), **settings}, self._records, self._log("engine"), wait_ready=wait_ready
            )
            step.detail = self._engine.url
        self._stops.append(self._engine.stop)
        return self._engine

    async def start_standby(self, **settings: str) -> serving.EngineProcess:
        """Starts a second engine that waits for the first one's end; it is `engine` from `promote` on."""
        standby = await serving.start(
            {**self.engine_env(), **settings}, self._records, self._log("standby"), "standby", wait_ready=False,
            standby=True,
        )  # fmt: skip
        self._stops.append(standby.stop)
        return standby

    def promote(self, standby: serving.EngineProcess) -> None:
        """The engine has gone, and this one serves."""
        self._engine = standby

    def start_sipp(self, name: str, args: Sequence[str], *, life_s: float = sipp.LIFE_S) -> sipp.SippProcess:
        """Starts a SIPp in run/<instance>/sipp/<name>; it is ended after `life_s` or when the stack closes."""
        self._sipp_count += 1
        started = sipp.start(
            self.programs.sipp,
            f"sipp-{self._sipp_count}-{name}",
            args,
            self.directory / "sipp" / f"{self._sipp_count}-{name}",
            self._records,
            life_s,
        )
        self._stops.append(started.stop)
        return started

    def engine_env(self, database: str = "vss") -> dict[str, str]:
        """The engine's settings for what has been started so far; parts not started are left out."""
        env = {
            "VSS_FASTAGI_HOST": LOOPBACK,
            "VSS_FASTAGI_PORT": str(self.ports.fastagi),
            "VSS_AUDIOSOCKET_HOST": LOOPBACK,
            "VSS_AUDIOSOCKET_PORT": str(self.ports.audiosocket),
            "VSS_HTTP_HOST": LOOPBACK,
            "VSS_HTTP_PORT": str(self.ports.http),
            "VSS_API_TOKEN": self.api_token,
            "VSS_RUN_DIR": str(self.engine_directory),
        }
        if (espeak := self.programs.espeak_or_none) is not None:
            env["VSS_SPEECH"] = shlex.join(espeak.words)
        if self._postgres:
            env["VSS_POSTGRES_DSN"] = self._postgres.dsn(database)
        if self._redis:
            env["VSS_REDIS_URL"] = self._redis.url()
        if self._asterisk:
            site = self._asterisk.site
            env |= {
                "VSS_ARI_URL": self._asterisk.ari_url,
                "VSS_ARI_USER": site.ari_user,
                "VSS_ARI_PASSWORD": site.ari_password,
                "VSS_ARI_APP": site.app_name,
                "VSS_AMI_HOST": site.http_host,
                "VSS_AMI_PORT": str(site.ami_port),
                "VSS_AMI_USER": site.ami_user,
                "VSS_AMI_PASSWORD": site.ami_password,
                "VSS_RECORDINGS_DIR": str(self._asterisk.recordings),
                "VSS_ASTERISK_DIR": str(site.directory),
                "VSS_SIP_HOST": site.sip_host,
                "VSS_SIP_PORT": str(site.sip_port),
                "VSS_RTP_FIRST_PORT": str(site.rtp_first_port),
                "VSS_RTP_LAST_PORT": str(site.rtp_last_port),
            }
        return env

    @property
    def engine_directory(self) -> Path:
        """The engine's own run directory (spool and the like), made on first use."""
        directory = self.directory / "engine"
        directory.mkdir(mode=0o700, exist_ok=True)
        return directory

    @property
    def _records(self) -> Path:
        return self.directory / RECORDS

    def _log(self, name: str) -> Path:
        return self.directory / "log" / f"{name}.log"

    async def _close(self) -> None:
        """Stops everything, newest first; one that fails to stop does not keep the others running."""
        errors: list[BaseException] = []
        while self._stops:
            try:
                await self._stops.pop()()
            except Exception as error:
                errors.append(error)
        shutil.rmtree(self.directory / "postgres", ignore_errors=True)
        shutil.rmtree(self.directory / "redis", ignore_errors=True)
        if errors:
            raise errors[0]


def _started(part: _T | None, name: str) -> _T:
    if part is None:
        raise StackFailure(name, f"{name} was not started in this instance")
    return part


def _check_path(directory: Path) -> None:
    socket = directory / DEEPEST_SOCKET
    if len(os.fsencode(socket)) > SOCKET_PATH_BYTES:
        raise StackFailure(
            "paths", f"{socket} is too long for a Unix socket", advice="Set VSS_HOME to a directory with a short path."
        )


def _make_open(*directories: Path) -> None:
    """Makes directories that another user may pass through, whatever the umask."""
    for directory in directories:
        directory.mkdir(parents=True, exist_ok=True)
        directory.chmod(0o755)
