"""How the lines of a pool are dealt out among its campaigns at one moment: weighted, each by its own theta (pure).

First one line per idle agent that no call in flight may need: those every campaign may have. Then, for campaigns whose
rule allows more, line after line while the chance that its answer ends abandoned, with everything in flight and dealt
so far, is within the campaign's own theta. Whose turn it is follows the deficit: each line dealt raises what every
contender is owed by its part of the weights, and lowers it by one for who got the line.

A campaign whose budget is spent may rely on an idle agent being there for its call. So it gets lines only while nobody
dials beyond the idle agents, and nobody does while it has calls in flight.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .estimate import Floats
from .member import Member
from .outlook import HORIZON_S, Demand, Outlook, Prospect
from .pacer import UNLIMITED, PacingLimits, cut
from .steering import Totals

HELD_AT_MOST = 4.0
"""Who ran ahead is held to the theta of who is owed lines, but to no less than a quarter of its own."""
AHEAD = 10.0
"""Lines a campaign may be ahead or behind before that happens; more is forgotten at twice as many."""
PARTS = 32
"""A turn is a line, in large teams a 32nd of the agents: the number of turns does not grow with the team."""


class Hand:
    """One contender at this moment, and what it was dealt."""

    def __init__(self, member: Member, demand: Demand, limits: PacingLimits, now: float) -> None:
        self.member = member
        self.demand = demand
        self.limits = limits
        self.cap, self.capped_by = cut(UNLIMITED, "", limits)
        self.reason = member.only_floor(now, limits)
        self.strict = member.relies_on_agents(now, limits)
        self.theta = member.theta
        self.held_to = self.theta
        self.floor = 0
        self.more = 0
        self.stopped_by: str | None = None

    @property
    def dealt(self) -> int:
        return self.floor + self.more

    @property
    def left(self) -> int:
        """What the outside still allows."""
        return self.cap - self.dealt


class Deal:
    """The dealing of one moment. `quiet`: nobody dials beyond the idle agents, for those who cannot get a line else.

    `guarded`: nobody does because a campaign that relies on it has calls in flight.
    """

    def __init__(
        self, outlook: Outlook, totals: Totals, idle: int, agents: int, quiet: bool = False, guarded: bool = False
    ) -> None:
        self._outlook = outlook
        self._totals = totals
        self._idle = idle
        self._turn = max(1, agents // PARTS)
        self._ahead = max(AHEAD, agents / 2)
        self._quiet = quiet
        self._guarded = guarded
        self.dealt = 0
        self.spare = max(0, idle - totals.in_flight - totals.waiting)
        """Idle agents whom no call in flight or dealt may need."""
        self.calm = True
        """Nobody may dial beyond the idle agents."""
        self._answers: Floats = np.zeros(HORIZON_S)
        self._spread: Floats = np.zeros(HORIZON_S)

    def out(self, hands: Sequence[Hand]) -> None:
        """Deal to every hand what it gets."""
        contenders = [hand for hand in hands if hand.cap > 0]
        self.calm = self._quiet or all(hand.reason is not None for hand in contenders)
        self._floor(contenders)
        strict_dials = any(hand.strict is not None and hand.floor > 0 for hand in contenders)
        if self._quiet or self._guarded or strict_dials:
            for hand in contenders:
                hand.stopped_by = "share" if hand.reason is None else None
        else:
            self._beyond(contenders)
        for hand in contenders:
            credit = hand.member.turn.credit
            hand.member.turn.credit = max(-2 * self._ahead, min(2 * self._ahead, credit))

    def prospect(self, hand: Hand) -> Prospect:
        """One more call of this campaign, beside everything in flight and dealt so far."""
        return Prospect(self._outlook, hand.demand, self._answers, self._spread)

    def _floor(self, contenders: Sequence[Hand]) -> None:
        takers = [hand for hand in contenders if self.calm or hand.strict is None]
        while self.spare > 0 and (takers := [hand for hand in takers if hand.left > 0]):
            hand = _next(takers)
            lines = min(self._turn, self.spare, hand.left)
            hand.floor += lines
            self.spare -= lines
            self._give(hand, lines, contenders)

    def _beyond(self, contenders: Sequence[Hand]) -> None:
        takers = [hand for hand in contenders if hand.reason is None]
        behind = [hand.theta for hand in takers if hand.member.turn.credit >= self._ahead]
        for hand in takers:
            hand.held_to = min(hand.theta, max(min(behind, default=1.0), hand.theta / HELD_AT_MOST))
        while takers:
            hand = _next(takers)
            wanted = min(self._turn, hand.left)
            lines = self._allowed(hand, wanted) if wanted > 0 else 0
            if lines:
                hand.more += lines
                self._give(hand, lines, contenders)
            if lines < self._turn:
                takers.remove(hand)

    def wanted(self, hand: Hand) -> int:
        """What it would have been dealt at most without the outer limits, after everybody else."""
        if hand.left > 0:
            return hand.dealt
        if hand.reason is not None or self._quiet or self._guarded:
            return hand.dealt + (self.spare if self.calm or hand.strict is None else 0)
        return hand.dealt + max(self.spare, self._allowed(hand, UNLIMITED))

    def _allowed(self, hand: Hand, wanted: int) -> int:
        """How many of `wanted` further lines its rule allows; notes what stopped it."""
        steering, lines = hand.member.steering, hand.member.lines
        up = self._totals.in_flight + self.dealt
        room = steering.room(up)
        if lines is not None:
            by_rule = int(lines * self._idle) - up - self._totals.waiting
            found = max(0, min(wanted, room, by_rule))
            hand.stopped_by = None if found == wanted else "agents" if by_rule <= room else "lines_per_agent"
            return found
        known = steering.known - hand.dealt
        most = max(0, min(room, known, wanted))
        found = self.prospect(hand).most(hand.held_to, most)
        if found < most:
            hand.stopped_by = "share" if hand.held_to < hand.theta else "theta"
        elif most < wanted:
            hand.stopped_by = "lines_per_agent" if room <= known else "learning"
        else:
            hand.stopped_by = None
        return found

    def _give(self, hand: Hand, lines: int, contenders: Sequence[Hand]) -> None:
        self.dealt += lines
        self._answers = self._answers + lines * hand.demand.new
        self._spread = self._spread + lines * hand.demand.spread_new
        weights = sum(other.member.weight for other in contenders)
        for other in contenders:
            other.member.turn.credit += lines * other.member.weight / weights
        hand.member.turn.credit -= lines


def _next(takers: Sequence[Hand]) -> Hand:
    """Who is owed most; of equals the heavier one, then the first."""
    return max(takers, key=lambda hand: (hand.member.turn.credit, hand.member.weight))


def binding(hand: Hand, wanted: int, calm: bool) -> str:
    """The name of what decided how much this campaign got."""
    if hand.dealt < wanted or not hand.limits.telephony_up or not hand.limits.ledger_writable:
        return hand.capped_by
    if hand.strict is not None and not calm:
        return hand.strict
    if hand.reason is not None:
        return hand.reason
    if hand.stopped_by == "theta" and hand.more == 0:
        return "agents"
    return hand.stopped_by or "agents"
