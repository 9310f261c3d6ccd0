"""docs/gacs.md: every code has an example that is wrong in just that way, and one that is right."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from engine.flow.document import load
from engine.flow.gate import check_text
from engine.flow.nodes.node import VERBS
from engine.flow.schema import json_schema
from engine.stack.home import CHECKOUT
from tests.gacs import FRAME, PAGE, SITE, blocks, framed, problems_of

SECTIONS = {
    match[1]: match[2]
    for match in re.finditer(r"^#### (G\d{4}): .*?\n(.*?)(?=^###|\Z)", PAGE, re.DOTALL | re.MULTILINE)
}
SCHEMA = jsonschema.Draft202012Validator(json_schema())
SEEN_BY_SCHEMA = {"G0105", "G0106", "G0107", "G0108", "G0109", "G0110", "G0111", "G0112"}


def codes_in_the_code() -> set[str]:
    """Every code that is written in engine/flow."""
    found: set[str] = set()
    for path in Path(CHECKOUT / "engine/flow").rglob("*.py"):
        for part in ast.walk(ast.parse(path.read_text())):
            if isinstance(part, ast.Constant) and isinstance(part.value, str) and re.fullmatch(r"G\d{4}", part.value):
                found.add(part.value)
    return found


def examples(code: str, kind: str) -> list[tuple[str, bool]]:
    section = SECTIONS[code]
    parts = [(text, False) for text in blocks(section, f"yaml {kind}")]
    return parts + [(text, True) for text in blocks(section, f"yaml {kind} whole")]


def codes_of(text: str, whole: bool) -> list[str]:
    problems = check_text(text, site=SITE) if whole else problems_of(framed(text))
    return [problem.code for problem in problems]


def test_every_code_is_documented_and_every_documented_code_is_there() -> None:
    assert set(SECTIONS) == codes_in_the_code()
    assert all(len(examples(code, kind)) == 1 for code in SECTIONS for kind in ("wrong", "right"))


def test_the_frame_and_the_first_example_are_sound() -> None:
    assert problems_of(FRAME) == ()
    assert check_text(blocks(PAGE, "yaml")[0], site=SITE) == ()


@pytest.mark.parametrize("code", sorted(SECTIONS))
def test_the_wrong_example_has_just_this_problem(code: str) -> None:
    [(text, whole)] = examples(code, "wrong")
    assert set(codes_of(text, whole)) == {code}


@pytest.mark.parametrize("code", sorted(SECTIONS))
def test_the_right_example_has_none(code: str) -> None:
    [(text, whole)] = examples(code, "right")
    assert codes_of(text, whole) == []


@pytest.mark.parametrize("code", sorted(set(SECTIONS) - {"G0101", "G0102", "G0103", "G0104"}))
def test_the_json_schema_takes_what_is_of_the_right_form_and_refuses_what_is_not(code: str) -> None:
    [(wrong, _)] = examples(code, "wrong")
    assert SCHEMA.is_valid(framed(wrong)[0]) is (code not in SEEN_BY_SCHEMA)
    [(right, whole)] = examples(code, "right")
    assert whole or all(SCHEMA.is_valid(document) for document in framed(right))


def test_the_json_schema_is_the_one_in_the_docs() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())
    written = json.loads((CHECKOUT / "docs/gacs.schema.json").read_text())
    assert written == json_schema(), "write it again: vss flow schema > docs/gacs.schema.json"
    assert set(VERBS) <= set(written["$defs"]["Node"]["properties"])


def test_the_reference_of_nodes_is_the_models() -> None:
    done = subprocess.run(
        [sys.executable, "tools/gacs_nodes.py", "--check"],
        cwd=CHECKOUT,
        env={"PYTHONPATH": str(CHECKOUT)},
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, "write it again: PYTHONPATH=. python tools/gacs_nodes.py"


def test_problems_name_the_line() -> None:
    text = blocks(SECTIONS["G0102"], "yaml wrong whole")[0]
    [problem] = load(text).problems
    assert text.splitlines()[problem.line - 1].strip().startswith("over: {disposition: {code: refused}")
