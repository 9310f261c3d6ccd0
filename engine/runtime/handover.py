"""The handover: how calls and agents stand is kept a moment after it changed, for the engine that comes next.

Only the newest state counts, so nothing queues up: what changed since the last time is written at once, in one
statement. What Asterisk tells by itself (a call that nobody answered yet and that its attempt names) is not written.
A call that ended is kept as it ended until its outcome and its record are written, elsewhere and a moment later.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Any

import structlog

from engine.agent.machine import Agent
from engine.call.model import Call, CallKind, Phase
from engine.errors import Rejected, Unavailable
from engine.ids import CallId, Slot
from engine.ports import HandoverStore, Metrics, Standing

from .batch import Batch
from .switchboard import Witness

log = structlog.get_logger()

KEEP_S = 0.05
RETRY_S = 0.5
KEEP_LIMIT_S = 5.0


_TOLD_BY_ATTEMPT = frozenset({Phase.DIALING, Phase.RINGING, Phase.ANSWERED})


class Handover:
    """Implements the switchboard's `Witness`: what it is told returns at once; `run` writes."""

    def __init__(self, store: HandoverStore, ledgers: tuple[Batch[Any], ...], metrics: Metrics) -> None:
        """`ledgers`: where what is to be written of a call is queued by the time it has ended."""
        self._store = store
        self._ledgers = ledgers
        self._metrics = metrics
        self._calls: dict[CallId, Call] = {}
        self._agents: dict[Slot, Agent] = {}
        self._over: set[CallId] = set()
        self._kept: set[CallId] = set()
        """Calls that have, or may have, a row."""
        self._ended: deque[tuple[tuple[int, ...], CallId]] = deque()
        """Calls that ended, and how much of each ledger must be written before theirs is."""
        self._changed = asyncio.Event()

    # --- what the switchboard tells

    def call_began(self, call: Call, at: float) -> None:
        """A call exists."""
        self._see(call)

    def call_stepped(self, before: Call, after: Call, at: float) -> None:
        """A call took a step; ENDED is its last."""
        self._see(after)

    def agent_changed(self, agent: Agent, at: float) -> None:
        """An agent took a step."""
        self._agents[agent.slot] = agent
        self._changed.set()

    def _see(self, call: Call) -> None:
        if call.id not in self._kept and (_told_by_attempt(call) or call.phase is Phase.ENDED):
            return
        self._kept.add(call.id)
        self._over.discard(call.id)  # an inbound caller whom nobody claimed begins anew under the same name
        self._calls[call.id] = call
        self._changed.set()
        if call.phase is Phase.ENDED:
            self._kept.discard(call.id)
            self._ended.append((self._queued(), call.id))

    # --- what the engine does with it

    async def load(self) -> Standing:
        """How an engine before us left things; what it kept of calls goes when they end. Raises Unavailable."""
        standing = await self._store.load()
        self._kept.update(call.id for call in standing.calls)
        return standing

    def ended_before(self, call: CallId) -> None:
        """A kept call had ended with the engine before us; what became of it is queued now."""
        self._kept.discard(call)
        self._ended.append((self._queued(), call))
        self._changed.set()

    def forget(self, calls: Iterable[CallId]) -> None:
        """Of these everything is written."""
        for call in calls:
            self._kept.discard(call)
            self._over.add(call)
        self._changed.set()

    async def run(self) -> None:
        """Write until cancelled. While the store is away the newest state waits; a cell that is lost is not written."""
        while True:
            await self._changed.wait()
            await asyncio.sleep(KEEP_S if await self.write() else RETRY_S)
            if self._ended:
                self._changed.set()

    async def write(self) -> bool:
        """Write what changed; False: it is not written."""
        self._changed.clear()
        while self._ended and self._written(self._ended[0][0]):
            self._over.add(self._ended.popleft()[1])
        calls = {name: call for name, call in self._calls.items() if name not in self._over}
        self._calls = {}
        agents, self._agents = self._agents, {}
        over, self._over = self._over, set()
        if not calls and not agents and not over:
            return True
        try:
            async with asyncio.timeout(KEEP_LIMIT_S):
                await self._store.keep(Standing(tuple(calls.values()), tuple(agents.values())), over)
        except (Unavailable, TimeoutError) as error:
            log.warning("handover_not_kept", reason=str(error) or "too slow")
        except Rejected as error:
            log.error("handover_refused", reason=str(error))
        except asyncio.CancelledError:
            self._put_back(calls, agents, over)
            raise
        except Exception:
            log.exception("handover_fault")
            self._metrics.count("vss_call_faults_total", kind="handover")
        else:
            self._metrics.count("vss_handover_writes_total", result="kept")
            return True
        self._metrics.count("vss_handover_writes_total", result="failed")
        self._put_back(calls, agents, over)
        return False

    def _queued(self) -> tuple[int, ...]:
        return tuple(ledger.added for ledger in self._ledgers)

    def _written(self, places: tuple[int, ...]) -> bool:
        return all(ledger.written >= place for ledger, place in zip(self._ledgers, places, strict=True))

    def _put_back(self, calls: dict[CallId, Call], agents: dict[Slot, Agent], over: set[CallId]) -> None:
        """What could not be written, unless it changed meanwhile."""
        self._over |= over
        self._calls = {name: call for name, call in calls.items() if name not in self._over} | self._calls
        self._agents = agents | self._agents
        self._changed.set()


def _told_by_attempt(call: Call) -> bool:
    """Whether an open attempt and Asterisk's snapshot say as much of a call as its row would."""
    return call.kind is CallKind.CAMPAIGN and call.seat is None and call.phase in _TOLD_BY_ATTEMPT


class Witnesses:
    """Several witnesses as one."""

    def __init__(self, *witnesses: Witness) -> None:
        self._witnesses = witnesses

    def call_began(self, call: Call, at: float) -> None:
        for witness in self._witnesses:
            witness.call_began(call, at)

    def call_stepped(self, before: Call, after: Call, at: float) -> None:
        for witness in self._witnesses:
            witness.call_stepped(before, after, at)

    def agent_changed(self, agent: Agent, at: float) -> None:
        for witness in self._witnesses:
            witness.agent_changed(agent, at)
