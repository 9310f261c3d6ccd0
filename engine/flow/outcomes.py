"""Where an outcome leads: the node itself, its script, and for what nobody wired the built-in ending (pure).

Errors (`error.*`) and what befalls a run (EVENTS) are looked up as `error.http`, then `error.*`, at the node, then at
the script, then in the script that called this one, and so on; in the end the engine apologises, hangs up and writes
the disposition `system_error`. Other outcomes are looked up at the node and at its own script; the checks see to it
that they are found there.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from .model import Flow
from .nodes.node import Node

HANGUP = "hangup"
"""The caller hung up."""
MAX_DURATION = "max_duration"
MAX_NODE_VISITS = "max_node_visits"
EVENTS = frozenset({HANGUP, MAX_DURATION, MAX_NODE_VISITS})
"""What befalls a run at whatever node it is. Each handler of a script takes one only once in a run."""
ANY_ERROR = "error.*"


class Scope(Enum):
    """Who wired an outcome."""

    ROUTE = "route"
    NODE = "node"
    FLOW = "flow"


def is_event(outcome: str) -> bool:
    """Whether an outcome is an error or befalls the run, so that the built-in ending serves it at last."""
    return outcome in EVENTS or outcome.startswith("error.")


def target(flow: Flow, node: Node, outcome: str) -> tuple[str, Scope] | None:
    """Where an outcome of a node of this script leads, and who says so; None: nobody in this script."""
    for route in node.action.routes():
        if route.outcome == outcome:
            return route.target, Scope.ROUTE
    if outcome == node.action.MAIN and node.then is not None:
        return node.then, Scope.NODE
    found = handler(node.on, outcome)
    if found is not None:
        return found, Scope.NODE
    found = handler(flow.on, outcome)
    return None if found is None else (found, Scope.FLOW)


def handler(handlers: Mapping[str, str], outcome: str) -> str | None:
    """The node that handlers name for an outcome."""
    found = handlers.get(outcome)
    if found is None and outcome.startswith("error."):
        found = handlers.get(ANY_ERROR)
    return found
