"""Nodes that are heard or recorded (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, ClassVar

from ..expression import Expression
from ..shape import Digit, PoolName, PromptName, Range, Seconds, VariableName
from .verb import Resume, Verb, named


class BargeIn(StrEnum):
    """What stops a prompt: nothing, or a key (which is then the first of the next input)."""

    NONE = "none"
    DTMF = "dtmf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Play(Verb):
    """Play a prompt to its end, or until a key is pressed."""

    WORD: ClassVar[str] = "play"
    ERRORS: ClassVar[tuple[str, ...]] = ("error.media", "error.expression")
    RESUME: ClassVar[Resume] = Resume.REPEAT
    prompt: PromptName
    barge_in: BargeIn = BargeIn.NONE
    allow_sensitive: tuple[VariableName, ...] = ()
    """Sensitive variables that the prompt may say to the caller."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record(Verb):
    """Record what the caller says, until silence, a key or the limit; `into` is the recording's name."""

    WORD: ClassVar[str] = "record"
    OUTCOMES: ClassVar[tuple[str, ...]] = ("silence",)
    ERRORS: ClassVar[tuple[str, ...]] = ("error.record",)
    RESUME: ClassVar[Resume] = Resume.REASK
    OUTSIDE: ClassVar[bool] = True
    max_s: Annotated[float, Range(1, 600)]
    into: VariableName | None = None
    silence_s: Seconds = 3
    """This much silence ends it; nothing but silence is the outcome `silence`."""
    finish_key: Digit | None = "#"
    beep: bool = True

    def assigns(self, outcome: str) -> frozenset[str]:
        return named(self.into) if outcome == "done" else frozenset()


class RecordAction(StrEnum):
    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordCall(Verb):
    """Start, pause, resume or stop the recording of the whole call."""

    WORD: ClassVar[str] = "record_call"
    ERRORS: ClassVar[tuple[str, ...]] = ("error.record",)
    OUTSIDE: ClassVar[bool] = True
    action: RecordAction


@dataclass(frozen=True, slots=True, kw_only=True)
class DtmfSend(Verb):
    """Press keys towards the caller's side (an extension, another machine's menu)."""

    WORD: ClassVar[str] = "dtmf_send"
    ERRORS: ClassVar[tuple[str, ...]] = ("error.media", "error.expression")
    RESUME: ClassVar[Resume] = Resume.CONTINUE
    digits: Expression
    gap_ms: Annotated[int, Range(40, 2000)] = 100
    allow_sensitive: tuple[VariableName, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause(Verb):
    """Say nothing for a while."""

    WORD: ClassVar[str] = "pause"
    RESUME: ClassVar[Resume] = Resume.REPEAT
    for_s: Seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Music(Verb):
    """Play music on hold for a while, or until a key is pressed."""

    WORD: ClassVar[str] = "music"
    ERRORS: ClassVar[tuple[str, ...]] = ("error.media",)
    RESUME: ClassVar[Resume] = Resume.REPEAT
    for_s: Seconds
    name: PoolName = "default"
    barge_in: BargeIn = BargeIn.NONE
