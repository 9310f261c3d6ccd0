"""What the checks know of the place where a script will run (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording that the site has. `fault` says why Asterisk cannot play it, or is empty."""

    duration_s: float
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Site:
    """Settings of the operator. None: not known here, so not checked (the engine that publishes knows them)."""

    webhook_hosts: frozenset[str] | None = None
    """Hosts that scripts may call, whatever they say themselves; `.example.org` means every host below it."""
    dial_to: tuple[str, ...] | None = None
    """Numbers that scripts may call, or beginnings and `*`."""
    audio: Mapping[str, Recording] | None = None
    """By `sha256:...`."""
    detectors: frozenset[str] | None = None
    """What tells people from machines here."""


ANYWHERE = Site()
