"""A run: where a script stands on a call, as one value that can be stored at any moment (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from engine.revision import Struct, field

from ..values import Value

KEYS_MAX = 32
"""Keys pressed ahead that are kept; more are dropped."""


class Facts(Struct, frozen=True, kw_only=True):
    """What is known of the call when the run begins; expressions see it as `call`."""

    call: str
    direction: str = "inbound"
    caller: str | None = None
    called: str | None = None
    campaign: str | None = None
    answered: bool = False
    utc_offset_s: int = 0
    """Of the time that callers live by."""


class WaitKind(StrEnum):
    """What a run waits for. Every wait has a deadline."""

    SOUND = "sound"
    """The end of a prompt."""
    ENTRY = "entry"
    """Keys."""
    DELAY = "delay"
    """Time: a pause, music, keys that we send."""
    RECORDING = "recording"
    ACK = "ack"
    """The news that a thing is done."""
    STORING = "storing"
    WEBHOOK = "webhook"
    LOOKUP = "lookup"
    QUEUED = "queued"
    RINGING = "ringing"
    JOINING = "joining"
    TALKING = "talking"
    """The end of what people say to each other; the script's own time stands still."""
    DETECTING = "detecting"
    BEEP = "beep"
    OPENING = "opening"
    """A stream's other side."""
    STREAMING = "streaming"
    APOLOGY = "apology"
    """The end of the built-in apology."""


class Stage(StrEnum):
    """What an input node asks for just now."""

    ASK = "ask"
    CONFIRM = "confirm"


class Wait(Struct, frozen=True, kw_only=True):
    kind: WaitKind
    request: str
    deadline_at: float
    """When to look again: the node's own end, a prompt in between, or the end of the script's time."""
    until_at: float
    """When the node itself has waited long enough."""
    sound: str | None = None
    """The playback that is heard now."""
    stage: Stage = Stage.ASK
    attempt: int = 1
    entered: str = ""
    granted: bool = False
    """What a consent said that is being stored."""
    asides: Mapping[str, float] = field(default_factory=dict)
    """What is said in between, and when next."""


class Frame(Struct, frozen=True, kw_only=True):
    """A script that runs: the call's own, or a subflow of the one below."""

    flow: str
    node: str
    visit: int = 0
    values: Mapping[str, Value] = field(default_factory=dict)
    secrets: Mapping[str, Value] = field(default_factory=dict)
    visits: Mapping[str, int] = field(default_factory=dict)
    """Of nodes that have `max_visits`."""
    rounds: Mapping[str, int] = field(default_factory=dict)
    """Of loops."""
    taken: frozenset[str] = frozenset()
    """Handlers of the script for events, which serve once."""


class Run(Struct, frozen=True, kw_only=True):
    facts: Facts
    locale: str
    started_at: float
    stack: tuple[Frame, ...]
    wait: Wait | None = None
    """None: the run is over."""
    caller_there: bool = True
    answered: bool = False
    keys: str = ""
    """Pressed ahead of what asks for them."""
    finish_key: str = ""
    """A key that only ends what was complete already, and is dropped until `finish_key_until_at`."""
    finish_key_until_at: float = 0.0
    visits: int = 0
    refused: int = 0
    webhooks: int = 0
    serial: int = 0
    spent_s: float = 0.0
    """The script's own time up to `mark_at`."""
    mark_at: float = 0.0
    tripped: frozenset[str] = frozenset()
    """Limits that were reached; a little more is allowed to end decently."""
    befell: str | None = None
    """The last error or event that a handler, or the built-in ending, was told of."""
    position: int | None = None
    expected_wait_s: float | None = None
    disposition: str | None = None
    ended: str | None = None

    @property
    def over(self) -> bool:
        return self.wait is None

    @property
    def deadline_at(self) -> float | None:
        """When DeadlinePassed must come."""
        return None if self.wait is None else self.wait.deadline_at

    @property
    def node(self) -> str:
        """Where it stands: `node`, or `node/node` inside of a subflow."""
        return "/".join(frame.node for frame in self.stack)
