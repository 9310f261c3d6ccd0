"""What became of one ARI request, as a value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Done:
    """2xx. `body` is JSON text, empty for 204."""

    status: int
    body: str


@dataclass(frozen=True, slots=True)
class Gone:
    """404, 409 or 412: what the request named is gone, or is not in a state for it. A fact, not an error."""

    status: int
    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Any other status."""

    status: int
    reason: str


@dataclass(frozen=True, slots=True)
class Lost:
    """The socket went away, or no answer came: nobody knows whether Asterisk carried it out."""

    reason: str


Reply = Done | Gone | Refused | Lost
OnReply = Callable[[Reply], None]
