"""Every way through a script up to a depth, with a fault at every wait, and what that reached (pure)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..run.commands import Dispose, RunCommand
from ..run.cursor import loaded, saved
from ..run.events import DeadlinePassed, RunEvent
from ..run.interpreter import Step, advance, begin
from ..run.program import Program
from ..run.state import Facts, Run
from .world import possible, sample, waited

STATES_MAX = 20_000
ENDING_MAX = 2000
STARTED_AT = 1_780_000_000.0


@dataclass(slots=True)
class Coverage:
    """The nodes and outcomes of a script and its subflows, and which of them were reached."""

    nodes: dict[str, bool]
    outcomes: dict[tuple[str, str], bool]

    def note(self, program: Program, passed: Iterable[tuple[str, str]]) -> None:
        """Nodes that ended, by where a run stood, with their outcomes."""
        for place, outcome in passed:
            name = _named(program, place)
            if name in self.nodes:
                self.nodes[name] = True
            if (name, outcome) in self.outcomes:
                self.outcomes[name, outcome] = True

    def printed(self) -> dict[str, Any]:
        """The coverage as scripts read it."""
        return {
            "nodes": {
                "reached": sum(self.nodes.values()),
                "total": len(self.nodes),
                "missed": [node for node, seen in self.nodes.items() if not seen],
            },
            "outcomes": {
                "reached": sum(self.outcomes.values()),
                "total": len(self.outcomes),
                "missed": [f"{node} {outcome}" for (node, outcome), seen in self.outcomes.items() if not seen],
            },
        }


def coverage(program: Program) -> Coverage:
    """Nothing reached yet. `error.expression` is not counted: whether it can happen depends on values."""
    return Coverage(_all_nodes(program), _all_outcomes(program))


@dataclass(slots=True)
class Explored:
    """What was reached. `faults` are promises that the engine broke: there are none, or it is a fault of ours."""

    ways: int
    states: int
    truncated: bool
    coverage: Coverage
    dispositions: dict[str, int]
    faults: list[str]


def explore(program: Program, params: Mapping[str, Any] | None, depth: int, states_max: int = STATES_MAX) -> Explored:
    """Walk all ways of `depth` events; from there a run is left alone until it ends. Raises WrongValue (params)."""
    found = Explored(0, 0, False, coverage(program), {}, [])
    given = {name: sample(param) for name, param in program.flow.params.items()} if params is None else params
    seen: dict[str, int] = {}
    waiting: list[tuple[Run, int, int]] = []
    for direction in ("inbound", "outbound"):
        facts = Facts(call="explored", direction=direction, caller="+74951234567", called="+74950000000")
        step = begin(program, facts, given, STARTED_AT)
        _note(program, found, step)
        waiting.append((step.run, depth, _disposed(step.commands)))
    while waiting:
        run, left, disposed = waiting.pop()
        if run.over:
            _ended(found, run, disposed)
            continue
        key = _state(run)
        if seen.get(key, -1) >= left:
            continue
        if key not in seen:
            found.states += 1
        seen[key] = left
        if found.states > states_max:
            found.truncated = True
            break
        if left == 0:
            _left_alone(program, found, run, disposed)
            continue
        again = loaded(program, json.loads(json.dumps(saved(run))))
        if again != run:
            found.faults.append(f"{run.node}: a stored run came back different")
        for events in possible(program, again):
            waiting.append(_met(program, found, again, events, left - 1, disposed))
    return found


def _met(
    program: Program, found: Explored, run: Run, events: Iterable[RunEvent], left: int, disposed: int
) -> tuple[Run, int, int]:
    for event in events:
        step = advance(program, run, event)
        _note(program, found, step)
        disposed += _disposed(step.commands)
        run = step.run
    return run, left, disposed


def _all_nodes(program: Program) -> dict[str, bool]:
    return {f"{flow.id}/{name}": False for flow in program.flows.values() for name in flow.nodes}


def _all_outcomes(program: Program) -> dict[tuple[str, str], bool]:
    found: dict[tuple[str, str], bool] = {}
    for flow in program.flows.values():
        for name, node in flow.nodes.items():
            errors = [error for error in node.action.ERRORS if error != "error.expression"]
            routes = [route.outcome for route in node.action.routes()]
            for outcome in (*node.outcomes(), *routes, *errors):
                found[f"{flow.id}/{name}", outcome] = False
    return found


def _note(program: Program, found: Explored, step: Step) -> None:
    found.coverage.note(program, step.passed)
    for frame in step.run.stack:
        found.coverage.nodes[f"{frame.flow}/{frame.node}"] = True


def _named(program: Program, place: str) -> str:
    """`collections.reminder/menu` for where a run stands: `call/menu` is the node of the subflow called there."""
    flow = program.flow
    *calls, last = place.split("/")
    for call in calls:
        flow = program.flows[flow.nodes[call].action.flow]  # type: ignore[union-attr]
    return f"{flow.id}/{last}"


def _disposed(commands: tuple[RunCommand, ...]) -> int:
    return sum(isinstance(command, Dispose) for command in commands)


def _state(run: Run) -> str:
    """The run without its clocks and counters: two such go on alike."""
    stored = saved(run)
    plain = {
        name: value
        for name, value in stored["run"].items()
        if name not in {"mark_at", "spent_s", "serial", "visits", "refused", "finish_key_until_at", "befell"}
    }
    frames = [{name: value for name, value in frame.items() if name != "visit"} for frame in plain["stack"]]
    wait = plain["wait"]
    still = {name: wait[name] for name in ("kind", "stage", "attempt", "granted")} | {"aside": sorted(wait["asides"])}
    return json.dumps([{**plain, "stack": frames, "wait": still}, stored["secret"]], sort_keys=True)


def _left_alone(program: Program, found: Explored, run: Run, disposed: int) -> None:
    for _ in range(ENDING_MAX):
        if run.over:
            _ended(found, run, disposed)
            return
        step = advance(program, run, DeadlinePassed(at=waited(run).deadline_at))
        _note(program, found, step)
        disposed += _disposed(step.commands)
        run = step.run
    found.faults.append(f"{run.node}: the run does not end")


def _ended(found: Explored, run: Run, disposed: int) -> None:
    found.ways += 1
    code = run.disposition or "none"
    found.dispositions[code] = found.dispositions.get(code, 0) + 1
    if disposed != 1:
        found.faults.append(f"{run.node}: {disposed} dispositions")
