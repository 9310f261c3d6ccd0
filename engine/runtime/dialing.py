"""Dialing: every tick, and whenever a line or an agent becomes free, ask the pacer, claim leads, dial them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import structlog

from engine.call.commands import Originate
from engine.call.events import HangUpAsked
from engine.call.machine import RING_GUARD_S
from engine.call.model import Call, CallKind, CallPolicy, Phase
from engine.clock import Clock
from engine.dialer.campaign import OVERDIALING, AnswerAction, Campaign, CampaignStatus, DialMode
from engine.dialer.pacer import PacingDecision
from engine.dialer.pacing import Limits, Pacer, PacingView, Preview, Progressive, Steady
from engine.errors import Unavailable
from engine.ids import AttemptId, CallId, CampaignId, ChannelId, TrunkName, begun_at
from engine.ports import ClaimedLead, LeadStore, Leases, Metrics, TrunkDirectory, TrunkRecord
from engine.revision import revised
from engine.trunk.capacity import Capacity

from .bounds import Bounds, Soundness
from .claims import Claims
from .explanation import CrewNow, Definition, Explained, Held, Noted, WindowTold, explain
from .message import Announcement, Messages
from .pacing import PacingDesk, rule_of
from .switchboard import Switchboard
from .trunks import Trunks

log = structlog.get_logger()

TICK_S = 0.25
TICK_MIN_S = 0.05
"""News of free agents come in bunches: at most one round in this time. A round costs a claim and a token request."""
GAP_MIN_S = 0.001
"""Shorter gaps between two dials are not worth a timer."""
CLAIM_MAX = 100
DRY_PAUSE_S = 0.5
"""After a claim that found fewer leads than asked for, wait this long before asking again."""
DRY_PAUSE_MAX_S = 2.0
"""The pause doubles up to this while nothing at all is found: asking costs a call per second of the trunk."""
FAULT_PAUSE_S = 5.0
"""A campaign (or a round) that met a fault of ours is left alone for so long; the others go on."""
REFRESH_S = 2.0
RECENT = 20
"""Decisions kept for those who ask why."""
DECISION_HOLDS_S = 1.0
"""A decision that could not be carried out by then is made anew."""
CUSTOMER_CONTEXT = "vss-customer"


@dataclass(slots=True)
class _Line:
    """What dialing knows of one campaign between ticks."""

    mode: DialMode
    pacer: Pacer
    noted: Noted | None = None
    """The last decision."""
    recent: deque[Noted] = field(default_factory=lambda: deque(maxlen=RECENT))
    paced: PacingDecision | None = None
    """The last decision in full, where the desk made it."""
    bounds: Bounds | None = None
    view: PacingView | None = None
    dry_until: float = 0.0
    dry_pause_s: float = DRY_PAUSE_S
    ask_max: int = CLAIM_MAX
    """After a claim that found few leads ask for few: the trunk's tokens are shared, and asking costs them."""
    rests_until: float = 0.0
    """The desk is not asked for it before that, after a fault of ours in asking."""
    turn: float = 0.0
    """Its calls so far over its weight, in the time of its trunk: who is behind on a trunk comes first."""

    def note(self, at: float, binding: str, line: str, launch: int = 0, cancel: int = 0) -> None:
        """Keep a decision for those who ask why."""
        last, self.noted = self.noted, Noted(at, launch, cancel, binding, line)
        if launch or cancel or last is None or last.binding != binding:
            self.recent.append(self.noted)


@dataclass(frozen=True, slots=True)
class _Wish:
    """What the desk decided for a campaign; it is carried out when it is the campaign's turn on its trunk."""

    at: float
    decision: PacingDecision
    binding: str


@dataclass(frozen=True, slots=True)
class _Served:
    """The last turn on a trunk: when it was, and where it began in the trunk's own time."""

    at: float = 0.0
    turn: float = 0.0


def pacer_for(mode: DialMode) -> Pacer:
    """The rule of a campaign by itself; those that overdial are paced at the desk and need a harmless one only."""
    match mode:
        case DialMode.PROGRESSIVE | DialMode.POWER | DialMode.PREDICTIVE:
            return Progressive()
        case DialMode.PREVIEW:
            return Preview()
        case DialMode.AGENTLESS:
            return Steady()


