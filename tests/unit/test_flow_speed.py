"""A document of a thousand nodes is checked by steps that grow with it, not with its square; and nothing recurses."""

from __future__ import annotations

import json
import sys
from typing import Any

from engine.flow.document import Syntax
from engine.flow.gate import check_text
from tests.gacs import FRAME


def long_script(nodes: int) -> str:
    """A chain in which each node may go some nodes ahead."""
    made: dict[str, Any] = {}
    for at in range(nodes):
        onward, ahead = (f"n{min(at + step, nodes)}" for step in (1, 7))
        match at % 4:
            case 0:
                made[f"n{at}"] = {"play": {"prompt": "hello"}, "then": onward}
            case 1:
                made[f"n{at}"] = {"set": {"i": "i + 1"}, "then": onward}
            case 2:
                made[f"n{at}"] = {"switch": {"cases": [{"when": f"i > {at}", "to": ahead}], "default": onward}}
            case 3:
                made[f"n{at}"] = {"loop": {"times": 2, "body": f"b{at}"}, "then": onward}
                made[f"b{at}"] = {"pause": {"for_s": 0.1}, "then": f"n{at}"}
    made[f"n{nodes}"] = {"pause": {"for_s": 0.1}, "then": "over"}
    [flow, _] = FRAME
    ends = {name: flow["nodes"][name] for name in ("over", "bye")}
    limits = {"max_node_visits": 10000, "max_duration_s": 14400}
    variables = {"i": {"type": "int", "init": 0}}
    return json.dumps({**flow, "vars": variables, "limits": limits, "start": "n0", "nodes": {**made, **ends}})


def calls_of(text: str) -> int:
    """How many function calls a check makes: unlike seconds it does not depend on the machine."""
    calls = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        assert check_text(text, Syntax.JSON) == ()
    finally:
        sys.setprofile(None)
    return calls


def test_the_work_grows_with_the_document() -> None:
    small, large = (calls_of(long_script(nodes)) for nodes in (200, 1000))
    assert large < 6 * small


def test_long_documents_do_not_exhaust_the_stack() -> None:
    limit = sys.getrecursionlimit()
    text = long_script(1000)
    sys.setrecursionlimit(400)
    try:
        assert check_text(text, Syntax.JSON) == ()
    finally:
        sys.setrecursionlimit(limit)
