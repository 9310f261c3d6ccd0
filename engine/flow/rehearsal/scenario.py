"""Tests of scripts as authors write them (pure): what is given, what happens, what is expected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

STEPS = (
    "press", "silence", "hang_up", "restart", "stop", "wait", "webhook", "lookup", "agent", "no_agents", "party",
    "talk", "detected", "beep", "stream", "recorded", "store", "room", "media",
)  # fmt: skip
"""What can happen; docs/gacs.md says what each takes."""
EXPECTATIONS = (
    "nodes", "not_nodes", "prompts", "says", "disposition", "ended", "results", "webhooks", "dialed", "emitted", "tags",
    "max_s",
)  # fmt: skip
_OF_TEST = frozenset({"name", "flow", "params", "locale", "at", "call", "does", "expect"})
_OF_CALL = frozenset({"id", "direction", "caller", "called", "campaign", "answered"})


class WrongTest(Exception):
    """A test file is not written as it must be; says where and what to do."""


@dataclass(frozen=True, slots=True)
class Doing:
    """Something that happens. `at`: only while the run stands at this node; `during`: while a prompt is heard."""

    what: str
    value: Any
    at: str | None = None
    during: bool = False
    after_s: float = 1.0


@dataclass(frozen=True, slots=True)
class Test:
    """One test of a script."""

    __test__ = False  # it is no test of ours, whatever pytest makes of its name

    name: str
    flow: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    locale: str | None = None
    at: datetime | None = None
    call: Mapping[str, Any] = field(default_factory=dict)
    does: Sequence[Doing] = ()
    expect: Mapping[str, Any] = field(default_factory=dict)


def scripts_of(value: Any) -> list[str]:
    """The files of the scripts that a test file names. Raises WrongTest."""
    named = _mapping(value, "the file").get("script")
    found = [named] if isinstance(named, str) else named
    if not isinstance(found, list) or not found or not all(isinstance(one, str) for one in found):
        raise WrongTest("script: name the file of the script, or a list with its subflows")
    return list(found)


def tests_of(value: Any) -> list[Test]:
    """The tests of a file. Raises WrongTest."""
    read = _mapping(value, "the file")
    _known(read, {"script", "tests"}, "the file")
    tests = read.get("tests")
    if not isinstance(tests, list) or not tests:
        raise WrongTest("tests: a list of tests, each with a name, does and expect")
    return [_test(one, f"tests[{at}]") for at, one in enumerate(tests)]


def _test(value: Any, where: str) -> Test:
    read = _mapping(value, where)
    _known(read, _OF_TEST, where)
    name = read.get("name")
    if not isinstance(name, str):
        raise WrongTest(f"{where}.name: say in a few words what is tested")
    call = _mapping(read.get("call", {}), f"{where}.call")
    _known(call, _OF_CALL, f"{where}.call")
    expect = _mapping(read.get("expect"), f"{where}.expect")
    _known(expect, set(EXPECTATIONS), f"{where}.expect")
    params = _mapping(read.get("params", {}), f"{where}.params")
    does = read.get("does", [])
    if not isinstance(does, list):
        raise WrongTest(f"{where}.does: a list of what happens")
    steps = tuple(_doing(one, f"{where}.does[{at}]") for at, one in enumerate(does))
    return Test(name, read.get("flow"), params, read.get("locale"), _at(read, where), call, steps, expect)


def _at(read: Mapping[str, Any], where: str) -> datetime | None:
    if "at" not in read:
        return None
    try:
        found = datetime.fromisoformat(str(read["at"]))
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise WrongTest(f"{where}.at: a time with its offset, such as 2026-03-05T10:00:00+03:00")
    return found


def _doing(value: Any, where: str) -> Doing:
    read = _mapping(value, where)
    what = [name for name in read if name in STEPS]
    _known(read, {*STEPS, "at", "during", "after_s"}, where)
    if len(what) != 1:
        raise WrongTest(f"{where}: exactly one of {', '.join(STEPS)}")
    after_s = read.get("after_s", 1.0)
    if not isinstance(after_s, (int, float)) or isinstance(after_s, bool) or after_s < 0:
        raise WrongTest(f"{where}.after_s: seconds")
    return Doing(what[0], read[what[0]], read.get("at"), bool(read.get("during", False)), float(after_s))


def _mapping(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise WrongTest(f"{where}: expected a mapping")
    return value


def _known(read: Mapping[str, Any], names: Any, where: str) -> None:
    unknown = sorted(str(name) for name in read if name not in names)
    if unknown:
        raise WrongTest(f"{where}: unknown {', '.join(unknown)}; there are {', '.join(sorted(names))}")
