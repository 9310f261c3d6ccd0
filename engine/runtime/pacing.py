"""The pacing desk: one set of pacers per agent pool, told everything the switchboard does, asked by the dialing.

News are queued as they happen and handed to the pacers right before a decision, each with its own time, so that they
cost the way from an answer to the join next to nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog

from engine.agent.machine import Agent
from engine.call.machine import MESSAGE_LEAD_S
from engine.call.model import Call, Phase
from engine.clock import Clock
from engine.dialer.budget import SettledAnswer
from engine.dialer.campaign import Campaign, DialMode
from engine.dialer.crew import Doing
from engine.dialer.observation import AgentGone, AgentTalking, CallLive, Observation
from engine.dialer.pacer import PacerConfig, PacingDecision, PacingLimits
from engine.dialer.recording import RecordedPool
from engine.dialer.shared import SharedPacers
from engine.errors import ConfigError
from engine.ids import CallId, CampaignId, Slot
from engine.ports import AbandonmentLedger, Metrics, PacingJournal, SavedPacing

from . import news
from .transcript import Transcript

log = structlog.get_logger()

NEWS_KEPT = 200
"""So many unread news wait for the next decision; more are handed over without one."""
NEWS_MAX = 10_000
"""More than this says that the dialing stood still."""


def rule_of(campaign: Campaign) -> str | None:
    """The rule of a campaign's dial mode; None for one that is not paced by answers and agents."""
    match campaign.dial_mode:
        case DialMode.PREDICTIVE:
            return "lookahead"
        case DialMode.POWER:
            return f"power:{campaign.pacing.lines_per_agent:g}"
        case DialMode.PROGRESSIVE:
            return "progressive"
        case _:
            return None


def config_of(campaign: Campaign) -> PacerConfig:
    """What the pacer is told of a campaign. Raises ConfigError."""
    return campaign.pacing.pacer_config(max(0.0, campaign.answer_limit_s - MESSAGE_LEAD_S))


@dataclass(slots=True)
class _Pool:
    """The pacers of one pool, and what they have not been told yet."""

    transcript: Transcript
    pacers: RecordedPool = field(init=False)
    campaigns: dict[CampaignId, Campaign] = field(default_factory=dict)
    doing: dict[Slot, Doing | None] = field(default_factory=dict)
    unread: deque[tuple[Observation, str | None]] = field(default_factory=deque)
    at: float = 0.0
    """Time of the newest news or decision: a pacer's clock never runs backwards."""

    def __post_init__(self) -> None:
        self.pacers = RecordedPool(SharedPacers(), self.transcript.write)
        self.turn_page()

    def turn_page(self) -> None:
        """Begin a new segment of the journal where the old one is over."""
        if self.transcript.ended:
            self.transcript.begin()
            self.pacers.begin()

    def time(self, at: float) -> float:
        """`at`, or a moment later where something newer is known."""
        self.at = max(self.at, at)
        return self.at

    def tell(self, event: Observation, campaign: str | None) -> None:
        """Queue news; an agent who is no supply any more is none for having met one more call."""
        self.unread.append((event, campaign))
        if isinstance(event, AgentTalking) and self.doing.get(Slot(int(event.agent))) is None:
            self.unread.append((AgentGone(event.at, event.agent), None))

    def see(self, agent: Agent, at: float) -> None:
        """Tell what an agent does now, if that is news."""
        now_doing = news.doing(agent)
        if self.doing.get(agent.slot) is not now_doing:
            self.doing[agent.slot] = now_doing
            self.unread.append((news.of_agent(agent, self.time(at)), None))

    def read(self) -> None:
        """Hand the news over."""
        self.turn_page()
        while self.unread:
            self.pacers.observe(*self.unread.popleft())


@dataclass(slots=True)
class _Told:
    """A live call that takes an agent of its pool: as it is now, and whose news it is; None: the pool's."""

    call: Call
    key: str | None = None


