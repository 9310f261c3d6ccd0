"""YAML as documents may use it (pure): mappings, lists and scalars; no anchors, aliases, tags or directives.

Only PyYAML's events are used, never its constructors, so that no text can make an object or expand itself. Plain
scalars are read by the core schema of YAML 1.2 (10.3.2): `on`, `yes` and `no` are text; only true, false, null and
numbers are not.
"""

from __future__ import annotations

import re
from typing import Any

import yaml
from yaml import events

from .problem import Problem
from .tree import DOCUMENTS_MAX, FORBIDDEN_YAML, TOO_LARGE, UNREADABLE, Grower, Refused, Tree

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INT = re.compile(r"[-+]?[0-9]{1,19}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]{1,30}|[0-9]{1,30}(\.[0-9]{0,30})?)([eE][-+]?[0-9]{1,3})?")
_WORDS: dict[str, Any] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_MARK = re.compile(r", line \d+, column \d+")


def read_yaml(text: str) -> tuple[tuple[Tree, ...], tuple[Problem, ...]]:
    """The documents of a text, and what is wrong with it as YAML."""
    problems: list[Problem] = []
    trees: list[Tree] = []
    try:
        _read(text, trees, problems)
    except Refused as refused:
        problems.append(refused.problem)
    except yaml.YAMLError as error:
        problems.append(_unreadable(error))
    return tuple(trees), tuple(problems)


def _read(text: str, trees: list[Tree], problems: list[Problem]) -> None:
    grower = Grower(problems)
    for event in yaml.parse(text, Loader=_LOADER):
        line = event.start_mark.line + 1  # type: ignore[union-attr]
        match event:
            case events.DocumentStartEvent():
                if len(trees) >= DOCUMENTS_MAX:
                    raise Refused(TOO_LARGE, f"more than {DOCUMENTS_MAX} documents", "use several files", line)
                if event.tags:
                    raise Refused(FORBIDDEN_YAML, "a %TAG directive", "leave it out", line)
                grower = Grower(problems)
            case events.DocumentEndEvent():
                trees.append(Tree(grower.root, grower.lines))
            case events.AliasEvent():
                raise Refused(FORBIDDEN_YAML, f"an alias (*{str(event.anchor)[:40]})", "write the value itself", line)
            case events.ScalarEvent() | events.MappingStartEvent() | events.SequenceStartEvent():
                _node(event, line, grower)
            case events.CollectionEndEvent():
                grower.end()


def _node(event: Any, line: int, grower: Grower) -> None:
    if event.anchor is not None:
        raise Refused(FORBIDDEN_YAML, f"an anchor (&{event.anchor[:40]})", "write the value where it is needed", line)
    if event.tag is not None:
        raise Refused(FORBIDDEN_YAML, f"a tag ({event.tag[:60]})", "leave it out; quote what is text", line)
    if isinstance(event, events.ScalarEvent):
        if grower.wants_key:
            grower.key(event.value, line)
        else:
            grower.scalar(_plain(event.value) if event.implicit[0] else event.value, line)
    elif grower.wants_key:
        raise Refused(UNREADABLE, "a key that is a list or a mapping", "use text as the key", line)
    else:
        grower.begin({} if isinstance(event, events.MappingStartEvent) else [], line)


def _plain(text: str) -> Any:
    """A scalar without quotes."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        # 0123 and +7... are codes and numbers of phones, not amounts
        return text if text.lstrip("-+") != str(abs(int(text))) or text[0] == "+" else int(text)
    if _FLOAT.fullmatch(text) and not text.startswith("+") and ("." in text or "e" in text.lower()):
        return float(text)
    return text


def _unreadable(error: yaml.YAMLError) -> Problem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    line = mark.line + 1 if mark is not None else 1
    said = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error).splitlines()[0]
    return Problem(line, "", UNREADABLE, f"this is not YAML: {_MARK.sub('', said)}", "look at this line and above it")
