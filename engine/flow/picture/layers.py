"""Where nodes stand in a picture: rows by the longest way from the start, order by neighbours (Sugiyama 1981; pure).

Edges that go back up (loops) are found by a walk from the start and do not count for the rows. Within a row nodes are
ordered by the mean place of those they come from, a few times down and up again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SWEEPS = 6


@dataclass(frozen=True, slots=True)
class Layout:
    """`rows` hold nodes and, where a long way passes, its `bends`: by source and target the places it goes through."""

    rows: list[list[str]]
    bends: Mapping[tuple[str, str], list[str]]


def layout(start: str, successors: Mapping[str, Sequence[str]]) -> Layout:
    """The nodes row by row, the start first; those that only handlers reach stand above what they lead to."""
    forward = _forward(start, successors)
    level = _levels(start, forward)
    for name in reversed(list(successors)):
        if name not in level:
            below = [level[target] for target in successors[name] if target in level]
            level[name] = max(1, min(below, default=max(level.values()) + 1) - 1)
            forward[name] = [target for target in successors[name] if level.get(target, 0) > level[name]]
    found: list[list[str]] = [[] for _ in range(max(level.values()) + 1)]
    for name in successors:
        found[level[name]].append(name)
    bends: dict[tuple[str, str], list[str]] = {}
    chained: dict[str, list[str]] = {name: [] for name in successors}
    for source, targets in forward.items():
        for target in targets:
            before = source
            for at in range(level[source] + 1, level[target]):
                bend = f"{source} {target} {at}"  # no node's name has a space
                found[at].append(bend)
                bends.setdefault((source, target), []).append(bend)
                chained[before].append(bend)
                chained[bend] = []
                before = bend
            chained[before].append(target)
    _order(found, chained)
    return Layout(found, bends)


def _forward(start: str, successors: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """The edges without those that close a circle (a depth-first walk with a stack of its own)."""
    found: dict[str, list[str]] = {name: [] for name in successors}
    open_: set[str] = {start}
    done: set[str] = set()
    walk: list[tuple[str, int]] = [(start, 0)]
    while walk:
        name, at = walk.pop()
        targets = successors.get(name, ())
        if at == len(targets):
            open_.discard(name)
            done.add(name)
            continue
        walk.append((name, at + 1))
        target = targets[at]
        if target in open_ or target not in successors:
            continue
        found[name].append(target)
        if target not in done:
            open_.add(target)
            walk.append((target, 0))
    return found


def _levels(start: str, forward: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """The longest way from the start to each node."""
    missing: dict[str, int] = {}
    reached = [start]
    seen = {start}
    for name in reached:
        for target in forward[name]:
            missing[target] = missing.get(target, 0) + 1
            if target not in seen:
                seen.add(target)
                reached.append(target)
    level = {start: 0}
    ready = [start]
    while ready:
        name = ready.pop()
        for target in forward[name]:
            level[target] = max(level.get(target, 0), level[name] + 1)
            missing[target] -= 1
            if missing[target] == 0:
                ready.append(target)
    return level


def _order(found: list[list[str]], forward: Mapping[str, Sequence[str]]) -> None:
    above: dict[str, list[str]] = {}
    for name, targets in forward.items():
        for target in targets:
            above.setdefault(target, []).append(name)
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        neighbours: Mapping[str, Sequence[str]] = above if down else forward
        place = _places(found)
        for row in found if down else reversed(found):
            row.sort(key=lambda name: _mean(name, neighbours, place))
            place |= {name: _place(at, row) for at, name in enumerate(row)}


def _places(found: list[list[str]]) -> dict[str, float]:
    return {name: _place(at, row) for row in found for at, name in enumerate(row)}


def _place(at: int, row: Sequence[str]) -> float:
    """From the middle of the row."""
    return at - (len(row) - 1) / 2


def _mean(name: str, neighbours: Mapping[str, Sequence[str]], place: Mapping[str, float]) -> float:
    there = [place[one] for one in neighbours.get(name, ()) if one in place]
    return sum(there) / len(there) if there else place[name]