class PacingDesk:
    """Implements the switchboard's `Witness`: every method returns at once, and none awaits but `open` and `save`."""

    def __init__(self, ledger: AbandonmentLedger, journal: PacingJournal, clock: Clock, metrics: Metrics) -> None:
        self._ledger = ledger
        self._journal = journal
        self._clock = clock
        self._metrics = metrics
        self._pools: dict[str, _Pool] = {}
        self._calls: dict[CallId, _Told] = {}
        """All of them, of every pool: a campaign that comes later has calls under way."""

    # --- what the switchboard tells

    def call_began(self, call: Call, at: float) -> None:
        """A call exists."""
        if not news.takes_agent(call):
            return
        told = self._calls[call.id] = _Told(call)
        if (pool := self._pools.get(call.policy.pool)) is not None:
            self._introduce(pool, told, at)

    def call_stepped(self, before: Call, after: Call, at: float) -> None:
        """A call took a step; ENDED is its last."""
        told = self._calls.get(after.id)
        if told is None:
            if after.phase is Phase.WAITING and before.phase in news.NOT_YET_LIVE:
                self.call_began(after, at)  # it was one agent's call, who left: now anybody of the pool is to take it
            return
        told.call = after
        if after.phase is Phase.ENDED:
            del self._calls[after.id]
        if (pool := self._pools.get(after.policy.pool)) is not None:
            for event in news.of_call(before, after, pool.time(at)):
                pool.tell(event, told.key)

    def agent_changed(self, agent: Agent, at: float) -> None:
        """An agent took a step."""
        if (pool := self._pools.get(agent.pool)) is not None:
            pool.see(agent, at)

    # --- what the dialing asks

    @property
    def campaigns(self) -> frozenset[CampaignId]:
        """Those whose pacers are there."""
        return frozenset(campaign for pool in self._pools.values() for campaign in pool.campaigns)

    def knows(self, campaign: Campaign) -> bool:
        """Whether a campaign's pacer is there, with the settings that hold now."""
        pool = self._pools.get(campaign.pool)
        known = None if pool is None else pool.campaigns.get(campaign.id)
        return known is not None and (rule_of(known), known.pacing) == (rule_of(campaign), campaign.pacing)

    async def open(self, campaign: Campaign, agents: Iterable[Agent]) -> None:
        """Make a campaign's pacer, with what it knew when it was last saved. Raises Unavailable."""
        known = self._pools.get(campaign.pool)
        if known is not None and campaign.id in known.campaigns:
            self._change(known, campaign)
            return
        saved = await self._ledger.load_pacing(campaign.id)
        facts = await self._ledger.history(campaign.id, 0.0 if saved is None else saved.at)
        pool = self._pool(campaign.pool, agents)
        try:
            self._add(pool, campaign, None if saved is None else saved.state, facts)
        except ConfigError as damage:
            log.warning("saved_pacing_not_usable", campaign=campaign.id, reason=str(damage))
            facts = await self._ledger.history(campaign.id, 0.0)
            self._add(self._pool(campaign.pool, agents), campaign, None, facts)

    def _pool(self, name: str, agents: Iterable[Agent]) -> _Pool:
        """The pool's pacers, which know its agents from their first moment."""
        pool = self._pools.get(name)
        if pool is not None:
            pool.read()
            return pool
        pool = self._pools[name] = _Pool(Transcript(name, self._journal, self._clock, self._metrics))
        for agent in agents:
            if agent.pool == name:
                pool.see(agent, self._clock.now())
        for told in self._calls.values():
            if told.call.policy.pool == name:
                self._introduce(pool, told, self._clock.now())
        return pool  # unread: what was saved of the team has to come first

    def _change(self, pool: _Pool, campaign: Campaign) -> None:
        """Its settings are others now: it goes on with what it knows."""
        pool.read()
        state = pool.pacers.pool.campaign_state(_key(campaign.id))
        pool.pacers.remove(_key(campaign.id))
        self._add(pool, campaign, state, ())

    def _add(
        self, pool: _Pool, campaign: Campaign, state: Mapping[str, Any] | None, facts: Iterable[SettledAnswer]
    ) -> None:
        """Raises ConfigError for a state that cannot be used."""
        rule = rule_of(campaign)
        assert rule is not None
        pool.pacers.add(
            _key(campaign.id), config_of(campaign), campaign.pacing.pool_weight, campaign.id, policy=rule, state=state,
            facts=facts,
        )  # fmt: skip
        pool.campaigns[campaign.id] = campaign
        for told in self._calls.values():
            if told.call.campaign == campaign.id:
                self._introduce(pool, told, self._clock.now())

    def _introduce(self, pool: _Pool, told: _Told, at: float) -> None:
        """Tell a pool of a call, however far it has come: a line of one of its campaigns, or a person who waits."""
        told.key = None
        if told.call.phase in news.NOT_YET_LIVE and told.call.campaign in pool.campaigns:
            told.key = _key(told.call.campaign)
        for event in news.so_far(told.call, pool.time(at)):
            if told.key is not None or isinstance(event, CallLive):
                pool.tell(event, told.key)

    def forget(self, over: Callable[[CampaignId], bool]) -> None:
        """Let go of saved campaigns that are over and have no call left; of a pool too, when all of its have gone."""
        calling = {told.call.campaign for told in self._calls.values()}
        for name, pool in tuple(self._pools.items()):
            for campaign in tuple(pool.campaigns):
                if over(campaign) and campaign not in calling:
                    pool.read()
                    pool.pacers.remove(_key(campaign))
                    del pool.campaigns[campaign]
            pool.transcript.flush()
            if not pool.campaigns:
                del self._pools[name]

    async def save(self) -> None:
        """Keep what every campaign's pacer knows. Raises Unavailable."""
        for pool in tuple(self._pools.values()):
            pool.read()
            for campaign in tuple(pool.campaigns):
                saved = SavedPacing(pool.time(self._clock.now()), pool.pacers.pool.campaign_state(_key(campaign)))
                await self._ledger.save_pacing(campaign, saved)

    def keep_up(self) -> None:
        """Hand over news that no decision asks for, in every round of dialing: campaigns of a pool may be paused."""
        for name, pool in self._pools.items():
            if len(pool.unread) > NEWS_MAX:
                self._metrics.count("vss_bounds_reached_total", bound="pacing_news")
            if len(pool.unread) <= NEWS_KEPT:
                continue
            try:
                pool.read()
                pool.transcript.flush()
            except Exception:
                log.exception("pacing_fault", pool=name)
                self._metrics.count("vss_call_faults_total", kind="pacing")

    def decide(
        self, pool: str, now: float, limits: Mapping[CampaignId, PacingLimits]
    ) -> Mapping[CampaignId, PacingDecision]:
        """Ask the pacers of a pool on behalf of these campaigns; one that is not known (any more) gets no decision."""
        asked = self._pools.get(pool)
        if asked is None:
            return {}
        limits = {campaign: limit for campaign, limit in limits.items() if campaign in asked.campaigns}
        asked.read()
        answers = asked.pacers.decide(asked.time(now), {_key(campaign): limit for campaign, limit in limits.items()})
        asked.transcript.flush()
        return {campaign: answers[_key(campaign)] for campaign in limits}


def _key(campaign: CampaignId | None) -> str:
    return str(campaign)
