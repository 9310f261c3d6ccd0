"""The inspector: what must hold in a simulated day, at any moment and at its end (docs/simulation.md)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection

from engine.agent.machine import AgentState
from engine.call.model import Phase as CallPhase
from engine.dialer.campaign import DialMode
from engine.dialer.crew import Doing
from engine.dialer.replay import repeat
from engine.dialer.roster import Phase
from engine.outcome.disposition import Outcome
from engine.runtime.switchboard import IN_FLIGHT

from .cell import TRUNK, Cell
from .invariant import Violation, holds

SILENCE_MAX_S = 15.0
ORPHAN_MAX_S = 10.0
"""Longer than this after the socket is there no channel of ours may be nobody's."""


class Inspector:
    """Looks at a cell from outside; `cell` gives the one whose engine lives now."""

    def __init__(self, cell: Callable[[], Cell]) -> None:
        self._cell = cell
        self._silent_since: dict[str, float] = {}
        self._orphan_since: dict[str, float] = {}

    def look(self) -> None:
        """What must hold at any moment. Raises Violation."""
        self.books_agree()
        self.desk_agrees()
        self.nobody_sits_in_silence()
        self.channels_are_owned()
        self.attempts_are_single()

    def books_agree(self) -> None:
        """Agents, calls, queues and trunks are counted the same wherever they are counted."""
        cell = self._cell()
        board = cell.engine.switchboard
        on_call = [agent for agent in board.agents() if agent.call is not None]
        holds("agent-in-one-call", len({agent.call for agent in on_call}) == len(on_call), "two agents, one call")
        for agent in on_call:
            call = None if agent.call is None else board.calls.get(agent.call)
            serves = call is not None and call.seat_held and call.seat is not None and call.seat.slot == agent.slot
            holds("agent-in-one-call", serves, f"agent {agent.slot} has a call that does not know it: {agent.call}")
        held = {call.id for call in board.calls.values() if call.seat_held}
        holds("agent-in-one-call", held == {agent.call for agent in on_call}, "a call counts on an agent in vain")
        flying = Counter(call.campaign for call in board.calls.values() if call.phase in IN_FLIGHT and call.campaign)
        counted = {name: count for name, count in board.in_flight.items() if count}
        holds("counts-agree", counted == dict(flying), f"in flight {counted}, really {dict(flying)}")
        queued = {waiting.call for pool in board.pools.values() for waiting in pool.queue}
        waiting = {call.id for call in board.calls.values() if call.phase is CallPhase.WAITING}
        holds("counts-agree", queued == waiting, f"in queues {queued}, waiting {waiting}")
        capacity = cell.engine.dialing._trunks.capacity(TRUNK)
        over_trunk = sum(call.trunk == TRUNK for call in board.calls.values())
        if capacity is not None:  # an engine that waits for its store knows no trunk yet
            within = over_trunk <= capacity.channels <= capacity.channels_max
            holds("trunk-within-limit", within, f"{over_trunk} calls, {capacity}")

    def desk_agrees(self) -> None:
        """What pacers believe of agents and calls is what the switchboard knows."""
        engine = self._cell().engine
        board = engine.switchboard
        # who is joined with the agent to whom the lead was shown takes nobody else's
        shown = {name for name, one in engine.dialing.campaigns.items() if one.dial_mode is DialMode.PREVIEW}
        for name, pool in engine.desk._pools.items():
            pool.read()
            team = pool.pacers.pool
            idle = {str(agent.slot) for agent in board.pools[name].agents.values() if agent.available}
            ready = {slot for slot, agent in team._team.crew.agents.items() if agent.doing is Doing.READY}
            holds("pacer-knows", ready == idle, f"agents ready {ready}, idle {idle}")
            for campaign in pool.campaigns:
                watched = team._members[str(campaign)].steering.watched
                in_flight = watched.phases[Phase.LAUNCHED] + watched.phases[Phase.DETECTING]
                holds("pacer-knows", in_flight == board.in_flight.get(campaign, 0), "calls in flight")
            people = {
                call.id
                for call in board.calls.values()
                if call.phase in {CallPhase.WAITING, CallPhase.CONNECTING}
                and call.policy.pool == name
                and call.policy.slot is None
                and not (call.phase is CallPhase.CONNECTING and call.campaign in shown)
            }
            waiting = {
                call
                for member in team._members.values()
                for call, tracked in member.steering.watched.calls.items()
                if tracked.phase is Phase.WAITING
            }
            told = waiting | team._team.crew.inbound
            holds("pacer-knows", told == people, f"people who wait: told of {told}, really {people}")

    def nobody_sits_in_silence(self) -> None:
        """Whoever is on the line is with somebody, or hears something."""
        asterisk = self._cell().asterisk
        now = asyncio.get_running_loop().time()
        heard = {channel for channel, _ in asterisk.playbacks.values()}
        together = Counter(channel.bridge for channel in asterisk.channels.values() if channel.bridge is not None)
        holds("two-in-a-bridge", max(together.values(), default=0) <= 2, "three in a bridge")
        silent: set[str] = {
            channel.id
            for channel in asterisk.channels.values()
            if channel.app_args is not None
            and channel.state == "Up"
            and channel.music is None
            and channel.id not in heard
            and (channel.bridge is None or together[channel.bridge] < 2)
            and not channel.id.startswith("seat-")
        }
        self._silent_since = _since(self._silent_since, silent if asterisk.connected else (), now)
        for channel, since in self._silent_since.items():
            holds("nobody-in-silence", now - since <= SILENCE_MAX_S, f"{channel} for {now - since:.0f} s")

    def channels_are_owned(self) -> None:
        """Every channel in our application is a call's, an agent's, or is on its way out."""
        cell = self._cell()
        board, asterisk = cell.engine.switchboard, cell.asterisk
        now = asyncio.get_running_loop().time()
        owned = {agent.channel for agent in board.agents()} | {call.channel for call in board.calls.values()}
        owned |= cell.engine.runner.legs.keys()
        playing = {channel for channel, _ in asterisk.playbacks.values()}
        orphans: set[str] = {
            channel.id
            for channel in asterisk.channels.values()
            if channel.app_args is not None and channel.id not in owned | playing
        }
        self._orphan_since = _since(self._orphan_since, orphans if asterisk.connected else (), now)
        for channel, since in self._orphan_since.items():
            holds("channels-owned", now - since <= ORPHAN_MAX_S, f"{channel} for {now - since:.0f} s")

    def attempts_are_single(self) -> None:
        """A phone rings once for an attempt, and one lead has one attempt at a time."""
        cell = self._cell()
        dialed = Counter(command.channel for command in cell.asterisk.dialed)
        again = [channel for channel, count in dialed.items() if count > 1]
        holds("dialed-once", not again, f"{again[:3]} rang twice")


