"""The Voices port: what scripts let people hear, as files that Asterisk plays as they are."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

from engine.errors import NotFound
from engine.flow.prompt import ToneName
from engine.ports import Metrics, Speech

from .library import library
from .shelf import SCHEME, SUFFIXES, Shelf
from .sound import Samples, parse_wav, resample
from .tones import Country, silence, tone

AT_HAND_S = 5.0
AT_HAND_MAX = 1000
GENERATED = "tones"
"""The shelf's directory of what no voice says."""
SHORTEST_S = 0.2
"""The shelf takes a shorter file for one that was cut off."""


class ShelfVoices:
    """Implements `engine.run_ports.Voices` over the synthesiser and its shelf."""

    def __init__(
        self, speech: Speech, directory: Path, metrics: Metrics, *, audio: Path | None = None, country: Country = "us"
    ) -> None:
        """`audio`: where recordings lie that scripts may play."""
        self._speech = speech
        self._shelf = Shelf(directory, metrics)
        self._audio = audio
        self._country = country
        self._at_hand: dict[tuple[str, str], tuple[float, tuple[str, ...]]] = {}

    async def words(
        self, text: str, language: str, voice: str | None = None, *, passing: bool = False
    ) -> tuple[str, ...]:
        """Make a text sound. Raises Rejected, Unavailable(`speech`).

        What was there a moment ago is there: a prompt that a hundred callers hear is not looked for a hundred times.
        """
        now, key = time.monotonic(), (text, language)
        known = self._at_hand.get(key)
        if known is not None and now - known[0] < AT_HAND_S:
            return known[1]
        media = await self._speech.prepare(text, language)
        if not passing:
            if len(self._at_hand) >= AT_HAND_MAX:
                self._at_hand.clear()
            self._at_hand[key] = (now, media)
        return media

    async def recorded(self, audio: str) -> tuple[str, ...]:
        """A recording by its content. Raises NotFound."""
        stem = self._shelf.stem(GENERATED, audio, "")
        if not await asyncio.to_thread(self._shelf.holds, stem):
            await asyncio.to_thread(self._convert, audio, stem)
        return (f"{SCHEME}{stem}",)

    def _convert(self, audio: str, stem: Path) -> None:
        found = None if self._audio is None else library(self._audio).get(audio)
        if found is None or found[1].fault:
            reason = "is not there" if found is None else found[1].fault
            raise NotFound("no_such_audio", f"the recording {audio}: {reason}")
        rate_hz, samples = parse_wav(found[0].read_bytes())
        self._shelf.put(stem, resample(samples, rate_hz))

    async def tone(self, name: ToneName, for_s: float) -> tuple[str, ...]:
        """A tone of the country's network."""
        return await self._generated(f"{self._country} {name} {for_s:.2f}", tone(name, for_s, self._country))

    async def silence(self, for_s: float) -> tuple[str, ...]:
        """Nothing to hear; shorter than SHORTEST_S is no sound at all."""
        return () if for_s < SHORTEST_S else await self._generated(f"silence {for_s:.2f}", silence(for_s))

    def forget(self, media: Sequence[str]) -> None:
        """Erase what was made in passing."""
        for one in media:
            stem = Path(one.removeprefix(SCHEME))
            if self._shelf.owns(stem):
                for suffix in SUFFIXES:
                    stem.with_suffix(suffix).unlink(missing_ok=True)

    async def _generated(self, manner: str, samples: Samples) -> tuple[str, ...]:
        stem = self._shelf.stem(GENERATED, manner, "")
        if not await asyncio.to_thread(self._shelf.holds, stem):
            await asyncio.to_thread(self._shelf.put, stem, samples)
        return (f"{SCHEME}{stem}",)
