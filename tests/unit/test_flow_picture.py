"""`vss flow draw`: every node and way is in the picture, nothing stands on something else, the text is escaped."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from engine.flow.document import load
from engine.flow.picture.layers import layout
from engine.flow.picture.svg import mermaid, svg
from engine.stack.home import CHECKOUT
from tests.gacs import framed
from tests.vss_command import Here

EXAMPLES = sorted((CHECKOUT / "examples/gacs").glob("*.yaml"))
NS = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_node_has_a_place_of_its_own(path: Path) -> None:
    for flow in load(path.read_text()).flows:
        root = ElementTree.fromstring(svg(flow))
        boxes = [(float(box.get("x", 0)), float(box.get("y", 0))) for box in root.iter(f"{NS}rect")]
        assert len(boxes) == len(flow.nodes)
        for at, (x, y) in enumerate(boxes):
            assert all(y != other_y or abs(x - other_x) >= 190 for other_x, other_y in boxes[:at])
        width = float(root.get("width", 0))
        assert all(0 <= x <= width - 190 for x, _ in boxes)
        assert mermaid(flow).count("-->") > len(flow.nodes) / 2


def test_long_ways_bend_around_rows_and_circles_do_not_count() -> None:
    found = layout("a", {"a": ["b", "c"], "b": ["c"], "c": ["a"], "alone": ["c"]})
    assert [set(row) for row in found.rows] == [{"a"}, {"b", "alone", "a c 1"}, {"c"}]
    assert found.bends == {("a", "c"): ["a c 1"]}


def test_pictures_are_written_and_printed(here: Here, tmp_path: Path) -> None:
    script = tmp_path / "script.json"
    script.write_text(json.dumps(framed("title: \"<b> & 'c'\"")))
    ran = here.run("flow", "draw", str(script), "-o", str(tmp_path / "x.svg"), "--json")
    assert ran.json("flow-draw")["nodes"] == 3
    assert "&lt;b&gt; &amp;" in (tmp_path / "x.svg").read_text()
    assert here.run("flow", "draw", str(script), "--format", "mermaid").out.startswith("flowchart TD\n")
    assert here.run("flow", "draw", str(script), "--flow", "other", "--json").code == 1
