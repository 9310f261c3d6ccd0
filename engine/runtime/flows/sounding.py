"""What people of a script hear, as media: each part of a prompt by its kind."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from engine.errors import Rejected
from engine.flow.run.commands import Heard, Quiet, Recorded, Toned, Words
from engine.run_ports import Voices


async def media_of(voices: Voices, parts: Sequence[Heard], language: str, *, passing: bool = False) -> tuple[str, ...]:
    """The media of a prompt's parts, in order; a text without words (its value was empty) adds nothing.

    `passing`: for something sensitive; hand them to `Voices.forget` once they were heard. Raises Rejected, NotFound,
    Unavailable(`speech`); then, and when it is cancelled, nothing is left of what was made in passing.
    """
    if passing:
        return await _in_passing(voices, parts, language)
    if len(parts) == 1:
        return await _media(voices, parts[0], language)
    made = await asyncio.gather(*(_media(voices, part, language) for part in parts), return_exceptions=True)
    media: list[str] = []
    for one in made:
        if isinstance(one, BaseException):
            raise one
        media += one
    return tuple(media)


async def _in_passing(voices: Voices, parts: Sequence[Heard], language: str) -> tuple[str, ...]:
    media: list[str] = []
    try:
        for part in parts:
            media += await _media(voices, part, language, passing=True)
    except BaseException:
        voices.forget(media)
        raise
    return tuple(media)


async def _media(voices: Voices, part: Heard, language: str, *, passing: bool = False) -> tuple[str, ...]:
    match part:
        case Words(text=text, voice=voice):
            try:
                return await voices.words(text, language, voice, passing=passing)
            except Rejected as refusal:
                if refusal.code == "text_empty":
                    return ()
                raise
        case Recorded(audio=audio):
            return await voices.recorded(audio)
        case Toned(tone=name, for_s=for_s):
            return await voices.tone(name, for_s)
        case Quiet(for_s=for_s):
            return await voices.silence(for_s)
