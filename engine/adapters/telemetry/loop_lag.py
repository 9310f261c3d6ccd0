"""How late the event loop is: a timer that says when it should have fired."""

from __future__ import annotations

import asyncio

from engine.ports import Metrics

PERIOD_S = 0.1


async def watch_loop(metrics: Metrics, period_s: float = PERIOD_S) -> None:
    """Measure the loop's lag and its tasks every `period_s` until cancelled; the caller owns the task."""
    loop = asyncio.get_running_loop()
    rounds_per_s = max(1, round(1 / period_s))
    count = 0
    while True:
        due = loop.time() + period_s
        await asyncio.sleep(period_s)
        metrics.observe("vss_loop_lag_seconds", max(0.0, loop.time() - due))
        count += 1
        if count % rounds_per_s == 0:  # all_tasks copies a set, so it is asked for once a second
            metrics.gauge("vss_tasks", len(asyncio.all_tasks(loop)))
