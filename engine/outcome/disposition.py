"""The closed list of outcomes, and what each one means for statistics and for the lead (pure)."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """What became of an attempt; exactly one per attempt."""

    ANSWERED = "answered"
    """A person answered and was bridged to an agent (or, without agents, heard the whole message)."""
    ABANDONED = "abandoned"
    """A person answered and was not bridged in time: heard the identity message instead (16 CFR 310.4(b)(4))."""
    CUSTOMER_HANGUP = "customer_hangup"
    """A person answered and hung up before the limit, before being bridged; kept apart from `abandoned`."""
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    """It rang (or early media was heard) until the limit."""
    DECLINED = "declined"
    INVALID_NUMBER = "invalid_number"
    UNREACHABLE = "unreachable"
    """Nothing came back before the limit: no ringing, no refusal."""
    CONGESTION = "congestion"
    """The network or the trunk had no room or failed."""
    FAILED = "failed"
    """Refused for another reason (codecs, security, protocol)."""
    CANCELLED = "cancelled"
    """The engine or an operator ended the attempt before it was answered."""
    NOT_DIALED = "not_dialed"
    """Claimed, but Asterisk was never asked to dial: does not count as an attempt of the lead."""
    SKIPPED = "skipped"
    """Preview: an agent looked at the lead and did not dial. No phone rang; the look counts as an attempt."""
    ENGINE_ERROR = "engine_error"
    """A fault of ours ended the call."""
    UNKNOWN = "unknown"
    """The call ended while nobody was looking."""


LIVE = frozenset({Outcome.ANSWERED, Outcome.ABANDONED, Outcome.CUSTOMER_HANGUP})
"""Outcomes of attempts that a person answered."""

UNCOUNTED = frozenset({Outcome.NOT_DIALED})
"""Outcomes that leave the lead's number of attempts as it was: no phone rang."""

NEVER_AGAIN = frozenset({Outcome.INVALID_NUMBER})
"""Outcomes after which dialing the same number again is pointless."""
