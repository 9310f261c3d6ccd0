"""Check 8, dispositions: every ordinary way through a script says what came of the call exactly once (pure).

Ways through the handlers of a script are left out: they may begin before or after a disposition, and the engine writes
one of its own where there is none (`system_error`, `hung_up`), and keeps the first where there are two.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..dataflow import Join, flow_facts
from ..graph import Edge, reached
from ..model import Flow, FlowKind
from ..nodes.centre import Disposition
from ..nodes.logic import CallFlow, Return
from ..problem import Problem
from .subject import Subject

TWICE, NONE = "G0808", "G0809"
_NO, _ONE, _MORE, _UNKNOWN = 1, 2, 4, 8
"""What may have been said on a way here: nothing, one disposition, more, or what nobody knows (an unread node)."""


def problems(subject: Subject) -> Iterator[Problem]:
    """Ways with no disposition, and with two."""
    flow, graph = subject.flow, subject.graph
    usual = {name: graph.usual(name) for name in flow.nodes}
    saying = _saying(subject)

    def carry(edge: Edge, state: int) -> int:
        action = flow.nodes[edge.source].action
        if edge.source in graph.unread:
            return _UNKNOWN
        if isinstance(action, Disposition):
            return _added(state)
        if isinstance(action, CallFlow) and action.flow in saying:
            # some ways through the subflow say one, others may not: what follows can rely on neither
            return _ONE
        return state

    states = flow_facts(flow.start, _NO, usual, carry, Join.MAYBE)
    for name, state in states.items():
        action = flow.nodes[name].action
        if isinstance(action, Disposition) and state & (_ONE | _MORE):
            message = "on a way here a disposition was given already, and only the first one counts"
            yield subject.problem(TWICE, ("nodes", name), message, "give one disposition on each way")
        silent = state & _NO and flow.kind is FlowKind.FLOW and action.ENDS and not isinstance(action, Return)
        if silent:
            message = "on a way here nothing was said of what came of the call"
            yield subject.problem(NONE, ("nodes", name), message, "put disposition: {code: ...} before it")


def _added(state: int) -> int:
    return (_ONE if state & _NO else 0) | (_MORE if state & (_ONE | _MORE) else 0) | state & _UNKNOWN


def _saying(subject: Subject) -> frozenset[str]:
    """The subflows in which a disposition is given, by themselves or by what they call."""
    flows = {name: document.flow for name, document in subject.library.items()}
    library = {name: flow for name, flow in flows.items() if flow.kind is FlowKind.SUBFLOW}
    callers: dict[str, list[str]] = {}
    for name, flow in library.items():
        for called in flow.calls():
            callers.setdefault(called, []).append(name)
    return frozenset(reached((name for name, flow in library.items() if _gives(flow)), callers))


def _gives(flow: Flow) -> bool:
    return any(isinstance(node.action, Disposition) for node in flow.nodes.values())
