"""Results on disk: an interrupted comparison goes on where it was, and only a changed rule runs again.

A result is found again under what it depends on: the task, numpy's version, and the rule. For the look-ahead that is
its code; for the others, which change rarely, what they do on two short days.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from engine.compare.fingerprint import code_of_the_rule
from engine.compare.task import Piece, Task, packed, unpacked
from engine.dialer.baselines import pacer_named
from engine.dialer.grid import LIMIT, Contender
from engine.dialer.scenario import Scenario
from engine.dialer.simulator import Run
from engine.dialer.tuning import Trial, tune

PROBE_LEVEL = 1.7


class Store:
    """One file per task below `folder`, which git ignores."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".gitignore").write_text("*\n", "utf-8")

    def find(self, task: Task) -> Piece | None:
        """The result of an earlier run, or None."""
        try:
            return unpacked(json.loads(self._path(task).read_text("utf-8")))
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def keep(self, task: Task, piece: Piece) -> None:
        """Whole or not at all."""
        path = self._path(task)
        new = path.with_suffix(".new")
        new.write_text(json.dumps(packed(piece)), "utf-8")
        os.replace(new, path)

    def _path(self, task: Task) -> Path:
        return self._folder / f"{task.cell.name}.{task.contender.name}.{_digest(_identity(task))[:20]}.json"


def _identity(task: Task) -> dict[str, Any]:
    """Names and labels are not in it: they change no result."""
    rule = task.contender
    return {
        "scenario": asdict(task.cell.scenario()),
        "seeds": task.seeds,
        "minutes": task.minutes,
        "rule": [rule.pattern, rule.small_team, code_of_the_rule() if rule.ours else _behaviour(rule)],
        "oracle": [rule.level_least, rule.level_most, task.halvings, LIMIT, _oracle()] if rule.tuned else None,
        "numpy": np.__version__,
    }


@cache
def _oracle() -> str:
    """Where it goes on a rule whose abandonment grows with the square of its level."""
    return _digest(asdict(tune(lambda level: Trial(level, level, level * level / 100), 1.0, 20.0, LIMIT, 6)))


@cache
def _behaviour(contender: Contender) -> str:
    """What the rule does on two short days."""
    found = []
    for scenario in (Scenario(12, 0.25, 0.5), Scenario(12, 0.25, 0.5, "markov")):
        policy = contender.policy(PROBE_LEVEL if contender.tuned else None)
        found.append(asdict(Run(scenario, pacer_named(policy, contender.config(scenario), 1), 1).run()))
    return _digest(found)


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
