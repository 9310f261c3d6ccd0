"""What the look-ahead remembers: everybody's age, and the statistics of how rings, detections and talks end (pure)."""

from __future__ import annotations

from math import inf

import numpy as np

from .budget import Ledger, Theta
from .crew import Crew, Doing, TrackedAgent
from .estimate import LIVE, OTHER, Cohort, FailureAlarm, Floats, Multiplier, leaving
from .jurisdiction import jurisdiction
from .pacer import PacerConfig
from .roster import Phase, Roster, TrackedCall

RING_BIN_S, RING_BINS = 0.5, 64
DETECT_BINS = 16
TALK_BIN_S, TALK_BINS = 2.0, 300
REFRESH_S = 10.0
"""Tables are derived from the hazards this often: they change within minutes, not seconds."""
LEARN_CALLS, LEARN_S = 30, 25.0
"""One line per idle agent until so many calls have shown how they end, and so long after the first: what ends in the
first seconds is busy or refused, and says nothing about people. Later too
never more calls are in flight than have ended."""
TRUST_CALLS = 50
"""With so many known ends a lack of answers counts half, with none not at all: the guess may be wrong."""


class WatchedCrew(Crew):
    """The agents with the ages of their talks and paperwork; one for all campaigns of a pool."""

    REMEMBERED = (*Crew.REMEMBERED, "talk", "wrap")

    def __init__(self) -> None:
        super().__init__()
        self.talk = Cohort(TALK_BIN_S, TALK_BINS, 3600, (15, 120.0, 1.0))
        self.wrap = Cohort(TALK_BIN_S, TALK_BINS, 3600, (15, 15.0, 1.0))

    def empty(self) -> None:
        """Nobody is there any more; what was learned stays."""
        super().empty()
        self.talk.empty()
        self.wrap.empty()

    def advance(self, now: float) -> None:
        """Talks and paperwork grow older."""
        self.talk.advance(now)
        self.wrap.advance(now)

    def entered(self, agent: TrackedAgent, at: float) -> None:
        if agent.doing is Doing.TALKING:
            agent.since_bin = self.talk.enter(at)
        elif agent.doing is Doing.WRAPPING:
            agent.since_bin = self.wrap.enter(at)

    def left(self, agent: TrackedAgent, at: float, then: Doing | None) -> None:
        if agent.doing is Doing.READY:
            return
        cohort = self.talk if agent.doing is Doing.TALKING else self.wrap
        age = cohort.leave(agent.since_bin, at, None if then is None else LIVE)
        if then is None:
            cohort.withdraw(age)
        elif agent.doing is Doing.TALKING and then is Doing.READY:
            # no paperwork is paperwork of no length: the wrap cohort learns that too
            self.wrap.leave(self.wrap.enter(at), at, LIVE)


class Watched(Roster):
    """A campaign's calls with their ages and the statistics of leaving; its theta and its ledger."""

    REMEMBERED = (
        *Roster.REMEMBERED, "ring", "detect", "theta", "multiplier", "alarm", "live_hazard", "delay",
        "_due_of_left", "_due", "may_grow", "resolved", "_half", "_learned_half", "_expect_at",
    )  # fmt: skip

    def __init__(self, config: PacerConfig, crew: Crew) -> None:
        super().__init__(jurisdiction(config.jurisdiction).ring_min_s, Ledger(config), crew)
        self.ring = Cohort(RING_BIN_S, RING_BINS, 1800, (20, 10.0, 0.5))
        self.detect = Cohort(RING_BIN_S, DETECT_BINS, 600, (20, 2.0, 0.6))
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
        """No call is there any more, no answer is due; what was learned stays."""
        super().empty()
        self.ring.empty()
        self.detect.empty()
        self._due_of_left = 0.0
        self._due = np.zeros(DETECT_BINS)

    def advance(self, now: float) -> None:
        """Calls grow older, and the answers that were to be expected meanwhile are noted."""
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
        self.detect.advance(now)

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
