"""What a decision costs, at 10 and at 1,000 agents: the one thing here that depends on the machine."""

from __future__ import annotations

import time
from dataclasses import dataclass

from engine.dialer.baselines import pacer_named
from engine.dialer.pacer import PacerConfig
from engine.dialer.scenario import Scenario
from engine.dialer.simulator import Run

ROUNDS = 3


@dataclass(frozen=True, slots=True)
class DecisionCost:
    """Medians in us, each of the least disturbed of some rounds."""

    us_p50_10: float
    us_p50_1000: float


def decision_cost(hours: float) -> DecisionCost:
    """Simulates both sizes in turns, so that what else the machine does meets both."""
    found: dict[int, list[float]] = {10: [], 1000: []}
    for _ in range(ROUNDS):
        for agents, costs in found.items():
            costs.append(_p50(agents, hours))
    return DecisionCost(round(min(found[10]), 1), round(min(found[1000]), 1))


def _p50(agents: int, hours: float) -> float:
    scenario = Scenario(agents, 0.25, hours)
    run = Run(scenario, pacer_named("lookahead", PacerConfig(), 1), 1, clock_ns=time.perf_counter_ns)
    measured = run.run()
    assert measured.decision_us_p50 is not None
    return measured.decision_us_p50
