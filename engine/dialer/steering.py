"""One campaign's part of the look-ahead rule, and the team it shares with others: what a decision is made of (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .budget import SettledAnswer
from .crew import Doing
from .memory import part
from .observation import Observation
from .outlook import CallRates, CallTables, CrewRates, CrewTables, Demand, Outlook, Prospect
from .pacer import Explanation, PacerConfig, PacingDecision, PacingLimits, cut
from .roster import Phase
from .watched import REFRESH_S, Watched, WatchedCrew

STALE_S = 2.0
EARNS = frozenset({"theta", "agents", "share", "budget", "hard_stop_period", "hard_stop_24h"})
"""While anything else binds, theta may not grow: it would not be what keeps abandonment low (no wind-up)."""


class Team:
    """The agents of a pool and the table of when they come free."""

    def __init__(self, patience_s: float = 1.0) -> None:
        self.patience_s = patience_s
        """How long a live caller can wait: the shortest of the campaigns'."""
        self.crew = WatchedCrew()
        self._tables: CrewTables | None = None
        self._refresh_at = 0.0

    def state(self) -> dict[str, Any]:
        """As JSON."""
        rates = None if self._tables is None else self._tables.rates.state()
        return {"crew": self.crew.state(), "rates": rates, "refresh_at": self._refresh_at}

    def recall(self, state: Mapping[str, Any]) -> None:
        """Take on what `state` gave."""
        self.crew.recall(part(state, "crew"))
        if part(state, "rates") is not None:
            rates = CrewRates(self.crew, self.patience_s)
            rates.recall(state["rates"])
            self._tables = CrewTables(rates)
        self._refresh_at = float(part(state, "refresh_at"))

    def tables(self, now: float) -> CrewTables:
        """Brought up to `now`."""
        self.crew.advance(now)
        if self._tables is None or now >= self._refresh_at:
            self._tables = CrewTables(CrewRates(self.crew, self.patience_s))
            self._refresh_at = (now // REFRESH_S + 1) * REFRESH_S
        return self._tables


@dataclass(frozen=True, slots=True)
class Totals:
    """Calls of all campaigns of the pool, and live callers who wait, inbound ones included."""

    launched: int
    detecting: int
    waiting: int

    @property
    def in_flight(self) -> int:
        """Dialed and not yet known to be a person or not."""
        return self.launched + self.detecting


class Steering:
    """One campaign: its calls, its budget, and how the look-ahead rule decides for it."""

    def __init__(self, config: PacerConfig, team: Team) -> None:
        self.config = config
        self.team = team
        self.watched = Watched(config, team.crew)
        self._tables: CallTables | None = None
        self._refresh_at = 0.0

    def state(self) -> dict[str, Any]:
        """As JSON, without the team."""
        rates = None if self._tables is None else self._tables.rates.state()
        return {"watched": self.watched.state(), "rates": rates, "refresh_at": self._refresh_at}

    def recall(self, state: Mapping[str, Any]) -> None:
        """Take on what `state` gave."""
        self.watched.recall(part(state, "watched"))
        if part(state, "rates") is not None:
            rates = CallRates(self.watched)
            rates.recall(state["rates"])
            self._tables = CallTables(rates)
        self._refresh_at = float(part(state, "refresh_at"))

    def resume(self, facts: Iterable[SettledAnswer], whole: bool) -> None:
        """Begin anew without calls. `facts` enter the ledger; `whole`: they are all there ever were, theta follows."""
        watched = self.watched
        watched.empty()
        for fact in facts:
            watched.ledger.settle(fact.at, fact.abandoned)
            watched.theta.learn(fact.abandoned, may_grow=whole)
        if whole:
            watched.theta.start_at_most()
        watched.may_grow = False  # until the first decision

    def heed(self, at: float) -> None:
        """Something happened: time has passed."""
        self.watched.ledger.begin(at)
        self.watched.advance(at)

    def observe(self, event: Observation) -> None:
        """Follow one event."""
        self.heed(event.at)
        self.watched.observe(event)

    def totals(self) -> Totals:
        """Of this campaign alone, with the inbound callers of the pool."""
        phases = self.watched.phases
        return Totals(phases[Phase.LAUNCHED], phases[Phase.DETECTING], self.watched.waiting)

    def demand(self, now: float) -> Demand:
        """What its calls want, brought up to `now`."""
        self.watched.advance(now)
        if self._tables is None or now >= self._refresh_at:
            self._tables = CallTables(CallRates(self.watched))
            self._refresh_at = (now // REFRESH_S + 1) * REFRESH_S
        return Demand(self.watched, self._tables)

    def alone(self, now: float, limits: PacingLimits) -> PacingDecision:
        """The decision of a campaign that has the team for itself."""
        watched = self.watched
        demand = self.demand(now)
        outlook = Outlook([demand], watched.waiting, self.team.crew, self.team.tables(now))
        prospect = Prospect(outlook, demand)
        theta = watched.theta.value
        binding = self.only_floor(now, limits)
        floor = watched.floor()
        wanted = floor
        if binding is None:
            room, known = self.room(watched.in_flight), self.known
            found = prospect.most(theta, max(0, min(room, known)))
            wanted, binding = (found, "theta") if found > floor else (floor, "agents")
            if wanted == found == min(room, known) and found > floor:
                binding = "lines_per_agent" if room <= known else "learning"
        launch, binding = cut(wanted, binding, limits)
        watched.may_grow = binding in EARNS
        totals = self.totals()
        cancel = self.cancellable(now, prospect, theta, totals) if launch == 0 and limits.telephony_up else 0
        return PacingDecision(launch, cancel, self.why(now, binding, prospect, theta, totals, wanted))

    def room(self, in_flight: int) -> int:
        """How many lines more the agents may have, with so many of the pool in flight."""
        return int(self.config.lines_per_agent_max * len(self.team.crew.agents)) - in_flight

    @property
    def known(self) -> int:
        """Never more in flight than have ended: how many more that are."""
        return self.watched.resolved - self.watched.in_flight

    def only_floor(self, now: float, limits: PacingLimits) -> str | None:
        """Why nothing may be dialed beyond one line per idle agent, or None."""
        watched = self.watched
        spent = self.spent(now)
        if spent is not None:
            return spent
        if not watched.learned:
            return "learning"
        if limits.state_age_s > STALE_S:
            return "stale_state"
        if not limits.message_armed:
            return "no_message"
        if watched.alarm.raised:
            return "failures"
        return "small_team" if self._small() else None

    def spent(self, now: float) -> str | None:
        """The brake of the budget that holds, or None."""
        window = self.watched.ledger.spent(now)
        if window is not None:
            return f"hard_stop_{window}"
        return "budget" if self.watched.theta.braked else None

    def _small(self) -> bool:
        agents = len(self.team.crew.agents)
        if not self.config.small_team or agents > 5:
            return False
        return agents <= 3 or (self._tables is not None and float(self._tables.new[-1]) >= 0.6)

    def cancellable(self, now: float, prospect: Prospect, theta: float, totals: Totals) -> int:
        """More people answer than agents come free: the calls that rang longest go, down to one per idle agent."""
        spare = min(self.watched.cancellable(now), totals.in_flight + totals.waiting - self.watched.idle)
        if not self.config.cancel or spare <= 0 or prospect.chance(0) <= max(4 * theta, 0.2):
            return 0
        return spare

    def why(
        self, now: float, binding: str, prospect: Prospect, theta: float, totals: Totals, wanted: int
    ) -> Explanation:
        """The inputs of a decision, those of the pool where it has several campaigns."""
        ledger, doing = self.watched.ledger, self.team.crew.doing
        outlook = prospect.outlook
        return Explanation(
            at=now, policy="lookahead", binding=binding,
            idle=doing[Doing.READY], talking=doing[Doing.TALKING], wrapping=doing[Doing.WRAPPING],
            launched=totals.launched, detecting=totals.detecting, waiting=totals.waiting,
            free_in_10_s=round(float(outlook.supply[9]), 3), answers_expected=round(float(outlook.demand[-1]), 3),
            chance=round(prospect.next_chance, 6), theta=round(theta, 6),
            multiplier=round(self.watched.factor, 4), wanted=wanted, answers_owed=self.watched.theta.answers_owed,
            answered=ledger.answered, abandoned=ledger.abandoned,
            limit=self.config.ratio_limit, target=round(self.config.target, 6),
        )  # fmt: skip
