"""One connection to Redis with a circuit in front of it: a dead or slow Redis costs a caller nothing.

The circuit starts open. One task probes Redis in the background, with a backoff, and closes the circuit when Redis
answers within the same bound that callers have; the first failure of a caller opens it again.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Self, TypeVar

import redis.asyncio
import structlog
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from engine.errors import ConfigError, Unavailable
from engine.ports import Metrics

CONNECT_S = 1.0
PROBE_FIRST_S, PROBE_MAX_S = 0.1, 5.0
HEALTH_CHECK_S = 15
CONNECTIONS_MAX = 4

T = TypeVar("T")
_log = structlog.get_logger(__name__)


class RedisLink:
    """`async with RedisLink(...)`: probes while inside. `name` tells links apart in metrics and logs."""

    def __init__(self, url: str, name: str, metrics: Metrics, *, timeout_s: float) -> None:
        try:
            self._client = redis.asyncio.Redis.from_url(
                url,
                socket_timeout=timeout_s,
                socket_connect_timeout=CONNECT_S,
                health_check_interval=HEALTH_CHECK_S,
                max_connections=CONNECTIONS_MAX + 1,  # one is the probe's
                # what failed is not repeated: the caller has gone on, and a script may have run
                retry=Retry(NoBackoff(), 0),
            )
        except ValueError as error:
            # the text of redis-py may repeat the URL, which may hold a password
            raise ConfigError(
                "the address of Redis is malformed: redis://[:password@]host:port/n or unix://…"
            ) from error
        self._name = name
        self._metrics = metrics
        self._timeout_s = timeout_s
        self._turns = asyncio.Semaphore(CONNECTIONS_MAX)
        self._closed_circuit = False
        self._opened = asyncio.Event()
        self._back = asyncio.Event()
        self._probing: asyncio.Task[None] | None = None

    @property
    def available(self) -> bool:
        """Whether Redis answered the last time it was asked."""
        return self._closed_circuit

    @property
    def probing(self) -> bool:
        """Whether the probe is at work: without it an outage would be for ever."""
        return self._probing is not None and not self._probing.done()

    async def __aenter__(self) -> Self:
        self._probing = asyncio.create_task(self._probe())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._probing is not None:
            self._probing.cancel()
            with suppress(asyncio.CancelledError):
                await self._probing
        self._closed_circuit = False
        with suppress(RedisError, OSError, TimeoutError):
            async with asyncio.timeout(CONNECT_S):
                await self._client.aclose()

    async def ask(self, question: Callable[[redis.asyncio.Redis], Awaitable[T]]) -> T:
        """Ask Redis within the link's timeout. Raises Unavailable(`redis`), at once when the circuit is open.

        Errors that Redis answers with (a wrong type, no such script) pass through: it is there.
        """
        if not self._closed_circuit:
            raise Unavailable("redis", "away")
        try:
            with cancellation_kept():
                async with asyncio.timeout(self._timeout_s), self._turns:
                    return await question(self._client)
        except redis.exceptions.ResponseError:
            raise
        except Exception as error:  # a peer that is no Redis makes the parser raise all kinds of things
            self._open(error)
            raise Unavailable("redis", repr(error)) from error

    async def wait_available(self) -> None:
        """Return when the circuit is closed; the caller bounds the wait."""
        await self._back.wait()

    def _open(self, error: BaseException) -> None:
        if not self._closed_circuit:
            return
        self._closed_circuit = False
        self._back.clear()
        self._opened.set()
        self._metrics.count("vss_redis_errors_total")
        _log.warning("Redis away", link=self._name, error=repr(error))

    async def _probe(self) -> None:
        wait_s = PROBE_FIRST_S
        while True:
            error = await self._unanswered()
            if error is None:
                wait_s = PROBE_FIRST_S
                self._opened.clear()
                self._closed_circuit = True
                self._back.set()
                _log.info("Redis connected", link=self._name)
                await self._opened.wait()
            elif wait_s == PROBE_FIRST_S:
                _log.warning("Redis does not answer", link=self._name, error=repr(error))
            await asyncio.sleep(wait_s * (0.5 + random.random() / 2))
            wait_s = min(PROBE_MAX_S, wait_s * 2)

    async def _unanswered(self) -> Exception | None:
        """Connect and ask, each answer within the callers' bound (socket_timeout); what went wrong, or None."""
        try:
            with cancellation_kept():
                async with asyncio.timeout(CONNECT_S):
                    await self._client.ping()
        except Exception as error:  # the probe must outlive whatever the peer says
            return error
        return None


@contextmanager
def cancellation_kept() -> Iterator[None]:
    """Raise CancelledError at the end if the task was cancelled inside and nobody noticed.

    redis-py sends through asyncio.wait_for, which before Python 3.12 drops a cancellation that meets its result
    (cpython gh-86296); a task that is cancelled only once would then go on for ever.
    """
    task = asyncio.current_task()
    asked = 0 if task is None else task.cancelling()
    try:
        yield
    finally:
        if task is not None and task.cancelling() > asked:
            raise asyncio.CancelledError
