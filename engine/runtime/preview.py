"""The preview desk: what an agent may do with the lead shown to them.

The lead's attempt is committed before it is shown, so no lead is shown to two agents. When the agent dials, minutes may
have passed: the lead and what the law asks are looked at once more, and only then the trunk is asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from engine.agent.machine import AgentState
from engine.call.commands import Play
from engine.call.events import DialAsked, DialBarred, SkipAsked
from engine.call.model import Call, Phase
from engine.clock import Clock
from engine.errors import NotFound, Rejected, Unavailable
from engine.ids import AttemptId, CampaignId, PlaybackId, Slot, TrunkName
from engine.ports import Barrier, LeadStore, Metrics, ShownLead
from engine.revision import revised

from .dialing import Dialing
from .switchboard import Switchboard

log = structlog.get_logger()

CALL_WAIT_S = 1.0
"""An agent who dials waits this long for a call of the trunk's second; then the trunk is full."""
CALL_WAIT_STEP_S = 0.1
DIAL_DIGIT, SKIP_DIGIT = "1", "2"
SKIPPED_BY_PHONE = "phone"
REFUSED_CUE = ("sound:beeperr",)

REASONS: dict[Barrier, str] = {
    Barrier.DELETED: "the lead was deleted",
    Barrier.DO_NOT_CALL: "the number is on the do-not-call list",
    Barrier.NO_CONSENT: "the consent that the campaign requires is missing or ended",
    Barrier.WINDOW_CLOSED: "the calling window of the lead's local time is closed",
    Barrier.CAMPAIGN_STATE: "the campaign is not running",
    Barrier.CLOSED: "the attempt was closed meanwhile",
}


@dataclass(frozen=True, slots=True)
class EarlierView:
    """An earlier attempt of the lead shown."""

    at: float
    outcome: str | None
    slot: int | None
    note: str | None


@dataclass(frozen=True, slots=True)
class PreviewView:
    """The lead that an agent is shown. `barred` says why it may not be dialed any more, None: it may."""

    call: str
    campaign: int
    campaign_name: str
    lead: int
    number: str
    data: dict[str, object]
    attempts: list[EarlierView]
    shown_at: float
    seconds_left: float
    barred: str | None


