"""The rules the look-ahead is measured against; each keeps to the same interface (pure)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping

from engine.errors import ConfigError

from .budget import Ledger
from .crew import Doing
from .jurisdiction import jurisdiction
from .lookahead import LookaheadPacer
from .observation import Observation
from .pacer import Explanation, LinePacer, PacerConfig, PacingDecision, PacingLimits, cut
from .roster import Phase, Roster


class _Baseline:
    """A rule that needs no more than counts."""

    policy = ""

    def __init__(self, config: PacerConfig) -> None:
        self.config = config
        self.roster = Roster(jurisdiction(config.jurisdiction).ring_min_s, Ledger(config))

    @property
    def ledger(self) -> Ledger:
        """The account."""
        return self.roster.ledger

    def observe(self, event: Observation) -> None:
        """Follow one event."""
        self.roster.observe(event)

    def decide(self, now: float, limits: PacingLimits) -> PacingDecision:
        """How many to launch; these rules never give a call up."""
        wanted = max(0, self._wanted(now))
        launch, binding = cut(wanted, "agents", limits)
        roster = self.roster
        why = Explanation(
            at=now, policy=self.policy, binding=binding,
            idle=roster.idle, talking=roster.crew.doing[Doing.TALKING], wrapping=roster.crew.doing[Doing.WRAPPING],
            launched=roster.phases[Phase.LAUNCHED], detecting=roster.phases[Phase.DETECTING], waiting=roster.waiting,
            answered=self.ledger.answered, abandoned=self.ledger.abandoned, level=self._level(), wanted=wanted,
            limit=self.config.ratio_limit, target=round(self.config.target, 6),
        )  # fmt: skip
        return PacingDecision(launch, 0, why)

    def _wanted(self, now: float) -> int:
        raise NotImplementedError

    def _level(self) -> float | None:
        return None


class ProgressivePacer(_Baseline):
    """One line per idle agent."""

    policy = "progressive"

    def _wanted(self, now: float) -> int:
        return self.roster.floor()


class PowerPacer(_Baseline):
    """`lines` lines per idle agent; parts of a line are rounded down over the idle agents together."""

    policy = "power"

    def __init__(self, config: PacerConfig, lines: float) -> None:
        _positive("lines", lines)
        super().__init__(config)
        self._lines = lines

    def _wanted(self, now: float) -> int:
        return int(self._lines * self.roster.idle) - self.roster.in_flight - self.roster.waiting

    def _level(self) -> float:
        return self._lines


class RatioPacer(_Baseline):
    """`lines` lines per logged-in agent; calls that talk take one too."""

    policy = "ratio"

    def __init__(self, config: PacerConfig, lines: float) -> None:
        _positive("lines", lines)
        super().__init__(config)
        self._lines = lines

    def _wanted(self, now: float) -> int:
        roster = self.roster
        up = roster.in_flight + roster.waiting + roster.crew.doing[Doing.TALKING]
        return int(self._level() * len(roster.crew.agents)) - up

    def _level(self) -> float:
        return self._lines


class VicidialPacer(RatioPacer):
    """A ratio that adapts, as read from VICIdial's AST_VDadapt.pl.

    Every 15 s level *= 1 + (mean of ready agents - waiting calls over those 15 s)/agents, within [1, level_max]. With
    the day's drops over the limit the level falls: to 1 (`hard`), to a half (`average`), or by the share of the shift
    that has passed (`tapered`).
    """

    policy = "vicidial"
    EVERY_S = 15.0
    SHIFT_S = 8 * 3600.0
    MODES = ("hard", "average", "tapered")

    def __init__(self, config: PacerConfig, level_max: float, mode: str = "hard") -> None:
        _positive("level_max", level_max)
        if level_max < 1:
            raise ConfigError(f"level_max: {level_max} must be at least 1")
        if mode not in self.MODES:
            raise ConfigError(f"mode: {mode!r} is not one of {', '.join(self.MODES)}")
        super().__init__(config, 1.0)
        self._level_max = level_max
        self._mode = mode
        self._spare: deque[int] = deque(maxlen=1000)
        self._adapt_at: float | None = None
        self._began = 0.0

    def _wanted(self, now: float) -> int:
        self._spare.append(self.roster.idle - self.roster.waiting)
        if self._adapt_at is None:
            self._adapt_at, self._began = now + self.EVERY_S, now
        elif now >= self._adapt_at:
            self._adapt(now)
            self._adapt_at = now + self.EVERY_S
        return super()._wanted(now)

    def _adapt(self, now: float) -> None:
        mean = sum(self._spare) / len(self._spare)
        self._spare.clear()
        level = self._lines * (1 + mean / max(1, len(self.roster.crew.agents)))
        self.ledger.day.expire(now)
        day = self.ledger.day
        if day.abandoned > self.config.ratio_limit * day.answered:
            past = min(1.0, (now - self._began) / self.SHIFT_S)
            level = {"hard": 1.0, "average": level / 2, "tapered": 1 + (level - 1) * (1 - past)}[self._mode]
        self._lines = min(self._level_max, max(1.0, level))


def _positive(name: str, value: float) -> None:
    if not 0 < value <= 1000:
        raise ConfigError(f"{name}: {value} must be above 0 and at most 1000")


def pacer_named(text: str, config: PacerConfig, seed: int) -> LinePacer:
    """A rule by `name[:args]`: lookahead, progressive, power:LINES, ratio:LINES, vicidial:LEVEL_MAX[:MODE].

    Raises ConfigError, with the field's name in front.
    """
    name, *words = text.split(":")
    makers: Mapping[str, tuple[int, int, Callable[[list[str]], LinePacer]]] = {
        "lookahead": (0, 0, lambda _: LookaheadPacer(config, seed)),
        "progressive": (0, 0, lambda _: ProgressivePacer(config)),
        "power": (1, 1, lambda given: PowerPacer(config, _number("lines", given[0]))),
        "ratio": (1, 1, lambda given: RatioPacer(config, _number("lines", given[0]))),
        "vicidial": (1, 2, lambda given: VicidialPacer(config, _number("level_max", given[0]), *given[1:])),
    }
    if name not in makers:
        raise ConfigError(f"policy: {name!r} is not one of {', '.join(makers)}")
    least, most, make = makers[name]
    if not least <= len(words) <= most:
        raise ConfigError(f"policy: {text!r}: expected {least} to {most} arguments after {name}")
    return make(words)


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ConfigError(f"{name}: {text!r} is no number") from None
