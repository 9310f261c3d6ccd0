"""Scripts that were sound until somebody changed a few places of them."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from engine.flow.nodes.node import VERBS
from engine.flow.yaml_text import read_yaml
from engine.stack.home import CHECKOUT
from tests.gacs import FRAME, PAGE, blocks, framed

Documents = list[dict[str, Any]]
Change = tuple[int, int, int]
"""What to do, where, and with what; each number is taken modulo what there is."""

_RIGHT = [framed(text) for text in blocks(PAGE, "yaml right")]
_EXAMPLES = [
    [tree.value for tree in read_yaml(path.read_text())[0]]
    for path in sorted((CHECKOUT / "examples/gacs").glob("*.yaml"))
]
SOUND: Sequence[Documents] = [FRAME, *_RIGHT, *_EXAMPLES]
JUNK: Sequence[Any] = (
    None, True, False, 0, 1, -1, 10**30, 1.5, float("inf"), "", " ", "hello", "over", "bye", "ask", "pin", "error.*",
    "hangup", "ru-RU", "any", "+74951234567", "sha256:0", "tries + 1", "tries < 3", "1 / 0", "call.now", "null", "((((",
    "{tries}", "{due|money}", "{", "https://[::1", "https://a:b@c:99999/#x", "wss://x", "\x00", "Ж" * 600, [], {}, [[]],
    {"": {}}, {"text": "x"}, {"type": "int"}, {"type": "record", "fields": {}}, {"play": {"prompt": "hello"}},
    {"when": "true", "to": "over"}, [None, 1, "x"], {"1": "over"}, {"a": {"b": {"c": {"d": {}}}}},
    {"hangup": None}, {"loop": {"times": 3, "body": "hello"}, "then": "hello"}, {"set": {"tries": "tries + 1"}},
    {"call": {"flow": "example"}, "then": "over"}, {"return": {}},
    *VERBS,
)  # fmt: skip
KEYS: Sequence[str] = (
    "then",
    "on",
    "max_visits",
    "nodes",
    "start",
    "vars",
    "params",
    "into",
    "prompt",
    "to",
    "x",
    *VERBS,
)
changes = st.lists(st.tuples(*[st.integers(0, 9999)] * 3), min_size=1, max_size=6)


def mutated(documents: Documents, todo: Sequence[Change]) -> str:
    """The JSON text of documents after some changes."""
    found: Any = copy.deepcopy(documents)
    for what, where, value in todo:
        _change(found, what, where, value)
    return json.dumps(found)


def mutated_text(text: str, todo: Sequence[Change]) -> str:
    """A text after some changes that know nothing of its form."""
    for what, where, value in todo:
        at = where * 7919 % (len(text) + 1)
        other = value * 104729 % (len(text) + 1)
        piece = (
            "",
            "\t",
            "&a ",
            "*a",
            "!!x ",
            "{",
            "}",
            "[",
            "]",
            "'",
            '"',
            ":",
            "- ",
            "\n",
            "  ",
            "\x00",
            "#",
            "? ",
            "|",
        )
        match what % 4:
            case 0:
                text = text[:at] + text[at + 1 + value % 20 :]
            case 1:
                text = text[:at] + piece[value % len(piece)] + text[at:]
            case 2:
                text = text[:at] + text[other : other + 40] + text[at:]
            case 3:
                text = text[:at] + piece[value % len(piece)] + text[at + 1 :]
    return text


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every value, as what it is in and its key there."""
    found: list[tuple[Any, Any]] = []
    waiting = [value]
    while waiting:
        inside = waiting.pop()
        keys = list(inside) if isinstance(inside, dict) else range(len(inside))
        for key in keys:
            found.append((inside, key))
            if isinstance(inside[key], (dict, list)):
                waiting.append(inside[key])
    return found


def _change(documents: Documents, what: int, where: int, value: int) -> None:
    places = _places(documents)
    if not places:
        return
    inside, key = places[where % len(places)]
    other, other_key = places[value % len(places)]
    match what % 6:
        case 0:
            del inside[key]
        case 1:
            inside[key] = copy.deepcopy(JUNK[value % len(JUNK)])
        case 2:
            inside[key] = copy.deepcopy(other[other_key])
        case 3 if isinstance(inside, dict):
            inside[KEYS[value % len(KEYS)]] = inside.pop(key)
        case 4 if isinstance(inside, dict):
            inside[KEYS[value % len(KEYS)]] = copy.deepcopy(other[other_key])
        case _ if isinstance(inside, list):
            inside.append(copy.deepcopy(other[other_key]))
        case _:
            inside[key] = str(inside[key])[:200]