def _at_desk(campaign: Campaign, *pools: str) -> bool:
    """Whether a campaign is paced together with the others of these pools."""
    return campaign.pool in pools and campaign.answer_action is AnswerAction.AGENT and rule_of(campaign) is not None


def policy_of(campaign: Campaign, announcement: Announcement) -> CallPolicy:
    """What the calls of a campaign need to know of it, and what their people hear whom no agent takes."""
    return CallPolicy(
        campaign.answer_action,
        campaign.pool,
        campaign.answer_limit_s,
        campaign.wrap_up_s,
        campaign.talk_max_s,
        campaign.ring_timeout_s,
        announcement.message,
        announcement.confirmation,
        campaign.opt_out_digit,
        announcement.opt_out_wait_s,
        recall=campaign.recall,
    )


class Scripts(Protocol):
    """Scripts that people of agentless campaigns meet."""

    async def prepare(self, campaign: Campaign, claimed: Sequence[ClaimedLead]) -> Mapping[AttemptId, str]:
        """Make ready what they will meet; the attempts whose leads do not fit, and why. Raises Unavailable."""
        ...

    def pinned(self, call: CallId) -> str:
        """The script that a call was prepared for; empty: none."""
        ...

    def unfit(self, attempt: AttemptId, why: str) -> None:
        """The attempt will not be dialed, now or later: its lead's data does not fit."""
        ...


