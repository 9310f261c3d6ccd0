"""Each campaign of a pool paced by itself, as if it had the agents alone (pure)."""

from __future__ import annotations

from collections.abc import Mapping

from .baselines import pacer_named
from .observation import Observation
from .pacer import LinePacer, PacerConfig, PacingDecision, PacingLimits


class Apart:
    """The pacers of one pool."""

    def __init__(self) -> None:
        self._pacers: dict[str, LinePacer] = {}
        self._agents: dict[str, Observation] = {}

    def add(self, campaign: str, policy: str, config: PacerConfig, weight: float, seed: int) -> None:
        self._pacers[campaign] = pacer_named(policy, config, seed)
        for event in self._agents.values():
            self._pacers[campaign].observe(event)

    def remove(self, campaign: str) -> None:
        self._pacers.pop(campaign, None)

    def observe(self, event: Observation, campaign: str | None) -> None:
        if campaign is None and hasattr(event, "agent"):
            self._agents[event.agent] = event
        for name, pacer in self._pacers.items():
            if campaign is None or campaign == name:
                pacer.observe(event)

    def decide(self, now: float, limits: Mapping[str, PacingLimits]) -> Mapping[str, PacingDecision]:
        return {name: self._pacers[name].decide(now, limit) for name, limit in limits.items()}
