"""`vss flow test`: tests of scripts on a virtual clock, and all that may happen up to a depth."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.answer import FAILURE, OK, Answer, AsJson, give
from engine.cli.flow_files import only_one, programs_of, yaml_of

if TYPE_CHECKING:
    from engine.flow.rehearsal.exploration import Coverage
    from engine.flow.run.program import Program

MISSED_SHOWN = 12


def rehearse(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Test files; with --explore scripts, too.")],
    explore: Annotated[
        int | None,
        typer.Option(
            "--explore", metavar="DEPTH", min=1, max=60, help="Also walk every way of so many events, faults included."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Test scripts on a virtual clock. Exits 0 when all is as expected, 1 when not, 2 when a file cannot be read."""
    read = {path: yaml_of(path) for path in files}
    scripts = {path: any("gacs" in one for one in value if isinstance(one, dict)) for path, value in read.items()}
    if explore is None and any(scripts.values()):
        path = next(path for path, script in scripts.items() if script)
        raise typer.BadParameter(f"{path} is a script; name its tests, or add --explore DEPTH", param_hint="FILE")
    sources = {path: [path] if scripts[path] else _scripts(path, value) for path, value in read.items()}
    give(as_json, lambda: _tested(read, scripts, sources, explore))


def _scripts(path: Path, value: Any) -> list[Path]:
    from engine.flow.rehearsal.scenario import WrongTest, scripts_of, tests_of

    try:
        tests_of(_only(path, value))
        return [path.parent / name for name in scripts_of(value[0])]
    except WrongTest as wrong:
        raise typer.BadParameter(f"{path}: {wrong}", param_hint="FILE") from None


def _only(path: Path, value: list[Any]) -> Any:
    if len(value) != 1:
        raise typer.BadParameter(f"{path}: one document of tests, not {len(value)}", param_hint="FILE")
    return value[0]


def _tested(
    read: dict[Path, Any], scripts: dict[Path, bool], sources: dict[Path, list[Path]], depth: int | None
) -> Answer:
    from engine.flow.rehearsal.exploration import coverage

    tests: list[dict[str, Any]] = []
    covered: dict[str, Coverage] = {}
    explored: list[dict[str, Any]] = []
    walked: set[str] = set()
    for path, value in read.items():
        programs = programs_of(sources[path])
        if not scripts[path]:
            for made in programs.values():
                covered.setdefault(made.main, coverage(made))
            tests += _file(path, value[0], programs, covered)
        for made in programs.values() if depth is not None else ():
            if made.main not in walked:
                walked.add(made.main)
                explored.append(_explored(made, depth or 1, _params(value[0]) if not scripts[path] else None))
    failed = [one for one in tests if one["failures"]]
    broken = [one for one in explored if one["faults"]]
    data = {
        "passed": not failed and not broken,
        "tests": tests,
        "coverage": [{"script": name, **one.printed()} for name, one in covered.items()],
        "explored": explored,
    }
    return Answer(data, list(_lines(data)), FAILURE if failed or broken else OK)


def _file(path: Path, value: Any, programs: dict[str, Program], covered: dict[str, Coverage]) -> list[dict[str, Any]]:
    from engine.flow.rehearsal.performance import rehearse as performed
    from engine.flow.rehearsal.scenario import WrongTest, tests_of
    from engine.flow.values import WrongValue

    found: list[dict[str, Any]] = []
    for one in tests_of(value):
        made = only_one(programs, one.flow, f"{path}: {one.name}")
        try:
            performance, failures = performed(made, one)
        except (WrongValue, WrongTest) as wrong:
            found.append(_result(path, one.name, made, [str(wrong)], [], None, 0.0))
            continue
        run = performance.run
        covered[made.main].note(made, performance.passed)
        found.append(_result(path, one.name, made, failures, performance.nodes, run.disposition, run.spent_s))
    return found


def _result(
    path: Path,
    name: str,
    made: Program,
    failures: list[str],
    nodes: list[str],
    disposition: str | None,
    spent_s: float,
) -> dict[str, Any]:
    return {
        "file": str(path),
        "name": name,
        "script": made.main,
        "failures": failures,
        "nodes": nodes,
        "disposition": disposition,
        "spent_s": round(spent_s, 1),
    }


def _params(value: Any) -> dict[str, Any] | None:
    """The parameters of the first test, for exploring."""
    from engine.flow.rehearsal.scenario import tests_of

    return dict(tests_of(value)[0].params)


def _explored(made: Program, depth: int, params: dict[str, Any] | None) -> dict[str, Any]:
    from engine.flow.rehearsal.exploration import explore

    found = explore(made, params, depth)
    return {
        "script": made.main,
        "depth": depth,
        "ways": found.ways,
        "states": found.states,
        "truncated": found.truncated,
        **found.coverage.printed(),
        "dispositions": found.dispositions,
        "faults": found.faults,
    }


def _lines(data: dict[str, Any]) -> Iterator[str]:
    for one in data["tests"]:
        mark = "FAILED" if one["failures"] else "ok"
        yield f"{one['file']}: {one['name']}: {mark} ({one['disposition']}, {one['spent_s']} s)"
        yield from (f"    {failure}" for failure in one["failures"])
    for one in data["coverage"]:
        yield f"{one['script']}: the tests reach {_share(one)}"
    for one in data["explored"]:
        more = ", not all of them: too many" if one["truncated"] else ""
        yield f"{one['script']}: {one['ways']} ways of {one['depth']} events{more}; they reach {_share(one)}"
        ends = sorted(one["dispositions"].items(), key=lambda pair: -pair[1])
        yield "    ends: " + ", ".join(f"{code} {count}" for code, count in ends)
        yield from _missed("nodes", one["nodes"]["missed"])
        yield from _missed("outcomes", one["outcomes"]["missed"])
        yield from (f"    FAULT of the engine: {fault}" for fault in one["faults"])


def _share(one: dict[str, Any]) -> str:
    nodes, outcomes = one["nodes"], one["outcomes"]
    return f"{nodes['reached']} of {nodes['total']} nodes, {outcomes['reached']} of {outcomes['total']} outcomes"


def _missed(what: str, missed: list[str]) -> Iterator[str]:
    if missed:
        rest = f" and {len(missed) - MISSED_SHOWN} more" if len(missed) > MISSED_SHOWN else ""
        yield f"    {what} not reached: {', '.join(missed[:MISSED_SHOWN])}{rest}"
