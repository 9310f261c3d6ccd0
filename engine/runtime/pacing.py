"""The pacing desk: one set of pacers per agent pool, told everything the switchboard does, asked by the dialing.

News are queued as they happen and handed to the pacers right before a decision, each with its own time, so that they
cost the way from an answer to the join next to nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from engine.agent.machine import Agent
from engine.call.machine import MESSAGE_LEAD_S
from engine.call.model import Call, Phase
from engine.clock import Clock
from engine.dialer.campaign import Campaign, DialMode
from engine.dialer.crew import Doing
from engine.dialer.observation import AgentGone, AgentTalking, CallLive, Observation
from engine.dialer.pacer import PacerConfig, PacingDecision, PacingLimits
from engine.ids import CallId, CampaignId, Slot
from engine.ports import Metrics

from . import news

log = structlog.get_logger()

NEWS_MAX = 10_000
"""So many unread news are handed over without waiting for a decision."""


class Pacers(Protocol):
    """The pacers of one pool (engine/dialer/shared.py)."""

    def add(self, campaign: str, policy: str, config: PacerConfig, weight: float, seed: int) -> None: ...

    def remove(self, campaign: str) -> None: ...

    def observe(self, event: Observation, campaign: str | None) -> None: ...

    def decide(self, now: float, limits: Mapping[str, PacingLimits]) -> Mapping[str, PacingDecision]: ...


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

    pacers: Pacers
    campaigns: dict[CampaignId, Campaign] = field(default_factory=dict)
    doing: dict[Slot, Doing | None] = field(default_factory=dict)
    unread: deque[tuple[Observation, str | None]] = field(default_factory=deque)
    at: float = 0.0
    """Time of the newest news or decision: a pacer's clock never runs backwards."""

    def time(self, at: float) -> float:
        """`at`, or a moment later where something newer is known."""
        self.at = max(self.at, at)
        return self.at

    def tell(self, event: Observation, campaign: str | None) -> None:
        """Queue news; an agent who is no supply any more is none for having met one more call."""
        self.unread.append((event, campaign))
        if isinstance(event, AgentTalking) and self.doing.get(Slot(int(event.agent))) is None:
            self.unread.append((AgentGone(event.at, event.agent), None))
        if len(self.unread) > NEWS_MAX:
            self.read()

    def see(self, agent: Agent, at: float) -> None:
        """Tell what an agent does now, if that is news."""
        now_doing = news.doing(agent)
        if self.doing.get(agent.slot) is not now_doing:
            self.doing[agent.slot] = now_doing
            self.unread.append((news.of_agent(agent, self.time(at)), None))

    def read(self) -> None:
        """Hand the news over."""
        while self.unread:
            self.pacers.observe(*self.unread.popleft())


class PacingDesk:
    """Implements the switchboard's `Witness`: every method returns at once, and none awaits but `open` and `save`."""

    def __init__(self, clock: Clock, metrics: Metrics, pacers: Callable[[], Pacers]) -> None:
        """`pacers` makes those of one pool."""
        self._clock = clock
        self._metrics = metrics
        self._make = pacers
        self._pools: dict[str, _Pool] = {}
        self._calls: dict[CallId, tuple[_Pool, str | None]] = {}
        """Calls whose beginning was told."""

    # --- what the switchboard tells

    def call_began(self, call: Call, at: float) -> None:
        """A call exists."""
        pool = self._pools.get(call.policy.pool)
        if pool is None:
            return
        event = news.of_new_call(call, pool.time(at))
        if event is None:
            return
        key = _key(call.campaign) if call.campaign in pool.campaigns else None
        self._calls[call.id] = (pool, key)
        if key is not None or isinstance(event, CallLive):
            pool.tell(event, key)

    def call_stepped(self, before: Call, after: Call, at: float) -> None:
        """A call took a step; ENDED is its last."""
        known = self._calls.get(after.id)
        if known is None:
            return
        pool, key = known
        for event in news.of_call(before, after, pool.time(at)):
            pool.tell(event, key)
        if after.phase is Phase.ENDED:
            del self._calls[after.id]

    def agent_changed(self, agent: Agent, at: float) -> None:
        """An agent took a step."""
        if (pool := self._pools.get(agent.pool)) is not None:
            pool.see(agent, at)

    # --- what the dialing asks

    def knows(self, campaign: Campaign) -> bool:
        """Whether a campaign's pacer is there, with the settings that hold now."""
        pool = self._pools.get(campaign.pool)
        known = None if pool is None else pool.campaigns.get(campaign.id)
        return known is not None and (rule_of(known), known.pacing) == (rule_of(campaign), campaign.pacing)

    async def open(self, campaign: Campaign, agents: Iterable[Agent]) -> None:
        """Make a campaign's pacer, with what it knew when it was last saved. Raises Unavailable."""
        now = self._clock.now()
        policy = rule_of(campaign)
        assert policy is not None
        pool = self._pools.get(campaign.pool)
        if pool is None:
            pool = self._pools[campaign.pool] = _Pool(self._make())
            for agent in agents:
                if agent.pool == campaign.pool:
                    pool.see(agent, now)
        pool.read()
        if campaign.id in pool.campaigns:
            pool.pacers.remove(_key(campaign.id))
        pool.pacers.add(_key(campaign.id), policy, config_of(campaign), campaign.pacing.pool_weight, campaign.id)
        pool.campaigns[campaign.id] = campaign

    def decide(
        self, pool: str, now: float, limits: Mapping[CampaignId, PacingLimits]
    ) -> Mapping[CampaignId, PacingDecision]:
        """Ask the pacers of a pool on behalf of these campaigns, all of them known."""
        asked = self._pools[pool]
        asked.read()
        answers = asked.pacers.decide(asked.time(now), {_key(campaign): limit for campaign, limit in limits.items()})
        return {campaign: answers[_key(campaign)] for campaign in limits}


def _key(campaign: CampaignId) -> str:
    return str(campaign)
