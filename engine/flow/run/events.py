"""What happens to a run, in the past tense (pure). `at` is in epoch seconds.

An answer carries the `request` of the command it answers; one that answers something else came late and changes
nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply(Happened):
    request: str


class DeadlinePassed(Happened):
    """The time `Run.deadline_at` has come."""

    __slots__ = ()


class Restarted(Happened):
    """The engine was restarted, and the call is still there."""

    __slots__ = ()


class StopAsked(Happened):
    """Somebody wants the run to end."""

    __slots__ = ()


class HungUp(Happened):
    """The caller's leg is gone."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Digit(Happened):
    """The caller pressed a key: 0-9, * or #."""

    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybackEnded(Reply):
    """`request`: the playback. Not `ok`: it could not be played."""

    ok: bool = True


class Done(Reply):
    """What was asked for is done: the call is answered, the recording is paused."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored(Reply):
    """It is written down; `id` names the evidence of a consent."""

    id: str | None = None


class Refused(Reply):
    """The number may not be called back, or not then."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingEnded(Reply):
    """`silent`: nobody said anything."""

    name: str
    silent: bool = False


class WebhookFailure(StrEnum):
    TIMEOUT = "error.timeout"
    HTTP = "error.http"
    RESPONSE = "error.response"
    LIMIT = "error.limit"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookAnswered(Reply):
    """A 2xx answer with this JSON object."""

    body: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookFailed(Reply):
    failure: WebhookFailure = WebhookFailure.TIMEOUT


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupAnswered(Reply):
    """What was found; None: there is no such thing."""

    found: Mapping[str, Any] | None = None


class AgentAssigned(Reply):
    """Caller and agent are in one bridge."""

    __slots__ = ()


class AgentLost(Reply):
    """The agent's leg is gone."""

    __slots__ = ()


class NoAgents(Reply):
    """Nobody of the pool is logged in."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueMoved(Reply):
    """Where the caller stands now; the first is 1."""

    position: int
    expected_wait_s: float | None = None


class PartyAnswered(Reply):
    """Who was dialed is in one bridge with the caller (and has confirmed, where that was asked)."""

    __slots__ = ()


class PartyFailure(StrEnum):
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    FAILED = "failed"
    UNCONFIRMED = "unconfirmed"


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyFailed(Reply):
    failure: PartyFailure = PartyFailure.FAILED


class RoomJoined(Reply):
    __slots__ = ()


class RoomFull(Reply):
    __slots__ = ()


class TalkEnded(Reply):
    """The other side left, or the room ended."""

    __slots__ = ()


class Verdict(StrEnum):
    HUMAN = "human"
    MACHINE = "machine"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Detected(Reply):
    """Who answered: a person or a machine."""

    verdict: Verdict


class BeepHeard(Reply):
    """The answering machine records now: there was a beep, or silence long enough."""

    __slots__ = ()


class StreamStarted(Reply):
    __slots__ = ()


class StreamEnded(Reply):
    __slots__ = ()


class CommandFailed(Reply):
    """It could not be carried out."""

    __slots__ = ()


RunEvent: TypeAlias = (
    DeadlinePassed | Restarted | StopAsked | HungUp | Digit | PlaybackEnded | Done | Stored | Refused | RecordingEnded
    | WebhookAnswered | WebhookFailed | LookupAnswered | AgentAssigned | AgentLost | NoAgents | QueueMoved
    | PartyAnswered | PartyFailed | RoomJoined | RoomFull | TalkEnded | Detected | BeepHeard | StreamStarted
    | StreamEnded | CommandFailed
)  # fmt: skip
