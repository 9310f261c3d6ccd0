"""The desk of promised call-backs: each is dialed for an agent of its pool, as if the agent had dialed it.

    taken (committed) ---> in hand ---> dialed ---> talking: kept
                             |            |
                             |            +---> ended before: tried again later, CALLBACK_ATTEMPTS_MAX times
                             +---> given back, uncounted: nobody was free for HOLD_MAX_S, or the engine stops

A promise is taken when an agent of its pool is idle, and stays in hand until it is dialed on the leg of the one who is
idle longest: one who is not already counted on by a call that rings, for PATIENCE_S, and then anyone. The agent is
reserved before the originate is sent. An engine that dies leaves its promises taken; they are given out again after
CALLBACK_TAKEN_S, so everything here ends sooner, and a talk is settled when it begins.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from engine.agent.pool import Pool
from engine.call.commands import Play
from engine.call.model import Call
from engine.clock import Clock
from engine.errors import NotFound, Rejected, Unavailable
from engine.ids import CallId, PlaybackId, Slot, TrunkName
from engine.outcome.disposition import Outcome
from engine.ports import LiveFeed, LiveFrame, Metrics
from engine.run_ports import DueCallback, RunStore
from engine.runtime.switchboard import LEAD_CUE, Switchboard

log = structlog.get_logger()

LOOK_S = 1.0
"""How often promises that are due are looked for."""
PATIENCE_S = 20.0
"""How long a promise leaves idle agents to the calls that ring for their pool."""
HOLD_MAX_S = 120.0
"""With ringing, answer and join still below CALLBACK_TAKEN_S."""
STORE_LIMIT_S = 5.0
FAULT_PAUSE_S = 30.0

Dial = Callable[[Slot, str, TrunkName], CallId]


@dataclass(frozen=True, slots=True)
class _Held:
    """A promise that is ours to keep now."""

    due: DueCallback
    since: float


class CallbackDesk:
    """Keeps promises of scripts to call back; one in hand per pool, and as many calls as agents are idle."""

    def __init__(
        self,
        board: Switchboard,
        store: RunStore,
        clock: Clock,
        feed: LiveFeed,
        metrics: Metrics,
        *,
        dial: Dial,
        line: Callable[[], TrunkName | None],
        closed: Callable[[], str | None],
    ) -> None:
        """`dial` dials on an agent's leg (raises Rejected, NotFound, Unavailable); `line`: the trunk to dial over;
        `closed`: why nothing may be dialed."""
        self._board = board
        self._store = store
        self._clock = clock
        self._feed = feed
        self._metrics = metrics
        self._dial = dial
        self._line = line
        self._closed = closed
        self._held: dict[str, _Held] = {}
        self._dialed: dict[CallId, DueCallback] = {}
        self._unsettled: dict[int, bool | None] = {}
        """What is to be stored: somebody talked, or not; None: it was never dialed."""

    async def run(self) -> None:
        """Keep promises until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                await self.look()
            except (Unavailable, TimeoutError):
                self._metrics.count("vss_callbacks_total", result="store_away")
            except Exception:
                log.exception("callbacks_fault")
                self._metrics.count("vss_call_faults_total", kind="callbacks")
                await asyncio.sleep(FAULT_PAUSE_S)

    async def look(self) -> None:
        """One round: store what became of calls, take what is due, dial what is in hand. Raises Unavailable."""
        self._note_talks()
        await self._settle()
        if self._closed() is None and (trunk := self._trunk()) is not None:
            await self._take()
            for pool in tuple(self._held):
                self._keep(pool, trunk)
        self._let_go()

    def ended(self, call: Call) -> None:
        """A call is over; most are none of ours."""
        due = self._dialed.pop(call.id, None)
        if due is not None:
            reached = call.bridged_at is not None
            self._became(due, None if call.outcome is Outcome.NOT_DIALED else reached)

    async def close(self) -> None:
        """The engine stops, and its calls are over: give back what is in hand, store what became of the others."""
        for held in self._held.values():
            self._became(held.due, None)
        self._held.clear()
        try:
            await self._settle()
        except (Unavailable, TimeoutError):
            log.warning("callbacks_not_settled", promises=len(self._unsettled))

    # --- what is due

    async def _take(self) -> None:
        """Take promises for pools in which somebody is idle."""
        while wanted := [name for name, pool in self._board.pools.items() if pool.idle and name not in self._held]:
            async with asyncio.timeout(STORE_LIMIT_S):
                due = await self._store.take_callback(wanted, self._clock.now())
            if due is None:
                return
            self._held[due.pool] = _Held(due, self._clock.now())
            self._metrics.count("vss_callbacks_total", result="taken")

    def _keep(self, name: str, trunk: TrunkName) -> None:
        """Dial the promise in hand of a pool, if an agent can be spared for it."""
        held, pool = self._held[name], self._board.pools[name]
        agent = pool.longest_idle()
        if agent is None or agent.channel is None or not self._spared(pool, held):
            return
        channel = agent.channel
        try:
            call = self._dial(agent.slot, _dialable(held.due.number), trunk)
        except (Rejected, NotFound, Unavailable) as refusal:
            log.info("callback_waits", callback=held.due.id, pool=name, reason=str(refusal))
            return
        del self._held[name]
        self._dialed[call] = held.due
        self._metrics.count("vss_callbacks_total", result="dialed")
        log.info("callback_dialed", callback=held.due.id, call=call, slot=agent.slot, attempt=held.due.attempts)
        self._board.perform(Play(channel, PlaybackId(f"{call}-cue"), LEAD_CUE))
        data = {
            "call": call, "slot": agent.slot, "pool": name, "number": held.due.number, "note": held.due.note,
            "attempt": held.due.attempts,
        }  # fmt: skip
        self._feed.publish(LiveFrame("callback", str(held.due.id), data))
        if call not in self._board.calls:
            # It ended within the dial, before anybody knew whose it was.
            self._became(self._dialed.pop(call), None)

    def _spared(self, pool: Pool, held: _Held) -> bool:
        """Whether somebody is idle whom no ringing call counts on, or the promise was patient enough."""
        counted_on = self._board.pool_in_flight.get(pool.name, 0)
        return pool.idle > counted_on or self._clock.now() - held.since >= PATIENCE_S

    def _let_go(self) -> None:
        """Give back what nobody could be spared for."""
        for name, held in tuple(self._held.items()):
            if self._clock.now() - held.since >= HOLD_MAX_S:
                del self._held[name]
                self._metrics.count("vss_bounds_reached_total", bound="callback_hold")
                self._became(held.due, None)

    def _trunk(self) -> TrunkName | None:
        trunk = self._line()
        if trunk is None and any(pool.idle for pool in self._board.pools.values()):
            self._metrics.count("vss_callbacks_total", result="no_trunk")
        return trunk

    # --- what became of them

    def _note_talks(self) -> None:
        """A promise is kept when somebody talks, however long."""
        for call, due in tuple(self._dialed.items()):
            known = self._board.calls.get(call)
            if known is not None and known.bridged_at is not None:
                del self._dialed[call]
                self._became(due, True)

    def _became(self, due: DueCallback, reached: bool | None) -> None:
        self._unsettled[due.id] = reached
        result = "given_back" if reached is None else "kept" if reached else "not_reached"
        self._metrics.count("vss_callbacks_total", result=result)
        self._feed.publish(LiveFrame("callback", str(due.id), {}))

    async def _settle(self) -> None:
        """Store what became of promises; what cannot be stored is stored before anything is taken again."""
        for callback, reached in tuple(self._unsettled.items()):
            async with asyncio.timeout(STORE_LIMIT_S):
                if reached is None:
                    await self._store.give_back_callback(callback)
                else:
                    await self._store.settle_callback(callback, reached=reached, at=self._clock.now())
            del self._unsettled[callback]


def _dialable(number: str) -> str:
    """A seat's number as seats have it; promises are kept with the plus sign."""
    bare = number.removeprefix("+")
    return bare if len(bare) == 4 else number
