"""Nodes that move the caller's leg (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, ClassVar

from ..expression import Expression
from ..shape import Digit, PoolName, PromptName, Range, Seconds, TalkSeconds
from .verb import Resume, Verb

RingSeconds = Annotated[float, Range(5, 120)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer(Verb):
    """Answer the call; nothing happens where it is answered already."""

    WORD: ClassVar[str] = "answer"
    ERRORS: ClassVar[tuple[str, ...]] = ("error.call",)


class RejectCause(StrEnum):
    BUSY = "busy"
    DECLINED = "declined"
    CONGESTION = "congestion"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject(Verb):
    """Refuse a call that was not answered; one that was is hung up."""

    WORD: ClassVar[str] = "reject"
    MAIN: ClassVar[str | None] = None
    RESUME: ClassVar[Resume] = Resume.TERMINAL
    NEEDS_CALLER: ClassVar[bool] = False
    ENDS: ClassVar[bool] = True
    cause: RejectCause = RejectCause.BUSY


@dataclass(frozen=True, slots=True, kw_only=True)
class HangUp(Verb):
    """End the call and the run."""

    WORD: ClassVar[str] = "hangup"
    MAIN: ClassVar[str | None] = None
    RESUME: ClassVar[Resume] = Resume.TERMINAL
    NEEDS_CALLER: ClassVar[bool] = False
    ENDS: ClassVar[bool] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """What who answers must press before the call counts as taken."""

    prompt: PromptName
    key: Digit = "1"
    timeout_s: Seconds = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Dial(Verb):
    """Call somebody and join both; `done`: they have talked, and the caller may be there still."""

    WORD: ClassVar[str] = "dial"
    OUTCOMES: ClassVar[tuple[str, ...]] = ("busy", "no_answer", "failed")
    ERRORS: ClassVar[tuple[str, ...]] = ("error.dial", "error.expression")
    EXPECTED: ClassVar[bool] = True
    OUTSIDE: ClassVar[bool] = True
    to: Expression
    """A phone number."""
    timeout_s: RingSeconds = 25
    talk_max_s: TalkSeconds = 3600
    caller_id: Expression | None = None
    trunk: PoolName | None = None
    music: PoolName | None = None
    """What the caller hears meanwhile; nothing: ringing."""
    confirm: Confirmation | None = None

    def outcomes(self) -> tuple[str, ...]:
        usual = ("done", *self.OUTCOMES)
        return (*usual, "unconfirmed") if self.confirm is not None else usual


class TransferKind(StrEnum):
    BLIND = "blind"
    """The caller hears it ring and is joined with whoever answers, at once."""
    WARM = "warm"
    """The caller hears music; who answers hears `whisper` first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer(Verb):
    """Hand the caller to a number; `done`: they have talked, and the caller may be there still."""

    WORD: ClassVar[str] = "transfer"
    OUTCOMES: ClassVar[tuple[str, ...]] = ("busy", "no_answer", "failed")
    ERRORS: ClassVar[tuple[str, ...]] = ("error.dial", "error.expression")
    EXPECTED: ClassVar[bool] = True
    OUTSIDE: ClassVar[bool] = True
    to: Expression
    """A phone number."""
    kind: TransferKind = TransferKind.BLIND
    """`blind`: the caller hears it ring and is joined with who answers at once; `warm`: music, and `whisper` first."""
    timeout_s: RingSeconds = 25
    talk_max_s: TalkSeconds = 3600
    whisper: PromptName | None = None
    """What who answers a warm transfer hears first."""
    music: PoolName | None = None
    """What the caller hears instead of ringing; a warm transfer has `default`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conference(Verb):
    """Put the caller into a room with others; `done`: the room, the limit or the caller ended it."""

    WORD: ClassVar[str] = "conference"
    OUTCOMES: ClassVar[tuple[str, ...]] = ("full",)
    ERRORS: ClassVar[tuple[str, ...]] = ("error.conference", "error.expression")
    room: Expression
    talk_max_s: TalkSeconds = 3600
    members_max: Annotated[int, Range(2, 100)] = 20
    muted: bool = False
    music: PoolName | None = None
    """What who is alone hears."""
