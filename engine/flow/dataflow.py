"""What surely, or possibly, has happened before a run comes to a node: facts carried along the edges (pure).

Facts are the bits of a number. A node's state is what all ways to it agree on (SURELY) or what any of them brings
(MAYBE); a node that nobody reaches has no state. States only ever lose (or gain) bits, so the walk ends.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from enum import Enum

from .graph import Edge


class Join(Enum):
    SURELY = "surely"
    MAYBE = "maybe"


Carry = Callable[[Edge, int], int]
"""The facts after an edge, from those at its source."""


def flow_facts(
    start: str, first: int, edges: Mapping[str, tuple[Edge, ...]], carry: Carry, join: Join
) -> dict[str, int]:
    """The facts at each node that is reached."""
    if start not in edges:
        return {}
    states = {start: first}
    waiting = deque([start])
    queued = {start}
    while waiting:
        name = waiting.popleft()
        queued.discard(name)
        for edge in edges[name]:
            brought = carry(edge, states[name])
            before = states.get(edge.target)
            after = brought if before is None else _joined(join, before, brought)
            if after != before:
                states[edge.target] = after
                if edge.target not in queued:
                    queued.add(edge.target)
                    waiting.append(edge.target)
    return states


def _joined(join: Join, one: int, other: int) -> int:
    return one & other if join is Join.SURELY else one | other
