"""docs/metrics.md made from the catalogue: `python -m engine.adapters.telemetry.reference > docs/metrics.md`."""

from __future__ import annotations

import sys

from .catalogue import SECTIONS, Metric

_HEAD = """# Metrics

Served at `/metrics` for Prometheus, without a token. This page is made from `engine/adapters/telemetry/catalogue.py`
(`python -m engine.adapters.telemetry.reference > docs/metrics.md`); a test compares them. Labels have few values:
never a number, a lead, a call or a campaign. Times are seconds. `process_*` of the Prometheus client come on top.
"""


def reference() -> str:
    """The whole page."""
    parts = [_HEAD]
    for title, metrics in SECTIONS:
        parts.append(f"\n## {title}\n\n| name | kind | labels | what it is |\n|--|--|--|--|\n")
        parts.extend(_row(metric) for metric in metrics)
    return "".join(parts)


def _row(metric: Metric) -> str:
    labels = ", ".join(metric.labels)
    buckets = f"; buckets {', '.join(f'{bound:g}' for bound in metric.buckets)}" if metric.buckets else ""
    return f"| `{metric.name}` | {metric.kind} | {labels} | {metric.help}{buckets} |\n"


if __name__ == "__main__":
    sys.stdout.write(reference())
