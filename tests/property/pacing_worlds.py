"""Random worlds for the pacer, and a second account of its budget that is kept beside it and asserts at every event."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from engine.dialer.jurisdiction import jurisdiction
from engine.dialer.lookahead import LookaheadPacer
from engine.dialer.observation import (
    AgentGone,
    AgentReady,
    AgentTalking,
    AgentWrapping,
    CallAbandoned,
    CallFailed,
    CallLaunched,
    CallMachine,
    CustomerGone,
    Observation,
)
from engine.dialer.pacer import PacerConfig, PacingDecision
from engine.dialer.period import next_began, period_end
from engine.dialer.scenario import Scenario, Shift
from engine.dialer.simulator import HOUR_S, Run

DIALS = 2000
"""A world lasts as long as about so many calls take, within bounds: the busy ones are short."""


@dataclass(slots=True)
class Brake:
    """A time in which only floor calls may go out: what may still be abandoned by what was begun before."""

    in_flight: int
    abandoned: int
    floor_launched: int = 0
    idle_gone: int = 0

    @property
    def allowed(self) -> int:
        """The calls in flight when it began, and floor calls whose agent left meanwhile."""
        return self.in_flight + min(self.idle_gone, self.floor_launched)


@dataclass(slots=True)
class Account:
    """The budget property, from the events alone; of the pacer it is only asked whether theta is at its least."""

    pacer: LookaheadPacer
    answered: int = 0
    abandoned: int = 0
    excess_max: float = 0.0
    """The most that abandoned - target * answered has been."""
    allowed_max: int = 0
    """The most calls in flight, and floor calls without agent, by which it could have been above the 9.2."""
    stops: int = 0
    _period: tuple[int, int] = (0, 0)
    _began: float | None = None
    _ends: float = 0.0
    _in_flight: set[str] = field(default_factory=set)
    _ready: set[str] = field(default_factory=set)
    _spent: Brake | None = None
    _stopped: Brake | None = None

    @property
    def earned(self) -> float:
        """ln(theta0 / theta_min) / eta: 9.2 as delivered."""
        config = self.pacer.config
        return math.log(config.theta0 / config.theta_min) / config.eta

    def event(self, event: Observation) -> None:
        """After the pacer has seen it."""
        before = len(self._in_flight)
        self._follow(event)
        self._turn(event.at, before)
        if isinstance(event, CallLaunched):
            for brake in (self._spent, self._stopped):
                if brake is not None:
                    brake.floor_launched += 1
        self._check()

    def decision(self, decision: PacingDecision) -> None:
        """While theta is at its least, or the law's ratio is spent, only floor calls go out."""
        why = decision.why
        self._turn(why.at, len(self._in_flight))
        if self._spent is not None or self._stopped is not None:
            assert decision.launch <= max(0, why.idle - why.launched - why.detecting - why.waiting)
        self._check()

    def _follow(self, event: Observation) -> None:
        law = jurisdiction(self.pacer.config.jurisdiction)
        if self._began is None or event.at >= self._ends:
            self._began = event.at if self._began is None else next_began(law, self._began, event.at)
            self._ends = period_end(law, self._began)
            self._period = (0, 0)
        match event:
            case CallLaunched(_, call):
                self._in_flight.add(call)
            case AgentTalking(_, agent, call):
                self._ready.discard(agent)
                self._settle(call, abandoned=False)
            case CallAbandoned(_, call):
                self._settle(call, abandoned=True)
            case CallFailed(_, call) | CallMachine(_, call) | CustomerGone(_, call):
                self._in_flight.discard(call)
            case AgentReady(_, agent):
                self._ready.add(agent)
            case AgentWrapping(_, agent):
                self._ready.discard(agent)
            case AgentGone(_, agent):
                for brake in (self._spent, self._stopped):
                    if brake is not None:
                        brake.idle_gone += agent in self._ready
                self._ready.discard(agent)

    def _settle(self, call: str | None, abandoned: bool) -> None:
        if call in self._in_flight:
            self._in_flight.discard(call)
            self.answered += 1
            self.abandoned += abandoned
            self._period = (self._period[0] + 1, self._period[1] + abandoned)
            for brake in (self._spent, self._stopped):
                if brake is not None:
                    brake.abandoned += abandoned

    def _turn(self, now: float, before: int) -> None:
        """Brakes begin and end. The call whose end begins one was in flight until then: `before` counts it."""
        if not self.pacer.theta.braked:
            self._spent = None
        elif self._spent is None:
            self._spent = Brake(before, before - len(self._in_flight))
        spent = self.pacer.ledger.spent(now)
        assert (spent == "period") == self._over_the_line(now)
        if spent is None:
            self._stopped = None
        elif self._stopped is None:
            self.stops += 1
            self._stopped = Brake(before, before - len(self._in_flight))

    def _over_the_line(self, now: float) -> bool:
        """The hard stop, computed once more: A > limit * (L + 0.5 * expected remaining L)."""
        config = self.pacer.config
        if self._began is None or now >= self._ends:
            return False
        elapsed_s = max(now - self._began, 60.0)
        answered, abandoned = self._period
        hoped = answered + 0.5 * answered * max(0.0, self._ends - self._began - elapsed_s) / elapsed_s
        return abandoned > (config.ratio_limit - config.fp_rate) * hoped

    def _check(self) -> None:
        excess = self.abandoned - self.pacer.config.target * self.answered
        self.excess_max = max(self.excess_max, excess)
        allowed = 0 if self._spent is None else self._spent.allowed
        self.allowed_max = max(self.allowed_max, allowed)
        assert excess <= self.earned + allowed + 1e-6
        for brake in (self._spent, self._stopped):
            assert brake is None or brake.abandoned <= brake.allowed


