"""The pacer that looks ahead: dial while the chance that one more answer ends abandoned is at most theta (pure).

Half a minute ahead, second by second: how many live answers will have come (D), how many agents will have come free
(S), both with their variance. One more call adds its own chance of an answer; an answer at t finds nobody with the
probability that D exceeds S then, or later (it takes the agent of a later one). See docs/pacing.md for the formulas and
the proof of the budget. `seed` is part of the interface; the rule itself draws nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import ConfigError

from .budget import Ledger, SettledAnswer, Theta
from .estimate import LIVE, OTHER, Cohort, FailureAlarm, Floats, Multiplier, delayed, ended_by, leaving, phi
from .jurisdiction import jurisdiction
from .memory import Memory, part
from .observation import Observation
from .pacer import Explanation, PacerConfig, PacingDecision, PacingLimits, cut
from .roster import Doing, Phase, Roster, TrackedAgent, TrackedCall

HORIZON_S = 30
RING_BIN_S, RING_BINS = 0.5, 64
DETECT_BINS = 16
TALK_BIN_S, TALK_BINS = 2.0, 300
REFRESH_S = 10.0
"""Tables are derived from the hazards this often: they change within minutes, not seconds."""
STALE_S = 2.0
LEARN_CALLS, LEARN_S = 30, 25.0
"""One line per idle agent until so many calls have shown how they end, and so long after the first: what ends in the
first seconds is busy or refused, and says nothing about people. Later too
never more calls are in flight than have ended."""
FIRST_TRIALS = np.concatenate([np.arange(1, 9), 2 ** np.arange(4, 31)])
TRUST_CALLS = 50
"""With so many known ends a lack of answers counts half, with none not at all: the guess may be wrong."""
EARNS = frozenset({"theta", "agents", "budget", "hard_stop_period", "hard_stop_24h"})
"""While anything else binds, theta may not grow: it would not be what keeps abandonment low (no wind-up)."""
STATE_VERSION = 1
"""Of what `state` gives: another number where an older one cannot be read any more."""


class _Watched(Roster):
    """The roster with everybody's age and the statistics of leaving."""

    REMEMBERED = (
        *Roster.REMEMBERED, "ring", "detect", "talk", "wrap", "theta", "multiplier", "alarm", "live_hazard", "delay",
        "_due_of_left", "_due", "may_grow", "resolved", "_half", "_learned_half", "_expect_at",
    )  # fmt: skip

    def __init__(self, config: PacerConfig) -> None:
        super().__init__(jurisdiction(config.jurisdiction).ring_min_s, Ledger(config))
        self.ring = Cohort(RING_BIN_S, RING_BINS, 1800, (20, 10.0, 0.5))
        self.detect = Cohort(RING_BIN_S, DETECT_BINS, 600, (20, 2.0, 0.6))
        self.talk = Cohort(TALK_BIN_S, TALK_BINS, 3600, (15, 120.0, 1.0))
        self.wrap = Cohort(TALK_BIN_S, TALK_BINS, 3600, (15, 15.0, 1.0))
        self.theta = Theta(config)
        self.multiplier = Multiplier(RING_BIN_S)
        self.alarm = FailureAlarm()
        self.live_hazard: Floats = np.zeros(RING_BINS)
        self.delay: Floats = np.zeros(DETECT_BINS)
        self._due_of_left = 0.0
        self._due: Floats = np.zeros(DETECT_BINS)
        self.may_grow = True
        self.resolved = 0
        self._half: int | None = None
        self._learned_half = inf
        self._expect_at = 0

    def empty(self) -> None:
        """Nobody and nothing is there any more, no answer is due; what was learned stays."""
        super().empty()
        for cohort in (self.ring, self.detect, self.talk, self.wrap):
            cohort.empty()
        self._due_of_left = 0.0
        self._due = np.zeros(DETECT_BINS)

    def advance(self, now: float) -> None:
        """Everybody grows older, and the answers that were to be expected meanwhile are noted."""
        half = int(now // RING_BIN_S)
        if self._half is not None and half <= self._half:
            return
        self._half = half
        self._expect(half)
        # who left within the bin was there too
        due = float(self.ring.count @ self.live_hazard) + self._due_of_left
        self._due_of_left = 0.0
        steps = self.ring.advance(now)
        # a person is known as one only after the detection: what is expected has to wait as long as what is seen
        for _ in range(min(steps, DETECT_BINS)):
            self._due[1:] = self._due[:-1]
            self._due[0] = due
        self.multiplier.step(float(self._due @ self.delay), steps)
        for cohort in (self.detect, self.talk, self.wrap):
            cohort.advance(now)

    def _expect(self, half: int) -> None:
        """What is expected follows the statistics; with the first real ones, what the guess missed is forgotten."""
        if not self.learned:
            self.multiplier = Multiplier(RING_BIN_S)
        if half >= self._expect_at:
            self._expect_at = half + int(REFRESH_S / RING_BIN_S)
            self.live_hazard = self.ring.hazards()[LIVE]
            self.delay = detection_delay(self.detect.hazards())

    def entered(self, call: TrackedCall, at: float) -> None:
        self.advance(at)
        if call.phase is Phase.LAUNCHED:
            self._learned_half = min(self._learned_half, (at + LEARN_S) / RING_BIN_S)
            call.ring_bin = self.ring.enter(at)
        elif call.phase is Phase.DETECTING:
            call.detect_bin = self.detect.enter(at)

    def left(self, call: TrackedCall, at: float, way: str) -> None:
        self.advance(at)
        if call.phase in (Phase.LAUNCHED, Phase.DETECTING) and way in ("live", "other"):
            self.resolved += 1
        if call.phase is Phase.LAUNCHED:
            call.ring_age = self.ring.leave(call.ring_bin, at, OTHER if way == "other" else None)
            if way == "cancelled":
                self.ring.withdraw(call.ring_age)
            else:
                self._due_of_left += float(self.live_hazard[call.ring_age])
                self.alarm.resolved(at, way == "other")
        elif call.phase is Phase.DETECTING:
            live = way == "live"
            age = self.detect.leave(call.detect_bin, at, None if way == "cancelled" else LIVE if live else OTHER)
            if way == "cancelled":
                self.detect.withdraw(age)
                self.ring.withdraw(call.ring_age)
                return
            self.ring.credit(call.ring_age, LIVE if live else OTHER)
            self.multiplier.seen += live

    def agent_entered(self, agent: TrackedAgent, at: float) -> None:
        self.advance(at)
        if agent.doing is Doing.TALKING:
            agent.since_bin = self.talk.enter(at)
        elif agent.doing is Doing.WRAPPING:
            agent.since_bin = self.wrap.enter(at)

    def agent_left(self, agent: TrackedAgent, at: float, then: Doing | None) -> None:
        self.advance(at)
        if agent.doing is Doing.READY:
            return
        cohort = self.talk if agent.doing is Doing.TALKING else self.wrap
        age = cohort.leave(agent.since_bin, at, None if then is None else LIVE)
        if then is None:
            cohort.withdraw(age)
        elif agent.doing is Doing.TALKING and then is Doing.READY:
            # no paperwork is paperwork of no length: the wrap cohort learns that too
            self.wrap.leave(self.wrap.enter(at), at, LIVE)

    @property
    def learned(self) -> bool:
        """Enough calls have been seen to their end."""
        return self.resolved >= LEARN_CALLS and self._half is not None and self._half >= self._learned_half

    @property
    def factor(self) -> float:
        """The multiplier, whose falls are believed as far as there is evidence."""
        return max(self.multiplier.value, TRUST_CALLS / (TRUST_CALLS + self.resolved))

    def settled(self, abandoned: bool) -> None:
        self.theta.learn(abandoned, self.may_grow)


def detection_delay(detect: Floats) -> Floats:
    """How long the detection takes to know a person, from its hazards: the chances of 0, 1, .. bins."""
    found = leaving(detect, DETECT_BINS)[0]
    delay: Floats = found / max(float(found.sum()), 1e-9)
    return delay


class _Rates(Memory):
    """What the tables are made from: the hazards as they were then."""

    REMEMBERED = ("ring", "detect", "talk", "wrap", "p_detected")

    def __init__(self, watched: _Watched) -> None:
        self.ring = watched.ring.hazards()
        self.detect = watched.detect.hazards()
        self.talk = watched.talk.hazards(5)
        self.wrap = watched.wrap.hazards(3)
        self.p_detected = watched.detect.share_live()


class _Tables:
    """P(live by t), P(free by t) for every age and t = 1..30 s, beside their squares; and those of a new call."""

    def __init__(self, rates: _Rates, patience_s: float) -> None:
        self.rates = rates
        steps = int(HORIZON_S / RING_BIN_S)
        in_detection = leaving(rates.detect, steps)
        self.p_detected = rates.p_detected
        live = np.cumsum(delayed(leaving(rates.ring, steps), detection_delay(rates.detect)), axis=1)[:, 1::2]
        detected = np.cumsum(in_detection, axis=1)[:, 1::2]
        self.ring = np.hstack([live, live * live])
        self.detect = np.hstack([detected, detected * detected])
        self.new: Floats = live[0]
        self.arrival: Floats = np.diff(self.new, prepend=0.0) / max(float(self.new[-1]), 1e-9)
        """When the answer of a new call comes, if one comes."""
        self.free = self._free(int(patience_s))

    def _free(self, patience_s: int) -> Floats:
        """Talking rows, then wrapping ones; an answer waits `patience_s`, so who is free that much later counts."""
        seconds = HORIZON_S + patience_s
        wrapped = ended_by(self.rates.wrap, TALK_BIN_S, seconds)
        talked = ended_by(self.rates.talk, TALK_BIN_S, seconds)
        both = delayed(np.diff(talked, axis=1), wrapped[0, 1:])
        free = np.vstack([both[:, patience_s:], wrapped[:, 1 + patience_s :]])
        return np.hstack([free, free * free])


class LookaheadPacer:
    """The marginal-abandonment look-ahead rule for one campaign and its agents."""

    def __init__(self, config: PacerConfig, seed: int = 0) -> None:
        self.config = config
        self.seed = seed
        self._watched = _Watched(config)
        self._tables: _Tables | None = None
        self._refresh_at = 0.0

    def state(self) -> dict[str, Any]:
        """Everything that decisions follow from, ready for JSON, floats exact; not the configuration."""
        tables = self._tables
        return {
            "version": STATE_VERSION,
            "watched": self._watched.state(),
            "rates": None if tables is None else tables.rates.state(),
            "refresh_at": self._refresh_at,
        }

    @classmethod
    def restored(cls, config: PacerConfig, seed: int, state: Mapping[str, Any]) -> LookaheadPacer:
        """Goes on exactly where `state` was taken: the same decisions, byte for byte.

        Raises ConfigError ("state: ...") for a state that is damaged or of another version.
        """
        if part(state, "version") != STATE_VERSION:
            raise ConfigError(f"state: version {state['version']!r} is not {STATE_VERSION}, the one known here")
        pacer = cls(config, seed)
        pacer._watched.recall(part(state, "watched"))
        if part(state, "rates") is not None:
            rates = _Rates(pacer._watched)
            rates.recall(state["rates"])
            pacer._tables = _Tables(rates, config.patience_s)
        pacer._refresh_at = float(part(state, "refresh_at"))
        return pacer

    @classmethod
    def resumed(
        cls, config: PacerConfig, seed: int, state: Mapping[str, Any] | None, facts: Iterable[SettledAnswer] = ()
    ) -> LookaheadPacer:
        """A new start after a crash: what was learned, theta and the ledger are those of `state`.

        Calls and agents are not: they are told anew by events. `facts` are the answers settled since the state was
        taken, in order of time: they enter the ledger and lower theta, but do not raise it. Without a state (None)
        `facts` are the whole history; then they raise theta too, but not above its start.
        """
        pacer = cls(config, seed) if state is None else cls.restored(config, seed, state)
        watched = pacer._watched
        watched.empty()
        for fact in facts:
            watched.ledger.settle(fact.at, fact.abandoned)
            watched.theta.learn(fact.abandoned, may_grow=state is None)
        if state is None:
            watched.theta.start_at_most()
        watched.may_grow = False  # until the first decision
        return pacer

    @property
    def ledger(self) -> Ledger:
        """The account."""
        return self._watched.ledger

    @property
    def theta(self) -> Theta:
        """The control."""
        return self._watched.theta

    def observe(self, event: Observation) -> None:
        """Follow one event."""
        self._watched.ledger.begin(event.at)
        self._watched.observe(event)

    def decide(self, now: float, limits: PacingLimits) -> PacingDecision:
        """How many to launch and to give up at `now`, and why. Cost: bins times horizon, whatever the team's size."""
        watched = self._watched
        watched.advance(now)
        outlook = self._outlook(now)
        theta = watched.theta.value
        reason = self._only_floor(now, limits)
        floor = watched.floor()
        wanted, binding = floor, "agents"
        if reason is not None:
            binding = reason
        else:
            room = int(self.config.lines_per_agent_max * len(watched.agents)) - watched.in_flight
            known = watched.resolved - watched.in_flight
            found = outlook.most(theta, max(0, min(room, known)))
            wanted, binding = (found, "theta") if found > floor else (floor, "agents")
            if wanted == found == min(room, known) and found > floor:
                binding = "lines_per_agent" if room <= known else "learning"
        launch, binding = cut(wanted, binding, limits)
        watched.may_grow = binding in EARNS
        cancel = self._cancel(now, outlook, theta) if launch == 0 and limits.telephony_up else 0
        return PacingDecision(launch, cancel, self._why(now, binding, outlook, theta, wanted))

    def _only_floor(self, now: float, limits: PacingLimits) -> str | None:
        """Why nothing may be dialed beyond one line per idle agent, or None."""
        watched = self._watched
        spent = watched.ledger.spent(now)
        if spent is not None:
            return f"hard_stop_{spent}"
        if watched.theta.braked:
            return "budget"
        if not watched.learned:
            return "learning"
        if limits.state_age_s > STALE_S:
            return "stale_state"
        if not limits.message_armed:
            return "no_message"
        if watched.alarm.raised:
            return "failures"
        return "small_team" if self._small() else None

    def _small(self) -> bool:
        agents = len(self._watched.agents)
        if not self.config.small_team or agents > 5:
            return False
        return agents <= 3 or (self._tables is not None and float(self._tables.new[-1]) >= 0.6)

    def _outlook(self, now: float) -> _Outlook:
        if self._tables is None or now >= self._refresh_at:
            self._tables = _Tables(_Rates(self._watched), self.config.patience_s)
            self._refresh_at = (now // REFRESH_S + 1) * REFRESH_S
        return _Outlook(self._watched, self._tables)

    def _cancel(self, now: float, outlook: _Outlook, theta: float) -> int:
        """More people answer than agents come free: the calls that rang longest go, down to one per idle agent."""
        watched = self._watched
        spare = min(watched.cancellable(now), watched.in_flight + watched.waiting - watched.idle)
        if not self.config.cancel or spare <= 0 or outlook.chance(0) <= max(4 * theta, 0.2):
            return 0
        return spare

    def _why(self, now: float, binding: str, outlook: _Outlook, theta: float, wanted: int) -> Explanation:
        watched = self._watched
        ledger = watched.ledger
        return Explanation(
            at=now, policy="lookahead", binding=binding,
            idle=watched.idle, talking=watched.doing[Doing.TALKING], wrapping=watched.doing[Doing.WRAPPING],
            launched=watched.phases[Phase.LAUNCHED], detecting=watched.phases[Phase.DETECTING],
            waiting=watched.waiting,
            free_in_10_s=round(float(outlook.supply[9]), 3), answers_expected=round(float(outlook.demand[-1]), 3),
            chance=round(outlook.next_chance, 6), theta=round(theta, 6),
            multiplier=round(watched.factor, 4), wanted=wanted, answers_owed=watched.theta.answers_owed,
            answered=ledger.answered, abandoned=ledger.abandoned,
            limit=self.config.ratio_limit, target=round(self.config.target, 6),
        )  # fmt: skip


class _Outlook:
    """Demand and supply of the next half minute."""

    def __init__(self, watched: _Watched, tables: _Tables) -> None:
        factor = watched.factor
        p = tables.p_detected
        odds = factor / (1 - p + p * factor)
        ring = watched.ring.count @ tables.ring
        detect = watched.detect.count @ tables.detect
        from_ring, from_detect = factor * ring[:HORIZON_S], odds * detect[:HORIZON_S]
        came = from_ring + from_detect
        spread = came - factor * factor * ring[HORIZON_S:] - odds * odds * detect[HORIZON_S:]
        doubt = from_ring * from_ring * watched.multiplier.variance
        self.demand: Floats = came + watched.waiting
        free = np.concatenate([watched.talk.count, watched.wrap.count]) @ tables.free
        self.supply: Floats = free[:HORIZON_S] + watched.idle
        self._variance = np.maximum(spread, 0.1 * came) + doubt + free[:HORIZON_S] - free[HORIZON_S:] + 1e-6
        self._gap = self.demand - self.supply + 0.5
        new = np.minimum(tables.new * factor, 1.0)
        self._new = new
        self._spread_new = new * (1 - new)
        self._arrival = tables.arrival
        self.next_chance = self.chance(1)

    def chance(self, extra: int) -> float:
        """That the answer of the `extra`-th further call ends abandoned; 0: that of the last one in flight."""
        return float(self._chances(np.array([extra - 1.0]))[0])

    def most(self, theta: float, room: int) -> int:
        """The largest number of further calls, at most `room`, whose last one still is within theta."""
        return 0 if self.next_chance > theta else largest_within(self._chances, theta, room)

    def _chances(self, more: Floats) -> Floats:
        """For a call that has so many others beside it."""
        gap = self._gap + more[:, None] * self._new
        variance = self._variance + np.maximum(more, 0.0)[:, None] * self._spread_new
        nobody = phi(gap / np.sqrt(variance))
        # an answer at t takes an agent whom a later answer would have had
        found: Floats = np.maximum.accumulate(nobody[:, ::-1], axis=1)[:, ::-1] @ self._arrival
        return found


def largest_within(chances: Callable[[Floats], Floats], theta: float, room: int) -> int:
    """The largest k up to `room` with a chance within theta; `chances` grows with k - 1, its argument.

    The first eight and doubling, then the interval is cut in sixteen: each round is one evaluation of arrays, whatever
    the team's size.
    """
    low, high = 0, room + 1
    trial: NDArray[np.int64] = FIRST_TRIALS[: int(FIRST_TRIALS.searchsorted(high))]
    while high - low > 1:
        within = chances((trial - 1).astype(np.float64)) <= theta
        first = len(trial) if within.all() else int(within.argmin())
        if first < len(trial):
            high = int(trial[first])
        if first > 0:
            low = int(trial[first - 1])
        step = -(-(high - low) // 16)
        trial = np.arange(low + step, high, step)
    return low
