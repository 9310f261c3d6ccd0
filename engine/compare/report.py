"""A comparison in words and numbers: compare.md for people, compare.json for scripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.compare.pictures import pictures
from engine.compare.run import Result
from engine.dialer.comparison import Standing, Verdict
from engine.dialer.grid import CONTENDERS, LIMIT, Cell, Group

LABELS = {contender.name: contender.label for contender in CONTENDERS}
TITLES: Mapping[Group, str] = {
    "calls": "Real calls",
    "markov": "Markov model, whose best is provable",
    "shock": "A shock: far more people answer from one moment to the next",
    "small": "Small teams",
}
PROMISES = {
    "abandonment": "mean abandonment",
    "occupancy_of_study": "occupancy, against the study's less 0.5 points",
    "excess_in_each_run": "abandoned beyond 3 % of the live answers, the worst run, calls",
    "share_of_optimum": "occupancy as a share of the provable best",
    "worst_hour": "worst clock hour of a run, mean over the runs",
    "ahead_of_power": "occupancy ahead of power, tuned by the oracle",
    "ahead_of_vicidial": "occupancy ahead of vicidial's best mode, tuned by the oracle",
    "decision_cost_us": "median cost of a decision at 1,000 agents, us",
    "decision_cost_growth": "that against the cost at 10 agents",
}
REFERENCES: Mapping[Group, str] = {"calls": "the study's rule", "markov": "best of all that give no call up"}
PLAIN = {"excess_in_each_run", "decision_cost_us", "decision_cost_growth"}


def as_data(result: Result, *, runs: bool) -> dict[str, Any]:
    """The JSON object; `runs`: with every single run and what the oracle tried."""
    options = result.options
    return {
        "ok": not result.missed,
        "baseline_seeds": options.baseline_seeds,
        "limit": LIMIT,
        "cells": [_cell(cell, outcome, runs) for cell, outcome in result.standings],
        "verdicts": [_verdict(verdict) for verdict in result.verdicts],
        "decision_cost": {"us_p50_10": result.cost.us_p50_10, "us_p50_1000": result.cost.us_p50_1000},
    }


def _cell(cell: Cell, outcome: Mapping[str, Standing], runs: bool) -> dict[str, Any]:
    return {
        "cell": cell.name, "group": cell.group, "agents": cell.agents, "answer_rate": cell.answer_rate,
        "hours": cell.hours, "study": cell.study, "optimum": cell.optimum,
        "shock": None if cell.shock is None else {"at_s": cell.shock.at_s, "answer_rate": cell.shock.value},
        "policies": {name: _standing(standing, runs) for name, standing in outcome.items()},
    }  # fmt: skip


def _standing(standing: Standing, runs: bool) -> dict[str, Any]:
    data: dict[str, Any] = {
        "level": standing.level, "within_limit": standing.within, "seeds": len(standing.rows),
        "occupancy": round(standing.occupancy, 5), "occupancy_se": _short(standing.occupancy_se),
        "abandonment": round(standing.abandonment, 5), "abandonment_se": _short(standing.abandonment_se),
        "excess": round(standing.excess, 2), "worst_hour": round(standing.worst_hour, 5),
        "worst_hour_most": round(standing.worst_hour_most, 5), "live_answers": round(standing.live_answers, 1),
    }  # fmt: skip
    if runs:
        data["runs"] = [
            [row.seed, round(row.occupancy, 5), row.abandoned, row.live_answers, round(row.worst_hour, 5)]
            for row in standing.rows
        ]
        data["tried"] = [
            [trial.level, round(trial.occupancy, 5), round(trial.abandonment, 5), trial.complete]
            for trial in standing.trials
        ]
    return data


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "promise": verdict.promise, "cell": verdict.cell, "value": round(verdict.value, 5),
        "sense": verdict.sense, "bound": round(verdict.bound, 5), "ok": verdict.ok,
    }  # fmt: skip


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 5)


def as_markdown(result: Result, command: str) -> str:
    """The page: verdicts first, then a table and the plots of each group."""
    options = result.options
    kept = len(result.verdicts) - len(result.missed)
    parts = [
        "# Pacing rules compared",
        f"Made by `{command}`. Each rule lives the same days, one a seed: the look-ahead as many as the last table "
        f"says, the others the first {options.baseline_seeds} of them. Occupancy and abandonment are means over the "
        "days, ± is the standard error of that mean. What is called tuned was set, cell by cell, by an oracle that "
        "tried levels on the very days it is judged by and kept the busiest with at most 3.0 % abandoned on average; "
        "before a shock it saw the same days without the shock. The look-ahead is tuned to nothing.",
        f"{kept} of {len(result.verdicts)} promises kept.",
        _table(("promise", "cell", "is", "must be", "kept"), [_told(verdict) for verdict in result.verdicts]),
    ]
    drawn = pictures(result)
    for group, title in TITLES.items():
        standings = [(cell, outcome) for cell, outcome in result.standings if cell.group == group]
        if standings:
            parts += [f"## {title}", "Occupancy / abandoned, %.", _overview(standings)]
            parts += [f"![{title}: {name.removesuffix('.svg')}]({name})" for name in drawn if _belongs(name, group)]
    parts += ["## Every figure", _figures(result.standings)]
    return "\n\n".join(parts) + "\n"


def _belongs(name: str, group: Group) -> bool:
    return {"calls": "occupancy", "markov": "markov", "shock": "shock", "small": "small"}[group] in name


def _told(verdict: Verdict) -> tuple[str, ...]:
    sign = "≤" if verdict.sense == "most" else "≥"
    shown = (lambda value: f"{value:.1f}") if verdict.promise in PLAIN else _percent
    words = PROMISES[verdict.promise]
    return (
        words,
        verdict.cell,
        shown(verdict.value),
        f"{sign} {shown(verdict.bound)}",
        "yes" if verdict.ok else "**no**",
    )


def _overview(standings: Sequence[tuple[Cell, Mapping[str, Standing]]]) -> str:
    """A row per cell, a column per rule."""
    names = [name for name in LABELS if any(name in outcome for _, outcome in standings)]
    head = ["agents, answers", *(LABELS[name] for name in names)]
    if standings[0][0].group in REFERENCES:
        head.insert(1, REFERENCES[standings[0][0].group])
    rows = []
    for cell, outcome in standings:
        row = [_words(cell), *(_pair(outcome[name]) if name in outcome else "" for name in names)]
        if cell.study is not None and cell.study_abandonment is not None:
            row.insert(1, f"{_bare(cell.study)} / {_bare(cell.study_abandonment)}")
        elif cell.optimum is not None:
            row.insert(1, f"{_bare(cell.optimum)} / {_bare(LIMIT)}")
        rows.append(row)
    return _table(head, rows)


def _words(cell: Cell) -> str:
    words = f"{cell.agents}, {_percent(cell.answer_rate, 0)}"
    return words if cell.shock is None else f"{words} to {_percent(cell.shock.value, 0)}"


def _pair(standing: Standing) -> str:
    text = f"{_bare(standing.occupancy)} / {_bare(standing.abandonment)}"
    return text if standing.within else f"{text} (over)"


def _figures(standings: Sequence[tuple[Cell, Mapping[str, Standing]]]) -> str:
    head = (
        "cell", "rule", "level", "occupancy %", "abandoned %", "worst hour % (worst run)",
        "live answers a run", "hours x runs",
    )  # fmt: skip
    return _table(
        head, [_row(cell, name, standing) for cell, outcome in standings for name, standing in outcome.items()]
    )


def _row(cell: Cell, name: str, standing: Standing) -> tuple[str, ...]:
    return (
        cell.name,
        LABELS[name],
        "" if standing.level is None else f"{standing.level:g}",
        _with_error(standing.occupancy, standing.occupancy_se),
        _with_error(standing.abandonment, standing.abandonment_se) + ("" if standing.within else " (over)"),
        f"{_bare(standing.worst_hour)} ({_bare(standing.worst_hour_most)})",
        f"{standing.live_answers:.0f}",
        f"{cell.hours:g} x {len(standing.rows)}",
    )


def _with_error(value: float, error: float | None) -> str:
    return _bare(value) if error is None else f"{_bare(value)} ± {_bare(error)}"


def _bare(value: float) -> str:
    return f"{value * 100:.2f}"


def _percent(value: float, digits: int = 2) -> str:
    return f"{value * 100:.{digits}f} %"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["--"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def write(result: Result, out: Path, command: str) -> list[str]:
    """Write everything below `out`; returns the names of the files. Raises OSError."""
    import json

    files = {"compare.md": as_markdown(result, command), **pictures(result)}
    files["compare.json"] = _lines(json.dumps(as_data(result, runs=True), ensure_ascii=False))
    for name, text in files.items():
        (out / name).write_text(text, "utf-8")
    return sorted(files)


def _lines(text: str) -> str:
    """A line per cell and verdict, so that differences between two files can be read."""
    return text.replace('{"cell": ', '\n{"cell": ').replace('{"promise": ', '\n{"promise": ') + "\n"