@dataclass(frozen=True, slots=True)
class World:
    """What is simulated, what the pacer believes of it, and how long its period has lasted when work begins."""

    scenario: Scenario
    config: PacerConfig
    seed: int
    began_s: float


def random_world(number: int) -> World:
    """2 to 400 agents, 3 to 80 % answers, shocks, log-offs, any talk distribution, 0 to 3 % wrong detections.

    What the pacer is told of the wrong detections may be wrong too. In a third the legal period is about to end.
    """
    draw = np.random.default_rng([number, 4])
    agents = int(draw.integers(2, 401)) if number % 2 else round(math.exp(draw.uniform(math.log(2), math.log(400))))
    talk_mean_s, wrap_mean_s = math.exp(draw.uniform(math.log(5), math.log(600))), draw.uniform(1, 60)
    rates = draw.uniform(0.03, 0.8, 4)
    rate = float(rates[0])
    dials_per_s = min(agents / (talk_mean_s + wrap_mean_s) / rate, agents * 0.5)
    duration_s = min(max(DIALS / dials_per_s, 120.0), 600.0)
    shocks = tuple(
        Shift(at_s, float(value))
        for at_s, value in zip(sorted(draw.uniform(40, duration_s, draw.integers(0, 3))), rates[1:], strict=False)
    )
    leave_at_s = sorted(draw.uniform(40, duration_s, draw.integers(0, 3)))
    logoffs = tuple(Shift(at_s, float(draw.uniform(0.05, 0.9))) for at_s in leave_at_s)
    fp_rate = float(draw.uniform(0, 0.03))
    scenario = Scenario(
        agents=agents, answer_rate=rate, hours=duration_s / HOUR_S, shocks=shocks, logoffs=logoffs, fp_rate=fp_rate,
        model="markov" if draw.random() < 0.2 else "lognormal", talk_mean_s=talk_mean_s,
        talk_cv=float(draw.uniform(0, 3)), wrap_mean_s=float(wrap_mean_s), wrap_cv=float(draw.uniform(0, 2)),
        ring_median_s=float(draw.uniform(4, 18)), ring_sigma=float(draw.uniform(0, 1)),
        patience_s=float(draw.uniform(0, 2)),
    )  # fmt: skip
    law = ("us-ftc", "uk-ofcom", "ca-crtc", "de")[int(draw.integers(4))]
    near_the_end = draw.random() < 0.33
    if near_the_end and jurisdiction(law).period != "campaign":
        law = "custom"  # a simulated day begins at the epoch, and no calendar's period ends then
    believed = min(fp_rate * float(draw.uniform(0, 1.5)), 0.6 * jurisdiction(law).limit)
    config = PacerConfig(
        law, fp_rate=believed, small_team=bool(draw.random() < 0.3), cancel=bool(draw.random() < 0.8),
        patience_s=0.0 if scenario.model == "markov" else scenario.patience_s,
    )  # fmt: skip
    ends_within_s = duration_s * float(draw.uniform(0.5, 4)) if near_the_end else math.inf
    return World(scenario, config, number, max(0.0, jurisdiction(law).window_s - ends_within_s))


def lived_through(world: World) -> tuple[Account, list[float]]:
    """The world's account, asserted at every event, and how long each call had rung that was given up."""
    pacer = LookaheadPacer(world.config, world.seed)
    account = Account(pacer)
    if world.began_s > 0:
        opening = AgentGone(-world.began_s, "nobody yet")
        pacer.observe(opening)
        account.event(opening)
    rang: list[float] = []
    Run(
        world.scenario, pacer, world.seed,
        on_event=account.event, on_decision=account.decision, on_cancel=rang.append,
    ).run()  # fmt: skip
    assert (pacer.ledger.answered, pacer.ledger.abandoned) == (account.answered, account.abandoned)
    return account, rang
