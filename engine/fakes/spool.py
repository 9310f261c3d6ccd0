"""The Spools port in memory: it outlives an engine as a disk does."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from engine.adapters.spool.codec import Codec
from engine.errors import Unavailable

T = TypeVar("T")
SYNC_S = 0.01


@dataclass(slots=True)
class FakeSpools:
    """Keeps what the real one would write, so that what cannot be written is found here too."""

    kept: dict[str, list[bytes]] = field(default_factory=dict)
    fault: str | None = None
    """Why nothing can be kept, for tests to say."""
    damaged: int = 0
    """For tests to say."""
    appended: int = 0
    """Items appended since the start."""
    unencodable: list[str] = field(default_factory=list)
    """Items that no disk could have kept: a bug of whoever queued them."""

    def of(self, name: str, *kinds: type[T]) -> FakeSpool[T]:
        """The spool of this name."""
        return FakeSpool(self, name, Codec(*kinds))

    def check(self) -> None:
        """Raise Unavailable where a disk would fail."""
        if self.fault is not None:
            raise Unavailable("spool", self.fault)


class FakeSpool(Generic[T]):
    """A Spool."""

    def __init__(self, spools: FakeSpools, name: str, codec: Codec[T]) -> None:
        self._spools = spools
        self._name = name
        self._codec = codec

    async def load(self) -> Sequence[T]:
        self._spools.check()
        return [self._codec.decode(line) for line in self._spools.kept.get(self._name, [])]

    async def append(self, items: Sequence[T]) -> None:
        lines = [line for item in items if (line := self._encoded(item)) is not None]
        await asyncio.sleep(SYNC_S)  # who is killed meanwhile has kept nothing
        self._spools.check()
        self._spools.kept.setdefault(self._name, []).extend(lines)
        self._spools.appended += len(lines)

    def _encoded(self, item: T) -> bytes | None:
        try:
            return self._codec.encode(item)
        except ValueError as error:
            self._spools.unencodable.append(str(error))
            return None

    async def clear(self) -> None:
        self._spools.check()
        self._spools.kept.pop(self._name, None)
