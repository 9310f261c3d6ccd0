"""The ports that running scripts need beyond those of calls, as protocols, and the plain data that crosses them (pure).

Every adapter has a fake that passes the same contract suite (tests/contract).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NewType, Protocol

from engine.flow.nodes.centre import ConsentKind, DncScope
from engine.flow.nodes.outside import Direction, Method
from engine.flow.prompt import ToneName
from engine.flow.run.events import Verdict
from engine.ids import AttemptId, CallId, CampaignId

RunId = NewType("RunId", str)
"""The id of a call's first run is the call's; of a later one `<call>.2` and so on. Requests of a run begin with it."""


# --- what is written down


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """A run as it is stored: its cursor, and what is shown of it. Times are epoch seconds."""

    run: RunId
    call: CallId
    script: str
    """The pinned version: its content hash."""
    flow: str
    started_at: float
    ended_at: float | None
    node: str
    """Where it stands: `node`, or `node/node` inside of a subflow."""
    state: Mapping[str, Any]
    """The cursor without what is sensitive (engine/flow/run/cursor.py, `run`)."""
    secret: Mapping[str, Any] | None
    """What is sensitive of it; None once the run is over: then it is erased."""
    leg: Mapping[str, Any]
    """What an engine that takes the call over must know of it."""
    disposition: str | None = None
    reason: str | None = None
    """Why it ended."""
    results: Mapping[str, Any] = field(default_factory=dict)
    """Those that are not sensitive."""
    tags: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDisposition:
    """What came of a run; exactly one, the first that is written."""

    run: RunId
    call: CallId
    attempt: AttemptId | None
    code: str
    note: str | None
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentEvidence:
    """What somebody said to a question; `request` is the evidence's id."""

    request: str
    run: RunId
    call: CallId
    number: str
    kind: ConsentKind
    granted: bool
    prompt: str
    locale: str
    script: str
    campaign: CampaignId | None
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DncEntry:
    """A number that must not be called any more: by the campaign, or by nobody."""

    request: str
    call: CallId
    number: str
    scope: DncScope
    campaign: CampaignId | None
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowEvent:
    """What a script tells other systems; `request` lets them see that it came twice."""

    request: str
    run: RunId
    call: CallId
    name: str
    data: Mapping[str, Any]
    at: float


RunItem = RunRecord | RunDisposition | ConsentEvidence | DncEntry | FlowEvent
RUN_ITEMS: tuple[type[RunItem], ...] = (RunRecord, RunDisposition, ConsentEvidence, DncEntry, FlowEvent)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackWish:
    """A promise to call a number back; `at` is epoch seconds, None: as soon as an agent of the pool is free."""

    request: str
    call: CallId
    number: str
    pool: str
    at: float | None
    note: str | None


@dataclass(frozen=True, slots=True)
class DueCallback:
    """A promise whose time has come, claimed for one attempt."""

    id: int
    number: str
    pool: str
    note: str | None
    attempts: int
    """This one included."""


class RunStore(Protocol):
    """Runs and what they leave behind. Every method raises Unavailable(`postgres`) when the database is away or slow.

    A script never waits longer for it than its node's own limit; the shell bounds that.
    """

    async def commit(self, items: Sequence[RunItem]) -> None:
        """Write items in one transaction; idempotent. The newest record of a run is kept, and stays once it is over."""
        ...

    async def open_runs(self) -> Sequence[RunRecord]:
        """Runs that are not over, the oldest first."""
        ...

    async def runs_of(self, call: CallId) -> Sequence[RunRecord]:
        """The runs of a call, in order; `secret` is None always."""
        ...

    async def keep_callback(self, wish: CallbackWish) -> bool:
        """Promise a call-back; idempotent by request. False: the number may not be called (do-not-call list)."""
        ...

    async def take_callback(self, pools: Sequence[str], now: float) -> DueCallback | None:
        """Claim the promise that is due longest in any of these pools, or None; committed before it is dialed.

        One that was claimed and never settled is given out again after CALLBACK_TAKEN_S, CALLBACK_ATTEMPTS_MAX times.
        One whose number is on the do-not-call list by then is given up.
        """
        ...

    async def settle_callback(self, callback: int, *, reached: bool, at: float) -> None:
        """Somebody talked, or not: then it is due again after CALLBACK_PAUSE_S, CALLBACK_ATTEMPTS_MAX times in all."""
        ...

    async def give_back_callback(self, callback: int) -> None:
        """It was taken and never dialed: it is due again at once, and that was no attempt. Idempotent."""
        ...

    async def lead_data(self, attempts: Sequence[AttemptId]) -> Mapping[AttemptId, Mapping[str, Any]]:
        """The data of the attempts' leads, from which scripts take their parameters."""
        ...

    async def look_up(self, source: str, key: str) -> Mapping[str, Any] | None:
        """An entry of a table that scripts may read, or None. Raises NotFound(`no_such_source`)."""
        ...


