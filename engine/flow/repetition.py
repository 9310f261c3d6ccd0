"""How often a run can come by: cycles, what bounds them, and the dearest way through a script (pure).

A cycle is a component of the graph. It is bounded when edges that a run can take only a known number of times
("counted" edges) can be taken out of it so that what is left falls apart into components that are bounded themselves:

- the edges into a node with `max_visits: n`, if its outcome `max_visits` leaves the component;
- the way from a `loop` to its body (`times`), if the loop's `done` leaves the component: only then does the count not
  begin anew inside of it;
- the way out of a `switch` that is only taken while a counter is small: a variable that nodes of the component do
nothing
  with but add to, and that is compared with a number (`tries < 3`), when no way comes back there without adding.

Between two counted edges a run goes through a component at most as the dearest way through what is left; so the dearest
way through the component is that times (the sum of the counts, and one). Handlers of events are taken once each
(outcomes.py) and are added up. Nothing here recurses deeper than loops are nested in each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from .expression import Binary, Literal, Named, Term, Unary
from .graph import Edge, Graph, components, is_cycle
from .model import Flow
from .nodes.logic import Loop, Set, Switch

NESTED_MAX = 12
"""Loops in each other; more is not judged but refused."""
COUNTERS_MAX = 20
"""Counters of one cycle that are looked at."""
DEAREST = 1e15
"""No more than this is told of a cost; far beyond every limit."""

Cost = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Unbounded:
    """A cycle that nothing bounds. `loops` are in it but begin anew; `counters` are in it but do not count."""

    nodes: tuple[str, ...]
    loops: tuple[str, ...] = ()
    counters: tuple[str, ...] = ()


@dataclass(slots=True)
class _Walk:
    """The judgement of one script."""

    flow: Flow
    graph: Graph
    costs: Mapping[str, Cost]
    unbounded: list[Unbounded] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Dearest:
    """The most that a run from the start can cost, and the cycles that have no bound (then the costs say nothing)."""

    cost: Cost
    unbounded: tuple[Unbounded, ...]


def dearest(flow: Flow, graph: Graph, costs: Mapping[str, Cost]) -> Dearest:
    """Judge a script whose nodes cost what `costs` says (several costs at once, each by itself)."""
    walk = _Walk(flow, graph, costs)
    width = len(next(iter(costs.values()), ()))
    edges = {name: graph.usual(name) for name in flow.nodes}
    ways = _ways(walk, list(flow.nodes), edges, 0)
    total = ways.get(flow.start, (0.0,) * width)
    once = {(edge.outcome, edge.target) for found in graph.edges.values() for edge in found if edge.once}
    for handled in sorted(once):
        total = _sum(total, ways[handled[1]])
    return Dearest(total, tuple(walk.unbounded))


def _ways(walk: _Walk, names: Sequence[str], edges: Mapping[str, tuple[Edge, ...]], depth: int) -> dict[str, Cost]:
    """The dearest way that begins at each of the nodes and stays among them."""
    inside = set(names)
    successors = {name: [edge.target for edge in edges[name] if edge.target in inside] for name in names}
    width = len(walk.costs[names[0]]) if names else 0
    found: dict[str, Cost] = {}
    for group in components(successors):  # each before those that lead to it
        members = set(group)
        beyond = [found[to] for name in group for to in successors[name] if to not in members]
        onward = tuple(max((cost[at] for cost in beyond), default=0.0) for at in range(width))
        own = _cycle(walk, group, edges, depth) if is_cycle(group, successors) else walk.costs[group[0]]
        whole = _sum(own, onward)
        for name in group:
            found[name] = whole
    return found


def _cycle(walk: _Walk, group: list[str], edges: Mapping[str, tuple[Edge, ...]], depth: int) -> Cost:
    """The dearest stay in a component that is a cycle."""
    inside = set(group)
    order = [name for name in walk.flow.nodes if name in inside]
    counted = _counted(walk.flow, order, edges)
    total = sum(counted.values())
    if not counted or depth >= NESTED_MAX:
        if not inside & walk.graph.unread:
            walk.unbounded.append(_unbounded(walk.flow, order))
        return tuple(0.0 for _ in walk.costs[order[0]])
    left = {name: tuple(edge for edge in edges[name] if edge not in counted) for name in order}
    ways = _ways(walk, order, left, depth + 1)
    width = len(walk.costs[order[0]])
    once = tuple(max(cost[at] for cost in ways.values()) for at in range(width))
    return tuple(min(DEAREST, (total + 1) * cost) for cost in once)


def _sum(one: Cost, other: Cost) -> Cost:
    return tuple(min(DEAREST, left + right) for left, right in zip(one, other, strict=True))


def _unbounded(flow: Flow, names: list[str]) -> Unbounded:
    loops = tuple(name for name in names if isinstance(flow.nodes[name].action, Loop))
    adding = {variable for name in names for variable in _additions(flow, name)}
    return Unbounded(tuple(names), loops, tuple(sorted(adding)))


# --- what counts


def _counted(flow: Flow, names: Sequence[str], edges: Mapping[str, tuple[Edge, ...]]) -> dict[Edge, int]:
    """The edges of a component that can be taken only so often during one stay in it."""
    inside = set(names)
    found: dict[Edge, int] = {}
    capped: set[str] = set()
    for name in names:
        action = flow.nodes[name].action
        for edge in edges[name]:
            if edge.target not in inside:
                continue
            cap = flow.nodes[edge.target].max_visits
            if cap is not None and _leaves(edges[edge.target], "max_visits", inside):
                found[edge] = 0 if edge.target in capped else cap  # all edges into it share one count
                capped.add(edge.target)
            elif isinstance(action, Loop) and edge.outcome == "again" and _leaves(edges[name], "done", inside):
                found[edge] = action.times
    for edge, count in _guarded(flow, names, edges).items():
        found.setdefault(edge, count)
    return found


def _leaves(edges: Iterable[Edge], outcome: str, inside: set[str]) -> bool:
    """Whether the way that is taken once the count is full leads out of the component."""
    return not any(edge.outcome == outcome and edge.target in inside for edge in edges)


def _additions(flow: Flow, name: str) -> dict[str, int]:
    """The variables to which a node adds a positive number, and which."""
    action = flow.nodes[name].action
    found: dict[str, int] = {}
    if isinstance(action, Set):
        for variable, expression in action.values.items():
            match expression.term:
                case Binary("+", Named(same), Literal(int() as step)) if same == variable and step > 0:
                    found[variable] = step
                case Binary("+", Literal(int() as step), Named(same)) if same == variable and step > 0:
                    found[variable] = step
    return found


def _assigned(flow: Flow, name: str) -> frozenset[str]:
    action = flow.nodes[name].action
    outcomes = (*action.outcomes(), "again")
    return frozenset(variable for outcome in outcomes for variable in action.assigns(outcome))


def _guarded(flow: Flow, names: Sequence[str], edges: Mapping[str, tuple[Edge, ...]]) -> dict[Edge, int]:
    """The edges of a component that are only taken while a counter of it is small enough, and how often that is."""
    adders: dict[str, set[str]] = {}
    spoiled: set[str] = set()
    for name in names:
        additions = _additions(flow, name)
        for variable in _assigned(flow, name):
            if variable in additions:
                adders.setdefault(variable, set()).add(name)
            else:
                spoiled.add(variable)
    found: dict[Edge, int] = {}
    for variable, nodes in list(adders.items())[:COUNTERS_MAX]:
        lowest = _lowest(flow, variable, set(names))
        if variable not in spoiled and lowest is not None:
            found |= _guards(flow, names, edges, variable, nodes, lowest)
    return found


def _lowest(flow: Flow, variable: str, inside: set[str]) -> int | None:
    """The least that a counter can be when a run comes into a component; None: not known."""
    declared = flow.vars.get(variable)
    found: list[int] = []
    if declared is None or (declared.init is not None and not isinstance(declared.init, int)):
        return None
    if declared.init is not None:
        found.append(declared.init)
    for name, node in flow.nodes.items():
        if name in inside or variable not in _assigned(flow, name) or variable in _additions(flow, name):
            continue
        term = node.action.values[variable].term if isinstance(node.action, Set) else None
        if not isinstance(term, Literal) or not isinstance(term.value, int) or isinstance(term.value, bool):
            return None
        found.append(term.value)
    return min(found, default=None)


def _guards(
    flow: Flow,
    names: Sequence[str],
    edges: Mapping[str, tuple[Edge, ...]],
    variable: str,
    adders: set[str],
    lowest: int,
) -> dict[Edge, int]:
    inside = set(names)
    found = {
        edge: max(0, most - lowest + 1)
        for name in names
        for edge, most in _bounds(flow, name, edges[name], variable)
        if edge.target in inside
    }
    # a guard counts only if nobody comes by it twice without adding in between
    successors = {
        name: [e.target for e in edges[name] if e.target in inside and not (name in adders and e.outcome == "done")]
        for name in names
    }
    place = {name: at for at, group in enumerate(components(successors)) for name in group}
    return {edge: count for edge, count in found.items() if place[edge.source] != place[edge.target]}


def _bounds(flow: Flow, name: str, edges: Iterable[Edge], variable: str) -> list[tuple[Edge, int]]:
    """The edges out of a switch or a loop that are taken only while the variable is at most a number."""
    action = flow.nodes[name].action
    found: list[tuple[Edge, int]] = []
    if isinstance(action, Loop) and action.while_ is not None:
        most = _at_most(action.while_.term, variable, True)
        return [] if most is None else [(edge, most) for edge in edges if edge.outcome == "again"]
    if not isinstance(action, Switch):
        return found
    by_outcome = {edge.outcome: edge for edge in edges}
    passed: int | None = None
    for at, case in enumerate(action.cases):
        most = _at_most(case.when.term, variable, True)
        here = most if passed is None else passed if most is None else min(most, passed)
        edge = by_outcome.get(f"case.{at + 1}")
        if here is not None and edge is not None:
            found.append((edge, here))
        otherwise = _at_most(case.when.term, variable, False)
        if otherwise is not None:
            passed = otherwise if passed is None else min(passed, otherwise)
    if passed is not None and "default" in by_outcome:
        found.append((by_outcome["default"], passed))
    return found


def _at_most(term: Term, variable: str, holds: bool) -> int | None:
    """The most that a variable can be when a condition is true (`holds`) or false; None: the condition does not say."""
    match term:
        case Binary("and", left, right) if holds:
            return _least(_at_most(left, variable, True), _at_most(right, variable, True))
        case Binary("or", left, right) if not holds:
            return _least(_at_most(left, variable, False), _at_most(right, variable, False))
        case Unary("not", operand):
            return _at_most(operand, variable, not holds)
        case Binary(sign, Named(name), Literal(int() as number)) if name == variable:
            return _limit(sign, number, holds)
        case Binary(sign, Literal(int() as number), Named(name)) if name == variable and sign in _MIRRORED:
            return _limit(_MIRRORED[sign], number, holds)
    return None


_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "=="}


def _limit(sign: str, number: int, holds: bool) -> int | None:
    match sign, holds:
        case ("<", True) | (">=", False):
            return number - 1
        case ("<=", True) | (">", False) | ("==", True):
            return number
    return None


def _least(one: int | None, other: int | None) -> int | None:
    return one if other is None else other if one is None else min(one, other)
