"""`vss flow try`: a phone in the terminal, typed or piped."""

from __future__ import annotations

import json

from engine.stack.home import CHECKOUT
from tests.vss_command import Here

REMINDER = str(CHECKOUT / "examples/gacs/payment-reminder.yaml")
PARAMS = json.dumps({"due": 21, "due_on": "2026-03-05"})


def test_keys_lead_through_a_script_and_the_words_are_read(here: Here) -> None:
    ran = here.run("flow", "try", REMINDER, "--params", PARAMS, "--locale", "en-GB", stdin="\n\nx\n?\n1\n\n\n")
    assert ran.code == 0
    assert "> You owe twenty-one rubles, due on the fifth of March twenty twenty-six." in ran.out
    assert "'x' is no key" in ran.out
    assert "[choose: sound]" in ran.out
    assert "the run is over: paid" in ran.out


def test_the_end_is_one_object(here: Here) -> None:
    ran = here.run("flow", "try", REMINDER, "--params", PARAMS, "--json", stdin="\n\n0\na\nh\n\n")
    data = ran.json("flow-try")
    assert (data["over"], data["disposition"], data["nodes"][-3:]) == (True, "talked", ["agent", "talked", "bye"])


def test_the_end_of_the_input_leaves(here: Here) -> None:
    ran = here.run("flow", "try", REMINDER, stdin="r\nn\n")
    assert ran.code == 0
    assert "-- left" in ran.out


def test_wrong_parameters_are_named(here: Here) -> None:
    ran = here.run("flow", "try", REMINDER, "--params", '{"due": "much"}', "--json")
    assert (ran.code, json.loads(ran.out)["error"]["code"]) == (1, "params_wrong")
    assert "due" in json.loads(ran.out)["error"]["message"]
