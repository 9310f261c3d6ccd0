"""Check 7: the dearest run stays within the limits of the script (pure)."""

from __future__ import annotations

from collections.abc import Iterator

from ..document import Document
from ..duration import longest_s, prompt_lengths
from ..graph import graph_of
from ..nodes.logic import CallFlow
from ..nodes.outside import Webhook
from ..problem import Problem
from ..repetition import Cost, dearest
from ..site import Site
from .subject import Subject

VISITS, DURATION, WEBHOOKS, ONE_NODE = "G0701", "G0702", "G0703", "G0704"
NOTHING: Cost = (0.0, 0.0, 0.0)


def problems(subject: Subject) -> Iterator[Problem]:
    """What a run could cost beyond its limits; nothing is said of scripts with unbounded cycles (check 5 does)."""
    flow = subject.flow
    limits = flow.limits
    if subject.unread("limits") or flow.start not in flow.nodes:
        return
    spent = Spending(subject)
    costs = spent.of_nodes(subject.document)
    for name, cost in costs.items():
        if cost[1] > limits.max_duration_s:
            message = f"{name} may take {cost[1]:.0f} s, the whole run {limits.max_duration_s:g} s"
            hint = "shorten its timeouts or retries, or raise limits.max_duration_s"
            yield subject.problem(ONE_NODE, ("nodes", name), message, hint)
            return
    found = dearest(flow, subject.graph, costs)
    if found.unbounded:
        return
    visits, seconds, webhooks = found.cost
    if visits > limits.max_node_visits:
        message = f"a run may visit {_number(visits)} nodes, allowed are {limits.max_node_visits}"
        hint = "bound the loops more tightly, or raise limits.max_node_visits"
        yield subject.problem(VISITS, ("limits", "max_node_visits"), message, hint)
    if seconds > limits.max_duration_s:
        message = f"a run may take {_number(seconds)} s, allowed are {limits.max_duration_s:g}"
        hint = "bound the loops and timeouts more tightly, or raise limits.max_duration_s"
        yield subject.problem(DURATION, ("limits", "max_duration_s"), message, hint)
    if webhooks > limits.max_webhooks:
        message = f"a run may call {_number(webhooks)} webhooks, allowed are {limits.max_webhooks}"
        hint = "bound the loops around them more tightly, or raise limits.max_webhooks"
        yield subject.problem(WEBHOOKS, ("limits", "max_webhooks"), message, hint)


def _number(cost: float) -> str:
    return f"{cost:.0f}" if cost < 1e6 else "more than a million"


class Spending:
    """What nodes cost, those of subflows included: visits, seconds, webhooks."""

    def __init__(self, subject: Subject) -> None:
        self._library = subject.library
        self._site: Site = subject.site
        self._known: dict[str, Cost] = {}

    def of_nodes(self, document: Document) -> dict[str, Cost]:
        """The cost of a visit of each node."""
        self._learn(document)
        return self._costs(document)

    def _costs(self, document: Document) -> dict[str, Cost]:
        lengths = prompt_lengths(document.flow, self._site)
        found: dict[str, Cost] = {}
        for name, node in document.flow.nodes.items():
            action = node.action
            inner = self._known.get(action.flow, NOTHING) if isinstance(action, CallFlow) else NOTHING
            own = (1.0, longest_s(action, lengths), 1.0 if isinstance(action, Webhook) else 0.0)
            found[name] = tuple(one + other for one, other in zip(own, inner, strict=True))
        return found

    def _learn(self, document: Document) -> None:
        """The costs of every subflow below a script, the deepest first; those that call each other cost nothing."""
        waiting = [(name, False) for name in document.flow.calls()]
        begun: set[str] = set()
        while waiting:
            name, ready = waiting.pop()
            there = self._library.get(name)
            if there is None or name in self._known:
                continue
            if ready:
                found = dearest(there.flow, graph_of(there.flow), self._costs(there))
                self._known[name] = NOTHING if found.unbounded else found.cost or NOTHING
            elif name not in begun:
                begun.add(name)
                waiting.append((name, True))
                waiting += ((below, False) for below in there.flow.calls())
