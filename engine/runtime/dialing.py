"""Dialing: every tick, and whenever a line or an agent becomes free, ask the pacer, claim leads, dial them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

import structlog

from engine.call.commands import Originate
from engine.call.model import Call, CallKind, CallPolicy, Phase
from engine.clock import Clock
from engine.dialer.campaign import Campaign, CampaignStatus, DialMode
from engine.dialer.pacing import Decision, Limits, Pacer, PacingView, Progressive, Steady
from engine.errors import Unavailable
from engine.ids import CallId, CampaignId, ChannelId, TrunkName, attempt_id
from engine.ports import ClaimedLead, LeadStore, Leases, Metrics, TrunkDirectory, TrunkRecord
from engine.trunk.capacity import Capacity

from .switchboard import Switchboard

log = structlog.get_logger()

TICK_S = 0.25
TICK_MIN_S = 0.05
"""News of free agents come in bunches: at most one round in this time. A round costs a claim and a token request."""
GAP_MIN_S = 0.001
"""Shorter gaps between two dials are not worth a timer."""
CLAIM_MAX = 100
DRY_PAUSE_S = 0.5
"""After a claim that found fewer leads than asked for, wait this long before asking again."""
REFRESH_S = 2.0
CUSTOMER_CONTEXT = "vss-customer"


@dataclass(slots=True)
class _Line:
    """What dialing knows of one campaign between ticks."""

    pacer: Pacer
    decision: Decision | None = None
    dry_until: float = 0.0


def pacer_for(mode: DialMode) -> Pacer:
    """The pacing rule of a dial mode."""
    match mode:
        case DialMode.PROGRESSIVE:
            return Progressive()
        case DialMode.AGENTLESS:
            return Steady()


def policy_of(campaign: Campaign, message: tuple[str, ...]) -> CallPolicy:
    """What the calls of a campaign need to know of it; `message` is for a campaign without one of its own."""
    return CallPolicy(
        campaign.answer_action,
        campaign.pool,
        campaign.answer_limit_s,
        campaign.wrap_up_s,
        campaign.talk_max_s,
        campaign.ring_timeout_s,
        campaign.message or message,
        recall=campaign.recall,
    )


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
        message: tuple[str, ...],
        random_bits: Callable[[], int],
    ) -> None:
        self._switchboard = switchboard
        self._leads = leads
        self._trunk_directory = trunks
        self._leases = leases
        self._clock = clock
        self._metrics = metrics
        self._epoch = epoch
        self._closed = closed
        self._recordings = recordings
        self._message = message
        self._wake = asyncio.Event()
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._round_ends_at = 0.0
        self._lines: dict[CampaignId, _Line] = {}
        self._policies: dict[CampaignId, tuple[Campaign, CallPolicy]] = {}
        self._capacity: dict[TrunkName, Capacity] = {}
        self._trunks: dict[TrunkName, TrunkRecord] = {}
        self._random_bits = random_bits
        self.campaigns: dict[CampaignId, Campaign] = {}

    def wake(self) -> None:
        """Something became free: decide soon."""
        self._wake.set()

    def release(self, call: Call) -> None:
        """A call ended: its trunk has a free channel."""
        if call.trunk in self._capacity:
            self._capacity[call.trunk] = self._capacity[call.trunk].released()

    def trunk(self, name: TrunkName) -> TrunkRecord | None:
        """A trunk of this cell, or None."""
        return self._trunks.get(name)

    @property
    def trunks(self) -> list[TrunkRecord]:
        """Every trunk of this cell, by name."""
        return [self._trunks[name] for name in sorted(self._trunks)]

    def take_channel(self, name: TrunkName) -> bool:
        """Take one call of a trunk's capacity for a call that no campaign dials; False when there is none."""
        capacity = self._refilled(name)
        if capacity is None or capacity.free < 1:
            return False
        self._capacity[name] = capacity.taken(1)
        return True

    def pacing(self, campaign: CampaignId) -> str:
        """The pacer's last decision as one line."""
        line = self._lines.get(campaign)
        if (reason := self._closed()) is not None:
            return f"dialing is closed: {reason}"
        return line.decision.explanation if line is not None and line.decision is not None else ""

    async def refresh(self) -> None:
        """Read campaigns and trunks anew. Raises Unavailable."""
        self.campaigns = {campaign.id: campaign for campaign in await self._leads.campaigns()}
        self._trunks = {trunk.name: trunk for trunk in await self._trunk_directory.trunks()}
        for name, trunk in self._trunks.items():
            known = self._capacity.get(name)
            fresh = Capacity(trunk.cps_max, trunk.channels_max)
            self._capacity[name] = (
                fresh if known is None else replace(known, cps_max=trunk.cps_max, channels_max=trunk.channels_max)
            )
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
            await asyncio.sleep(max(0.0, self._round_ends_at - self._clock.now()))
            try:
                async with asyncio.timeout(TICK_S - TICK_MIN_S):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()

    async def quiet(self) -> None:
        """Wait until no round is under way: what it claimed is dialed by then."""
        await self._quiet.wait()

    async def tick(self) -> None:
        """One round over the running campaigns."""
        began_at = self._clock.now()
        self._round_ends_at = began_at + TICK_MIN_S
        self._quiet.clear()
        try:
            for campaign in tuple(self.campaigns.values()):
                if campaign.status is CampaignStatus.RUNNING and self._closed() is None:
                    await self._dial(campaign)
        finally:
            self._quiet.set()
        self._metrics.observe("vss_dial_tick_seconds", self._clock.now() - began_at)

    async def _dial(self, campaign: Campaign) -> None:
        line = self._lines.setdefault(campaign.id, _Line(pacer_for(campaign.dial_mode)))
        now = self._clock.now()
        capacity = self._refilled(campaign.trunk)
        if capacity is None:
            line.decision = Decision(0, "trunk", f"launch 0: there is no trunk named {campaign.trunk}")
            return
        if line.dry_until > now:
            return
        decision = line.pacer.decide(self._view(campaign, line, now), self._limits(campaign, capacity))
        line.decision = decision
        self._metrics.count("vss_dial_decisions_total", binding=decision.binding)
        wanted = min(decision.launch, CLAIM_MAX)
        if wanted == 0:
            return
        tokens = await self._leases.take(campaign.trunk, wanted, capacity.cps_max)
        self._metrics.count(
            "vss_trunk_tokens_total", tokens.granted, trunk=campaign.trunk, shared=str(tokens.shared).lower()
        )
        if tokens.granted:
            await self._claim_and_dial(campaign, line, tokens.granted)

    async def _claim_and_dial(self, campaign: Campaign, line: _Line, wanted: int) -> None:
        self._capacity[campaign.trunk] = self._capacity[campaign.trunk].taken(wanted)
        now = self._clock.now()
        ids = [attempt_id(now, self._random_bits()) for _ in range(wanted)]
        claimed: list[ClaimedLead] = []
        try:
            claimed = list(await self._leads.claim(campaign.id, ids, campaign.trunk, self._epoch))
        finally:
            unused = wanted - len(claimed)
            self._capacity[campaign.trunk] = self._capacity[campaign.trunk].released(unused)
        if unused:
            line.dry_until = self._clock.now() + DRY_PAUSE_S
            line.decision = Decision(
                len(claimed), "leads", f"launch {len(claimed)}: no more leads are due; bound by leads"
            )
        self._metrics.count("vss_leads_claimed_total", len(claimed))
        self._metrics.count("vss_dial_launched_total", len(claimed))
        await self._launch_evenly(campaign, claimed)

    async def _launch_evenly(self, campaign: Campaign, claimed: list[ClaimedLead]) -> None:
        """Dial with the gaps of the trunk's calls per second, as far as the round's time goes.

        Carriers count calls in short windows, and people who answer all at once wait for each other in Asterisk.
        """
        policy = self._policy(campaign)
        left_s = max(0.0, self._round_ends_at - self._clock.now())
        gap_s = min(1 / self._capacity[campaign.trunk].cps_max, left_s / len(claimed)) if claimed else 0.0
        for index, lead in enumerate(claimed):
            if index and gap_s >= GAP_MIN_S:
                await asyncio.sleep(gap_s)
            self._launch(campaign, policy, lead)

    def _launch(self, campaign: Campaign, policy: CallPolicy, lead: ClaimedLead) -> None:
        call = Call(
            CallId(lead.attempt),
            CallKind.CAMPAIGN,
            Phase.DIALING,
            lead.number,
            policy,
            self._clock.now(),
            trunk=campaign.trunk,
            attempt=lead.attempt,
            campaign=campaign.id,
            lead=lead.lead,
            lead_attempts=lead.attempts,
            recording=self._recording(lead.attempt) if campaign.record else None,
        )
        self._switchboard.dial(call, self.originate(call, campaign.caller_id))

    def originate(self, call: Call, caller_id: str) -> Originate:
        """The command that dials a call over its trunk."""
        trunk = self._trunks.get(call.trunk) if call.trunk is not None else None
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
        known = self._policies.get(campaign.id)
        if known is not None and known[0] == campaign:
            return known[1]
        policy = policy_of(campaign, self._message)
        self._policies[campaign.id] = (campaign, policy)
        return policy

    def _refilled(self, name: TrunkName) -> Capacity | None:
        capacity = self._capacity.get(name)
        if capacity is not None:
            capacity = self._capacity[name] = capacity.refilled(self._clock.now())
        return capacity

    def _view(self, campaign: Campaign, line: _Line, now: float) -> PacingView:
        pool = self._switchboard.pools.get(campaign.pool)
        return PacingView(
            now,
            agents_idle=pool.idle if pool is not None else 0,
            in_flight=self._switchboard.in_flight.get(campaign.id, 0),
            waiting=len(pool.queue) if pool is not None else 0,
            pool_in_flight=self._switchboard.pool_in_flight.get(campaign.pool, 0),
        )

    def _limits(self, campaign: Campaign, capacity: Capacity) -> Limits:
        lines = campaign.lines_max - self._switchboard.in_flight.get(campaign.id, 0)
        return Limits(trunk=capacity.free, lines=max(0, lines))
