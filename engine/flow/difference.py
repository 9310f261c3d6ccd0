"""Differences of two versions, node by node, for people (pure)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .problem import Path, written

NAMED = frozenset({"nodes", "prompts", "params", "vars"})
"""What is compared by name within a script."""
SHOWN_MAX = 120
"""So many characters of a value are shown."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One value that differs; None where there was or is none, else its JSON."""

    path: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Change:
    """A part of a script that was `added`, `removed` or `changed`; only a changed one has leaves."""

    part: str
    """Such as `nodes.menu`, `limits`, or `subflows.ask.nodes.repeat`."""
    kind: str
    leaves: tuple[Leaf, ...] = ()


def difference(before: str, after: str) -> tuple[Change, ...]:
    """What changed between the canonical forms of two versions, in the order of parts."""
    old, new = _parts(json.loads(before)), _parts(json.loads(after))
    found = (_change(part, old, new) for part in sorted(old.keys() | new.keys()))
    return tuple(change for change in found if change is not None)


def lines(changes: tuple[Change, ...]) -> Iterator[str]:
    """The changes as a person reads them."""
    signs = {"added": "+", "removed": "-", "changed": "~"}
    for change in changes:
        yield f"{signs[change.kind]} {change.part}"
        for leaf in change.leaves:
            yield f"    {leaf.path or 'all'}: {_cut(leaf.before)} -> {_cut(leaf.after)}"


def _cut(text: str | None) -> str:
    if text is None:
        return "(nothing)"
    return text if len(text) <= SHOWN_MAX else text[: SHOWN_MAX - 3] + "..."


def _parts(version: Any) -> dict[Path, Any]:
    parts = dict(_script((), version["flow"]))
    for name, script in version["subflows"].items():
        parts |= dict(_script(("subflows", name), script))
    return parts


def _script(path: Path, script: Any) -> Iterator[tuple[Path, Any]]:
    for key, value in script.items():
        if key in NAMED and isinstance(value, dict):
            yield from (((*path, key, name), part) for name, part in value.items())
        else:
            yield (*path, key), value


def _change(part: Path, old: dict[Path, Any], new: dict[Path, Any]) -> Change | None:
    name = written(part)
    if part not in old:
        return Change(name, "added")
    if part not in new:
        return Change(name, "removed")
    leaves = tuple(_leaves((), old[part], new[part]))
    return Change(name, "changed", leaves) if leaves else None


def _leaves(path: Path, old: Any, new: Any) -> Iterator[Leaf]:
    """The innermost values that differ; lists are compared as wholes when their lengths differ."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            if key in old and key in new:
                yield from _leaves((*path, key), old[key], new[key])
            else:
                here = written((*path, key))
                yield Leaf(here, _json(old[key]) if key in old else None, _json(new[key]) if key in new else None)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for at, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from _leaves((*path, at), one, other)
    elif _json(old) != _json(new):
        yield Leaf(written(path), _json(old), _json(new))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
