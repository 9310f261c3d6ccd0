"""A run as JSON, and back (pure): what is stored after a step, and found again by an engine that takes the call over.

Everything that may hold something sensitive is in a part of its own: the variables that say so, keys pressed ahead, and
what is being entered. That part is for the row of the call alone: it goes into no log, journal, event or metric, and is
erased with the run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

from engine.revision import asdict

from ..model import Flow
from ..values import Value, raw_of, value_of
from .program import Program
from .state import Facts, Frame, Run, Stage, Wait, WaitKind

FORMAT = 1


class Saved(TypedDict):
    """A run in two parts; both are needed to load it."""

    run: dict[str, Any]
    secret: dict[str, Any]


class UnreadableRun(Exception):
    """The stored run is of another format or of another script; it must end where it stands."""


def saved(run: Run) -> Saved:
    """The run as JSON has it."""
    plain = asdict(run)
    plain["format"] = FORMAT
    plain["facts"] = asdict(run.facts)
    plain["stack"] = [_frame(frame) for frame in run.stack]
    plain["tripped"] = sorted(run.tripped)
    plain["wait"] = None if run.wait is None else _wait(run.wait)
    del plain["keys"]
    secrets = [{name: raw_of(value) for name, value in frame.secrets.items()} for frame in run.stack]
    entered = "" if run.wait is None else run.wait.entered
    return {"run": plain, "secret": {"keys": run.keys, "entered": entered, "stack": secrets}}


def loaded(program: Program, stored: Saved) -> Run:
    """The run that was saved. Raises UnreadableRun."""
    plain, secret = dict(stored["run"]), stored["secret"]
    if plain.pop("format", None) != FORMAT:
        raise UnreadableRun("the run was stored in another format")
    try:
        return Run(**{**plain, **_read(program, plain, secret)})
    except (KeyError, TypeError, ValueError) as error:
        raise UnreadableRun(f"the stored run cannot be read: {type(error).__name__}") from None


def _read(program: Program, plain: Mapping[str, Any], secret: Mapping[str, Any]) -> dict[str, Any]:
    frames = zip(plain["stack"], secret["stack"], strict=True)
    wait = plain["wait"]
    return {
        "facts": Facts(**plain["facts"]),
        "stack": tuple(_unframed(program, frame, secrets) for frame, secrets in frames),
        "tripped": frozenset(plain["tripped"]),
        "keys": secret["keys"],
        "wait": None if wait is None else _unwaited(wait, secret["entered"]),
    }


def _frame(frame: Frame) -> dict[str, Any]:
    return {
        "flow": frame.flow,
        "node": frame.node,
        "visit": frame.visit,
        "values": {name: raw_of(value) for name, value in frame.values.items()},
        "visits": dict(frame.visits),
        "rounds": dict(frame.rounds),
        "taken": sorted(frame.taken),
    }


def _unframed(program: Program, frame: Mapping[str, Any], secrets: Mapping[str, Any]) -> Frame:
    flow = program.flows[frame["flow"]]
    if frame["node"] not in flow.nodes:
        raise KeyError(frame["node"])
    return Frame(
        **{
            **frame,
            "values": _values(flow, frame["values"]),
            "secrets": _values(flow, secrets),
            "taken": frozenset(frame["taken"]),
        }
    )


def _values(flow: Flow, raw: Mapping[str, Any]) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for name, value in raw.items():
        declared = flow.declared(name)
        if declared is None:
            raise KeyError(name)
        found[name] = value_of(declared, value)
    return found


def _wait(wait: Wait) -> dict[str, Any]:
    plain = asdict(wait)
    del plain["entered"]
    return {**plain, "kind": str(wait.kind), "stage": str(wait.stage), "asides": dict(wait.asides)}


def _unwaited(wait: Mapping[str, Any], entered: str) -> Wait:
    return Wait(**{**wait, "kind": WaitKind(wait["kind"]), "stage": Stage(wait["stage"]), "entered": entered})