CALLBACK_ATTEMPTS_MAX = 3
CALLBACK_PAUSE_S = 600.0
"""Nobody there: so much later it is tried again."""
CALLBACK_TAKEN_S = 300.0
"""A promise that was taken and never settled (the engine died) is given out again after this time."""


def international(number: str) -> str:
    """A number as lists have it: with the plus sign."""
    return number if number.startswith("+") else f"+{number}"


# --- other systems


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookAsked:
    """One question to another system; `key` is its idempotency key, the same in every try."""

    key: str
    call: CallId
    script: str
    url: str
    method: Method
    query: Mapping[str, Any]
    body: Mapping[str, Any]
    headers: Mapping[str, str]
    timeout_s: float
    """Of one try."""
    retries: int


class WebhookTimeout(Exception):
    """Nothing came in time, in no try."""


class WebhookRefused(Exception):
    """There was an answer, and it was not 2xx; or the address may not be asked, or cannot be reached."""


class WebhookUnreadable(Exception):
    """A 2xx answer that is no JSON object, or too large."""


class Webhooks(Protocol):
    """Asks other systems."""

    async def ask(self, asked: WebhookAsked) -> Mapping[str, Any]:
        """The answer's JSON object. Raises WebhookTimeout, WebhookRefused, WebhookUnreadable.

        Bounded: (retries + 1) * timeout_s + retries * RETRY_PAUSE_S (engine/flow/duration.py). One slow host never
        takes the places of the others.
        """
        ...


# --- sound


class Voices(Protocol):
    """Everything that a script lets people hear, as media that Asterisk plays."""

    async def words(
        self, text: str, language: str, voice: str | None = None, *, passing: bool = False
    ) -> tuple[str, ...]:
        """Make a text sound. `passing`: it says something sensitive; `forget` it once it was heard.

        Raises Rejected, Unavailable(`speech`).
        """
        ...

    async def recorded(self, audio: str) -> tuple[str, ...]:
        """A recording by its content (`sha256:...`). Raises NotFound."""
        ...

    async def tone(self, name: ToneName, for_s: float) -> tuple[str, ...]: ...

    async def silence(self, for_s: float) -> tuple[str, ...]: ...

    def forget(self, media: Sequence[str]) -> None:
        """Erase what was made in passing; returns at once."""
        ...


@dataclass(frozen=True, slots=True)
class StreamLimits:
    max_s: float
    connect_timeout_s: float
    silence_max_s: float
    """No sound from the other side for so long ends it; 0: no limit."""


class Ear(Protocol):
    """What is heard on a leg, told by an audio tap of it (AudioSocket)."""

    @property
    def address(self) -> str:
        """`host:port`, where Asterisk delivers the sound."""
        ...

    def listen_for_beep(self, tap: str, silence_s: float, heard: Callable[[bool], None]) -> None:
        """Call `heard(True)` once at the end of a beep, or of `silence_s` of silence after a voice; `heard(False)` when
        the tap ends before. `tap` is the UUID with which Asterisk will connect."""
        ...

    @property
    def tells_people(self) -> bool:
        """Whether there is a voice model, so that `listen_for_person` may be asked."""
        ...

    def listen_for_person(self, tap: str, limit_s: float, heard: Callable[[Verdict | None], None]) -> None:
        """Call `heard` once with who answered, unsure after `limit_s`; None when the tap ends before, or too many
        listen."""
        ...

    def relay(
        self,
        tap: str,
        url: str,
        direction: Direction,
        hello: Mapping[str, Any],
        limits: StreamLimits,
        told: Callable[[str, Mapping[str, Any]], None],
    ) -> None:
        """Carry the sound of a tap to a WebSocket and back. `told` hears `started`, `ended` (with `reason`), `mark`."""
        ...

    def close(self, tap: str) -> None:
        """Stop whatever goes on under a tap; idempotent."""
        ...


SCRIPT_SLOTS = range(6001, 7000)
"""AUTO seats: numbers that scripts answer."""
