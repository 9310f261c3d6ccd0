"""The metrics port: what is declared counts, what is not is refused."""

from __future__ import annotations

import re

import pytest

from engine.adapters.telemetry import PrometheusMetrics
from engine.adapters.telemetry.catalogue import CATALOGUE, SECTIONS, Kind


def test_names_follow_prometheus_and_are_unique() -> None:
    assert len(CATALOGUE) == sum(len(section) for _, section in SECTIONS)
    for metric in CATALOGUE.values():
        assert re.fullmatch(r"vss_[a-z_]+", metric.name)
        assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER), metric.name
        assert bool(metric.buckets) == (metric.kind is Kind.HISTOGRAM), metric.name
        assert list(metric.buckets) == sorted(set(metric.buckets)), metric.name
        assert metric.help
        assert not set(metric.labels) & {"number", "lead", "call", "campaign", "id", "phone"}
    bases = [name.removesuffix("_total") for name in CATALOGUE]
    assert len(bases) == len(set(bases)), "a counter and a gauge may not share a name but for _total"


def test_declared_metrics_count_and_are_exposed() -> None:
    metrics = PrometheusMetrics(strict=True, process=False)
    metrics.count("vss_attempts_total", outcome="busy")
    metrics.count("vss_attempts_total", 2, outcome="busy")
    metrics.gauge("vss_agents", 4, state="ready")
    metrics.observe("vss_bridge_seconds", 0.004)
    text = metrics.exposition()[0].decode()
    assert 'vss_attempts_total{outcome="busy"} 3.0' in text
    assert 'vss_agents{state="ready"} 4.0' in text
    assert 'vss_bridge_seconds_bucket{le="0.005"} 1.0' in text


def test_undeclared_names_wrong_kinds_and_wrong_labels_raise_when_strict() -> None:
    metrics = PrometheusMetrics(strict=True, process=False)
    with pytest.raises(KeyError):
        metrics.count("vss_no_such_total")
    with pytest.raises(ValueError, match="is a counter"):
        metrics.gauge("vss_attempts_total", 1, outcome="busy")
    with pytest.raises(ValueError, match="labels"):
        metrics.count("vss_attempts_total", number="+7495")


def test_in_the_field_a_refused_value_is_counted_and_ends_no_call() -> None:
    metrics = PrometheusMetrics(process=False)
    metrics.count("vss_no_such_total")
    metrics.gauge("vss_agents", 1)
    assert metrics.value("vss_metrics_refused_total") == 2


def test_label_combinations_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.adapters.telemetry.prometheus.CHILDREN_MAX", 3)
    metrics = PrometheusMetrics(process=False)
    for number in range(10):
        metrics.count("vss_attempts_total", outcome=str(number))
    assert metrics.value("vss_metrics_refused_total") == 7
