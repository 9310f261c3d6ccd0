"""A script: what a GACS document says, once it is read (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any

from .nodes.logic import CallFlow
from .nodes.node import Handlers, Node
from .prompt import Prompt
from .shape import LOCALE, NAME, NODE_NAME, FlowName, Length, Name, NodeName, Pattern, PromptName, Range, VariableName
from .values import TypeSpec

NODES_MAX = 2000


class FlowKind(StrEnum):
    """A flow serves a call; a subflow is run by a `call` node."""

    FLOW = "flow"
    SUBFLOW = "subflow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Param(TypeSpec):
    """What who starts the script must or may say; the script never changes it."""

    required: bool = False
    default: Any = None
    sensitive: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable(TypeSpec):
    """What the script keeps for the length of a run. `init` is a value, not an expression."""

    init: Any = None
    sensitive: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Result(TypeSpec):
    """What comes of a run. A variable of the same name, or `return`, gives it."""

    name: Name
    sensitive: bool = False


Locale = Annotated[str, LOCALE]


@dataclass(frozen=True, slots=True, kw_only=True)
class Locales:
    """The languages a script speaks."""

    default: Locale
    supported: Annotated[tuple[Locale, ...], Length(1, 20)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a run may cost at most; who reaches one takes the handler of that name, then the built-in one."""

    max_duration_s: Annotated[float, Range(1, 14400)] = 600
    """The script's own time; two people talking do not count."""
    max_node_visits: Annotated[int, Range(1, 10000)] = 200
    max_webhooks: Annotated[int, Range(0, 1000)] = 20


class Use(StrEnum):
    """Where calls of a script come from."""

    INBOUND = "inbound"
    SLOT = "slot"
    """A call to an automatic seat."""
    CAMPAIGN = "campaign"
    """Dialed by a campaign that has agents."""
    AGENTLESS = "agentless"
    """Dialed by a campaign that has none."""


class RecordCondition(StrEnum):
    CONSENT = "consent"


DialPrefix = Annotated[str, Pattern(r"\+?[0-9]{1,15}\*?", "a number, or its beginning and *, such as +7495*")]
Host = Annotated[str, Pattern(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", "a host in small letters, such as example.org")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """What a script promises; the checks hold it to that."""

    used_for: Annotated[tuple[Use, ...], Length(1, 4)] = (Use.INBOUND, Use.SLOT)
    no_record_before: RecordCondition | None = None
    recorded: bool = False
    """The call may already be recorded when the script begins."""
    mask: tuple[VariableName, ...] = ()
    """Sensitive variables, said once more for who reads the document."""
    identity: PromptName | None = None
    """Says who calls and how to call back (16 CFR 310.4(b)(4))."""
    dial_to: Annotated[tuple[DialPrefix, ...], Length(0, 100)] = ()
    """The only numbers that `dial` and `transfer` may call; the engine holds every number to it."""
    webhook_hosts: Annotated[tuple[Host, ...], Length(0, 100)] = ()
    """The only hosts that `webhook` and `stream` may name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """A script. Nodes by name; `on` are the handlers of the whole script."""

    id: FlowName
    kind: FlowKind = FlowKind.FLOW
    version: Annotated[int, Range(1, 10**9)] = 1
    title: Annotated[str, Length(0, 200)] = ""
    params: Annotated[Mapping[Annotated[str, NAME], Param], Length(0, 100)] = field(default_factory=dict)
    vars: Annotated[Mapping[Annotated[str, NAME], Variable], Length(0, 200)] = field(default_factory=dict)
    results: Annotated[tuple[Result, ...], Length(0, 50)] = ()
    locales: Locales
    prompts: Annotated[Mapping[Annotated[str, NODE_NAME], Prompt], Length(0, 1000)] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    policies: Policies = field(default_factory=Policies)
    on: Handlers = field(default_factory=dict)
    start: NodeName
    nodes: Annotated[Mapping[Annotated[str, NODE_NAME], Node], Length(1, NODES_MAX)]

    def declared(self, name: str) -> Param | Variable | None:
        """The parameter or variable of that name."""
        return self.vars.get(name) or self.params.get(name)

    def calls(self) -> tuple[str, ...]:
        """The subflows that it calls."""
        return tuple(sorted({node.action.flow for node in self.nodes.values() if isinstance(node.action, CallFlow)}))
