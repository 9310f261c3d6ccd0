"""A pacer's recording: what it was told and what it said, line by line, so that it can be repeated (pure).

JSON lines. The first is the header: format, rule, state, and what the numbers depend on (data of the jurisdictions,
numpy). Then, in order: events, campaigns that join and leave, and decisions with their limits. Repeating a recording
must give every decision line again, byte for byte; the floats in it are rounded, so that a last digit of another numpy
does not matter. See docs/pacing.md.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, asdict, fields
from typing import Any, Protocol, get_args

import numpy as np

from .budget import SettledAnswer
from .jurisdiction import data_version
from .observation import Observation
from .pacer import Explanation, LinePacer, PacerConfig, PacingDecision, PacingLimits
from .shared import SharedPacers

FORMAT = 1
POOL = "pool"
ONLY = "campaign"
"""The key of the one campaign that a rule by itself paces."""
EVENTS = {kind.__name__: kind for kind in get_args(Observation)}
_LIMITS = {field.name: field.default for field in fields(PacingLimits)}
_WHY = tuple(field.name for field in fields(Explanation))
Write = Callable[[str], object]


class Paced(Protocol):
    """What is recorded: told events, asked for decisions."""

    def observe(self, event: Observation, campaign: str | None = None) -> None: ...

    def decide(self, now: float, limits: Mapping[str, PacingLimits]) -> Mapping[str, PacingDecision]: ...


class ByRule:
    """One rule by itself, as a pool of one campaign."""

    def __init__(self, pacer: LinePacer) -> None:
        self._pacer = pacer

    def observe(self, event: Observation, campaign: str | None = None) -> None:
        """Follow one event."""
        self._pacer.observe(event)

    def decide(self, now: float, limits: Mapping[str, PacingLimits]) -> dict[str, PacingDecision]:
        """The rule's decision for its one campaign."""
        return {key: self._pacer.decide(now, found) for key, found in limits.items()}


class RecordedPool:
    """A pool of pacers that writes down what it is told and says: each line, with its newline, goes to `write`.

    `begin` first, and again whenever another file begins: a recording starts with the state it goes on from.
    """

    def __init__(self, pool: SharedPacers, write: Write) -> None:
        self.pool = pool
        self._write = write

    def begin(self, write: Write | None = None) -> None:
        """Write a header; from here on to `write`, if it is given."""
        self._write = self._write if write is None else write
        self._line(header(POOL) | {"state": self.pool.state()})

    def add(
        self,
        campaign: str,
        config: PacerConfig,
        weight: float = 1.0,
        seed: int = 0,
        *,
        policy: str = "lookahead",
        state: Mapping[str, Any] | None = None,
        facts: Iterable[SettledAnswer] | None = None,
    ) -> None:
        """As `SharedPacers.add`."""
        known = None if facts is None else list(facts)
        self.pool.add(campaign, config, weight, seed, policy=policy, state=state, facts=known)
        rows = None if known is None else [[fact.at, fact.abandoned] for fact in known]
        self._line({
            "add": campaign, "config": asdict(config), "weight": weight, "seed": seed, "policy": policy, "state": state,
            "facts": rows,
        })  # fmt: skip

    def remove(self, campaign: str) -> None:
        """As `SharedPacers.remove`."""
        self.pool.remove(campaign)
        self._line({"remove": campaign})

    def observe(self, event: Observation, campaign: str | None = None) -> None:
        """As `SharedPacers.observe`."""
        self.pool.observe(event, campaign)
        self._write(event_line(event, campaign))

    def decide(self, now: float, limits: Mapping[str, PacingLimits]) -> dict[str, PacingDecision]:
        """As `SharedPacers.decide`."""
        decisions = self.pool.decide(now, limits)
        self._write(decision_line(now, limits, decisions))
        return decisions

    def _line(self, found: Mapping[str, Any]) -> None:
        self._write(written(found))


class RecordedRule:
    """One rule that does the same."""

    def __init__(self, policy: str, config: PacerConfig, seed: int, pacer: LinePacer, write: Write) -> None:
        self._pacer = pacer
        self._write = write
        write(written(header(policy) | {"config": asdict(config), "seed": seed, "state": None}))

    def observe(self, event: Observation) -> None:
        """Follow one event."""
        self._pacer.observe(event)
        self._write(event_line(event, None))

    def decide(self, now: float, limits: PacingLimits) -> PacingDecision:
        """The rule's decision."""
        decision = self._pacer.decide(now, limits)
        self._write(decision_line(now, {ONLY: limits}, {ONLY: decision}))
        return decision


def header(rule: str) -> dict[str, Any]:
    """What a recording begins with, without the state."""
    return {"vss_pacing": FORMAT, "rule": rule, "jurisdictions": data_version(), "numpy": np.__version__}


def event_line(event: Observation, campaign: str | None) -> str:
    """An event; what has its default is left out."""
    found: dict[str, Any] = {"event": type(event).__name__}
    for field in fields(event):
        value = getattr(event, field.name)
        if field.default is MISSING or value != field.default:
            found[field.name] = value
    return written(found if campaign is None else found | {"campaign": campaign})


def decision_line(now: float, limits: Mapping[str, PacingLimits], decisions: Mapping[str, PacingDecision]) -> str:
    """A decision with its limits; limits that do not limit and inputs that a rule has not are left out."""
    outside = {
        key: {name: value for name, default in _LIMITS.items() if (value := getattr(found, name)) != default}
        for key, found in limits.items()
    }
    said = {
        key: {
            "launch": found.launch,
            "cancel": found.cancel,
            "why": {name: value for name in _WHY if (value := getattr(found.why, name)) is not None},
        }
        for key, found in decisions.items()
    }
    return written({"decide": now, "limits": outside, "decisions": said})


def written(found: Mapping[str, Any]) -> str:
    """One line."""
    return json.dumps(found, ensure_ascii=False, separators=(",", ":")) + "\n"
