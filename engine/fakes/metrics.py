"""Metrics kept in memory, for tests that ask whether a bound was counted."""

from __future__ import annotations

from collections import Counter
from functools import cache

from engine.adapters.telemetry.catalogue import CATALOGUE, Kind


class FakeMetrics:
    """A Metrics port that refuses what the catalogue does not have, as the real one does in its strict mode.

    A name's labels are summed in `counted[name]`; `of` has them apart.
    """

    def __init__(self) -> None:
        self.counted: Counter[str] = Counter()
        self.gauges: dict[str, float] = {}
        self.observed: dict[str, list[float]] = {}
        self._labelled: Counter[tuple[str, tuple[tuple[str, str], ...]]] = Counter()

    def count(self, name: str, amount: float = 1.0, **labels: str) -> None:
        _check(name, Kind.COUNTER, tuple(labels))
        self.counted[name] += int(amount)
        self._labelled[name, tuple(sorted(labels.items()))] += int(amount)

    def gauge(self, name: str, value: float, **labels: str) -> None:
        _check(name, Kind.GAUGE, tuple(labels))
        self.gauges[name] = value

    def observe(self, name: str, value: float, **labels: str) -> None:
        _check(name, Kind.HISTOGRAM, tuple(labels))
        self.observed.setdefault(name, []).append(value)

    def of(self, name: str, **labels: str) -> int:
        """How often `name` was counted with exactly these labels."""
        return self._labelled[name, tuple(sorted(labels.items()))]


@cache
def _check(name: str, kind: Kind, labels: tuple[str, ...]) -> None:
    metric = CATALOGUE[name]
    if metric.kind is not kind or set(labels) != set(metric.labels):
        raise ValueError(f"{name} is a {metric.kind} with the labels {metric.labels}")
