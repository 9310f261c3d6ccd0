"""Nodes that take what the caller presses (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, ClassVar

from ..shape import CURRENCY, Digit, Length, NodeName, PromptName, Range, Seconds, VariableName
from .verb import Resume, Route, Verb, named

Retries = Annotated[int, Range(0, 10)]
"""How often it is asked again after nothing, or nothing usable, was pressed."""


@dataclass(frozen=True, slots=True)
class PromptByTry:
    """What is said at the first try, the second, and so on; the last one also at every later try."""

    names: tuple[str, ...]

    def at(self, attempt: int) -> str:
        """The prompt of a try; the first is 1."""
        return self.names[min(attempt, len(self.names)) - 1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gather(Verb):
    """Ask for digits. `max_retries`: no try gave at least `min` of them."""

    WORD: ClassVar[str] = "gather"
    OUTCOMES: ClassVar[tuple[str, ...]] = ("max_retries",)
    ERRORS: ClassVar[tuple[str, ...]] = ("error.media", "error.expression")
    RESUME: ClassVar[Resume] = Resume.REASK
    prompt: PromptByTry
    into: VariableName
    min: Annotated[int, Range(1, 32)] = 1
    max: Annotated[int, Range(1, 32)] = 32
    timeout_s: Seconds = 5
    """From the end of the prompt to the first digit."""
    inter_digit_s: Seconds = 3
    finish_key: Digit | None = "#"
    retries: Retries = 2
    barge_in: bool = True

    def assigns(self, outcome: str) -> frozenset[str]:
        return named(self.into) if outcome == "done" else frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Menu(Verb):
    """Ask for one key; each leads somewhere. `max_retries`: no try gave one of them."""

    WORD: ClassVar[str] = "menu"
    MAIN: ClassVar[str | None] = None
    OUTCOMES: ClassVar[tuple[str, ...]] = ("max_retries",)
    ERRORS: ClassVar[tuple[str, ...]] = ("error.media", "error.expression")
    RESUME: ClassVar[Resume] = Resume.REASK
    prompt: PromptByTry
    options: Annotated[Mapping[Digit, NodeName], Length(1, 12)]
    timeout_s: Seconds = 5
    retries: Retries = 2
    barge_in: bool = True

    def routes(self) -> tuple[Route, ...]:
        return tuple(Route(("options", key), key, target) for key, target in self.options.items())


class Asked(StrEnum):
    """What `collect` asks for."""

    DATE = "date"
    """Day, month, year: DDMMYYYY."""
    MONEY = "money"
    """Whole units, `*` for the point."""
    DIGITS = "digits"
    YES_NO = "yes_no"
    """1 is yes, 2 is no."""
    PHONE = "phone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Collect(Verb):
    """Ask for a value of a type, and with `confirm` whether it was understood (1 yes, 2 again)."""

    WORD: ClassVar[str] = "collect"
    OUTCOMES: ClassVar[tuple[str, ...]] = ("max_retries",)
    ERRORS: ClassVar[tuple[str, ...]] = ("error.media", "error.expression")
    RESUME: ClassVar[Resume] = Resume.REASK
    prompt: PromptByTry
    type: Asked
    into: VariableName
    confirm: PromptName | None = None
    """May say the value that was understood; a `no` costs a try."""
    min: Annotated[int, Range(1, 32)] = 1
    max: Annotated[int, Range(1, 32)] = 20
    currency: Annotated[str, CURRENCY] | None = None
    timeout_s: Seconds = 5
    inter_digit_s: Seconds = 3
    finish_key: Digit | None = "#"
    retries: Retries = 2
    barge_in: bool = True
    allow_sensitive: tuple[VariableName, ...] = ()
    """Sensitive variables that `confirm` may say to the caller."""

    def assigns(self, outcome: str) -> frozenset[str]:
        return named(self.into) if outcome == "done" else frozenset()
