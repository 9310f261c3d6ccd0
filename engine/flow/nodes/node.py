"""The node: what it does, and where each of its outcomes leads (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, TypeAlias

from ..shape import Length, NodeName, Pattern, Range
from .centre import Amd, Callback, Consent, Disposition, DncAdd, Queue, VoicemailDrop
from .control import Answer, Conference, Dial, HangUp, Reject, Transfer
from .entry import Collect, Gather, Menu
from .logic import CallFlow, Loop, RandomSplit, Return, Set, Switch
from .media import DtmfSend, Music, Pause, Play, Record, RecordCall
from .outside import Emit, Lookup, Stream, Tag, Webhook
from .verb import Unknown, Verb

Action: TypeAlias = (
    Play | Record | RecordCall | DtmfSend | Pause | Music
    | Gather | Menu | Collect
    | Set | Switch | Loop | RandomSplit | CallFlow | Return
    | Answer | Reject | HangUp | Dial | Transfer | Conference
    | Queue | Callback | Disposition | Amd | VoicemailDrop | DncAdd | Consent
    | Webhook | Lookup | Emit | Tag | Stream
    | Unknown
)  # fmt: skip

VERBS: Mapping[str, type[Verb]] = {
    verb.WORD: verb
    for verb in (
        Play, Record, RecordCall, DtmfSend, Pause, Music,
        Gather, Menu, Collect,
        Set, Switch, Loop, RandomSplit, CallFlow, Return,
        Answer, Reject, HangUp, Dial, Transfer, Conference,
        Queue, Callback, Disposition, Amd, VoicemailDrop, DncAdd, Consent,
        Webhook, Lookup, Emit, Tag, Stream,
    )
}  # fmt: skip
"""Every node type by the word that documents use."""

OutcomeName = Annotated[
    str, Pattern(r"(error\.)?[a-z][a-z0-9_]{0,40}|error\.\*", "an outcome, such as timeout, error.http or error.*")
]
Handlers = Annotated[Mapping[OutcomeName, NodeName], Length(0, 40)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A step of a script. `then` is where the main outcome leads, `on` where the others do."""

    action: Action
    then: NodeName | None = None
    on: Handlers = field(default_factory=dict)
    max_visits: Annotated[int, Range(1, 1000)] | None = None
    """Coming here once more is the outcome `max_visits` instead."""
    note: Annotated[str, Length(0, 500)] = ""
    """For who reads the document."""

    def outcomes(self) -> tuple[str, ...]:
        """The ordinary outcomes that must lead somewhere, without those whose target stands inside the node."""
        return (*self.action.outcomes(), *(("max_visits",) if self.max_visits is not None else ()))
