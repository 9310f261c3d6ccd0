"""An invariant that does not hold."""

from __future__ import annotations


class Violation(AssertionError):
    """`invariant` is its name in docs/simulation.md; `detail` is for people."""

    def __init__(self, invariant: str, detail: str) -> None:
        super().__init__(f"{invariant}: {detail}")
        self.invariant = invariant
        self.detail = detail


def holds(invariant: str, true: bool, detail: str = "") -> None:
    """Raise Violation unless it is so."""
    if not true:
        raise Violation(invariant, detail)