def check_the_day(cell: Cell, *, crashes: int = 0) -> None:
    """What must hold once the day is over and everything works again. Raises Violation."""
    try:
        cell.check_nothing_left()
    except AssertionError as left:
        raise Violation("nothing-left", str(left)) from left
    in_app = [channel.id for channel in cell.asterisk.channels.values() if channel.app_args is not None]
    holds("channels-owned", not in_app, f"{in_app} are still in the application")
    agents = cell.engine.switchboard.agents()
    holds("nothing-left", all(agent.state is AgentState.OFFLINE for agent in agents), "an agent is logged in")
    capacity = cell.engine.dialing._trunks.capacity(TRUNK)
    holds("trunk-within-limit", capacity is not None and capacity.channels == 0, f"the trunk is not empty: {capacity}")
    holds("pacer-knows", not cell.engine.desk._calls, "the pacing desk has calls")
    for text in cell.journal.segments.values():
        differs = repeat(text.splitlines(keepends=True)).difference
        holds("pacing-repeats", differs is None, f"a decision does not repeat: {differs}")
    dialed = {command.channel for command in cell.asterisk.dialed}
    facts = cell.memory.outcomes
    silent = {Outcome.NOT_DIALED, Outcome.SKIPPED}
    rang = {str(fact.attempt) for fact in facts.values() if fact.outcome in silent} & dialed
    holds("outcome-true", not rang, f"{rang} were dialed, and say that they were not")
    stuck = [lead.id for lead in cell.memory.leads.values() if lead.status == "dialing"]
    holds("no-lead-lost", not stuck, f"leads {stuck} are dialed for ever")
    holds("no-fault", cell.metrics.of("vss_call_faults_total") == 0, "a step of ours failed")
    if not crashes:  # what is counted in memory is counted from an engine's start on
        counted = Counter(fact.outcome for fact in facts.values())
        for outcome in set(Outcome) - {Outcome.NOT_DIALED}:
            metric = cell.metrics.of("vss_attempts_total", outcome=outcome)
            holds("counts-agree", metric == counted[outcome], f"{outcome}: {metric} counted, {counted[outcome]} facts")
    for fact in facts.values():
        record = cell.memory.calls.get(fact.attempt)  # type: ignore[call-overload]
        if record is not None:
            agrees = (record.phase, record.result) == (CallPhase.ENDED, fact.outcome)
            holds("outcome-true", agrees, f"{fact.attempt}: call {record.phase} {record.result}, fact {fact.outcome}")
        holds("outcome-true", fact.bridged_at is None or fact.outcome is Outcome.ANSWERED, f"{fact} talked")


def _since(known: dict[str, float], now_so: Collection[str], now: float) -> dict[str, float]:
    """Since when each of these is so."""
    return {name: known.get(name, now) for name in sorted(now_so)}
