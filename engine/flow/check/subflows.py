"""Check 10: subflows exist, never come back to themselves, and take and give what their callers say (pure)."""

from __future__ import annotations

from collections.abc import Iterator

from ..document import Document
from ..graph import components, is_cycle
from ..inference import TypeFault, infer, present
from ..inferred import Inferred, misfit
from ..model import Flow, FlowKind
from ..nodes.logic import CallFlow, Return
from ..problem import Problem
from .assignment import Assignment
from .subject import Subject

UNKNOWN, AROUND, MISSING, SURPLUS, PARAM, RESULT, NO_SUBFLOW, RETURN, INCOMPLETE, DEEP = (
    "G1001", "G1002", "G1003", "G1004", "G1005", "G1006", "G1007", "G1008", "G1009", "G1010",
)  # fmt: skip
DEPTH_MAX = 8
"""Subflows in each other."""


def problems(subject: Subject) -> Iterator[Problem]:
    """Every call that cannot work, and every return that gives something else than was promised."""
    assignment = Assignment(subject)
    around = _around(subject)
    for name, node in subject.nodes():
        if isinstance(node.action, CallFlow):
            yield from _call(subject, assignment, name, node.action, around)
        elif isinstance(node.action, Return):
            yield from _return(subject, assignment, name, node.action)
    if not around:
        yield from _depth(subject)


def _around(subject: Subject) -> frozenset[str]:
    """The scripts that run, by others, themselves."""
    successors = {name: _there(subject, one.flow) for name, one in subject.library.items()}
    groups = (group for group in components(successors) if is_cycle(group, successors))
    return frozenset(name for group in groups for name in group)


def _there(subject: Subject, flow: Flow) -> list[str]:
    return [called for called in flow.calls() if called in subject.library]


def _call(
    subject: Subject, assignment: Assignment, name: str, action: CallFlow, around: frozenset[str]
) -> Iterator[Problem]:
    path = ("nodes", name, "call")
    called = subject.library.get(action.flow)
    if called is None:
        hint = f"there are {', '.join(sorted(subject.library)[:8])}; check files together that call each other"
        yield subject.problem(UNKNOWN, (*path, "flow"), f"there is no subflow {action.flow}", hint)
        return
    if called.flow.kind is not FlowKind.SUBFLOW:
        message = f"{action.flow} is a flow, not a subflow"
        yield subject.problem(NO_SUBFLOW, (*path, "flow"), message, "add kind: subflow to it, or call another")
    if action.flow in around and subject.flow.id in around:
        message = f"{subject.flow.id} comes back to itself by way of {action.flow}"
        yield subject.problem(AROUND, (*path, "flow"), message, "use a loop node instead")
    yield from _params(subject, assignment, name, action, called)
    results = {result.name: result for result in called.flow.results}
    if ("results",) in called.broken:
        return
    for variable, result in action.into.items():
        here = (*path, "into", variable)
        if result not in results:
            known = ", ".join(results) or "none"
            yield subject.problem(RESULT, here, f"{action.flow} has no result {result}", f"its results: {known}")
            continue
        wanted = subject.declared(variable).spec
        reason = None if wanted is None else misfit(Inferred(results[result]), wanted)
        if reason is not None:
            message = f"{variable} cannot take {result}: {reason}"
            yield subject.problem(RESULT, here, message, f"change the type of {variable}")


def _params(
    subject: Subject, assignment: Assignment, name: str, action: CallFlow, called: Document
) -> Iterator[Problem]:
    path = ("nodes", name, "call")
    params = called.flow.params
    if ("params",) in called.broken:
        return
    for param, declared in params.items():
        if declared.required and param not in action.params:
            message = f"{action.flow} needs {param}"
            yield subject.problem(MISSING, path, message, f"add params: {{{param}: ...}}")
    for param, expression in action.params.items():
        here = (*path, "params", param)
        if param not in params:
            known = ", ".join(params) or "none"
            message = f"{action.flow} has no parameter {param}"
            yield subject.problem(SURPLUS, here, message, f"its parameters: {known}")
            continue
        try:
            found = present(infer(expression.term, assignment.names_at(name)), "this")
        except TypeFault:
            continue  # check 6 reports it
        reason = None if ("params", param) in called.broken else misfit(found, params[param])
        if reason is not None:
            message = f"{param} of {action.flow} cannot take this: {reason}"
            yield subject.problem(PARAM, here, message, "change the value")


def _return(subject: Subject, assignment: Assignment, name: str, action: Return) -> Iterator[Problem]:
    flow, path = subject.flow, ("nodes", name, "return")
    if flow.kind is not FlowKind.SUBFLOW:
        yield subject.problem(RETURN, path, "only a subflow returns", "use hangup: {}, or add kind: subflow")
        return
    if subject.unread("results"):
        return
    results = {result.name: result for result in flow.results}
    for result in results:
        if result not in action.results:
            message = f"the result {result} is not given"
            yield subject.problem(INCOMPLETE, path, message, f"add results: {{{result}: ...}}")
    for result, expression in action.results.items():
        here = (*path, "results", result)
        if result not in results:
            known = ", ".join(results) or "none"
            yield subject.problem(INCOMPLETE, here, f"no result {result} is declared", f"declared are: {known}")
            continue
        try:
            found = present(infer(expression.term, assignment.names_at(name)), "this")
        except TypeFault:
            continue
        reason = misfit(found, results[result])
        if reason is not None:
            yield subject.problem(INCOMPLETE, here, f"{result} cannot be this: {reason}", "change the value")


def _depth(subject: Subject) -> Iterator[Problem]:
    """How deep the calls below this script go."""
    depths: dict[str, int] = {}
    successors = {name: _there(subject, one.flow) for name, one in subject.library.items()}
    for group in components(successors):  # those that are called come first
        depths[group[0]] = 1 + max((depths[called] for called in successors[group[0]]), default=0)
    below = 1 + max((depths[called] for called in _there(subject, subject.flow)), default=0)
    if below > DEPTH_MAX + 1 and not _is_called_too_deep(subject, depths):
        message = f"subflows call each other {below - 1} deep, allowed are {DEPTH_MAX}"
        yield subject.problem(DEEP, ("nodes",), message, "join some of them into one")


def _is_called_too_deep(subject: Subject, depths: dict[str, int]) -> bool:
    """Whether a script below is too deep by itself, and so is reported there."""
    return any(depths[called] > DEPTH_MAX + 1 for called in _there(subject, subject.flow))
