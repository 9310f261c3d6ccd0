"""The Metrics port on prometheus-client, with a registry of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from .catalogue import CATALOGUE, Kind, Metric

Child = Counter | Gauge | Histogram

CHILDREN_MAX = 2000
"""Label combinations kept at most, over all metrics."""

_log = structlog.get_logger("metrics")


class PrometheusMetrics:
    """Counts what the catalogue declares.

    `strict` (tests) raises KeyError or ValueError for an undeclared name or wrong labels; otherwise such a value is
    dropped, counted and logged once, because a typing error in a metric must not end a call.
    """

    def __init__(
        self, *, strict: bool = False, process: bool = True, catalogue: Mapping[str, Metric] = CATALOGUE
    ) -> None:
        self._strict = strict
        self._catalogue = catalogue
        self.registry = CollectorRegistry()
        if process:
            ProcessCollector(registry=self.registry)
        self._families = {metric.name: _family(metric, self.registry) for metric in catalogue.values()}
        self._children: dict[tuple[str, tuple[tuple[str, str], ...]], Child] = {}
        self._refused: set[str] = set()
        self._totals: list[tuple[Callable[[], Mapping[str, float]], dict[str, float]]] = []

    def count(self, name: str, amount: float = 1.0, **labels: str) -> None:
        """Add to a counter."""
        child = self._child(Kind.COUNTER, name, labels)
        if child is not None:
            cast(Counter, child).inc(amount)

    def gauge(self, name: str, value: float, **labels: str) -> None:
        """Set a gauge."""
        child = self._child(Kind.GAUGE, name, labels)
        if child is not None:
            cast(Gauge, child).set(value)

    def observe(self, name: str, value: float, **labels: str) -> None:
        """Add one value to a histogram."""
        child = self._child(Kind.HISTOGRAM, name, labels)
        if child is not None:
            cast(Histogram, child).observe(value)

    def add_totals(self, source: Callable[[], Mapping[str, float]]) -> None:
        """Take counters that somebody else keeps: `source` gives totals by name, and is asked at each scrape only."""
        self._totals.append((source, {}))

    def exposition(self) -> tuple[bytes, str]:
        """The text for /metrics and its content type."""
        for source, seen in self._totals:
            for name, total in source().items():
                self.count(name, max(0.0, total - seen.get(name, 0.0)))
                seen[name] = total
        return generate_latest(self.registry), CONTENT_TYPE_LATEST

    def value(self, sample: str, **labels: str) -> float:
        """One sample as it stands (0 when it was never touched): for tests and the status command."""
        return self.registry.get_sample_value(sample, labels) or 0.0

    def _child(self, kind: Kind, name: str, labels: dict[str, str]) -> Child | None:
        key = (name, tuple(labels.items()))
        child = self._children.get(key)
        if child is None:
            child = self._make(kind, name, labels)
            if child is not None:
                self._children[key] = child
        return child

    def _make(self, kind: Kind, name: str, labels: dict[str, str]) -> Child | None:
        error = self._objection(kind, name, labels)
        if error is None:
            family = self._families[name]
            return family.labels(**labels) if labels else family
        if self._strict:
            raise error
        if name not in self._refused:
            self._refused.add(name)
            _log.error("metric refused", metric=name, reason=str(error))
        cast(Counter, self._families["vss_metrics_refused_total"]).inc()
        return None

    def _objection(self, kind: Kind, name: str, labels: dict[str, str]) -> Exception | None:
        metric = self._catalogue.get(name)
        if metric is None:
            return KeyError(f"{name} is not in the catalogue of metrics")
        if metric.kind is not kind:
            return ValueError(f"{name} is a {metric.kind}, not a {kind}")
        if set(labels) != set(metric.labels):
            return ValueError(f"{name} has the labels {metric.labels}, not {tuple(labels)}")
        if len(self._children) >= CHILDREN_MAX:
            return ValueError(f"{name}: more than {CHILDREN_MAX} label combinations")
        return None


def _family(metric: Metric, registry: CollectorRegistry) -> Child:
    match metric.kind:
        case Kind.COUNTER:
            return Counter(metric.name, metric.help, metric.labels, registry=registry)
        case Kind.GAUGE:
            return Gauge(metric.name, metric.help, metric.labels, registry=registry)
        case Kind.HISTOGRAM:
            return Histogram(metric.name, metric.help, metric.labels, buckets=metric.buckets, registry=registry)
