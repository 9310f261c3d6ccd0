"""Use cases: what people and phones may ask of the running engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from engine.agent.machine import (
    Agent,
    AgentEvent,
    AgentState,
    DoneAsked,
    LoginAsked,
    LogoutAsked,
    PauseAsked,
    ReadyAsked,
)
from engine.call.events import HangUpAsked
from engine.call.model import Call, CallKind, CallPolicy, Phase, Seat
from engine.clock import Clock
from engine.dialer.campaign import AnswerAction, Campaign, CampaignStatus, check_start
from engine.dialer.draft import CampaignDraft
from engine.errors import NotFound, Rejected, Unavailable
from engine.ids import CallId, CampaignId, Slot, TrunkName, attempt_id
from engine.ports import AbandonmentLedger, CampaignNumbers, Disposition, LeadStore, Metrics

from .dialing import Dialing
from .explanation import Definition, Explained, windows_told
from .flows.desk import FlowDesk, RunView, script_target, slot_target
from .message import Messages
from .preview import PreviewDesk, PreviewView
from .story import Story
from .switchboard import Switchboard

STATUS_OF: Mapping[str, CampaignStatus] = {
    "start": CampaignStatus.RUNNING,
    "pause": CampaignStatus.PAUSED,
    "stop": CampaignStatus.STOPPED,
}
SLOTS = range(6001, 10_000)
MANUAL_RING_TIMEOUT_S = 45
TALK_MAX_S = 4 * 3600.0


@dataclass(frozen=True, slots=True)
class InboundPolicy:
    """How inbound callers are served. `message` is heard by a caller whom nobody takes within `wait_max_s`."""

    wait_max_s: float
    wrap_up_s: float
    message: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PartState:
    """Whether a part is there; `needed`: without it no call can be made."""

    ok: bool
    needed: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Stats:
    """A campaign in numbers: the triggers' and the live ones."""

    leads: Mapping[str, int]
    attempts: int
    outcomes: Mapping[str, int]
    dialing: int
    waiting: int
    talking: int
    pacing: str


@dataclass(frozen=True, slots=True)
class Overview:
    campaign: Campaign
    stats: Stats


@dataclass(frozen=True, slots=True)
class LiveCall:
    """A live call, as shown."""

    id: str
    kind: str
    phase: str
    campaign: int | None
    number: str
    trunk: str | None
    slot: int | None
    created_at: float
    answered_at: float | None
    bridged_at: float | None


@dataclass(frozen=True, slots=True)
class SeatView:
    """An agent, as shown."""

    slot: int
    name: str
    pool: str
    state: str
    reason: str | None
    since: float
    call: str | None
    registered: bool


