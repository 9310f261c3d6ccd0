"""A run minute by minute: how many answer, how many lines are up, how many find nobody, and theta (pure)."""

from __future__ import annotations

from dataclasses import dataclass, field

from .observation import AgentTalking, CallAbandoned, CallFailed, CallLive, CallMachine, Observation
from .pacer import PacingDecision


@dataclass(slots=True)
class Minute:
    """Counts of one minute, and sums over its decisions."""

    ended: int = 0
    """Calls whose end is known, but for those given up."""
    live: int = 0
    settled: int = 0
    abandoned: int = 0
    decisions: int = 0
    in_flight: int = 0
    busy: int = 0
    theta: float | None = None


@dataclass(slots=True)
class MinuteLog:
    """Give `event` and `decision` to a Run."""

    agents: int
    minutes: list[Minute] = field(default_factory=list)

    def event(self, event: Observation) -> None:
        """Count what was told to the pacer."""
        minute = self._minute(event.at)
        match event:
            case CallLive():
                minute.live += 1
                minute.ended += 1
            case CallMachine():
                minute.ended += 1
            case CallFailed(_, _, cancelled):
                minute.ended += not cancelled
            case CallAbandoned():
                minute.settled += 1
                minute.abandoned += 1
            case AgentTalking(_, _, call):
                minute.settled += call is not None

    def decision(self, decision: PacingDecision) -> None:
        """Note what the pacer saw and decided."""
        why = decision.why
        minute = self._minute(why.at)
        minute.decisions += 1
        minute.in_flight += why.launched + why.detecting
        minute.busy += why.talking + why.wrapping
        minute.theta = why.theta

    def columns(self) -> dict[str, list[float | None]]:
        """By minute: shares of 1, lines on average, theta at the minute's end; None where there is nothing to say."""
        return {
            "answer_rate": [_share(minute.live, minute.ended) for minute in self.minutes],
            "lines_in_flight": [_share(minute.in_flight, minute.decisions) for minute in self.minutes],
            "abandonment": [_share(minute.abandoned, minute.settled) for minute in self.minutes],
            "busy": [_share(minute.busy, minute.decisions * self.agents) for minute in self.minutes],
            "theta": [None if minute.theta is None else round(minute.theta, 5) for minute in self.minutes],
        }

    def _minute(self, at: float) -> Minute:
        number = int(at // 60)
        while len(self.minutes) <= number:
            self.minutes.append(Minute())
        return self.minutes[number]


def _share(part: float, whole: float) -> float | None:
    return round(part / whole, 4) if whole else None