@dataclass(slots=True)
class PreviewDesk:
    """Serves the agents who are shown a lead. `open_lines` raises Unavailable while nothing may be dialed."""

    switchboard: Switchboard
    dialing: Dialing
    leads: LeadStore
    clock: Clock
    metrics: Metrics
    open_lines: Callable[[], None]
    _errands: dict[Slot, asyncio.Task[None]] = field(default_factory=dict)
    """Dials asked by digit: at most one per seat."""

    async def view(self, slot: Slot) -> PreviewView:
        """What the agent at `slot` is shown now. Raises NotFound, Unavailable."""
        call = self._shown_to(slot)
        lead = await self.leads.shown(_attempt(call))
        if lead is None:
            raise NotFound("no_preview", f"the lead shown to agent {slot} is gone")
        campaign = self.dialing.campaigns.get(lead.campaign)
        left_s = (call.deadline_at or call.created_at) - self.clock.now()
        return PreviewView(
            call.id, lead.campaign, campaign.name if campaign is not None else "", lead.lead, lead.number,
            dict(lead.data), [EarlierView(past.at, past.outcome, past.slot, past.note) for past in lead.history],
            call.created_at, max(0.0, left_s), lead.barrier.value if lead.barrier is not None else None,
        )  # fmt: skip

    async def dial(self, slot: Slot) -> None:
        """Dial the lead shown, on the agent's leg.

        Raises NotFound when no lead is shown, Rejected when it may not be dialed any more (the preview ends then) or
        when the trunk is full (it goes on), Unavailable.
        """
        call = self._shown_to(slot)
        self.open_lines()
        lead = await self.leads.shown(_attempt(call))
        self._refuse_barred(call, lead)
        campaign = self.dialing.campaigns.get(_campaign(call))
        if campaign is None:
            raise NotFound("no_such_campaign", f"there is no campaign {call.campaign}")
        await self._take_call(campaign.trunk)
        try:
            self.open_lines()
            self._check_still_shown(call, slot)
        except BaseException:
            self.dialing.give_back_call(campaign.trunk)
            raise
        originate = self.dialing.originate(revised(call, trunk=campaign.trunk), campaign.caller_id)
        self.switchboard.post(call.id, DialAsked(originate, campaign.trunk, self.clock.now()))

    def skip(self, slot: Slot, reason: str) -> None:
        """Do not dial the lead shown. Raises NotFound when no lead is shown."""
        self.switchboard.post(self._shown_to(slot).id, SkipAsked(reason, self.clock.now()))

    def digit(self, slot: Slot, digit: str) -> None:
        """What a plain phone says of the lead shown: 1 dials, 2 skips; anything else is not for us."""
        if self._call_of(slot) is None:
            return
        if digit == SKIP_DIGIT:
            self.skip(slot, SKIPPED_BY_PHONE)
        elif digit == DIAL_DIGIT and slot not in self._errands:
            errand = asyncio.create_task(self._dial_by_digit(slot), name=f"preview {slot}")
            self._errands[slot] = errand
            errand.add_done_callback(lambda _: self._errands.pop(slot, None))

    def take_back(self, reason: str, campaign: CampaignId | None = None) -> None:
        """End every preview, or those of one campaign: nothing more will be dialed there."""
        for call in tuple(self.switchboard.calls.values()):
            if call.phase is Phase.PREVIEWING and campaign in {None, call.campaign}:
                self.switchboard.post(call.id, DialBarred(reason, self.clock.now()))

    async def close(self) -> None:
        """Give up what was asked by digit."""
        errands = tuple(self._errands.values())
        for errand in errands:
            errand.cancel()
        await asyncio.gather(*errands, return_exceptions=True)

    async def _dial_by_digit(self, slot: Slot) -> None:
        try:
            await self.dial(slot)
        except (Rejected, Unavailable) as refusal:
            log.info("preview_dial_refused", slot=slot, reason=str(refusal))
            self._sound_refusal(slot)
        except Exception:
            log.exception("preview_dial_fault", slot=slot)
            self.metrics.count("vss_call_faults_total", kind="preview")

    def _sound_refusal(self, slot: Slot) -> None:
        """A phone shows no reasons, but it can be heard that nothing is dialed."""
        agent = self.switchboard.agent(slot)
        if agent.channel is not None and agent.state in {AgentState.READY, AgentState.RESERVED}:
            playback = PlaybackId(f"{agent.channel}-refused-{self.clock.now():.3f}")
            self.switchboard.perform(Play(agent.channel, playback, REFUSED_CUE))

    def _refuse_barred(self, call: Call, lead: ShownLead | None) -> None:
        barrier = Barrier.CLOSED if lead is None else lead.barrier
        if barrier is None:
            return
        self.switchboard.post(call.id, DialBarred(REASONS[barrier], self.clock.now()))
        raise Rejected(barrier.value, f"not dialed: {REASONS[barrier]}; the lead is no longer shown")

    async def _take_call(self, trunk: TrunkName) -> None:
        until = self.clock.now() + CALL_WAIT_S
        while not await self.dialing.take_call(trunk):
            if self.clock.now() >= until:
                self.metrics.count("vss_bounds_reached_total", bound="preview_trunk")
                text = f"trunk {trunk} has no free channel, or no call left in this second: try again in a moment"
                raise Rejected("trunk_full", text, 429)
            await asyncio.sleep(CALL_WAIT_STEP_S)

    def _check_still_shown(self, call: Call, slot: Slot) -> None:
        """Time has passed: the agent may have skipped it, or asked twice."""
        now = self.switchboard.calls.get(call.id)
        if now is None or now.phase is not Phase.PREVIEWING:
            raise Rejected(
                "preview_over", f"the lead is no longer shown to agent {slot}: dialed, skipped or taken back"
            )

    def _shown_to(self, slot: Slot) -> Call:
        call = self._call_of(slot)
        if call is None:
            self.switchboard.agent(slot)
            raise NotFound("no_preview", f"agent {slot} is shown no lead now")
        return call

    def _call_of(self, slot: Slot) -> Call | None:
        agent = self.switchboard.agent_or_none(slot)
        if agent is None or agent.call is None:
            return None
        call = self.switchboard.calls.get(agent.call)
        return call if call is not None and call.phase is Phase.PREVIEWING else None


def _attempt(call: Call) -> AttemptId:
    assert call.attempt is not None
    return call.attempt


def _campaign(call: Call) -> CampaignId:
    assert call.campaign is not None
    return call.campaign
