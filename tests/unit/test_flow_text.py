"""Texts become trees with lines, or typed problems: YAML and JSON alike."""

from __future__ import annotations

import json

import pytest

from engine.flow.document import Syntax, load
from engine.flow.json_text import read_json
from engine.flow.tree import DEPTH_MAX
from engine.flow.yaml_text import read_yaml

YAML = """\
a: {b: [1, on, "2"]}
c:
  - x
  - {y: null}
"""


def codes(text: str, syntax: Syntax = Syntax.YAML) -> list[str]:
    return [problem.code for problem in load(text, syntax).problems]


def test_yaml_keeps_the_line_of_every_path() -> None:
    trees, problems = read_yaml(YAML)
    assert not problems
    assert trees[0].value == {"a": {"b": [1, "on", "2"]}, "c": ["x", {"y": None}]}
    assert trees[0].line(("c", 1, "y")) == 4
    assert trees[0].line(("c", 1, "y", "deeper")) == 4
    assert trees[0].line(("a", "b", 2)) == 1


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("true", True),
        ("~", None),
        ("12", 12),
        ("-3", -3),
        ("007", "007"),
        ("+74951234567", "+74951234567"),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("0x1F", "0x1F"),
        ("1:30", "1:30"),
        ("2026-01-31", "2026-01-31"),
        ("'12'", "12"),
        (".inf", ".inf"),
    ],
)
def test_plain_scalars_are_those_of_yaml_1_2(text: str, value: object) -> None:
    trees, problems = read_yaml(f"k: {text}\n")
    assert not problems
    assert trees[0].value == {"k": value}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a: [1", "G0101"),
        ("a: &x 1\nb: *x", "G0103"),
        ("a: !!python/object:os.system x", "G0103"),
        ("? [a]\n: b", "G0101"),
        ("a: 1\na: 2", "G0102"),
        ("[" * (DEPTH_MAX + 1) + "]" * (DEPTH_MAX + 1), "G0104"),
        ("a: " + "x" * 20_000, "G0104"),
        ("a: \x07", "G0101"),
        ("a: \ud800", "G0101"),
        ("", "G0101"),
        ("x" * 3_000_000, "G0104"),
    ],
)
def test_bad_yaml_is_a_typed_problem(text: str, code: str) -> None:
    assert code in codes(text)


def test_an_alias_bomb_is_refused_at_its_first_anchor() -> None:
    bomb = "a: &a [x, x]\n" + "".join(f"k{n}: &k{n} [*a, *a]\n" for n in range(50))
    assert codes(bomb) == ["G0103"]


def test_deep_nesting_is_refused_without_exhausting_the_stack() -> None:
    assert codes("[" * 100_000) in (["G0101"], ["G0104"])  # libyaml has a limit of its own
    assert codes("[" * 100_000, Syntax.JSON) == ["G0104"]
    assert codes('{"a":' * 100_000, Syntax.JSON) == ["G0104"]


@pytest.mark.parametrize(
    "value",
    [{"a": [1, 2.5, True, None, '\u20ac"\\/\n\U0001f600'], "b": {}, "c": []}, [], {}, "x", [[{}]], {"": {"": 0}}],
)
def test_json_reads_as_the_standard_library_does(value: object) -> None:
    for text in (json.dumps([value], indent=1), json.dumps([value], ensure_ascii=False, separators=(",", ":"))):
        trees, problems = read_json(text)
        assert not problems
        assert trees[0].value == value


def test_json_keeps_lines_and_reads_lists_as_several_documents() -> None:
    trees, problems = read_json('[\n{"a":\n1},\n{"b":\n[2,\n3]}]')
    assert not problems
    assert [tree.value for tree in trees] == [{"a": 1}, {"b": [2, 3]}]
    assert trees[1].line(("b", 1)) == 6


@pytest.mark.parametrize(
    "text",
    ["{", "[1,]", '{"a" 1}', "{a: 1}", '"\\x"', "1 2", "tru", '{"a":1,}', '"\\ud800"', "1" * 80, "{1:2}", "[1 2]"],
)
def test_bad_json_is_a_typed_problem(text: str) -> None:
    assert codes(text, Syntax.JSON)[-1] == "G0101"


def test_several_yaml_documents_of_one_text() -> None:
    trees, _ = read_yaml("a: 1\n---\nb: 2\n")
    assert [tree.value for tree in trees] == [{"a": 1}, {"b": 2}]
    assert trees[1].line(("b",)) == 3
