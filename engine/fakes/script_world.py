"""What scripts need of the world, in memory: voices, webhooks, an ear."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.errors import Unavailable
from engine.flow.prompt import ToneName
from engine.run_ports import WebhookAsked, WebhookTimeout


@dataclass(slots=True)
class FakeVoices:
    """Voices whose media tell what they say: `sound:<language>/<text>`."""

    away: bool = False
    forgotten: list[str] = field(default_factory=list)

    async def words(
        self, text: str, language: str, voice: str | None = None, *, passing: bool = False
    ) -> tuple[str, ...]:
        if self.away:
            raise Unavailable("speech", "the fake voice is away")
        await asyncio.sleep(0)
        return (f"sound:{language}/{text}",)

    async def recorded(self, audio: str) -> tuple[str, ...]:
        return (f"sound:{audio}",)

    async def tone(self, name: ToneName, for_s: float) -> tuple[str, ...]:
        return (f"sound:tone/{name}/{for_s:g}",)

    async def silence(self, for_s: float) -> tuple[str, ...]:
        return (f"sound:silence/{for_s:g}",)

    def forget(self, media: Sequence[str]) -> None:
        self.forgotten += media


@dataclass(slots=True)
class FakeWebhooks:
    """Answers by URL; one without an answer is silent until its time is over."""

    answers: dict[str, Mapping[str, Any] | Exception] = field(default_factory=dict)
    asked: list[WebhookAsked] = field(default_factory=list)

    async def ask(self, asked: WebhookAsked) -> Mapping[str, Any]:
        self.asked.append(asked)
        answer = self.answers.get(asked.url)
        if answer is None:
            await asyncio.sleep(asked.timeout_s)
            raise WebhookTimeout("nothing came")
        await asyncio.sleep(0.1)
        if isinstance(answer, Exception):
            raise answer
        return answer
