"""Check 8: a script keeps its promises about consent, recording, identity, opt-out and whom it dials (pure)."""

from __future__ import annotations

from collections.abc import Iterator

from ..dataflow import Join, flow_facts
from ..expression import Literal
from ..graph import Edge, reached
from ..model import Flow, RecordCondition, Use
from ..nodes.centre import Amd, Consent, ConsentKind, DncAdd, Queue
from ..nodes.control import Dial, HangUp, Transfer
from ..nodes.entry import Collect, Gather
from ..nodes.logic import CallFlow
from ..nodes.media import Play, Record, RecordAction, RecordCall
from ..nodes.verb import Verb
from ..outcomes import HANGUP
from ..problem import Problem
from .subject import Subject

NO_CONSENT, RECORDED_SECRET, NO_IDENTITY, NO_OPT_OUT, UNIDENTIFIED, DIAL, SITE_DIAL, SITE_DETECTOR = (
    "G0801", "G0802", "G0803", "G0804", "G0805", "G0806", "G0807", "G0810",
)  # fmt: skip
DIALED = frozenset({Use.CAMPAIGN, Use.AGENTLESS})
_FACT = 1


def problems(subject: Subject) -> Iterator[Problem]:
    """Every promise that is not kept."""
    if subject.unread("policies"):
        return
    yield from _consent(subject)
    yield from _secrets_recorded(subject)
    yield from _identity(subject)
    yield from _opt_out(subject)
    yield from _dialing(subject)
    yield from _detectors(subject)


def _records(subject: Subject, name: str) -> bool:
    """Whether a node begins to record, itself or in a subflow that promises nothing of its own."""
    action = subject.flow.nodes[name].action
    if isinstance(action, CallFlow):
        return any(
            _begins(below.action)
            for document in _below(subject, action.flow)
            if document.policies.no_record_before is None
            for below in document.nodes.values()
        )
    return _begins(action)


def _begins(action: Verb) -> bool:
    """Whether a node begins to record; `resume` only goes on with what was begun."""
    return isinstance(action, Record) or (isinstance(action, RecordCall) and action.action is RecordAction.START)


def _consent(subject: Subject) -> Iterator[Problem]:
    """No recording before consent to it."""
    flow = subject.flow
    if flow.policies.no_record_before is not RecordCondition.CONSENT:
        return

    def carry(edge: Edge, state: int) -> int:
        action = flow.nodes[edge.source].action
        granted = edge.outcome == "granted" and isinstance(action, Consent) and action.kind is ConsentKind.RECORDING
        return state | _FACT if granted else state

    states = flow_facts(flow.start, 0, subject.graph.edges, carry, Join.SURELY)
    for name, state in states.items():
        if not state & _FACT and _records(subject, name):
            message = "it records, and consent to that was not given on every way here"
            hint = "put consent: {kind: recording, ...} before it; only its outcome granted leads here"
            yield subject.problem(NO_CONSENT, ("nodes", name), message, hint)


def _secrets_recorded(subject: Subject) -> Iterator[Problem]:
    """No recording while somebody presses what is secret."""
    flow = subject.flow

    def carry(edge: Edge, state: int) -> int:
        action = flow.nodes[edge.source].action
        if not isinstance(action, RecordCall):
            return state
        if action.action in {RecordAction.START, RecordAction.RESUME}:
            return state | _FACT
        return state & ~_FACT if edge.outcome == "done" else state

    first = _FACT if flow.policies.recorded else 0
    for name, state in flow_facts(flow.start, first, subject.graph.edges, carry, Join.MAYBE).items():
        action = flow.nodes[name].action
        if not state & _FACT:
            continue
        if isinstance(action, (Gather, Collect)) and action.into in subject.sensitive:
            message = f"{action.into} is sensitive, and the call may be recorded here"
            hint = "put record_call: {action: pause} before it, and go on only when that is done"
            yield subject.problem(RECORDED_SECRET, ("nodes", name), message, hint)
        elif isinstance(action, CallFlow) and _asks_secrets(subject, action.flow):
            message = f"{action.flow} asks for what is sensitive, and the call may be recorded here"
            hint = f"pause the recording before, or write policies: {{recorded: true}} in {action.flow} and pause there"
            yield subject.problem(RECORDED_SECRET, ("nodes", name), message, hint)


def _asks_secrets(subject: Subject, called: str) -> bool:
    return any(
        isinstance(node.action, (Gather, Collect)) and (one := document.declared(node.action.into)) and one.sensitive
        for document in _below(subject, called)
        if not document.policies.recorded
        for node in document.nodes.values()
    )


