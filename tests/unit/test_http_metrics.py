"""The metrics port: what is declared counts, what is not is refused."""

from __future__ import annotations

import ast
import re
from dataclasses import fields
from pathlib import Path

import pytest

from engine.adapters.ari.link import Counters
from engine.adapters.telemetry import PrometheusMetrics
from engine.adapters.telemetry.ari_totals import ari_totals
from engine.adapters.telemetry.catalogue import CATALOGUE, SECTIONS, Kind
from engine.adapters.telemetry.reference import reference
from engine.adapters.telemetry.timed_database import TimedDatabase
from engine.errors import Unavailable

ROOT = Path(__file__).parents[2]


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


def test_the_page_on_metrics_is_made_from_the_catalogue() -> None:
    assert (ROOT / "docs/metrics.md").read_text() == reference(), "run python -m engine.adapters.telemetry.reference"


def metric_uses() -> list[tuple[str, str, str, frozenset[str]]]:
    """Every count, gauge or observe with a literal name in the engine: (place, method, name, labels)."""
    found = []
    for path in sorted((ROOT / "engine").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
                continue
            method = node.func.attr
            names = [leaf.value for leaf in ast.walk(node.args[0]) if isinstance(leaf, ast.Constant)]
            for name in names:
                if method in METHODS and isinstance(name, str) and name.startswith("vss_"):
                    labels = frozenset(word.arg for word in node.keywords if word.arg is not None)
                    place = f"{path.relative_to(ROOT)}:{node.lineno}"
                    found.append((place, method, name, labels - {"amount", "value"}))
    return found


METHODS = {"count": Kind.COUNTER, "gauge": Kind.GAUGE, "observe": Kind.HISTOGRAM}


def test_everything_the_engine_counts_is_in_the_catalogue_with_its_labels() -> None:
    uses = metric_uses()
    assert len(uses) > 20
    for place, method, name, labels in uses:
        assert name in CATALOGUE, f"{place}: {name}"
        assert METHODS[method] is CATALOGUE[name].kind, f"{place}: {name}"
        assert labels == set(CATALOGUE[name].labels), f"{place}: {name}"


def test_totals_of_others_are_read_at_the_scrape_and_never_fall() -> None:
    metrics = PrometheusMetrics(strict=True, process=False)
    counters = Counters(connects=1, requests=10, replies=8, replies_wait_s=0.5)
    metrics.add_totals(lambda: ari_totals(counters))
    metrics.exposition()
    counters.requests = 25
    metrics.exposition()
    metrics.exposition()
    assert metrics.value("vss_ari_requests_total") == 25
    counters.requests = 3
    metrics.exposition()
    assert metrics.value("vss_ari_requests_total") == 25
    assert metrics.value("vss_ari_round_trip_seconds_total") == 0.5


def test_every_counter_of_the_socket_is_a_metric() -> None:
    numbers = {field.name: index + 1 for index, field in enumerate(fields(Counters))}
    assert sorted(ari_totals(Counters(**numbers)).values()) == sorted(numbers.values())


def test_every_metric_of_the_catalogue_is_counted_somewhere() -> None:
    """A metric that nobody counts would make a dashboard lie."""
    catalogue = ROOT / "engine/adapters/telemetry/catalogue.py"
    texts = [path.read_text() for path in (ROOT / "engine").rglob("*.py") if path != catalogue]
    assert [name for name in CATALOGUE if not any(f'"{name}"' in text for text in texts)] == []


async def test_a_database_that_is_away_is_counted() -> None:
    metrics = PrometheusMetrics(strict=True, process=False)
    async with TimedDatabase("postgresql://nobody@127.0.0.1:1/nothing", metrics, connections_max=1) as database:
        with pytest.raises(Unavailable):
            await database.rows("campaigns")
    assert metrics.value("vss_postgres_unavailable_total") == 1
    assert metrics.value("vss_postgres_seconds_count") == 1
