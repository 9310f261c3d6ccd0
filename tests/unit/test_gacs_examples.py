"""examples/gacs: every script is sound and speaks Russian and English; together they use every node type."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest

from engine.flow.document import load
from engine.flow.gate import check_text
from engine.flow.nodes.node import VERBS
from engine.flow.schema import json_schema
from engine.flow.yaml_text import read_yaml
from engine.stack.home import CHECKOUT
from tests.vss_command import Here

EXAMPLES = sorted((CHECKOUT / "examples/gacs").glob("*.yaml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_is_sound_and_fits_the_json_schema(path: Path) -> None:
    text = path.read_text()
    assert check_text(text) == ()
    validator = jsonschema.Draft202012Validator(json_schema())
    for tree in read_yaml(text)[0]:
        validator.validate(tree.value)
    assert all(set(flow.locales.supported) == {"ru-RU", "en-GB"} for flow in load(text).flows)


def test_together_they_use_every_node_type() -> None:
    used = {
        node.action.WORD for path in EXAMPLES for flow in load(path.read_text()).flows for node in flow.nodes.values()
    }
    assert used == set(VERBS)


TESTS = sorted((CHECKOUT / "examples/gacs/tests").glob("*.yaml"))


def test_every_example_has_tests_of_its_own() -> None:
    assert [path.name for path in TESTS] == [path.name for path in EXAMPLES]


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_examples_pass_their_tests(here: Here, path: Path) -> None:
    ran = here.run("flow", "test", str(path), "--json")
    assert ran.code == 0, ran.out
    told = ran.json("flow-test")
    assert told["passed"]
    assert len(told["tests"]) >= 4
