"""The pacer that looks ahead: dial while the chance that one more answer ends abandoned is at most theta (pure).

Half a minute ahead, second by second: how many live answers will have come (D), how many agents will have come free
(S), both with their variance. One more call adds its own chance of an answer; an answer at t finds nobody with the
probability that D exceeds S then, or later (it takes the agent of a later one). See docs/pacing.md for the formulas and
the proof of the budget. `seed` is part of the interface; the rule itself draws nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engine.errors import ConfigError

from .budget import Ledger, SettledAnswer, Theta
from .memory import part
from .observation import Observation
from .pacer import PacerConfig, PacingDecision, PacingLimits
from .steering import Steering, Team

STATE_VERSION = 1
"""Of what `state` gives: another number where an older one cannot be read any more."""


class LookaheadPacer:
    """The marginal-abandonment look-ahead rule for one campaign that has its agents for itself."""

    def __init__(self, config: PacerConfig, seed: int = 0) -> None:
        self.config = config
        self.seed = seed
        self._team = Team(config.patience_s)
        self._campaign = Steering(config, self._team)

    def state(self) -> dict[str, Any]:
        """Everything that decisions follow from, ready for JSON, floats exact; not the configuration."""
        return {"version": STATE_VERSION, "team": self._team.state(), "campaign": self._campaign.state()}

    @classmethod
    def restored(cls, config: PacerConfig, seed: int, state: Mapping[str, Any]) -> LookaheadPacer:
        """Goes on exactly where `state` was taken: the same decisions, byte for byte.

        Raises ConfigError ("state: ...") for a state that is damaged or of another version.
        """
        known_version(state)
        pacer = cls(config, seed)
        pacer._team.recall(part(state, "team"))
        pacer._campaign.recall(part(state, "campaign"))
        return pacer

    @classmethod
    def resumed(
        cls, config: PacerConfig, seed: int, state: Mapping[str, Any] | None, facts: Iterable[SettledAnswer] = ()
    ) -> LookaheadPacer:
        """A new start after a crash: what was learned, theta and the ledger are those of `state`.

        Calls and agents are not: they are told anew by events. `facts` are the answers settled since the state was
        taken, in order of time: they enter the ledger and lower theta, but do not raise it. Without a state (None)
        `facts` are the whole history; then they raise theta too, but not above its start.
        """
        pacer = cls(config, seed) if state is None else cls.restored(config, seed, state)
        pacer._team.crew.empty()
        pacer._campaign.resume(facts, whole=state is None)
        return pacer

    @property
    def ledger(self) -> Ledger:
        """The account."""
        return self._campaign.watched.ledger

    @property
    def theta(self) -> Theta:
        """The control."""
        return self._campaign.watched.theta

    def observe(self, event: Observation) -> None:
        """Follow one event."""
        self._campaign.observe(event)

    def decide(self, now: float, limits: PacingLimits) -> PacingDecision:
        """How many to launch and to give up at `now`, and why. Cost: bins times horizon, whatever the team's size."""
        return self._campaign.alone(now, limits)


def known_version(state: Mapping[str, Any]) -> None:
    """Raises ConfigError for a state of another version."""
    if part(state, "version") != STATE_VERSION:
        raise ConfigError(f"state: version {state['version']!r} is not {STATE_VERSION}, the one known here")
