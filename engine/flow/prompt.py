"""What is said: prompts by name and locale (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from .shape import LOCALE, Length, Pattern, PoolName, Range, Seconds
from .template import Template

ANY_LOCALE = "any"
"""Instead of a locale: for what is the same in every language."""
AUDIO = Pattern(r"sha256:[0-9a-f]{64}", "sha256: and 64 hexadecimal digits, the hash of the recording")


@dataclass(frozen=True, slots=True, kw_only=True)
class Speech:
    """Words that are synthesised; `{name}` and `{name|formatter}` say values."""

    text: Template
    voice: PoolName | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Audio:
    """A recording, named by its content."""

    audio: Annotated[str, AUDIO]


class ToneName(StrEnum):
    DIAL = "dial"
    RING = "ring"
    BUSY = "busy"
    CONGESTION = "congestion"
    BEEP = "beep"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tone:
    """A tone as the telephone network of the country has it."""

    tone: ToneName
    for_s: Annotated[float, Range(0.1, 30)] = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    silence_s: Seconds


Sound = Speech | Audio | Tone | Silence


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence:
    """Several of them, one after the other."""

    list: Annotated[tuple[Sound, ...], Length(1, 20)]


Said = Sound | Sequence
LocaleName = Annotated[str, Pattern(rf"{LOCALE.regex}|{ANY_LOCALE}", f"{LOCALE.meaning}, or {ANY_LOCALE}")]
Prompt = Annotated[Mapping[LocaleName, Said], Length(1, 20)]
"""What is said in each locale."""


def sounds(said: Said) -> tuple[Sound, ...]:
    """Its sounds in order."""
    return said.list if isinstance(said, Sequence) else (said,)


def in_locale(prompt: Mapping[str, Said], locale: str) -> Said | None:
    """What is said in a locale, or None where the prompt does not have it (the checks see to it that it does)."""
    return prompt.get(locale) or prompt.get(ANY_LOCALE)
