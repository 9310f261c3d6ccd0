"""Several campaigns on one agent pool: one supply, one demand, each its own budget (pure).

An inbound caller and an agent are the pool's; a call is its campaign's, and so is the talk that settles it. A campaign
that has the pool for itself decides as `LookaheadPacer` does, byte for byte; see dealing.py for how several share it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from typing import Any

from engine.errors import ConfigError

from .budget import Ledger, SettledAnswer, Theta
from .dealing import Deal, Hand, binding
from .lookahead import STATE_VERSION, known_version
from .member import Member
from .memory import part
from .observation import AgentEvent, AgentTalking, CallEvent, CallLive, Observation
from .outlook import Outlook
from .pacer import PacerConfig, PacingDecision, PacingLimits
from .roster import Phase
from .steering import EARNS, Team, Totals

QUIET_S = 45.0
"""So long nobody dials beyond the idle agents, that those come to a line who may have no other: a campaign that knows
nothing yet, dials one line per idle agent, or has to earn back its budget."""
HUNGRY_S, UNKNOWN_HUNGRY_S = 240.0, 20.0
"""After so long without a line it gets quiet; sooner for a campaign that still has to learn."""


class SharedPacers:
    """The pacers of all campaigns of one agent pool. Deterministic, like each of them."""

    def __init__(self) -> None:
        self._team = Team()
        self._members: dict[str, Member] = {}
        self._quiet_until = 0.0
        self._fresh = True

    @property
    def campaigns(self) -> tuple[str, ...]:
        """Who shares the pool, in the order of joining."""
        return tuple(self._members)

    def add(
        self,
        campaign: str,
        config: PacerConfig,
        weight: float = 1.0,
        seed: int = 0,
        *,
        policy: str = "lookahead",
        state: Mapping[str, Any] | None = None,
        facts: Iterable[SettledAnswer] | None = None,
    ) -> None:
        """Let a campaign share the pool; `policy` is lookahead, progressive or power:LINES.

        With `state` (from `campaign_state`, or of a LookaheadPacer) or `facts` it begins anew with what it learned, as
        `LookaheadPacer.resumed` does. Raises ConfigError for what is wrong or there already.
        """
        if campaign in self._members:
            raise ConfigError(f"campaign: {campaign!r} shares this pool already")
        if state is not None:
            known_version(state)
        member = Member(campaign, config, weight, seed, policy, self._team)
        if state is not None:
            member.steering.recall(part(state, "campaign"))
            if self._fresh:
                self._team.recall(part(state, "team"))
                self._team.crew.empty()
        if state is not None or facts is not None:
            member.steering.resume(facts or (), whole=state is None)
        self._fresh = self._fresh and state is None
        self._members[campaign] = member
        self._patience()

    def remove(self, campaign: str) -> None:
        """A campaign is over. What is still told of its calls is ignored."""
        self._members.pop(campaign, None)
        self._patience()

    def ledger(self, campaign: str) -> Ledger:
        """A campaign's account."""
        return self._members[campaign].steering.watched.ledger

    def theta(self, campaign: str) -> Theta:
        """A campaign's control."""
        return self._members[campaign].steering.watched.theta

    def observe(self, event: Observation, campaign: str | None = None) -> None:
        """Follow one event. Calls are their campaign's; agents and inbound callers are the pool's (None)."""
        self._fresh = False
        if isinstance(event, AgentEvent):
            self._agent(event)
        elif campaign is None:
            self._unnamed(event)
        elif campaign in self._members:
            self._members[campaign].steering.observe(event)

    def decide(self, now: float, limits: Mapping[str, PacingLimits]) -> dict[str, PacingDecision]:
        """For each campaign in `limits`: how many to launch and to give up at `now`, and why."""
        members = list(self._members.values())
        asked = [member for member in members if member.key in limits]
        if not asked:
            return {}
        if len(members) == 1 and members[0].rule == "lookahead":
            return {asked[0].key: asked[0].steering.alone(now, limits[asked[0].key])}
        return self._together(now, members, asked, limits)

    def campaign_state(self, campaign: str) -> dict[str, Any]:
        """What `add` takes as `state`: this campaign's, with what is known of the agents."""
        steering = self._members[campaign].steering
        return {"version": STATE_VERSION, "team": self._team.state(), "campaign": steering.state()}

    def state(self) -> dict[str, Any]:
        """Everything that decisions follow from, configuration included, ready for JSON, floats exact."""
        return {
            "version": STATE_VERSION,
            "team": self._team.state(),
            "quiet_until": self._quiet_until,
            "fresh": self._fresh,
            "members": [
                {
                    "key": member.key, "config": asdict(member.steering.config), "weight": member.weight,
                    "seed": member.seed, "policy": member.policy, **member.state(),
                }
                for member in self._members.values()
            ],
        }  # fmt: skip

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> SharedPacers:
        """Goes on exactly where `state` was taken. Raises ConfigError for one that is damaged."""
        known_version(state)
        pool = cls()
        for kept in part(state, "members"):
            try:
                config = PacerConfig(**part(kept, "config"))
            except TypeError as error:
                raise ConfigError(f"state: config: {error}") from None
            pool.add(part(kept, "key"), config, part(kept, "weight"), part(kept, "seed"), policy=part(kept, "policy"))
            pool._members[kept["key"]].recall(kept)
        pool._team.recall(part(state, "team"))
        pool._quiet_until = float(part(state, "quiet_until"))
        pool._fresh = bool(part(state, "fresh"))
        return pool

    def _patience(self) -> None:
        """The pool's callers wait as long as the least patient campaign allows."""
        patience = [member.steering.config.patience_s for member in self._members.values()]
        self._team.patience_s = min(patience, default=self._team.patience_s)

    def _agent(self, event: AgentEvent) -> None:
        for member in self._members.values():
            member.steering.heed(event.at)
        if isinstance(event, AgentTalking) and event.call is not None:
            owner = self._owner(event.call)
            if owner is None:
                self._team.crew.inbound.discard(event.call)
            else:
                owner.steering.watched.connected(event.call, event.at)
        self._team.crew.observe(event)

    def _unnamed(self, event: CallEvent) -> None:
        owner = self._owner(event.call)
        if owner is not None:
            owner.steering.observe(event)
        elif isinstance(event, CallLive):
            self._team.crew.inbound.add(event.call)
        else:
            self._team.crew.inbound.discard(event.call)

    def _owner(self, call: str) -> Member | None:
        return next((member for member in self._members.values() if call in member.steering.watched.calls), None)

    def _together(
        self, now: float, members: list[Member], asked: list[Member], limits: Mapping[str, PacingLimits]
    ) -> dict[str, PacingDecision]:
        demands = {member.key: member.steering.demand(now) for member in members}
        totals = self._totals(members)
        crew = self._team.crew
        outlook = Outlook(list(demands.values()), totals.waiting, crew, self._team.tables(now))
        hands = [Hand(member, demands[member.key], limits[member.key], now) for member in asked]
        guarded = any(
            member.in_flight > 0 and member.relies_on_agents(now, limits.get(member.key)) is not None
            for member in members
        )
        self._quieten(now, hands)
        deal = Deal(outlook, totals, crew.idle, len(crew.agents), now < self._quiet_until, guarded)
        deal.out(hands)
        self._hunger(now, hands)
        for member in members:
            member.steering.watched.may_grow = False
        return self._decisions(now, hands, deal, totals)

    def _totals(self, members: list[Member]) -> Totals:
        phases = [member.steering.watched.phases for member in members]
        return Totals(
            launched=sum(found[Phase.LAUNCHED] for found in phases),
            detecting=sum(found[Phase.DETECTING] for found in phases),
            waiting=sum(found[Phase.WAITING] for found in phases) + len(self._team.crew.inbound),
        )

    def _quieten(self, now: float, hands: list[Hand]) -> None:
        """Begin a quiet time where somebody waited long for a line and somebody else is why."""
        if now < self._quiet_until or all(hand.reason is not None for hand in hands if hand.cap > 0):
            return
        for hand in hands:
            since = hand.member.turn.hungry_since
            patience = UNKNOWN_HUNGRY_S if hand.reason == "learning" else HUNGRY_S
            if hand.cap > 0 and hand.reason is not None and since is not None and now - since >= patience:
                self._quiet_until = now + QUIET_S

    def _hunger(self, now: float, hands: list[Hand]) -> None:
        for hand in hands:
            turn = hand.member.turn
            if hand.cap == 0 or hand.reason is None or hand.dealt > 0:
                turn.hungry_since = None
            elif turn.hungry_since is None or now < self._quiet_until:
                turn.hungry_since = now

    def _decisions(
        self, now: float, hands: list[Hand], deal: Deal, totals: Totals
    ) -> dict[str, PacingDecision]:  # fmt: skip
        decisions = {}
        spare = 0 if deal.dealt else totals.in_flight + totals.waiting - self._team.crew.idle
        for hand in hands:
            member, steering = hand.member, hand.member.steering
            prospect = deal.prospect(hand)
            wanted = deal.wanted(hand)
            why = steering.why(now, binding(hand, wanted, deal.calm), prospect, hand.theta, totals, wanted)
            why = replace(why, policy=member.rule, level=member.lines, own=member.in_flight)
            steering.watched.may_grow = why.binding in EARNS
            cancel = 0
            if spare > 0 and hand.limits.telephony_up:
                cancel = min(spare, steering.cancellable(now, prospect, hand.theta, totals))
                spare -= cancel
            decisions[member.key] = PacingDecision(hand.dealt, cancel, why)
        return decisions
