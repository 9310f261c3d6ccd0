"""Scripts for tests: the site of docs/gacs.md, its frame, and what changes it."""

from __future__ import annotations

import json
import re
from typing import Any

from engine.flow.document import Syntax
from engine.flow.gate import check_text
from engine.flow.problem import Problem
from engine.flow.site import Recording, Site
from engine.flow.yaml_text import read_yaml
from engine.stack.home import CHECKOUT

PAGE = (CHECKOUT / "docs/gacs.md").read_text()
GOOD, BAD = (f"sha256:{'0' * 62}{end}" for end in ("aa", "bb"))
SITE = Site(
    webhook_hosts=frozenset({".example.org", ".internal"}),
    dial_to=("+7*", "+44*"),
    detectors=frozenset({"asterisk"}),
    audio={GOOD: Recording(2.0), BAD: Recording(0.0, "it is no WAV file")},
)


def blocks(text: str, words: str) -> list[str]:
    """The code blocks of a page whose info string is `words`."""
    return re.findall(rf"^```{words}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


FRAME = [tree.value for tree in read_yaml(blocks(PAGE, "yaml frame")[0])[0]]


def framed(part: str) -> list[dict[str, Any]]:
    """The documents that a part of a script makes of the frame."""
    trees, problems = read_yaml(part)
    assert not problems, problems
    return [_merged(FRAME[min(at, 1)], tree.value) for at, tree in enumerate(trees)]


def _merged(frame: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    merged = dict(frame)
    for name, value in part.items():
        both = isinstance(value, dict) and isinstance(frame.get(name), dict)
        merged[name] = {**frame[name], **value} if both else value
    return merged


def problems_of(documents: list[dict[str, Any]]) -> tuple[Problem, ...]:
    """What is wrong with documents."""
    return check_text(json.dumps(documents), Syntax.JSON, SITE)
