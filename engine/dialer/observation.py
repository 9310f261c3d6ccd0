"""What a pacer is told: events in the past tense, each with `at` in seconds and the ids of what it is about (pure).

The clock may start anywhere (epoch, simulation start) but must not run backwards. A call that goes live without having
been launched is an inbound one: it needs an agent, and is no dialed answer.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CallLaunched:
    """A call was dialed."""

    at: float
    call: str


@dataclass(frozen=True, slots=True)
class CallRinging:
    """The far end rings: from here the law's minimum ring time counts."""

    at: float
    call: str


@dataclass(frozen=True, slots=True)
class CallAnswered:
    """Somebody or something answered; whether a person is not known yet."""

    at: float
    call: str


@dataclass(frozen=True, slots=True)
class CallLive:
    """A person, ready for an agent."""

    at: float
    call: str


@dataclass(frozen=True, slots=True)
class CallMachine:
    """A machine, as far as the detection can tell."""

    at: float
    call: str


@dataclass(frozen=True, slots=True)
class CallFailed:
    """Over without a person: busy, refused, rang out; or `cancelled` by us, which says nothing about the far end.

    For a person who already waited it is a drop by our fault, and counts as abandoned.
    """

    at: float
    call: str
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class CallAbandoned:
    """A person found no agent within the legal limit."""

    at: float
    call: str


@dataclass(frozen=True, slots=True)
class CustomerGone:
    """A person hung up: before the limit (kept apart from the ratio), or at the end of their talk."""

    at: float
    call: str


@dataclass(frozen=True, slots=True)
class AgentReady:
    """An agent can take a call now."""

    at: float
    agent: str


@dataclass(frozen=True, slots=True)
class AgentTalking:
    """An agent got a call; `call` settles what became of a dialed answer."""

    at: float
    agent: str
    call: str | None = None


@dataclass(frozen=True, slots=True)
class AgentWrapping:
    """An agent finishes the paperwork of a call."""

    at: float
    agent: str


@dataclass(frozen=True, slots=True)
class AgentGone:
    """An agent logged off, paused, or asked to: no supply from now on, even while the talk still lasts."""

    at: float
    agent: str


CallEvent = (
    CallLaunched | CallRinging | CallAnswered | CallLive | CallMachine | CallFailed | CallAbandoned | CustomerGone
)
AgentEvent = AgentReady | AgentTalking | AgentWrapping | AgentGone
Observation = CallEvent | AgentEvent
