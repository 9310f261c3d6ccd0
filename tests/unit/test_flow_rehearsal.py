"""`vss flow test`: tests of scripts on a virtual clock, and everything that may happen up to a depth."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.flow.rehearsal import scenario
from engine.flow.rehearsal.scenario import WrongTest
from engine.stack.home import CHECKOUT
from tests.gacs import framed
from tests.vss_command import Here

EXAMPLES = sorted((CHECKOUT / "examples/gacs").glob("*.yaml"))
TESTS = sorted((CHECKOUT / "examples/gacs/tests").glob("*.yaml"))
REMINDER = CHECKOUT / "examples/gacs/tests/payment-reminder.yaml"


def test_the_tests_of_the_examples_pass(here: Here) -> None:
    ran = here.run("flow", "test", *map(str, TESTS), "--json")
    assert ran.code == 0, ran
    data = ran.json("flow-test")
    assert data["passed"]
    assert data["tests"]


def test_every_example_keeps_the_engine_s_promises_on_every_way(here: Here) -> None:
    ran = here.run("flow", "test", *map(str, EXAMPLES), "--explore", "9", "--json")
    assert ran.code == 0, ran
    data = ran.json("flow-test")
    assert len(data["explored"]) == len(EXAMPLES)
    reached = sum(one["nodes"]["reached"] for one in data["explored"])
    assert reached > 0.8 * sum(one["nodes"]["total"] for one in data["explored"])
    assert not any(one["faults"] or one["truncated"] for one in data["explored"])


def _file(tmp_path: Path, part: str, tests: object) -> str:
    (tmp_path / "script.json").write_text(json.dumps(framed(part)))
    path = tmp_path / "tests.json"
    path.write_text(json.dumps({"script": "script.json", "tests": tests}))
    return str(path)


def test_what_is_not_as_expected_is_said_and_exits_with_1(here: Here, tmp_path: Path) -> None:
    expect = {
        "disposition": "other", "nodes": ["over", "hello"], "says": "Bye", "not_nodes": ["bye"], "max_s": 0.1,
        "results": {"x": 1}, "webhooks": [{}], "tags": {"a": 1}, "dialed": ["1"],
    }  # fmt: skip
    path = _file(tmp_path, "title: t", [{"name": "all wrong", "does": [{"agent": 5}], "expect": expect}])
    ran = here.run("flow", "test", path, "--json")
    assert ran.code == 1
    (one,) = ran.json("flow-test")["tests"]
    wrong = [failure.split(":")[0].split(".")[0] for failure in one["failures"]]
    assert wrong == [
        "this never came to pass", "disposition", "dialed", "nodes", "says", "not_nodes", "results", "tags", "webhooks",
        "max_s",
    ]  # fmt: skip
    assert one["nodes"] == ["hello", "over", "bye"]
    assert "all wrong: FAILED (reached" in here.run("flow", "test", path).out


@pytest.mark.parametrize(
    ("test", "words"),
    [
        ({"expect": {}}, "name"),
        ({"name": "x", "expect": {"nodez": []}}, "nodez"),
        ({"name": "x"}, "expect"),
        ({"name": "x", "expect": {}, "does": [{"press": "1", "silence": True}]}, "exactly one"),
        ({"name": "x", "expect": {}, "does": [{"pres": "1"}]}, "pres"),
        ({"name": "x", "expect": {}, "at": "today"}, "offset"),
        ({"name": "x", "expect": {}, "call": {"colour": 1}}, "colour"),
    ],
)
def test_a_test_that_is_written_wrong_says_where(test: object, words: str) -> None:
    with pytest.raises(WrongTest, match=words):
        scenario.tests_of({"script": "x", "tests": [test]})


def test_wrong_usage_exits_with_2(here: Here, tmp_path: Path) -> None:
    for words in (["/nowhere.yaml"], [str(EXAMPLES[0])], [_file(tmp_path, "title: t", [{"name": "x"}])]):
        ran = here.run("flow", "test", *words, "--json")
        assert (ran.code, json.loads(ran.out)["error"]["code"]) == (2, "usage"), words


def test_an_unsound_script_is_not_played(here: Here, tmp_path: Path) -> None:
    path = _file(tmp_path, "start: nowhere", [{"name": "x", "expect": {}}])
    ran = here.run("flow", "test", path, "--json")
    assert (ran.code, json.loads(ran.out)["error"]["code"]) == (1, "script_unsound")


def test_keys_that_no_phone_has_and_unknown_words_fail_the_test(here: Here, tmp_path: Path) -> None:
    part = "nodes: {hello: {amd: {}, on: {human: over, machine: over, unsure: over}}}"
    path = _file(tmp_path, part, [{"name": "x", "does": [{"detected": "robot"}], "expect": {}}])
    ran = here.run("flow", "test", path, "--json")
    assert ran.code == 1
    assert ran.json("flow-test")["tests"][0]["failures"] == ["detected: one of human, machine, unsure"]
