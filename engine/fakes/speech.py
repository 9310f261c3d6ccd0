"""A voice that speaks at once: texts become media whose names carry them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from engine.adapters.speech.words import spoken, voice_of
from engine.errors import Unavailable


class FakeSpeech:
    """A Speech port. `away` makes `prepare` raise Unavailable; `lost` holds media whose files went away."""

    def __init__(self) -> None:
        self.away = False
        self.lost: set[str] = set()
        self.prepared: list[tuple[str, str]] = []
        """Text and language of every request."""

    async def prepare(self, text: str, language: str) -> tuple[str, ...]:
        voice, words = voice_of(language), spoken(text)
        self.prepared.append((text, language))
        await asyncio.sleep(0)
        if self.away:
            raise Unavailable("speech", "the fake voice is away")
        media = f"sound:{voice}/{words}"
        self.lost.discard(media)
        return (media,)

    def playable(self, media: Sequence[str]) -> bool:
        return self.lost.isdisjoint(media)
