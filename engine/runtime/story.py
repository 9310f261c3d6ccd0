"""The story of calls and agents: everything that is derived from (before, event, after).

Journal, outcomes, agents' history, live frames and metrics come from here and from nowhere else, so that they can
never say different things.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import structlog

from engine.agent.machine import Agent, AgentState
from engine.call.events import CallEvent, LegDigit
from engine.call.journal import MASK, Cut, Faulted, Opening, entry_of, opening
from engine.call.model import Call, CallKind, Phase
from engine.dialer.lead import LeadNext, LeadStatus, next_of
from engine.ids import AttemptId, CallId
from engine.outcome.disposition import Outcome
from engine.ports import AgentFact, CallRecord, Disposition, LiveFeed, LiveFrame, Metrics, OptOut, OutcomeFact

from .batch import Batch

log = structlog.get_logger()

ENTRIES_MAX = 1000
"""Journal entries kept for one call between two commits; more (a storm of digits) are counted, not kept.

So much again is kept of those that change the call, so that the machine comes to the same result without the others.
"""


@dataclass(slots=True)
class _Chapter:
    """What is to be written of one call."""

    facts: list[CallEvent | Opening | Faulted] = field(default_factory=list)
    dropped: int = 0


@dataclass(frozen=True, slots=True)
class Ledgers:
    """Where the story is written."""

    calls: Batch[CallRecord]
    outcomes: Batch[OutcomeFact]
    agents: Batch[AgentFact | Disposition]
    opt_outs: Batch[OptOut]

    @property
    def late(self) -> bool:
        """Whether outcomes cannot be written as fast as they come; then nothing new is dialed."""
        return self.outcomes.late


class Story:
    """Derives and queues; never blocks, never raises."""

    def __init__(self, ledgers: Ledgers, feed: LiveFeed, metrics: Metrics) -> None:
        self._ledgers = ledgers
        self._feed = feed
        self._metrics = metrics
        self._open: dict[CallId, _Chapter] = {}
        self._dirty: dict[CallId, Call] = {}
        self._unshown: dict[CallId, Call] = {}
        self._shown: set[CallId] = set()
        self.phases: dict[Phase, int] = dict.fromkeys(Phase, 0)

    def began(self, call: Call, adopted_at: float | None = None) -> None:
        """A call exists; `adopted_at`: since then, after an engine before us had it."""
        self._open[call.id] = _Chapter([opening(call, adopted_at)])
        self.phases[call.phase] += 1
        self._unshown[call.id] = call

    def stepped(self, before: Call, event: CallEvent, after: Call) -> None:
        """A call took a step; ENDED closes its story."""
        chapter = self._open.get(after.id)
        if chapter is None:
            return
        room = ENTRIES_MAX if after is before else 2 * ENTRIES_MAX
        if len(chapter.facts) < room or after.phase is Phase.ENDED:
            chapter.facts.append(_masked(event) if before.scripted else event)
        else:
            chapter.dropped += 1
        if after.phase is before.phase:
            if after.answered_at is not None and before.answered_at is None:  # a script answered its caller
                self._dirty[after.id] = after
            return
        self.phases[before.phase] -= 1
        self._turned(before, after)
        if after.phase is Phase.ENDED:
            self._dirty.pop(after.id, None)
            if after.outcome is Outcome.ENGINE_ERROR and after.ended_at is not None:
                chapter.facts.append(Faulted(after.ended_at))
            self._ledgers.calls.add(self._record(after))
            del self._open[after.id]
            self._over(after)
        else:
            self.phases[after.phase] += 1
            if after.answered_at is not None:
                self._dirty[after.id] = after
            self._unshown[after.id] = after

    def ended_before(self, call: Call) -> None:
        """A call ended with an engine before us, and nothing of that was written."""
        self._open[call.id] = _Chapter([opening(call, call.ended_at or call.created_at)])
        self._ledgers.calls.add(self._record(call))
        del self._open[call.id]
        if call.attempt is not None:
            self.concluded(call)

    def keep_live(self) -> None:
        """Queue the records of answered calls that changed since the last time; called twice a second."""
        for call in self._dirty.values():
            self._ledgers.calls.add(self._record(call))
        self._dirty.clear()

    def keep(self, call: Call) -> None:
        """Queue the record of a call now: something else will refer to it."""
        if call.id in self._open:
            self._dirty.pop(call.id, None)
            self._ledgers.calls.add(self._record(call))

    def show_calls(self) -> None:
        """Publish the calls that changed since the last time; called four times a second.

        An attempt that is over sooner (busy, unallocated: most of a dialer's) was never shown and costs no frame.
        """
        for call in self._unshown.values():
            self._publish(call)
        self._shown.update(self._unshown)
        self._unshown.clear()

    def concluded(self, call: Call) -> None:
        """The outcome of the call's attempt is decided: queue the fact."""
        assert call.attempt is not None
        outcome = call.outcome or Outcome.UNKNOWN
        ended_at = call.ended_at or call.created_at
        fact = OutcomeFact(
            call.attempt,
            outcome,
            call.cause,
            call.sip_code,
            call.ringing_at,
            call.answered_at,
            call.bridged_at,
            ended_at,
            call.hangup_by,
            call.seat.slot if call.seat is not None and (call.bridged_at or outcome is Outcome.SKIPPED) else None,
            _next_of(call, outcome, ended_at),
            live_at=call.live_at,
            greeting_end_at=call.greeting_end_at,
            machine=call.machine,
            message_at=call.message_at,
            opted_out_at=call.opted_out_at,
            note=call.note or None,
        )
        self._ledgers.outcomes.add(fact)
        self._metrics.count("vss_attempts_total", outcome=outcome)

    def opted_out(self, call: Call) -> None:
        """The person asked never to be called again: queue the number for the do-not-call list."""
        assert call.opted_out_at is not None
        self._ledgers.opt_outs.add(OptOut(call.number, call.id, call.opted_out_at))
        self._metrics.count("vss_opt_outs_total")

    def never_dialed(self, attempt: AttemptId, at: float) -> None:
        """An attempt that is open, or may be (the ledger takes no notice of one that is not), will not be dialed."""
        following = next_of(Outcome.NOT_DIALED, 0, {}, at)
        self._ledgers.outcomes.add(
            OutcomeFact(attempt, Outcome.NOT_DIALED, 0, None, None, None, None, at, "engine", None, following)
        )

    def unfit(self, attempt: AttemptId, why: str, at: float) -> None:
        """An open attempt will not be dialed, and nor will its lead again: its data does not fit the script."""
        never = LeadNext(LeadStatus.EXCLUDED, None)
        self._ledgers.outcomes.add(
            OutcomeFact(attempt, Outcome.NOT_DIALED, 0, None, None, None, None, at, "engine", None, never, note=why)
        )

    def agent_changed(self, before: Agent, after: Agent) -> None:
        """An agent took a step."""
        if after.state is not before.state or after.reason != before.reason:
            self._ledgers.agents.add(AgentFact(after.slot, after.state, after.reason, after.call, after.since))
            self._metrics.count("vss_agent_changes_total", state=after.state)
            if before.state is AgentState.WRAPPING:
                self._metrics.observe("vss_wrap_up_seconds", after.since - before.since)
        self.show_agent(after)

    def show_agent(self, agent: Agent) -> None:
        """Publish an agent as it is now."""
        data = {
            "slot": agent.slot,
            "pool": agent.pool,
            "state": agent.state.value,
            "reason": agent.reason,
            "since": agent.since,
            "call": agent.call,
            "registered": agent.registered,
        }
        self._feed.publish(LiveFrame("agent", str(agent.slot), data))

    def disposed(self, disposition: Disposition, source: str) -> None:
        """An agent said what a call was; `source` is http or phone."""
        self._ledgers.agents.add(disposition)
        self._metrics.count("vss_dispositions_total", source=source)

    def _turned(self, before: Call, after: Call) -> None:
        """Measure what a change of phase tells."""
        match after.phase:
            case Phase.TALKING if after.bridged_at is not None and after.answered_at is not None:
                wait_s = after.bridged_at - after.answered_at
                metric = "vss_wait_seconds" if after.kind is CallKind.INBOUND else "vss_bridge_seconds"
                self._metrics.observe(metric, wait_s)
            case Phase.ANSWERED if after.answered_at is not None:
                self._metrics.observe("vss_ring_seconds", after.answered_at - (after.dialed_at or after.created_at))
            case Phase.ENDED if after.bridged_at is not None and after.ended_at is not None:
                self._metrics.observe("vss_talk_seconds", after.ended_at - after.bridged_at)
        if before.phase is Phase.ANNOUNCING:
            self._message_over(after)

    def _message_over(self, call: Call) -> None:
        """Whether the person heard it; `failed`: there was nothing to hear, and we ended the call."""
        if call.message_at is None:
            failed = call.phase is Phase.HANGING_UP
            self._metrics.count("vss_messages_total", result="failed" if failed else "unheard")
            if failed:
                log.error("message_failed", call=call.id, campaign=call.campaign, media=call.policy.message)
            return
        self._metrics.count("vss_messages_total", result="heard")
        if call.answered_at is not None:
            self._metrics.observe("vss_message_seconds", call.message_at - call.answered_at)

    def _over(self, call: Call) -> None:
        self._unshown.pop(call.id, None)
        if call.id in self._shown:
            self._shown.discard(call.id)
            self._feed.publish(LiveFrame("call", call.id, {}))

    def _publish(self, call: Call) -> None:
        data = {
            "id": call.id,
            "kind": call.kind.value,
            "phase": call.phase.value,
            "campaign": call.campaign,
            "number": call.number,
            "trunk": call.trunk,
            "slot": call.seat.slot if call.seat else None,
            "created_at": call.created_at,
            "answered_at": call.answered_at,
            "bridged_at": call.bridged_at,
        }
        self._feed.publish(LiveFrame("call", call.id, data))

    def _record(self, call: Call) -> CallRecord:
        chapter = self._open[call.id]
        entries = tuple(entry_of(fact) for fact in chapter.facts)
        if chapter.dropped:
            entries = (*entries, entry_of(Cut(chapter.dropped, chapter.facts[-1].at)))
            log.warning("journal_cut", call=call.id, dropped=chapter.dropped)
            self._metrics.count("vss_bounds_reached_total", bound="journal")
        self._open[call.id] = _Chapter()
        return CallRecord(
            call.id,
            call.kind,
            call.phase,
            call.attempt,
            call.campaign,
            call.number,
            call.trunk,
            call.seat.slot if call.seat else None,
            call.created_at,
            call.answered_at,
            call.bridged_at,
            call.ended_at,
            call.outcome,
            call.hangup_by,
            call.recording if call.answered_at is not None else None,
            entries,
            call.script,
        )


def _next_of(call: Call, outcome: Outcome, ended_at: float) -> LeadNext:
    """What becomes of the lead; a person who opted out is never called again, whatever the campaign's rules say."""
    if call.opted_out_at is not None:
        return LeadNext(LeadStatus.EXCLUDED, None)
    return next_of(outcome, call.lead_attempts, call.policy.recall, ended_at)


def _masked(event: CallEvent) -> CallEvent:
    """What people tell a script may be a PIN: what it takes of that is in its run, where that is not sensitive."""
    return replace(event, digit=MASK) if isinstance(event, LegDigit) else event
