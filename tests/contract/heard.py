"""What a Telephony told, in order, and waiting for what it will tell."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from engine.call.events import CommandFailed, TelephonyEvent

T = TypeVar("T")
PATIENCE_S = 15.0
"""How long a wait may take before it counts as never; what is waited for takes milliseconds."""


class Heard:
    def __init__(self) -> None:
        self.all: list[Any] = []
        self._news = asyncio.Event()

    def event(self, event: TelephonyEvent) -> None:
        self._hear(event)

    def failure(self, failure: CommandFailed) -> None:
        self._hear(failure)

    def _hear(self, thing: object) -> None:
        self.all.append(thing)
        self._news.set()

    def of(self, kind: type[T], **fields: object) -> list[T]:
        """Everything heard of one kind whose fields have these values."""
        return [thing for thing in self.all if isinstance(thing, kind) and _has(thing, fields)]

    async def wait(self, kind: type[T], **fields: object) -> T:
        """The first such thing, heard already or to come."""
        await self.until(lambda: bool(self.of(kind, **fields)), f"{kind.__name__} {fields}")
        return self.of(kind, **fields)[0]

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not condition():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"never heard {what}; heard {self.all}") from None


def _has(thing: object, fields: dict[str, object]) -> bool:
    return all(getattr(thing, name) == value for name, value in fields.items())
