"""Faults that strike a running world: each begins, lasts, ends, and is over when the engine says that it is ready."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum

import redis.asyncio as redis_client

from engine.demo.world import World
from engine.stack import process
from engine.stack.chaos_proxy import ChaosProxy
from engine.stack.report import StackFailure
from engine.stack.serving import EngineProcess

READY_LIMIT_S = 60.0
STANDBY_STARTS_S = 6.0
"""A loaded machine takes so long to import everything."""
FROZEN_S = 8.0
CUT_S = 2.0
SLOW_S = 6.0
SLOW_BY_S = 0.4
OUTAGE_S = 60.0


class Fault(StrEnum):
    """What is done to the world."""

    KILL_ENGINE = "kill-engine"
    FAIL_OVER = "fail-over"
    KILL_ASTERISK = "kill-asterisk"
    FREEZE_ASTERISK = "freeze-asterisk"
    CUT_SOCKET = "cut-socket"
    SLOW_READER = "slow-reader"
    POSTGRES_RESTART = "postgres-restart"
    POSTGRES_OUTAGE = "postgres-outage"
    REDIS_RESTART = "redis-restart"
    REDIS_FLUSH = "redis-flush"


ENDS_CALLS = frozenset({Fault.KILL_ASTERISK})
"""Asterisk holds the calls: with it they end."""
STOPS_SOUND = frozenset({Fault.KILL_ASTERISK, Fault.FREEZE_ASTERISK})


class Striker:
    """Strikes one world, whose engine reaches ARI through `proxy`."""

    def __init__(self, world: World, proxy: ChaosProxy, engine_settings: Mapping[str, str]) -> None:
        self._world = world
        self._proxy = proxy
        self._settings = dict(engine_settings)
        self._standby: EngineProcess | None = None
        self._strikes: Mapping[Fault, Callable[[], Awaitable[None]]] = {
            Fault.KILL_ENGINE: self._kill_engine,
            Fault.FAIL_OVER: self._fail_over,
            Fault.KILL_ASTERISK: self._kill_asterisk,
            Fault.FREEZE_ASTERISK: self._freeze_asterisk,
            Fault.CUT_SOCKET: self._cut_socket,
            Fault.SLOW_READER: self._slow_reader,
            Fault.POSTGRES_RESTART: self._postgres_restart,
            Fault.POSTGRES_OUTAGE: self._postgres_outage,
            Fault.REDIS_RESTART: self._redis_restart,
            Fault.REDIS_FLUSH: self._redis_flush,
        }

    async def prepare(self, fault: Fault) -> None:
        """What must be there before it strikes: a fail-over needs an engine that stands by."""
        if fault is Fault.FAIL_OVER:
            self._standby = await self._world.stack.start_standby(**self._settings)
            await asyncio.sleep(STANDBY_STARTS_S)

    async def strike(self, fault: Fault) -> float:
        """Do it, undo it, and return the seconds from there (engine killed: from the kill) until one is ready."""
        began_at = time.monotonic()
        await self._strikes[fault]()
        if fault not in {Fault.KILL_ENGINE, Fault.FAIL_OVER}:
            began_at = time.monotonic()
        await self._until_ready()
        return time.monotonic() - began_at

    async def _kill_engine(self) -> None:
        """The next engine is started as soon as the process is gone, as systemd does with RestartSec=0."""
        stack = self._world.stack
        stack.engine.process.signal(signal.SIGKILL)
        await stack.engine.stop()
        await stack.start_engine(wait_ready=False, **self._settings)

    async def _fail_over(self) -> None:
        stack, standby = self._world.stack, self._standby
        assert standby is not None
        stack.engine.process.signal(signal.SIGKILL)
        await stack.engine.stop()
        stack.promote(standby)
        self._standby = None

    async def _kill_asterisk(self) -> None:
        stack = self._world.stack
        stack.asterisk.process.signal(signal.SIGKILL)
        await stack.asterisk.process.wait(10)
        await stack.restart_asterisk()
        await self._world.phones.register()

    async def _freeze_asterisk(self) -> None:
        server = self._world.stack.asterisk.process
        server.signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(FROZEN_S)
        finally:
            server.signal(signal.SIGCONT)

    async def _cut_socket(self) -> None:
        self._proxy.cut()
        await asyncio.sleep(CUT_S)
        self._proxy.heal()

    async def _slow_reader(self) -> None:
        self._proxy.delay(SLOW_BY_S)
        await asyncio.sleep(SLOW_S)
        self._proxy.heal()

    async def _postgres_restart(self) -> None:
        await self._world.stack.postgres.stop()
        await self._world.stack.resume_postgres()

    async def _postgres_outage(self) -> None:
        await self._world.stack.postgres.stop()
        await asyncio.sleep(OUTAGE_S)
        await self._world.stack.resume_postgres()

    async def _redis_restart(self) -> None:
        await self._world.stack.redis.stop()
        await self._world.stack.resume_redis()

    async def _redis_flush(self) -> None:
        client = redis_client.from_url(self._world.stack.redis.url())
        try:
            await client.flushall()
        finally:
            await client.aclose()

    async def _until_ready(self) -> None:
        """Raises StackFailure when it takes longer than READY_LIMIT_S."""

        async def ready() -> bool:
            return bool((await self._world.api.readiness())["ready"])

        engine = self._world.stack.engine.process
        await process.until(engine, _quietly(ready), READY_LIMIT_S, "see the engine's log")


def _quietly(ready: Callable[[], Awaitable[bool]]) -> Callable[[], Awaitable[bool]]:
    """An engine that does not answer yet is not ready."""

    async def asked() -> bool:
        try:
            return await ready()
        except StackFailure:
            raise
        except Exception:  # whatever a starting or dying engine answers
            return False

    return asked