@dataclass(slots=True)
class Control:
    """The use cases over one switchboard; every method returns at once or after one round trip to the database."""

    switchboard: Switchboard
    dialing: Dialing
    messages: Messages
    leads: LeadStore
    account: AbandonmentLedger
    story: Story
    clock: Clock
    inbound: InboundPolicy
    random_bits: Callable[[], int]
    parts: Callable[[], Mapping[str, PartState]]
    stopping: Callable[[], bool]
    metrics: Metrics
    flows: FlowDesk
    names: dict[Slot, str] = field(default_factory=dict)
    previews: PreviewDesk = field(init=False)

    def __post_init__(self) -> None:
        self.previews = PreviewDesk(
            self.switchboard, self.dialing, self.leads, self.clock, self.metrics, self._check_dialable
        )

    # --- campaigns

    async def campaigns(self) -> Sequence[Overview]:
        """Every campaign with its numbers. Raises Unavailable."""
        numbers = await self.leads.numbers()
        return [self._overview(campaign, numbers) for campaign in await self.leads.campaigns()]

    async def campaign(self, campaign: CampaignId) -> Overview:
        """One campaign. Raises NotFound, Unavailable."""
        for overview in await self.campaigns():
            if overview.campaign.id == campaign:
                return overview
        raise NotFound("no_such_campaign", f"there is no campaign {campaign}")

    async def pacing(self, campaign: CampaignId) -> Explained:
        """Why a campaign dials what it dials; without its account while the database is away. Raises NotFound."""
        known = self.dialing.campaigns.get(campaign)
        if known is None:
            await self.dialing.refresh()
            known = self.dialing.campaigns.get(campaign)
        if known is None:
            raise NotFound("no_such_campaign", f"there is no campaign {campaign}")
        legal = known.pacing.legal
        try:
            counts = await self.account.windows(campaign, legal.name, self.clock.now())
        except Unavailable:
            windows = None
        else:
            windows = windows_told(known, counts)
        return self.dialing.explained(known, Definition(legal.name, legal.version), windows)

    async def create_campaign(self, draft: CampaignDraft) -> Overview:
        """Make a campaign; it dials nothing until it is started. Raises Rejected, Unavailable."""
        created = await self.leads.create(draft)
        await self.dialing.refresh()
        return self._overview(created, await self.leads.numbers())

    async def change_campaign(self, campaign: CampaignId, change: Literal["start", "pause", "stop"]) -> Overview:
        """Start, pause or stop. Calls under way go on to their end.

        Raises Rejected for an impossible change, Unavailable(`speech`) when its identity text cannot be spoken.
        """
        if change == "start":
            await self._check_start(campaign)
        changed = await self.leads.set_status(campaign, STATUS_OF[change])
        await self.dialing.refresh()
        if change != "start":
            self.previews.take_back(f"the campaign is {changed.status}", campaign)
        self.dialing.wake()
        return self._overview(changed, await self.leads.numbers())

    async def _check_start(self, campaign: CampaignId) -> None:
        """Settings must allow it, its trunk be there, and its texts be spoken. Raises Rejected, Unavailable."""
        await self.dialing.refresh()
        known = self.dialing.campaigns.get(campaign)
        if known is None:
            return
        check_start(known)
        if self.dialing.trunk(known.trunk) is None:
            raise Rejected(
                "no_such_trunk", f"its trunk {known.trunk} is disabled or gone: add it again (vss trunk add)"
            )
        await self.messages.prepare(known)

    def _overview(self, campaign: Campaign, numbers: Mapping[CampaignId, CampaignNumbers]) -> Overview:
        kept = numbers.get(campaign.id, CampaignNumbers({}, 0, {}))
        mine = [call for call in self.switchboard.calls.values() if call.campaign == campaign.id]
        stats = Stats(
            kept.leads,
            kept.attempts,
            kept.outcomes,
            self.switchboard.in_flight.get(campaign.id, 0),
            sum(call.phase is Phase.WAITING for call in mine),
            sum(call.phase is Phase.TALKING for call in mine),
            self.dialing.pacing(campaign.id) if campaign.status is CampaignStatus.RUNNING else "",
        )
        return Overview(campaign, stats)

    # --- calls

    def calls(self) -> Sequence[LiveCall]:
        """Every live call, the oldest first."""
        return [_live(call) for call in sorted(self.switchboard.calls.values(), key=lambda call: call.created_at)]

    async def start_call(self, slot: Slot, number: str, trunk: TrunkName | None) -> CallId:
        """Dial `number` on the leg of the agent at `slot`. Raises Rejected, NotFound."""
        return self.dial(slot, number, trunk)

    async def hang_up(self, call: CallId) -> None:
        """End a call. Raises NotFound."""
        if not self.switchboard.post(call, HangUpAsked("operator", self.clock.now())):
            raise NotFound("no_such_call", f"there is no live call {call}")

    def dial(self, slot: Slot, number: str, trunk: TrunkName | None) -> CallId:
        """Dial a number, or another slot, on an agent's leg. Raises Rejected, NotFound, Unavailable."""
        agent = self.switchboard.agent(slot)
        if agent.state not in {AgentState.READY, AgentState.PAUSED}:
            raise Rejected("agent_state", f"agent {slot} is {agent.state}: be ready or paused to start a call")
        self._check_dialable()
        inside = number.isdigit() and int(number) in SLOTS
        over = None if inside else self._trunk_for(trunk)
        if over is not None and not self.dialing.take_channel(over):
            raise Rejected("trunk_full", f"trunk {over} has no free channel, or no call left in this second", 429)
        assert agent.channel is not None
        assert agent.bridge is not None
        call = Call(
            CallId(attempt_id(self.clock.now(), self.random_bits())),
            CallKind.MANUAL,
            Phase.DIALING,
            number,
            self._manual_policy(agent.pool),
            self.clock.now(),
            trunk=over,
            seat=Seat(slot, agent.channel, agent.bridge),
            seat_held=True,
        )
        self.switchboard.dial(call, self.dialing.originate(call, "" if over else str(slot)))
        return call.id

    def take_in(self, call: CallId, did: str, target: str, caller: str, wait_max_s: float | None) -> None:
        """Begin an inbound call for `queue/<pool>` or `slot/<number>`. Raises Rejected for any other target.

        `wait_max_s` is the route's own limit; None: the engine's.
        """
        script = script_target(target)
        if script is not None:
            self.flows.take_in(self._inbound_call(call, caller, self._manual_policy("")), script, did)
            return
        kind, _, name = target.partition("/")
        slot: Slot | None = None
        if kind == "slot" and name.isdigit():
            slot = Slot(int(name))
            pool = self.switchboard.agent(slot).pool
        elif kind == "queue" and name:
            pool = name
        else:
            raise Rejected("no_route", f"{did} leads nowhere: {target!r}")
        policy = CallPolicy(
            AnswerAction.AGENT, pool, wait_max_s or self.inbound.wait_max_s, self.inbound.wrap_up_s, TALK_MAX_S,
            MANUAL_RING_TIMEOUT_S, self.inbound.message, priority=1, slot=slot,
        )  # fmt: skip
        self.switchboard.receive(self._inbound_call(call, caller, policy))

    def _inbound_call(self, call: CallId, caller: str, policy: CallPolicy) -> Call:
        return Call(call, CallKind.INBOUND, Phase.WAITING, caller, policy, self.clock.now())

    def script_policy(self, leg: Mapping[str, Any]) -> CallPolicy:
        """The policy of a call that an engine before us left to a script, by what it stored of it."""
        campaign = leg.get("campaign")
        known = None if campaign is None else self.dialing.policy(CampaignId(campaign))
        return known or self._manual_policy("")

    def take_in_from_phone(self, call: CallId, slot: Slot, number: str) -> bool:
        """Serve an agent's phone that dialed an automatic seat; False for every other number."""
        target = slot_target(int(number)) if number.isdigit() else None
        if target is None or not self.flows.bound(target):
            return False
        self.flows.take_in(self._inbound_call(call, str(slot), self._manual_policy("")), target, number)
        return True

    def _check_dialable(self) -> None:
        if self.stopping():
            raise Unavailable("engine", "the engine is stopping: nothing is dialed any more")
        if not self.parts()["ari"].ok:
            raise Unavailable("ari", "Asterisk is away: nothing can be dialed")

    def _trunk_for(self, wanted: TrunkName | None) -> TrunkName:
        trunks = self.dialing.trunks
        if wanted is not None:
            if self.dialing.trunk(wanted) is None:
                raise NotFound("no_such_trunk", f"there is no trunk {wanted}")
            return wanted
        if len(trunks) != 1:
            raise Rejected("which_trunk", "name the trunk: there is not exactly one", 422)
        return trunks[0].name

    def _manual_policy(self, pool: str) -> CallPolicy:
        return CallPolicy(
            AnswerAction.AGENT, pool, self.inbound.wait_max_s, self.inbound.wrap_up_s, TALK_MAX_S,
            MANUAL_RING_TIMEOUT_S, self.inbound.message,
        )  # fmt: skip

    # --- agents

    def agents(self) -> Sequence[SeatView]:
        """Every seat, by number."""
        return [self._seat(agent) for agent in self.switchboard.agents()]

    async def login(self, slot: Slot) -> SeatView:
        """Call the agent's phone; the agent is paused until `ready`. Raises Unavailable without Asterisk."""
        self._check_dialable()
        return self._ask(slot, LoginAsked(self.clock.now()))

    async def ready(self, slot: Slot) -> SeatView:
        return self._ask(slot, ReadyAsked(self.clock.now()))

    async def resume(self, slot: Slot) -> SeatView:
        return self._ask(slot, ReadyAsked(self.clock.now()))

    async def pause(self, slot: Slot, reason: str) -> SeatView:
        return self._ask(slot, PauseAsked(reason, self.clock.now()))

    async def logout(self, slot: Slot) -> SeatView:
        return self._ask(slot, LogoutAsked(self.clock.now()))

    async def done(self, slot: Slot, disposition: str, note: str) -> SeatView:
        """Finish the call: with a talk under way it is ended first. The disposition belongs to that call."""
        return self._done(slot, disposition, note, "http")

    async def preview(self, slot: Slot) -> PreviewView:
        """The lead that the agent at `slot` is shown. Raises NotFound, Unavailable."""
        return await self.previews.view(slot)

    async def dial_preview(self, slot: Slot) -> SeatView:
        """Dial the lead shown. Raises NotFound, Rejected (it may not be dialed, the trunk is full), Unavailable."""
        await self.previews.dial(slot)
        return self._seat(self.switchboard.agent(slot))

    async def skip_preview(self, slot: Slot, reason: str) -> SeatView:
        """Do not dial the lead shown; `reason` is kept. Raises NotFound."""
        self.previews.skip(slot, reason)
        return self._seat(self.switchboard.agent(slot))

    def preview_digit(self, slot: Slot, digit: str) -> None:
        """What a plain phone says of the lead shown to its agent."""
        self.previews.digit(slot, digit)

    def feature(self, slot: Slot, word: str, argument: str) -> None:
        """Carry out a feature code of a phone. Raises Rejected."""
        now = self.clock.now()
        match word:
            case "login":
                if self.stopping():
                    raise Rejected("unavailable", "the engine is stopping")
                self._ask(slot, LoginAsked(now, ready=True))
            case "logout":
                self._ask(slot, LogoutAsked(now))
            case "ready":
                self._ask(slot, ReadyAsked(now))
            case "pause":
                self._ask(slot, PauseAsked(argument or "phone", now))
            case "done":
                self._done(slot, argument, "", "phone")
            case _:
                raise Rejected("no_such_feature", f"there is no feature {word!r}")

    def dial_from(self, slot: Slot, number: str) -> None:
        """Dial what a slot's phone dialed. Raises Rejected."""
        try:
            self.dial(slot, number, None)
        except Unavailable as error:
            raise Rejected("unavailable", str(error)) from error

    def _done(self, slot: Slot, disposition: str, note: str, source: str) -> SeatView:
        agent = self.switchboard.agent(slot)
        call = agent.call if agent.state is AgentState.TALKING else agent.last_call
        view = self._ask(slot, DoneAsked(self.clock.now()))
        if disposition and call is not None:
            self.story.disposed(Disposition(call, slot, disposition, note, self.clock.now()), source)
        return view

    def _ask(self, slot: Slot, event: AgentEvent) -> SeatView:
        return self._seat(self.switchboard.tell_agent(slot, event))

    def _seat(self, agent: Agent) -> SeatView:
        return SeatView(
            agent.slot, self.names.get(agent.slot, ""), agent.pool, agent.state.value, agent.reason, agent.since,
            agent.call, agent.registered,
        )  # fmt: skip

    # --- scripts

    async def run_script(
        self,
        call: CallId,
        script: str | None,
        slot: int | None,
        params: Mapping[str, object],
        locale: str | None,
        then: Literal["hang_up", "agent"],
    ) -> RunView:
        """Hand a call to a script. Raises NotFound, Rejected, Unavailable."""
        return await self.flows.run_script(call, script, slot, params, locale, then)

    async def runs(self, call: CallId) -> Sequence[RunView]:
        """The runs of a call. Raises NotFound, Unavailable."""
        return await self.flows.runs(call)

    async def stop_run(self, call: CallId) -> RunView:
        """End the run that has a call. Raises NotFound."""
        return await self.flows.stop_run(call)

    async def live_runs(self) -> Sequence[RunView]:
        """Every run that goes on."""
        return await self.flows.live_runs()

    # --- health

    def readiness(self) -> Mapping[str, PartState]:
        """Every part by name."""
        return self.parts()


def _live(call: Call) -> LiveCall:
    return LiveCall(
        call.id, call.kind.value, call.phase.value, call.campaign, call.number, call.trunk,
        call.seat.slot if call.seat else None, call.created_at, call.answered_at, call.bridged_at,
    )  # fmt: skip