def _below(subject: Subject, called: str) -> Iterator[Flow]:
    """A subflow and all that it calls."""
    successors = {name: one.flow.calls() for name, one in subject.library.items()}
    for name in sorted(reached([called], successors)):
        if name in subject.library:
            yield subject.library[name].flow


def _identity(subject: Subject) -> Iterator[Problem]:
    """Who was called and meets no agent hears who called, before the call is ended (16 CFR 310.4(b)(4))."""
    flow = subject.flow
    uses = set(flow.policies.used_for) & DIALED
    if not uses:
        return
    identity = flow.policies.identity
    if identity is None:
        message = f"scripts for {', '.join(sorted(uses))} must say who calls"
        yield subject.problem(UNIDENTIFIED, ("policies",), message, "add identity: PROMPT, which says who calls")
        return

    def carry(edge: Edge, state: int) -> int:
        action = flow.nodes[edge.source].action
        if isinstance(action, Queue) and edge.outcome in {"timeout", "no_agents", "error.queue"}:
            return state | _FACT
        said = isinstance(action, Play) and action.prompt == identity
        return state & ~_FACT if said or edge.outcome == HANGUP else state

    for name, state in flow_facts(flow.start, 0, subject.graph.edges, carry, Join.MAYBE).items():
        if state & _FACT and isinstance(flow.nodes[name].action, HangUp):
            message = "a person whom no agent took is hung up on without hearing who called"
            yield subject.problem(NO_IDENTITY, ("nodes", name), message, f"play {identity} on the way here")


def _opt_out(subject: Subject) -> Iterator[Problem]:
    """Who is called by a machine can tell it never to call again (47 CFR 64.1200(b)(3))."""
    flow, graph = subject.flow, subject.graph
    if Use.AGENTLESS not in flow.policies.used_for or flow.start not in flow.nodes:
        return
    there = reached([flow.start], {name: [edge.target for edge in graph.usual(name)] for name in flow.nodes})
    if there & graph.unsure:
        return
    found = [flow.nodes[name].action for name in there]
    below = (one for action in found if isinstance(action, CallFlow) for one in _below(subject, action.flow))
    actions = (*found, *(node.action for document in below for node in document.nodes.values()))
    if not any(isinstance(action, DncAdd) for action in actions):
        message = "who is called without agents has no way to say: never again"
        yield subject.problem(NO_OPT_OUT, ("policies",), message, "offer a key that leads to dnc_add")


def _dialing(subject: Subject) -> Iterator[Problem]:
    """Only numbers that the script and the site allow."""
    flow = subject.flow
    allowed = flow.policies.dial_to
    for name, node in flow.nodes.items():
        if not isinstance(node.action, (Dial, Transfer)):
            continue
        path = ("nodes", name, node.action.WORD, "to")
        term = node.action.to.term
        if not allowed:
            message = "the script says of no number that it may be dialed"
            yield subject.problem(DIAL, path, message, "add policies: {dial_to: [+7495*]}")
        elif isinstance(term, Literal) and isinstance(term.value, str) and not dialable(term.value, allowed):
            message = f"{term.value[:40]} is not among the numbers of policies.dial_to"
            yield subject.problem(DIAL, path, message, f"allowed are {', '.join(allowed[:8])}")
    if subject.site.dial_to is not None:
        for at, one in enumerate(allowed):
            if not dialable(one.removesuffix("*"), subject.site.dial_to):
                message = f"this engine does not let scripts dial {one}"
                hint = f"allowed are {', '.join(subject.site.dial_to[:8]) or 'none'}; ask the operator"
                yield subject.problem(SITE_DIAL, ("policies", "dial_to", at), message, hint)


def _detectors(subject: Subject) -> Iterator[Problem]:
    """Only detectors that the site has."""
    known = subject.site.detectors
    for name, node in subject.flow.nodes.items():
        if isinstance(node.action, Amd) and known is not None and node.action.detector not in known:
            message = f"this engine has no detector {node.action.detector}"
            hint = f"there is {', '.join(sorted(known))}; the operator may add others"
            yield subject.problem(SITE_DETECTOR, ("nodes", name, "amd", "detector"), message, hint)


def dialable(number: str, allowed: tuple[str, ...]) -> bool:
    """Whether a number is one of those allowed, which are numbers or beginnings and `*`."""
    return any(number.startswith(one[:-1]) if one.endswith("*") else number == one for one in allowed)
