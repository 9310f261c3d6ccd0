"""A panel of a plot: two axes with round ticks, and values drawn between them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from engine.plot.svg import Drawing

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Axis:
    """From `low` to `high`; `shown` makes a tick's words."""

    low: float
    high: float
    ticks: tuple[float, ...]
    shown: Callable[[float], str]
    title: str = ""

    def share(self, value: float) -> float:
        """Where a value lies, 0 at the low end and 1 at the high one; what is outside is put at the edge."""
        value = min(max(value, self.low), self.high)
        return (value - self.low) / (self.high - self.low)


def axis(
    values: Iterable[float], shown: Callable[[float], str], title: str = "", *, least: float | None = None,
    most: float | None = None, many: int = 5,
) -> Axis:  # fmt: skip
    """Around the values, with about `many` round ticks; `least` and `most` fix an end."""
    found = list(values) or [0.0, 1.0]
    low = min(found) if least is None else least
    high = max(found) if most is None else most
    if high - low < 1e-9:
        high = low + 1.0
    step = _round_step((high - low) / many)
    if least is None:
        low = math.floor(low / step + 1e-9) * step
    if most is None:
        high = math.ceil(high / step - 1e-9) * step
    first = math.ceil(low / step - 1e-9)
    ticks = [round(k * step, 10) for k in range(first, math.floor(high / step + 1e-9) + 1)]
    return Axis(low, high, tuple(ticks), shown, title)


def _round_step(rough: float) -> float:
    size = math.pow(10, math.floor(math.log10(rough)))
    return next((size * round_ for round_ in (1, 2, 5) if rough <= size * round_ * 1.0001), size * 10)


@dataclass(frozen=True, slots=True)
class Panel:
    """The place between the axes, in pixels of the drawing."""

    drawing: Drawing
    x: float
    y: float
    width: float
    height: float
    across: Axis
    up: Axis

    def place(self, point: Point) -> Point:
        """Where a value is drawn."""
        return self.x + self.width * self.across.share(point[0]), self.y + self.height * (1 - self.up.share(point[1]))

    def frame(self, title: str = "", *, words_below: bool = True) -> None:
        """Rules, ticks and titles; draw it first."""
        drawing = self.drawing
        for tick in self.up.ticks:
            _, y = self.place((self.across.low, tick))
            drawing.line([(self.x, y), (self.x + self.width, y)], "rule")
            drawing.text(self.x - 7, y + 4, self.up.shown(tick), "muted", "end", "small")
        for tick in self.across.ticks:
            x, _ = self.place((tick, self.up.low))
            drawing.line([(x, self.y), (x, self.y + self.height)], "rule")
            if words_below:
                drawing.text(x, self.y + self.height + 16, self.across.shown(tick), "muted", "middle", "small")
        foot = self.y + self.height
        drawing.line([(self.x, foot), (self.x + self.width, foot)], "muted")
        if title:
            drawing.text(self.x, self.y - 9, title, look="bold")
        if words_below and self.across.title:
            drawing.text(self.x + self.width / 2, foot + 33, self.across.title, "muted", "middle", "small")
        if self.up.title:
            drawing.text(self.x - 50, self.y + self.height / 2, self.up.title, "muted", "middle", "small", -90)

    def line(self, points: Sequence[Point | None], colour: str, width: float = 1.8, **look: str | float) -> None:
        """A line through the points; None breaks it."""
        piece: list[Point] = []
        for point in [*points, None]:
            if point is not None:
                piece.append(self.place(point))
                continue
            if piece:
                self.drawing.line(piece if len(piece) > 1 else piece * 2, colour, width, **look)  # type: ignore[arg-type]
            piece = []

    def marker(self, point: Point, shape: str, colour: str, size: float = 5.0) -> None:
        """A mark at a value."""
        x, y = self.place(point)
        self.drawing.marker(x, y, shape, colour, size)

    def bars(self, point: Point, errors: tuple[float | None, float | None], colour: str) -> None:
        """One standard error to each side, across and up."""
        across, up = errors
        if across:
            self.line([(point[0] - across, point[1]), (point[0] + across, point[1])], colour, 1.3)
        if up:
            self.line([(point[0], point[1] - up), (point[0], point[1] + up)], colour, 1.3)

    def upright(self, value: float, colour: str, words: str = "") -> None:
        """A dashed line at a value of the lower axis."""
        x, _ = self.place((value, self.up.low))
        self.drawing.line([(x, self.y), (x, self.y + self.height)], colour, 1.3, "4 4")
        if words:
            self.drawing.text(x + 4, self.y + self.height - 6, words, colour, look="small")

    def level(self, value: float, colour: str, words: str = "") -> None:
        """A dashed line at a value of the left axis."""
        _, y = self.place((self.across.low, value))
        self.drawing.line([(self.x, y), (self.x + self.width, y)], colour, 1.3, "4 4")
        if words:
            self.drawing.text(self.x + self.width - 4, y - 4, words, colour, "end", "small")


@dataclass(frozen=True, slots=True)
class Key:
    """An entry of the legend: a mark, or a line where there is none."""

    words: str
    colour: str
    shape: str = ""
    dashes: str = ""


def legend(drawing: Drawing, x: float, y: float, width: float, keys: Sequence[Key]) -> float:
    """Entries in rows; returns where the next thing below can begin."""
    at, column = x, 0.0
    for key in keys:
        needs = 34 + 6.4 * len(key.words)
        if column and column + needs > width:
            at, column, y = x, 0.0, y + 20
        if key.shape:
            drawing.marker(at + 9, y - 4, key.shape, key.colour)
        else:
            drawing.line([(at, y - 4), (at + 18, y - 4)], key.colour, 2.2, key.dashes)
        drawing.text(at + 24, y, key.words)
        at, column = at + needs, column + needs
    return y + 14
