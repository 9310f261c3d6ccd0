"""The plots of a comparison: occupancy against abandonment, a shock minute by minute, small teams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.compare.run import Result, Series
from engine.dialer.comparison import Standing
from engine.dialer.grid import CONTENDERS, LIMIT, Cell
from engine.plot.panel import Key, Panel, axis, legend
from engine.plot.svg import Drawing


@dataclass(frozen=True, slots=True)
class Look:
    """How a rule is drawn in every plot."""

    colour: str
    shape: str


LOOKS: Mapping[str, Look] = {
    "lookahead": Look("blue", "circle"),
    "lookahead-always": Look("teal", "diamond"),
    "progressive": Look("grey", "cross"),
    "power": Look("orange", "square"),
    "ratio": Look("brown", "triangle"),
    "vicidial-hard": Look("green", "diamond"),
    "vicidial-average": Look("purple", "diamond"),
    "vicidial-tapered": Look("teal", "diamond"),
}
LABELS = {contender.name: contender.label for contender in CONTENDERS}
WIDE, TALL, GAP_X, GAP_Y, LEFT, MARGIN = 250.0, 190.0, 72.0, 84.0, 66.0, 26.0
MINUTES_WIDE, MINUTES_TALL = 780.0, 110.0


def pictures(result: Result) -> dict[str, str]:
    """File names and contents; a plot whose cells were not run is not drawn."""
    found: dict[str, str] = {}
    for group, name, title in (
        ("calls", "occupancy.svg", "Occupancy against abandonment, real calls"),
        ("markov", "markov.svg", "Occupancy against abandonment, Markov model"),
    ):
        standings = [(cell, outcome) for cell, outcome in result.standings if cell.group == group]
        if standings:
            found[name] = _tradeoff(title, standings)
    for cell, _ in result.standings:
        if cell.name in result.minutes:
            found[f"{cell.name}.svg"] = _shock(cell, result.minutes[cell.name])
    small = [(cell, outcome) for cell, outcome in result.standings if cell.group == "small"]
    if small:
        found["small-teams.svg"] = _small(small)
    return found


def _percent(value: float) -> str:
    return f"{value * 100:g} %"


def _keys(names: Sequence[str], labels: Mapping[str, str] = LABELS) -> list[Key]:
    return [Key(labels[name], LOOKS[name].colour, LOOKS[name].shape) for name in names]


def _names(standings: Sequence[tuple[Cell, Mapping[str, Standing]]]) -> list[str]:
    there = {name for _, outcome in standings for name in outcome}
    return [contender.name for contender in CONTENDERS if contender.name in there]


def _tradeoff(title: str, standings: Sequence[tuple[Cell, Mapping[str, Standing]]]) -> str:
    columns = min(3, len(standings))
    rows = -(-len(standings) // columns)
    keys = _keys(_names(standings))
    keys.append(Key("what the oracle tried", "orange"))
    if any(cell.study is not None for cell, _ in standings):
        keys.append(Key("the study's rule", "red", "ring"))
    if any(cell.optimum is not None for cell, _ in standings):
        keys.append(Key("best of all rules that give no call up", "red", dashes="4 4"))
    width = max(LEFT + columns * (WIDE + GAP_X) - GAP_X + MARGIN, 640)
    about = "One panel a scenario. Across: people who answered and found no agent. Up: share of the time agents worked."
    drawing = Drawing(width, 0, title, about)
    drawing.text(MARGIN, 32, title, look="bold")
    top = legend(drawing, MARGIN, 60, width - 2 * MARGIN, keys) + 28
    drawing.height = top + rows * (TALL + GAP_Y) - 28
    for number, (cell, outcome) in enumerate(standings):
        x = LEFT + (number % columns) * (WIDE + GAP_X)
        _cell(drawing, x, top + (number // columns) * (TALL + GAP_Y), cell, outcome)
    return drawing.svg()


def _cell(drawing: Drawing, x: float, y: float, cell: Cell, outcome: Mapping[str, Standing]) -> None:
    busy = [standing.occupancy for standing in outcome.values()]
    busy += [value for value in (cell.study, cell.optimum) if value is not None]
    drops = [standing.abandonment for standing in outcome.values()]
    across = axis([*drops, 0.04], _percent, "abandoned of live answers", least=0.0, many=4)
    panel = Panel(drawing, x, y, WIDE, TALL, across, axis(busy, _percent, "occupancy"))
    panel.frame(f"{cell.agents} agents, {_percent(cell.answer_rate)} answer")
    panel.upright(LIMIT, "red", "limit")
    if cell.optimum is not None:
        panel.level(cell.optimum, "red")
    for name in ("power", "vicidial-hard"):
        tried = sorted(
            (t for t in (outcome[name].trials if name in outcome else ()) if t.complete), key=lambda t: t.abandonment
        )
        inside = [(t.abandonment, t.occupancy) for t in tried if t.abandonment <= across.high]
        panel.line([point for point in inside if point[1] >= panel.up.low], LOOKS[name].colour, 1.2, opacity=0.55)
    for name in reversed(list(outcome)):
        standing, look = outcome[name], LOOKS[name]
        point = (standing.abandonment, standing.occupancy)
        panel.bars(point, (standing.abandonment_se, standing.occupancy_se), look.colour)
        panel.marker(point, look.shape, look.colour, 6 if name == "lookahead" else 5)
    if cell.study is not None and cell.study_abandonment is not None:
        panel.marker((cell.study_abandonment, cell.study), "ring", "red", 7)


def _shock(cell: Cell, minutes: Mapping[str, Series]) -> str:
    assert cell.shock is not None
    title = (
        f"{cell.agents} agents, answer rate {_percent(cell.answer_rate)} to {_percent(cell.shock.value)} in one moment"
    )
    about = "Minute by minute: share of calls answered by a person, lines in flight, abandoned of live answers, theta."
    names = [name for name in LABELS if name in minutes]
    drawing = Drawing(MARGIN * 2 + 50 + MINUTES_WIDE, 0, title, about)
    drawing.text(MARGIN, 32, title, look="bold")
    calm = {name: label.replace("tuned", "tuned before the shock") for name, label in LABELS.items()}
    keys = [Key(calm[name], LOOKS[name].colour) for name in names]
    y = legend(drawing, MARGIN, 60, MINUTES_WIDE, keys) + 28
    charts = (
        ("answer_rate", "a person answers, of the calls that ended", _percent, 0.0),
        ("lines_in_flight", "lines in flight", lambda value: f"{value:g}", 0.0),
        ("abandonment", "abandoned, of the live answers of the minute", _percent, 0.0),
        ("busy", "agents busy", _percent, 0.0),
        ("theta", "theta: the chance of abandonment at which one more call is still dialed", _percent, 0.0),
    )
    long = len(next(iter(minutes.values()))["answer_rate"])
    for number, (column, words, shown, least) in enumerate(charts):
        values = [value for name in names for value in minutes[name][column] if value is not None]
        across = axis([0, long], lambda value: f"{value:g}", "minute", least=0, most=long, many=12)
        up = axis(values, shown, least=least, many=4)
        panel = Panel(drawing, MARGIN + 50, y, MINUTES_WIDE, MINUTES_TALL, across, up)
        panel.frame(words, words_below=number == len(charts) - 1)
        panel.upright(cell.shock.at_s / 60, "red")
        if column == "abandonment":
            panel.level(LIMIT, "red")
        for name in reversed(names):
            points = [None if value is None else (m + 0.5, value) for m, value in enumerate(minutes[name][column])]
            panel.line(points, LOOKS[name].colour, 2.0 if name == "lookahead" else 1.3)
        y += MINUTES_TALL + 44
    drawing.height = y
    return drawing.svg()


def _small(standings: Sequence[tuple[Cell, Mapping[str, Standing]]]) -> str:
    title = "Small teams: what dialing more than one line per idle agent gains, and what it costs"
    about = (
        "Two columns, one an answer rate. Above: occupancy by the number of agents; below: abandoned of live answers."
    )
    rates = sorted({cell.answer_rate for cell, _ in standings})
    names = _names(standings)
    wide = 340.0
    drawing = Drawing(max(LEFT + len(rates) * (wide + GAP_X) - GAP_X + MARGIN, 700), 0, title, about)
    drawing.text(MARGIN, 32, title, look="bold")
    top = legend(drawing, MARGIN, 60, drawing.width - 2 * MARGIN, _keys(names)) + 28
    drawing.height = top + 2 * (TALL + GAP_Y) - 28
    sizes = [cell.agents for cell, _ in standings]
    across = axis(sizes, lambda value: f"{value:g}", "agents", least=min(sizes) - 0.3, most=max(sizes) + 0.3, many=5)
    every = [standing for _, outcome in standings for standing in outcome.values()]
    charts = (
        ("occupancy", axis([standing.occupancy for standing in every], _percent, "occupancy")),
        ("abandonment", axis([*(s.abandonment for s in every), 0.035], _percent, "abandoned", least=0.0, many=4)),
    )
    for column, rate in enumerate(rates):
        for row, (figure, up) in enumerate(charts):
            x, y = LEFT + column * (wide + GAP_X), top + row * (TALL + GAP_Y)
            panel = Panel(drawing, x, y, wide, TALL, across, up)
            panel.frame(f"{_percent(rate)} answer" if row == 0 else "")
            if row == 1:
                panel.level(LIMIT, "red", "limit")
            _by_size(panel, [(c, o) for c, o in standings if c.answer_rate == rate], names, figure)
    return drawing.svg()


def _by_size(
    panel: Panel, standings: Sequence[tuple[Cell, Mapping[str, Standing]]], names: Sequence[str], figure: str
) -> None:
    for name in reversed(names):
        look = LOOKS[name]
        points = [
            (float(cell.agents), getattr(outcome[name], figure)) for cell, outcome in standings if name in outcome
        ]
        panel.line(points, look.colour, 1.4, opacity=0.7)
        for point in points:
            panel.marker(point, look.shape, look.colour)
