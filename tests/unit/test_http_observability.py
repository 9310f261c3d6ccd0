"""Dashboards, alerts and scrape settings: every metric they name exists and is counted."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.adapters.telemetry.catalogue import CATALOGUE, Kind
from engine.call.model import Phase
from engine.outcome.disposition import Outcome

FOLDER = Path(__file__).parents[2] / "observability"
DASHBOARDS = sorted((FOLDER / "grafana/dashboards").glob("*.json"))
ALERTS: dict[str, Any] = yaml.safe_load((FOLDER / "prometheus/alerts.yml").read_text())
RULES: list[dict[str, Any]] = [rule for group in ALERTS["groups"] for rule in group["rules"]]


def dashboard_queries() -> list[tuple[str, str]]:
    found = []
    for path in DASHBOARDS:
        for panel in json.loads(path.read_text())["panels"]:
            found += [(f"{path.name}: {panel['title']}", target["expr"]) for target in panel.get("targets", [])]
    return found


QUERIES = dashboard_queries() + [(rule["alert"], rule["expr"]) for rule in RULES]


def test_there_is_a_dashboard_and_there_are_alerts() -> None:
    assert len(dashboard_queries()) > 20
    assert len(RULES) >= 5


@pytest.mark.parametrize(("place", "query"), QUERIES)
def test_every_metric_exists_and_is_used_as_what_it_is(place: str, query: str) -> None:
    names = re.findall(r"\b(vss_\w+|process_\w+|up)\b", query)
    assert names, place
    for name in names:
        if not name.startswith("vss_"):
            continue
        base = re.sub(r"_(bucket|sum|count)$", "", name)
        metric = CATALOGUE.get(name) or CATALOGUE.get(base)
        assert metric is not None, f"{place}: {name}"
        assert (name != metric.name) == (metric.kind is Kind.HISTOGRAM), f"{place}: {name}"
        if metric.kind is not Kind.GAUGE:
            assert re.search(rf"(rate|increase)\({name}\b", query), f"{place}: {name} only ever rises"


@pytest.mark.parametrize(("place", "query"), QUERIES)
def test_every_label_exists(place: str, query: str) -> None:
    allowed = {"le", "job"} | {
        label for name in re.findall(r"vss_\w+", query) for label in metric_labels(name)
    }  # fmt: skip
    used = set(re.findall(r"(\w+)\s*=~?\s*\"", query))
    for group in re.findall(r"by \(([^)]*)\)", query):
        used |= {label.strip() for label in group.split(",")}
    assert used <= allowed, f"{place}: {used - allowed}"
    words = {*Phase, *Outcome}
    for label, values in re.findall(r"(phase|outcome)=~?\"([^\"]+)\"", query):
        assert set(values.split("|")) <= words, f"{place}: {label}"


def metric_labels(name: str) -> tuple[str, ...]:
    metric = CATALOGUE.get(name) or CATALOGUE.get(re.sub(r"_(bucket|sum|count)$", "", name))
    return metric.labels if metric is not None else ()


def test_panels_do_not_overlap() -> None:
    for path in DASHBOARDS:
        taken: set[tuple[int, int]] = set()
        for panel in json.loads(path.read_text())["panels"]:
            at = panel["gridPos"]
            cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
            assert at["x"] + at["w"] <= 24
            assert not taken & cells, panel["title"]
            taken |= cells


def test_dashboards_use_the_provisioned_data_source() -> None:
    sources = yaml.safe_load((FOLDER / "grafana/provisioning/datasources/prometheus.yml").read_text())["datasources"]
    uids = set(re.findall(r'"uid": "([\w-]*prometheus)"', "".join(path.read_text() for path in DASHBOARDS)))
    assert uids == {source["uid"] for source in sources}


def test_alerts_say_who_must_act_and_what_to_do() -> None:
    for rule in RULES:
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["description"]
