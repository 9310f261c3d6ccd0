"""Plots: sound SVG, every rule drawn and named, readable on light and dark paper, the same bytes every time."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET

import pytest

from engine.compare.cost import DecisionCost
from engine.compare.pictures import LOOKS, pictures
from engine.compare.run import Result, compare, options_for
from engine.dialer.grid import CELLS, CONTENDERS
from engine.plot.panel import Axis, Key, Panel, axis, legend
from engine.plot.svg import COLOURS, Drawing, number
from engine.stack.home import CHECKOUT
from tests.vss_command import check

NS = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    words = ["calls-5-10", "calls-10-25", "markov-5-10", "shock-20", "small-2-25", "small-3-60"]
    options = options_for(words, 2, 2, 0.01, False, 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("engine.compare.run.decision_cost", lambda hours: DecisionCost(100.0, 150.0))
        return compare(options, tmp_path_factory.mktemp("compare"), lambda done, total, last: None)


def test_every_plot_is_sound_and_names_every_rule_that_took_part(result: Result) -> None:
    drawn = pictures(result)
    assert set(drawn) == {"occupancy.svg", "markov.svg", "shock-20.svg", "small-teams.svg"}
    groups = {"occupancy.svg": "calls", "markov.svg": "markov", "shock-20.svg": "shock", "small-teams.svg": "small"}
    for name, text in drawn.items():
        root = ET.fromstring(text)
        assert root.tag == f"{NS}svg"
        words = [element.text or "" for element in root.iter(f"{NS}text")]
        labels = [contender.label for contender in CONTENDERS if groups[name] in contender.groups]
        for label in labels:
            assert any(word == label or word == label.replace("tuned", "tuned before the shock") for word in words)
        assert root.find(f"{NS}desc") is not None


def test_every_rule_has_a_mark_of_its_own() -> None:
    assert set(LOOKS) == {contender.name for contender in CONTENDERS}
    for group in ("calls", "markov", "shock", "small"):
        marks = [LOOKS[contender.name] for contender in CONTENDERS if group in contender.groups]
        assert len({mark.colour for mark in marks}) == len(marks)


def test_every_cell_has_a_panel_with_its_points(result: Result) -> None:
    root = ET.fromstring(pictures(result)["occupancy.svg"])
    words = [element.text or "" for element in root.iter(f"{NS}text")]
    assert "5 agents, 10 % answer" in words
    assert "10 agents, 25 % answer" in words
    blue = [e for e in root.iter(f"{NS}circle") if e.get("class") == "f-blue s-paper"]
    assert len(blue) == 3  # the legend's, and one a panel


def test_same_figures_same_bytes(result: Result) -> None:
    assert pictures(result) == pictures(result)


def test_colours_turn_with_the_readers_scheme() -> None:
    text = Drawing(10, 10, "t", "a").svg()
    light, dark = text.split("@media (prefers-color-scheme:dark)")
    for name, (on_light, on_dark) in COLOURS.items():
        assert f".f-{name}{{fill:{on_light}}}" in light
        assert f".f-{name}{{fill:{on_dark}}}" in dark
        assert contrast(on_light, COLOURS["paper"][0]) > 3 or name in ("paper", "rule")
        assert contrast(on_dark, COLOURS["paper"][1]) > 3 or name in ("paper", "rule")


def contrast(one: str, other: str) -> float:
    """WCAG 2."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_words_cannot_break_the_file() -> None:
    drawing = Drawing(10, 10, 'a "quoted" <title>', "& about")
    drawing.text(1, 1, "<b> & 'so on'")
    root = ET.fromstring(drawing.svg())
    assert root.get("aria-label") == 'a "quoted" <title>'


@pytest.mark.parametrize(
    ("values", "low", "high", "ticks"),
    [
        ([0.66, 0.91], 0.65, 0.95, 7), ([0.0, 0.034], 0.0, 0.04, 5), ([5.0], 5.0, 6.0, 6), ([], 0.0, 1.0, 6),
        ([-3.0, 7.0], -4.0, 8.0, 7),
    ],
)  # fmt: skip
def test_axes_have_round_ends_around_the_values(values: list[float], low: float, high: float, ticks: int) -> None:
    found = axis(values, str)
    assert (found.low, found.high, len(found.ticks)) == (pytest.approx(low), pytest.approx(high), ticks)


def test_values_outside_are_drawn_at_the_edge() -> None:
    panel = Panel(Drawing(100, 100, "", ""), 10, 10, 80, 80, Axis(0, 1, (), str), Axis(0, 1, (), str))
    assert panel.place((2, -1)) == (90, 90)
    assert panel.place((0.5, 0.5)) == (50, 50)


def test_a_gap_breaks_a_line() -> None:
    drawing = Drawing(100, 100, "", "")
    panel = Panel(drawing, 0, 0, 100, 100, Axis(0, 4, (), str), Axis(0, 1, (), str))
    panel.line([(0, 0), (1, 1), None, (3, 1), (4, 0), None, (2, 0)], "blue")
    assert len(list(ET.fromstring(drawing.svg()).iter(f"{NS}polyline"))) == 3


def test_legend_wraps_within_its_width() -> None:
    drawing = Drawing(300, 100, "", "")
    legend(drawing, 10, 20, 280, [Key("a rule with a long name", "blue", "circle")] * 4)
    places = {(e.get("x"), e.get("y")) for e in ET.fromstring(drawing.svg()).iter(f"{NS}text")}
    assert len({y for _, y in places}) == 4


def test_numbers_are_short() -> None:
    assert [number(value) for value in (1.0, 0.5, 1 / 3, 100)] == ["1", "0.5", "0.33", "100"]


def test_committed_comparison_is_whole() -> None:
    folder = CHECKOUT / "docs/pacing-compare"
    data = json.loads((folder / "compare.json").read_text("utf-8"))
    check(data, "pacing-compare")
    assert {cell["cell"] for cell in data["cells"]} == {cell.name for cell in CELLS}
    names = re.findall(r"\]\((\S+\.svg)\)", (folder / "compare.md").read_text("utf-8"))
    assert {path.name for path in folder.glob("*.svg")} == set(names)
    for name in names:
        assert ET.fromstring((folder / name).read_text("utf-8")).tag == f"{NS}svg"
