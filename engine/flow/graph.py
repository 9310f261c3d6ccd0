"""A script as a graph: who may follow whom, by which outcome; and the walks over it, none of which recurses (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .model import Flow
from .nodes.node import Node
from .nodes.verb import Unknown
from .outcomes import EVENTS, Scope, is_event, target


@dataclass(frozen=True, slots=True)
class Edge:
    """From a node to the one that follows when it ends with `outcome`. `scope` None: the node could not be read."""

    source: str
    target: str
    outcome: str
    scope: Scope | None

    @property
    def once(self) -> bool:
        """Whether it is a handler of the script for what may befall any node: taken at most once in a run."""
        return self.scope is Scope.FLOW and is_event(self.outcome)


@dataclass(frozen=True, slots=True)
class Graph:
    """The edges out of each node, to nodes that exist."""

    edges: Mapping[str, tuple[Edge, ...]]
    unread: frozenset[str]
    """Nodes that could not be read, or whose wiring could not."""
    dangling: frozenset[str]
    """Nodes from which an edge leads to a node that does not exist."""
    loose: bool
    """Whether a handler of the script does."""

    @property
    def unsure(self) -> frozenset[str]:
        """Nodes that may lead anywhere."""
        return self.unread | self.dangling

    def usual(self, node: str) -> tuple[Edge, ...]:
        """The edges out of a node without the handlers of the script for events."""
        return tuple(edge for edge in self.edges[node] if not edge.once)


def graph_of(flow: Flow, unread: frozenset[str] = frozenset()) -> Graph:
    """The graph of a script; `unread` are nodes whose wiring could not be read."""
    edges: dict[str, tuple[Edge, ...]] = {}
    dangling: set[str] = set()
    for name, node in flow.nodes.items():
        found = _edges(flow, name, node)
        edges[name] = tuple(edge for edge in found if edge.target in flow.nodes)
        if any(edge.target not in flow.nodes and not edge.once for edge in found):
            dangling.add(name)
    unknown = frozenset(name for name, node in flow.nodes.items() if isinstance(node.action, Unknown))
    loose = any(to not in flow.nodes for to in flow.on.values())
    return Graph(edges, unread | unknown, frozenset(dangling), loose)


def _edges(flow: Flow, name: str, node: Node) -> list[Edge]:
    action = node.action
    found: list[Edge] = []
    if isinstance(action, Unknown):
        there = {**node.on} if node.then is None else {"done": node.then, **node.on}
        found += (Edge(name, to, outcome, None) for outcome, to in there.items())
    found += (Edge(name, route.target, route.outcome, Scope.ROUTE) for route in action.routes())
    befalls = () if action.ENDS else EVENTS
    for outcome in (*node.outcomes(), *action.ERRORS, *befalls):
        there_is = target(flow, node, outcome)
        if there_is is not None:
            found.append(Edge(name, there_is[0], outcome, there_is[1]))
    return found


def reached(starts: Iterable[str], successors: Mapping[str, Iterable[str]]) -> set[str]:
    """Everything that can be reached, the starts included."""
    found = set(starts)
    waiting = list(found)
    while waiting:
        for following in successors.get(waiting.pop(), ()):
            if following not in found:
                found.add(following)
                waiting.append(following)
    return found


def components(successors: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """The strongly connected components, each before those that lead to it (Tarjan 1972, with a stack of its own)."""
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    pending: list[str] = []
    held: set[str] = set()
    found: list[list[str]] = []
    for root in successors:
        if root in number:
            continue
        walk: list[tuple[str, int]] = [(root, 0)]
        while walk:
            name, at = walk.pop()
            if at == 0:
                number[name] = low[name] = len(number)
                pending.append(name)
                held.add(name)
            targets = successors[name]
            while at < len(targets):
                following = targets[at]
                at += 1
                if following not in number:
                    walk += ((name, at), (following, 0))
                    break
                if following in held:
                    low[name] = min(low[name], number[following])
            else:
                if low[name] == number[name]:
                    found.append(_popped(pending, held, name))
                if walk:
                    above = walk[-1][0]
                    low[above] = min(low[above], low[name])
    return found


def _popped(pending: list[str], held: set[str], last: str) -> list[str]:
    component: list[str] = []
    while True:
        name = pending.pop()
        held.discard(name)
        component.append(name)
        if name == last:
            return component


def is_cycle(component: Sequence[str], successors: Mapping[str, Sequence[str]]) -> bool:
    """Whether a component is a cycle and not a single node without an edge to itself."""
    return len(component) > 1 or component[0] in successors[component[0]]
