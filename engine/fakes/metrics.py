"""Metrics kept in memory, for tests that ask whether a bound was counted."""

from __future__ import annotations

from collections import Counter


class FakeMetrics:
    """A Metrics port. A name's labels are summed in `counted[name]`; `labelled` has them apart."""

    def __init__(self) -> None:
        self.counted: Counter[str] = Counter()
        self.labelled: Counter[tuple[str, tuple[tuple[str, str], ...]]] = Counter()
        self.gauges: dict[str, float] = {}
        self.observed: dict[str, list[float]] = {}

    def count(self, name: str, amount: float = 1.0, **labels: str) -> None:
        self.counted[name] += int(amount)
        self.labelled[name, tuple(sorted(labels.items()))] += int(amount)

    def gauge(self, name: str, value: float, **labels: str) -> None:
        self.gauges[name] = value

    def observe(self, name: str, value: float, **labels: str) -> None:
        self.observed.setdefault(name, []).append(value)

    def of(self, name: str, **labels: str) -> int:
        """How often `name` was counted with exactly these labels."""
        return self.labelled[name, tuple(sorted(labels.items()))]
