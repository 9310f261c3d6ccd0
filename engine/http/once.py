"""Idempotency-Key: what was answered to a key, so that a repeated POST does not ring a person's phone twice.

Kept in memory for ten minutes: it covers a caller's retry after a lost answer, not a restart of the engine. A failed
request frees its key, because nothing was done.
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from .problem import ProblemError

KEEP_S = 600.0
KEYS_MAX = 2000
_KEY = re.compile(r"^[\x21-\x7e]{1,100}$")


@dataclass(frozen=True, slots=True)
class Answered:
    status: int
    body: bytes
    location: str | None


@dataclass(slots=True)
class Held:
    """One key. `answer` is None until its first request succeeded."""

    fingerprint: str
    since: float
    answer: Answered | None = None
    users: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class OnceKeys:
    """The keys of the last ten minutes, at most KEYS_MAX."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._keys: OrderedDict[str, Held] = OrderedDict()

    @asynccontextmanager
    async def claim(self, key: str, fingerprint: str) -> AsyncIterator[Held]:
        """Hold a key; a second request with it waits for the first. Raises ProblemError 400, 422 or 503."""
        if not _KEY.match(key):
            raise ProblemError(400, "idempotency_key", "Idempotency-Key takes 1 to 100 printable ASCII characters")
        self._forget()
        held = self._keys.get(key)
        if held is None:
            if len(self._keys) >= KEYS_MAX:
                raise ProblemError(503, "busy", "too many idempotency keys are in use", headers={"Retry-After": "10"})
            held = self._keys[key] = Held(fingerprint, self._clock())
        if held.fingerprint != fingerprint:
            raise ProblemError(422, "idempotency_key", "this Idempotency-Key was used for another request")
        held.users += 1
        try:
            async with held.lock:
                yield held
        finally:
            held.users -= 1
            if held.answer is None and not held.users:
                del self._keys[key]

    def _forget(self) -> None:
        oldest = self._clock() - KEEP_S
        while self._keys:
            key, held = next(iter(self._keys.items()))
            if held.since > oldest or held.users:
                return
            del self._keys[key]
