"""The page that an operator reads at night names every setting and every part, and nothing that is not there."""

from __future__ import annotations

import re
from pathlib import Path

from engine.config import Settings

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `VSS_([A-Z_]+)` \| ([^|]+) \|", re.MULTILINE)


def test_every_setting_is_in_the_table_and_nothing_else() -> None:
    assert sorted(name.lower() for name, _ in ROW.findall(PAGE)) == sorted(Settings.model_fields)


def test_defaults_in_the_table_are_the_ones_in_force() -> None:
    for name, told in ROW.findall(PAGE):
        field = Settings.model_fields[name.lower()]
        if field.is_required():
            assert told == "needed", name
        elif field.default in {None, ""}:
            assert told == "none", name
        elif name != "MESSAGE":
            default = field.default
            assert told == (f"{default:g}" if isinstance(default, float) else str(default)), name


def test_every_bound_that_the_engine_counts_is_explained() -> None:
    counted: set[str] = set()
    for file in (ROOT / "engine").rglob("*.py"):
        counted |= set(re.findall(r'vss_bounds_reached_total", bound="([a-z_]+)"', file.read_text(encoding="utf-8")))
    explained = set(re.findall(r"`([a-z_]+)`", PAGE))
    assert {bound for bound in counted if not bound.startswith("drain_")} <= explained


def test_unit_for_systemd_waits_longer_than_the_drain() -> None:
    unit = (ROOT / "packaging/vss.service").read_text(encoding="utf-8")
    stop_s = int(re.search(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)[1])  # type: ignore[index]
    assert stop_s > Settings.model_fields["drain_limit_s"].default + 30
    assert "Type=notify" in unit
