"""Nodes of a contact centre: agents, call-backs, dispositions, answering machines, consent (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, ClassVar

from ..expression import Expression
from ..shape import Digit, NodeName, PoolName, PromptName, Range, Seconds, TalkSeconds, VariableName
from .entry import PromptByTry, Retries
from .verb import Resume, Route, Verb, named


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackOffer:
    """A key that leaves the queue for a call-back; it is said every `every_s` seconds."""

    prompt: PromptName
    to: NodeName
    key: Digit = "1"
    every_s: Seconds = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue(Verb):
    """Wait for an agent of a pool.

    `agent`: they have talked, and the caller may be there still; `timeout`: nobody in time; `no_agents`: nobody is
    logged in; `abandoned`: the caller hung up waiting.
    """

    WORD: ClassVar[str] = "queue"
    MAIN: ClassVar[str | None] = "agent"
    OUTCOMES: ClassVar[tuple[str, ...]] = ("timeout", "no_agents", "abandoned")
    ERRORS: ClassVar[tuple[str, ...]] = ("error.queue",)
    pool: PoolName
    max_wait_s: Annotated[float, Range(1, 3600)]
    music: PoolName = "default"
    priority: Annotated[int, Range(0, 9)] = 1
    talk_max_s: TalkSeconds = 3600
    position: PromptName | None = None
    """Said every `position_every_s` seconds; may say `call.position` and `call.expected_wait`."""
    position_every_s: Seconds = 60
    callback: CallbackOffer | None = None

    def routes(self) -> tuple[Route, ...]:
        offer = self.callback
        return () if offer is None else (Route(("callback", "to"), "callback", offer.to),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback(Verb):
    """Promise to call back; `refused`: the number may not be called, or not then."""

    WORD: ClassVar[str] = "callback"
    OUTCOMES: ClassVar[tuple[str, ...]] = ("refused",)
    ERRORS: ClassVar[tuple[str, ...]] = ("error.store", "error.expression")
    NEEDS_CALLER: ClassVar[bool] = False
    OUTSIDE: ClassVar[bool] = True
    number: Expression
    """A phone number."""
    pool: PoolName
    at: Expression | None = None
    """A time; without it as soon as somebody is there."""
    note: Expression | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Disposition(Verb):
    """Say what came of the call: exactly once; whatever comes after the first one changes nothing."""

    WORD: ClassVar[str] = "disposition"
    ERRORS: ClassVar[tuple[str, ...]] = ("error.store", "error.expression")
    NEEDS_CALLER: ClassVar[bool] = False
    OUTSIDE: ClassVar[bool] = True
    code: PoolName
    note: Expression | None = None


class Detector(StrEnum):
    ASTERISK = "asterisk"
    """app_amd: by the length of the greeting."""
    SILERO = "silero"
    """A voice model; an extra."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Amd(Verb):
    """Tell a person from an answering machine."""

    WORD: ClassVar[str] = "amd"
    MAIN: ClassVar[str | None] = None
    OUTCOMES: ClassVar[tuple[str, ...]] = ("human", "machine", "unsure")
    ERRORS: ClassVar[tuple[str, ...]] = ("error.amd",)
    timeout_s: Annotated[float, Range(1, 10)] = 4
    detector: Detector = Detector.ASTERISK


@dataclass(frozen=True, slots=True, kw_only=True)
class VoicemailDrop(Verb):
    """Wait for the beep or for silence, then leave a message. `no_beep`: neither came in time."""

    WORD: ClassVar[str] = "voicemail_drop"
    OUTCOMES: ClassVar[tuple[str, ...]] = ("no_beep",)
    ERRORS: ClassVar[tuple[str, ...]] = ("error.media", "error.expression")
    prompt: PromptName
    wait_s: Annotated[float, Range(1, 60)] = 30
    silence_s: Annotated[float, Range(0.5, 5)] = 2


class DncScope(StrEnum):
    CAMPAIGN = "campaign"
    EVERYWHERE = "everywhere"


@dataclass(frozen=True, slots=True, kw_only=True)
class DncAdd(Verb):
    """Never call this number again: put it on the do-not-call list."""

    WORD: ClassVar[str] = "dnc_add"
    ERRORS: ClassVar[tuple[str, ...]] = ("error.store", "error.expression")
    EXPECTED: ClassVar[bool] = True
    NEEDS_CALLER: ClassVar[bool] = False
    OUTSIDE: ClassVar[bool] = True
    number: Expression | None = None
    """Without it: the number of the call."""
    scope: DncScope = DncScope.EVERYWHERE


class ConsentKind(StrEnum):
    RECORDING = "recording"
    DATA = "data"
    MARKETING = "marketing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent(Verb):
    """Ask for consent and keep the evidence (its id goes into `into`). `no_answer`: no try gave an answer."""

    WORD: ClassVar[str] = "consent"
    MAIN: ClassVar[str | None] = "granted"
    OUTCOMES: ClassVar[tuple[str, ...]] = ("refused", "no_answer")
    ERRORS: ClassVar[tuple[str, ...]] = ("error.store", "error.media", "error.expression")
    RESUME: ClassVar[Resume] = Resume.REASK
    OUTSIDE: ClassVar[bool] = True
    kind: ConsentKind
    prompt: PromptByTry
    yes: Digit = "1"
    no: Digit = "2"
    timeout_s: Seconds = 5
    retries: Retries = 1
    into: VariableName | None = None

    def assigns(self, outcome: str) -> frozenset[str]:
        return named(self.into) if outcome == "granted" else frozenset()