class Dialing:
    """One task that dials for all campaigns. `closed` says why nothing is dialed now, or None."""

    def __init__(
        self,
        switchboard: Switchboard,
        leads: LeadStore,
        trunks: TrunkDirectory,
        leases: Leases,
        clock: Clock,
        metrics: Metrics,
        epoch: int,
        closed: Callable[[], str | None],
        recordings: str | None,
        messages: Messages,
        random_bits: Callable[[], int],
        undialed: Callable[[AttemptId], None],
        desk: PacingDesk,
        soundness: Callable[[], Soundness],
        scripts: Scripts,
    ) -> None:
        """`undialed` is told of every attempt that is, or may be, open and will never be dialed."""
        self._scripts = scripts
        self._switchboard = switchboard
        self._leads = leads
        self._trunk_directory = trunks
        self._leases = leases
        self._clock = clock
        self._metrics = metrics
        self._closed = closed
        self._recordings = recordings
        self._messages = messages
        self._wake = asyncio.Event()
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._round_ends_at = 0.0
        self._lines: dict[CampaignId, _Line] = {}
        self._policies: dict[CampaignId, tuple[Campaign, Announcement, CallPolicy]] = {}
        self._trunks = Trunks(clock)
        self._claims = Claims(leads, epoch, clock, random_bits, undialed)
        self._undialed = undialed
        self._desk = desk
        self._soundness = soundness
        self._pools_rest_until: dict[str, float] = {}
        self._late_s = 0.0
        """How late this round began: what came meanwhile may not be read yet."""
        self._shared: dict[TrunkName, bool] = {}
        """Whether the last tokens of a trunk were agreed on by all cells."""
        self._served: dict[TrunkName, _Served] = {}
        self._taken: dict[TrunkName, int] = {}
        """Calls of each trunk that campaigns took in this round."""
        self.campaigns: dict[CampaignId, Campaign] = {}

    def wake(self) -> None:
        """Something became free: decide soon."""
        self._wake.set()

    def release(self, call: Call) -> None:
        """A call ended: its trunk has a free channel."""
        self._trunks.release(call.trunk)

    def occupy(self, call: Call) -> None:
        """A call that an engine before us dialed goes on over its trunk."""
        self._trunks.occupy(call.trunk)

    def again(self, lead: ClaimedLead) -> Call | None:
        """The call of an attempt that an engine before us dialed, before its person was met; None: no such campaign."""
        campaign = self.campaigns.get(lead.campaign)
        if campaign is None:
            return None
        policy, began_at = self._policy(campaign), begun_at(lead.attempt)
        return revised(
            self._call_of(campaign, policy, lead), trunk=campaign.trunk, created_at=began_at, dialed_at=began_at,
            deadline_at=began_at + policy.ring_timeout_s + RING_GUARD_S,
        )  # fmt: skip

    def trunk(self, name: TrunkName) -> TrunkRecord | None:
        """A trunk of this cell, or None."""
        return self._trunks.records.get(name)

    @property
    def trunks(self) -> list[TrunkRecord]:
        """Every trunk of this cell, by name."""
        return sorted(self._trunks.records.values(), key=lambda record: record.name)

    def policy(self, campaign: CampaignId) -> CallPolicy | None:
        """What the calls of a campaign know of it, or None for one that is not known (any more)."""
        known = self.campaigns.get(campaign)
        return None if known is None else self._policy(known)

    def line(self, wanted: str | None) -> TrunkName | None:
        """The trunk of that name, or the only one; None where there is none such."""
        if wanted is not None:
            return TrunkName(wanted) if TrunkName(wanted) in self._trunks.records else None
        return next(iter(self._trunks.records)) if len(self._trunks.records) == 1 else None

    def free_channel(self, name: TrunkName) -> None:
        """A call that no campaign dialed ended: its trunk has a free channel."""
        self._trunks.release(name)

    def caller_id_of(self, name: TrunkName) -> str:
        """The number that a trunk's calls show where nothing else is said."""
        record = self.trunk(name)
        return "" if record is None else record.caller_id

    def take_channel(self, name: TrunkName) -> bool:
        """Take one call of a trunk's capacity for a call that no campaign dials; False when there is none."""
        return self._trunks.take(name)

    async def take_call(self, name: TrunkName) -> bool:
        """Take one call of a trunk's capacity and of what all cells share, for a lead that an agent dials."""
        capacity = self._trunks.capacity(name)
        if capacity is None or not self._trunks.take(name):
            return False
        return await self._granted(name, 1, capacity.cps_max) == 1

    def give_back_call(self, name: TrunkName) -> None:
        """The call that was taken is not made."""
        self._trunks.give_back(name, 1)

    def pacing(self, campaign: CampaignId) -> str:
        """The pacer's last decision as one line."""
        line = self._lines.get(campaign)
        if (reason := self._closed()) is not None:
            return f"dialing is closed: {reason}"
        return line.noted.line if line is not None and line.noted is not None else ""

    def explained(
        self, campaign: Campaign, definition: Definition, windows: Mapping[str, WindowTold] | None
    ) -> Explained:
        """Everything about a campaign's pacing; `windows` are those of its account."""
        line = self._lines.get(campaign.id)
        held = Held(self._soundness(), self._closed(), self._message_armed(campaign), definition, windows)
        crew = CrewNow.of(self._switchboard.pools.get(campaign.pool))
        if line is None:
            return explain(campaign, None, (), None, None, None, crew, held)
        return explain(campaign, line.noted, line.recent, line.paced, line.view, line.bounds, crew, held)

    async def refresh(self) -> None:
        """Read campaigns and trunks anew. Raises Unavailable."""
        self.campaigns = {campaign.id: campaign for campaign in await self._leads.campaigns()}
        self._trunks.update(await self._trunk_directory.trunks())
        for status in CampaignStatus:
            count = sum(campaign.status is status for campaign in self.campaigns.values())
            self._metrics.gauge("vss_campaigns", count, status=status)

    async def run(self) -> None:
        """Dial until cancelled."""
        refreshed_at = 0.0
        while True:
            try:
                if self._clock.now() - refreshed_at > REFRESH_S:
                    await self.refresh()
                    refreshed_at = self._clock.now()
                await self.tick()
            except Unavailable as error:
                log.warning("dialing_waits", reason=str(error))
                await asyncio.sleep(DRY_PAUSE_S)
            except Exception:
                log.exception("dialing_fault")
                self._metrics.count("vss_call_faults_total", kind="dialing")
                await asyncio.sleep(FAULT_PAUSE_S)
            self._claims.settle()
            await asyncio.sleep(max(0.0, self._round_ends_at - self._clock.now()))
            due = self._clock.now() + TICK_S - TICK_MIN_S
            try:
                async with asyncio.timeout(TICK_S - TICK_MIN_S):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._late_s = max(0.0, self._clock.now() - due)
            self._wake.clear()

    async def quiet(self) -> None:
        """Wait until no round is under way: whatever it claimed is dialed by then, or has its outcome."""
        await self._quiet.wait()

    async def tick(self) -> None:
        """One round over the running campaigns."""
        began_at = self._clock.now()
        self._round_ends_at = began_at + TICK_MIN_S
        self._quiet.clear()
        self._desk.keep_up()
        running = [campaign for campaign in self.campaigns.values() if campaign.status is CampaignStatus.RUNNING]
        pools = {campaign.pool for campaign in running if campaign.dial_mode in OVERDIALING}
        wishes: dict[CampaignId, _Wish] = {}
        self._taken.clear()
        try:
            for pool in sorted(pools):
                wishes |= await self._wishes(pool, [campaign for campaign in running if _at_desk(campaign, pool)])
            for campaign in self._in_turn(running):
                if (wish := wishes.get(campaign.id)) is not None:
                    await self._carry_out(campaign, wish)
                elif not _at_desk(campaign, *pools) and self._closed() is None:
                    await self._dial_guarded(campaign)
        finally:
            self._quiet.set()
        self._metrics.observe("vss_dial_tick_seconds", self._clock.now() - began_at)

    # --- whose turn it is on a trunk

    def _in_turn(self, campaigns: Sequence[Campaign]) -> list[Campaign]:
        """Start-time fair queueing: on each trunk first who is behind; trunks that waited longest first.

        P. Goyal, H. Vin, H. Cheng: Start-time Fair Queueing, SIGCOMM 1996.
        """

        def due(campaign: Campaign) -> tuple[float, float]:
            return self._served.get(campaign.trunk, _Served()).at, self._start(campaign, self._line(campaign))

        return sorted(campaigns, key=due)

    def _start(self, campaign: Campaign, line: _Line) -> float:
        """Where its turn begins: who had nothing to dial for a while has saved nothing up."""
        return max(line.turn, self._served.get(campaign.trunk, _Served()).turn)

    def _took_turn(self, campaign: Campaign, line: _Line, calls: int) -> None:
        if not calls:
            return
        start = self._start(campaign, line)
        line.turn = start + calls / campaign.pacing.pool_weight
        self._served[campaign.trunk] = _Served(self._clock.now(), start)
        self._taken[campaign.trunk] = self._taken.get(campaign.trunk, 0) + calls

    # --- campaigns whose rule looks at itself alone

    async def _dial_guarded(self, campaign: Campaign) -> None:
        """A fault of ours over one campaign stops neither the others nor the engine. Raises Unavailable."""
        line = self._line(campaign)
        try:
            await self._dial(campaign, line)
        except Unavailable:
            raise
        except Exception as fault:
            self._rest(campaign, line, fault)

    async def _dial(self, campaign: Campaign, line: _Line) -> None:
        now = self._clock.now()
        capacity = self._trunks.capacity(campaign.trunk)
        if capacity is None:
            line.note(now, "trunk", f"launch 0: there is no trunk named {campaign.trunk}")
            return
        if line.dry_until > now:
            return
        line.view, line.paced = self._view(campaign, now), None
        line.bounds = self._bounds(campaign, line, capacity, self._soundness())
        decision = line.pacer.decide(line.view, self._limits(campaign, capacity))
        if decision.binding == "trunk" and self._taken.get(campaign.trunk):
            told = decision.explanation.removesuffix("trunk") + "trunk_share"
            decision = replace(decision, binding="trunk_share", explanation=told)
        line.note(now, decision.binding, decision.explanation, decision.launch)
        self._metrics.count("vss_dial_decisions_total", binding=decision.binding)
        wanted = min(decision.launch, line.ask_max)
        if campaign.dial_mode is DialMode.PREVIEW:
            self._show(campaign, await self._claim_due(campaign, line, wanted) if wanted else ())
        else:
            await self._launch_wanted(campaign, line, wanted)

    def _rest(self, campaign: Campaign, line: _Line, fault: Exception) -> None:
        """Leave a campaign alone for a while."""
        log.exception("campaign_fault", campaign=campaign.id)
        self._metrics.count("vss_call_faults_total", kind="dialing")
        line.dry_until = self._clock.now() + FAULT_PAUSE_S
        line.paced = None
        line.note(self._clock.now(), "fault", f"launch 0: a fault of the engine: {type(fault).__name__}")

    # --- campaigns that share a pool's pacers

    async def _wishes(self, pool: str, campaigns: Sequence[Campaign]) -> dict[CampaignId, _Wish]:
        """One decision for all campaigns of a pool; calls to be given up are so at once. Raises Unavailable."""
        sound = self._soundness()
        if self._closed() is not None and sound.telephony_up and sound.ledger_writable:
            return {}
        if self._pools_rest_until.get(pool, 0.0) > self._clock.now():
            return {}
        try:
            wishes = await self._decided(pool, campaigns, sound)
        except Unavailable:
            raise
        except Exception as fault:
            self._pools_rest_until[pool] = self._clock.now() + FAULT_PAUSE_S
            for campaign in campaigns:
                self._rest(campaign, self._line(campaign), fault)
            return {}
        for campaign in campaigns:
            if (wish := wishes.get(campaign.id)) is not None:
                self._give_up(campaign, wish.decision.cancel)
        return wishes

    async def _decided(self, pool: str, campaigns: Sequence[Campaign], sound: Soundness) -> dict[CampaignId, _Wish]:
        """Ask the desk; the decisions of those campaigns that can dial at all."""
        asked: dict[CampaignId, Bounds] = {}
        for campaign in campaigns:
            if (bounds := await self._bounds_guarded(campaign, sound)) is not None:
                asked[campaign.id] = bounds
        if not asked:
            return {}
        now = self._clock.now()
        decisions = self._desk.decide(pool, now, {name: bounds.limits() for name, bounds in asked.items()})
        for name, decision in decisions.items():
            self._lines[name].paced, self._lines[name].view = decision, None
        return {
            name: _Wish(now, decision, asked[name].named(decision.why.binding)) for name, decision in decisions.items()
        }

    async def _bounds_guarded(self, campaign: Campaign, sound: Soundness) -> Bounds | None:
        """What a campaign may dial at most, once the desk knows it. Raises Unavailable.

        None for one that cannot dial: a fault of ours over it is no reason to stop the others of its pool.
        """
        line = self._line(campaign)
        if line.rests_until > self._clock.now():
            return None
        try:
            line.bounds = await self._asked(campaign, line, sound)
        except Unavailable:
            raise
        except Exception as fault:
            self._rest(campaign, line, fault)
            line.rests_until = line.dry_until
            return None
        return line.bounds

    async def _asked(self, campaign: Campaign, line: _Line, sound: Soundness) -> Bounds | None:
        capacity = self._trunks.capacity(campaign.trunk)
        if capacity is None:
            line.note(self._clock.now(), "trunk", f"launch 0: there is no trunk named {campaign.trunk}")
            return None
        if not self._desk.knows(campaign):
            line.note(self._clock.now(), "ledger", "launch 0: its abandoned calls so far are not read yet")
            await self._desk.open(campaign, self._switchboard.agents())
        return self._bounds(campaign, line, capacity, sound)

    async def _carry_out(self, campaign: Campaign, wish: _Wish) -> None:
        """Dial what is left of a wish now. Raises Unavailable."""
        line = self._line(campaign)
        try:
            launch = self._noted(campaign, line, wish)
            if launch and self._closed() is None:
                await self._launch_wanted(campaign, line, launch)
        except Unavailable:
            raise
        except Exception as fault:
            self._rest(campaign, line, fault)

    def _noted(self, campaign: Campaign, line: _Line, wish: _Wish) -> int:
        """How many calls of a wish can be made still; it is told with what cut it."""
        launch, cancel, binding = wish.decision.launch, wish.decision.cancel, wish.binding
        capacity = self._trunks.capacity(campaign.trunk)
        free = 0 if capacity is None else capacity.free
        if launch > free:
            launch, binding = free, "trunk_share"
        if launch and self._clock.now() - wish.at >= DECISION_HOLDS_S:
            launch, binding = 0, "late"
        told = replace(wish.decision.why, binding=binding).line(launch, cancel)
        line.note(wish.at, binding, told, launch, cancel)
        self._metrics.count("vss_dial_decisions_total", binding=binding)
        return min(launch, line.ask_max)

    def _give_up(self, campaign: Campaign, many: int) -> None:
        """Hang up those that rang longest, of the calls that rang as long as the law asks for."""
        if not many:
            return
        now = self._clock.now()
        rang_by = now - campaign.pacing.legal.ring_min_s
        ringing = [
            (call.ringing_at, call.id)
            for call in self._switchboard.calls.values()
            if call.campaign == campaign.id
            and call.phase is Phase.RINGING
            and call.ringing_at is not None
            and call.ringing_at <= rang_by
        ]
        for _, call in sorted(ringing)[:many]:
            self._switchboard.post(call, HangUpAsked("engine", now))
        self._metrics.count("vss_dial_cancelled_total", min(many, len(ringing)))

    def _bounds(self, campaign: Campaign, line: _Line, capacity: Capacity, sound: Soundness) -> Bounds:
        return Bounds.of(
            campaign,
            capacity,
            self._switchboard.in_flight.get(campaign.id, 0),
            soundness=replace(sound, news_age_s=max(sound.news_age_s, self._late_s)),
            message_armed=self._message_armed(campaign),
            leads=0 if line.dry_until > self._clock.now() else line.ask_max,
            shared=self._shared.get(campaign.trunk, False),
        )

    def _message_armed(self, campaign: Campaign) -> bool:
        """Whether a person whom no agent takes in time hears something."""
        return self._messages.armed(campaign)

    # --- from a wish to calls

    async def _launch_wanted(self, campaign: Campaign, line: _Line, wanted: int) -> None:
        """Dial as many of the wanted calls as trunk, other cells and leads allow. Raises Unavailable."""
        if not wanted or not self._trunks.take(campaign.trunk, wanted):
            return
        cps_max = self._trunks.records[campaign.trunk].cps_max
        granted = await self._granted(campaign.trunk, wanted, cps_max)
        if granted:
            claimed = await self._claim(campaign, line, granted)
            claimed = await self._prepared(campaign, claimed)
            self._took_turn(campaign, line, len(claimed))
            await self._launch_evenly(campaign, claimed)

    async def _granted(self, trunk: TrunkName, wanted: int, cps_max: float) -> int:
        """How many of the calls taken of the trunk all cells together allow; the others are given back."""
        granted = 0
        try:
            tokens = await self._leases.take(trunk, wanted, cps_max)
            granted = min(tokens.granted, wanted)
        finally:
            self._trunks.give_back(trunk, wanted - granted)
        self._shared[trunk] = tokens.shared
        self._metrics.count("vss_trunk_tokens_total", granted, trunk=trunk, shared=str(tokens.shared).lower())
        return granted

    async def _claim(self, campaign: Campaign, line: _Line, wanted: int) -> Sequence[ClaimedLead]:
        """Claim leads for `wanted` calls that are taken of the trunk; what finds no lead is given back."""
        claimed: Sequence[ClaimedLead] = ()
        try:
            claimed = await self._claim_due(campaign, line, wanted)
        finally:
            self._trunks.give_back(campaign.trunk, wanted - len(claimed))
        return claimed

    async def _claim_due(self, campaign: Campaign, line: _Line, wanted: int) -> Sequence[ClaimedLead]:
        """Claim leads; where there are fewer than wanted, ask less and later."""
        claimed = await self._claims.claim(campaign, wanted)
        line.ask_max = min(CLAIM_MAX, 2 * line.ask_max)
        if len(claimed) < wanted:
            line.ask_max = max(1, 2 * len(claimed))
            line.dry_pause_s = DRY_PAUSE_S if claimed else min(DRY_PAUSE_MAX_S, 2 * line.dry_pause_s)
            line.dry_until = self._clock.now() + line.dry_pause_s
            found = f"launch {len(claimed)}: no more leads are due; bound by leads"
            line.note(self._clock.now(), "leads", found, len(claimed))
        self._metrics.count("vss_leads_claimed_total", len(claimed))
        return claimed

    async def _prepared(self, campaign: Campaign, claimed: Sequence[ClaimedLead]) -> Sequence[ClaimedLead]:
        """The claimed leads that can meet their campaign's script; all where there is none."""
        left = claimed
        try:
            unfit = await self._scripts.prepare(campaign, claimed)
            for attempt, why in unfit.items():
                self._scripts.unfit(attempt, why)
            left = [lead for lead in claimed if lead.attempt not in unfit] if unfit else claimed
        except BaseException:
            left = ()
            for lead in claimed:
                self._undialed(lead.attempt)
            raise
        finally:
            self._trunks.give_back(campaign.trunk, len(claimed) - len(left))
        return left

    def _show(self, campaign: Campaign, claimed: Sequence[ClaimedLead]) -> None:
        """Show each lead to an agent who is ready; one for whom there is none (any more) gets its outcome.

        The trunk is asked when the agent dials.
        """
        policy = self._policy(campaign)
        for lead in claimed:
            call = self._call_of(campaign, policy, lead)
            if not self._open(campaign) or not self._switchboard.show(call, campaign.pacing.preview_limit_s):
                self._undialed(lead.attempt)

    def _open(self, campaign: Campaign) -> bool:
        """Whether the campaign may dial still, after a wait."""
        known = self.campaigns.get(campaign.id)
        return self._closed() is None and known is not None and known.status is CampaignStatus.RUNNING

    async def _launch_evenly(self, campaign: Campaign, claimed: Sequence[ClaimedLead]) -> None:
        """Dial with the gaps of the trunk's calls per second, as far as the round's time goes.

        Carriers count calls in short windows, and people who answer all at once wait for each other in Asterisk.
        A lead that is not dialed after all (the engine stops, Asterisk or the ledger went away) gets its outcome.
        """
        policy = self._policy(campaign)
        left_s = max(0.0, self._round_ends_at - self._clock.now())
        capacity = self._trunks.capacity(campaign.trunk)
        gap_s = min(1 / capacity.cps_max, left_s / len(claimed)) if capacity is not None and claimed else 0.0
        left = deque(claimed)
        try:
            while left and self._closed() is None:
                self._launch(campaign, policy, left[0])
                left.popleft()
                if left and gap_s >= GAP_MIN_S:
                    await asyncio.sleep(gap_s)
        finally:
            for lead in left:
                self._undialed(lead.attempt)
            self._trunks.give_back(campaign.trunk, len(left))
            self._metrics.count("vss_dial_launched_total", len(claimed) - len(left))

    def _launch(self, campaign: Campaign, policy: CallPolicy, lead: ClaimedLead) -> None:
        call = revised(self._call_of(campaign, policy, lead), trunk=campaign.trunk)
        self._switchboard.dial(call, self.originate(call, campaign.caller_id))

    def _call_of(self, campaign: Campaign, policy: CallPolicy, lead: ClaimedLead) -> Call:
        return Call(
            CallId(lead.attempt),
            CallKind.CAMPAIGN,
            Phase.DIALING,
            lead.number,
            policy,
            self._clock.now(),
            attempt=lead.attempt,
            campaign=campaign.id,
            lead=lead.lead,
            lead_attempts=lead.attempts,
            recording=self._recording(lead.attempt) if campaign.record else None,
            script=self._scripts.pinned(CallId(lead.attempt)),
        )

    def originate(self, call: Call, caller_id: str) -> Originate:
        """The command that dials a call over its trunk."""
        trunk = self.trunk(call.trunk) if call.trunk is not None else None
        variables = (("VSS_RECORD", call.recording),) if call.recording else ()
        return Originate(
            ChannelId(call.id),
            f"PJSIP/{call.number}@{call.trunk}" if call.trunk else f"PJSIP/{call.number}",
            CUSTOMER_CONTEXT,
            "s",
            caller_id or (trunk.caller_id if trunk is not None else ""),
            call.policy.ring_timeout_s,
            variables,
        )

    def _recording(self, name: str) -> str | None:
        return f"{self._recordings}/{name}.raw" if self._recordings else None

    def _policy(self, campaign: Campaign) -> CallPolicy:
        announcement = self._messages.of(campaign)
        known = self._policies.get(campaign.id)
        if known is not None and known[:2] == (campaign, announcement):
            return known[2]
        policy = policy_of(campaign, announcement)
        self._policies[campaign.id] = (campaign, announcement, policy)
        return policy

    def _line(self, campaign: Campaign) -> _Line:
        line = self._lines.get(campaign.id)
        if line is None or line.mode is not campaign.dial_mode:
            line = self._lines[campaign.id] = _Line(campaign.dial_mode, pacer_for(campaign.dial_mode))
        return line

    def _view(self, campaign: Campaign, now: float) -> PacingView:
        pool = self._switchboard.pools.get(campaign.pool)
        return PacingView(
            now,
            agents_idle=pool.idle if pool is not None else 0,
            in_flight=self._switchboard.in_flight.get(campaign.id, 0),
            waiting=pool.waiting if pool is not None else 0,
            pool_in_flight=self._switchboard.pool_in_flight.get(campaign.pool, 0),
        )

    def _limits(self, campaign: Campaign, capacity: Capacity) -> Limits:
        lines = campaign.lines_max - self._switchboard.in_flight.get(campaign.id, 0)
        if campaign.dial_mode is DialMode.PREVIEW:
            lines -= self._switchboard.shown(campaign.id)
        return Limits(trunk=capacity.free, lines=max(0, lines))
