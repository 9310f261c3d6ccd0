"""How many calls to launch now: the pacer's protocol and its first rules (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class PacingView:
    """What a pacer may look at, for one campaign and its agent pool, at `now` (epoch seconds)."""

    now: float
    agents_idle: int
    in_flight: int
    """Attempts of this campaign claimed, dialing or ringing."""
    waiting: int
    """Live callers of the pool that wait for any agent, inbound ones included."""
    pool_in_flight: int
    """Attempts in flight of every campaign whose answers need an agent of the same pool."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be launched at most, by kind of limit."""

    trunk: int
    lines: int


@dataclass(frozen=True, slots=True)
class Decision:
    """`launch` calls now. `binding` names the limit that decided; `explanation` is one line for a person."""

    launch: int
    binding: str
    explanation: str


class Pacer(Protocol):
    """A pacing rule. Deterministic: the same views and limits give the same decisions."""

    def decide(self, view: PacingView, limits: Limits) -> Decision: ...


class Progressive:
    """One line per idle agent: nobody who answers can find all agents busy, unless one leaves meanwhile."""

    def decide(self, view: PacingView, limits: Limits) -> Decision:
        wanted = max(0, view.agents_idle - view.pool_in_flight - view.waiting)
        reason = f"{view.agents_idle} idle, {view.pool_in_flight} in flight, {view.waiting} waiting"
        return bound(wanted, limits, "agents", reason)


class Preview:
    """One lead shown per idle agent; the trunk's limits hold when an agent dials, not when a lead is shown."""

    def decide(self, view: PacingView, limits: Limits) -> Decision:
        wanted = max(0, view.agents_idle - view.pool_in_flight - view.waiting)
        offers = min(wanted, limits.lines)
        binding = "agents" if offers == wanted else "lines"
        return Decision(offers, binding, f"show {offers}: {view.agents_idle} idle; bound by {binding}")


class Steady:
    """As many lines as the trunk and the campaign allow: for campaigns without agents."""

    def decide(self, view: PacingView, limits: Limits) -> Decision:
        return bound(limits.trunk, limits, "trunk", f"{view.in_flight} in flight")


def bound(wanted: int, limits: Limits, binding: str, reason: str) -> Decision:
    """Cut `wanted` to the limits and name the one that binds."""
    launch = max(0, min(wanted, limits.trunk, limits.lines))
    if launch < wanted:
        binding = "trunk" if limits.trunk <= limits.lines else "lines"
    return Decision(launch, binding, f"launch {launch}: {reason}; bound by {binding}")
