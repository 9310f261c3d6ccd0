"""A working day of a cell, drawn from a seed: people, carriers and machines that do what they please."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum

from engine.call.commands import HangUp
from engine.call.events import HangUpAsked
from engine.call.model import Phase
from engine.dialer.campaign import AnswerAction, DialMode
from engine.dialer.lead import RecallRule
from engine.dialer.settings import PacingSettings
from engine.errors import Rejected, Unavailable
from engine.fakes.callee import Callee
from engine.ids import CallId, CampaignId, ChannelId, LeadId, Slot
from engine.outcome.disposition import Outcome

from .cell import Cell
from .invariant import holds

FIRST_SLOT = 7001
DAY_S = 300.0
"""Five minutes, the quiet end of it included."""
SETTLED_S = 2.0
"""Longer than a change needs to be kept: a pair that has talked so long must outlive an engine."""


class Fault(StrEnum):
    """What goes wrong besides people."""

    CRASH = "crash"
    SOCKET_LOSS = "socket-loss"
    ASTERISK_RESTART = "asterisk-restart"
    LATE_EVENTS = "late-events"
    STORE_AWAY = "store-away"
    STORE_REFUSES = "store-error-before"
    STORE_MUTE = "store-error-after"
    SLOW_CLAIMS = "slow-claims"


EVENING_S = 45.0
"""Everything works again; longer than a claim is doubtful."""
PAUSE_MEAN_S = 1.5
AWAY_MAX_S = 20.0
RECALL = {outcome: RecallRule(2, 20.0) for outcome in Outcome}
REFUSALS = ((17, 486), (21, 603), (1, 404), (34, 503), (19, 480), (16, None), (0, None), (127, 607))


def callees_of(seed: int) -> Callable[[str], Callee | None]:
    """How each endpoint behaves at each dial; phones of agents mostly answer."""
    dice = random.Random(seed)

    def behave(endpoint: str) -> Callee | None:
        if "@" not in endpoint:
            return dice.choice(
                (Callee(answers_after_s=dice.uniform(0.1, 3.0)),) * 6 + (Callee(rings_after_s=0.5), None)
            )
        kind = dice.random()
        rings_after_s = dice.choice((None, dice.uniform(0.0, 3.0)))
        if kind < 0.5:
            stays_s = dice.choice((None, 0.0, dice.uniform(0.0, 3.0), dice.uniform(1.0, 30.0)))
            return Callee(rings_after_s, dice.uniform(0.05, 14.0), stays_s)
        if kind < 0.8:
            cause, sip_code = dice.choice(REFUSALS)
            return Callee(rings_after_s, refuses_after_s=dice.uniform(0.0, 10.0), cause=cause, sip_code=sip_code)
        return None if kind > 0.98 else Callee(rings_after_s)

    return behave


@dataclass(slots=True)
class Day:
    """Does something random every moment; `over` mends everything."""

    cell: Cell
    dice: random.Random
    mode: DialMode = DialMode.PROGRESSIVE
    """Of the campaign with agents."""
    again: Callable[[Cell], Awaitable[Cell]] | None = None
    """Starts the engine that takes a dead one's cell over; None: none dies."""
    faults: frozenset[Fault] = frozenset(Fault) - {Fault.CRASH}
    agents: int = 3
    length_s: float = DAY_S
    struck: Counter[Fault] = field(default_factory=Counter)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    callers: int = 0
    campaigns: list[CampaignId] = field(default_factory=list)

    async def open(self) -> None:
        """A campaign with agents, one without, and one whose leads agents look at first, over the same trunk."""
        numbers = [f"+1{201 + n}5550{n:03}" for n in range(60)]
        self.campaigns.append(
            await self.cell.campaign(
                *numbers[:40], recall=RECALL, wrap_up_s=6.0, record=True, dial_mode=self.mode,
                message=("sound:identity",), pacing=PacingSettings(small_team=False, lines_per_agent=2.5),
            )
        )  # fmt: skip
        self.campaigns.append(
            await self.cell.campaign(
                *numbers[40:], name="news", recall=RECALL, lines_max=3,
                dial_mode=DialMode.AGENTLESS, answer_action=AnswerAction.MESSAGE,
            )
        )  # fmt: skip
        looked_at = [f"+1{401 + n}5550{n:03}" for n in range(20)]
        pacing = PacingSettings(preview_limit_s=10.0)
        self.campaigns.append(
            await self.cell.campaign(
                *looked_at, name="old friends", recall=RECALL, dial_mode=DialMode.PREVIEW, pacing=pacing
            )
        )

    async def live(self, watch: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + self.length_s - EVENING_S
        deeds, weights = zip(*self.deeds(), strict=True)
        while loop.time() < until:
            await asyncio.sleep(self.dice.expovariate(1 / PAUSE_MEAN_S))
            watch()
            with suppress(Rejected, Unavailable):
                await self.dice.choices(deeds, weights)[0]()

    async def over(self) -> None:
        for task in tuple(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.cell.memory.away = self.cell.memory.claims_mute = False
        self.cell.memory.claims_take_s = 0.0
        self.cell.memory.refuse_next = self.cell.memory.mute_next = 0
        self.cell.asterisk.lag_s = 0.0
        self.cell.asterisk.mend()
        await asyncio.sleep(EVENING_S)

    def deeds(self) -> list[tuple[Callable[[], object], int]]:
        return [
            (self.agent_comes, 10),
            (self.agent_says, 12),
            (self.phone_asks, 2),
            (self.somebody_hangs_up, 10),
            (self.somebody_presses, 4),
            (self.somebody_calls_in, 5),
            (self.agent_dials, 3),
            (self.agent_decides, 10),
            (self.operator_hangs_up, 3),
            (self.registration_changes, 3),
            (self.operator_changes_a_campaign, 2),
            (self.lead_is_deleted, 1),
            *((deed, weight) for fault, (deed, weight) in self.mishaps().items() if fault in self.faults),
        ]

    def mishaps(self) -> dict[Fault, tuple[Callable[[], object], int]]:
        """What goes wrong, and how often."""
        return {
            Fault.SOCKET_LOSS: (self.socket_breaks, 3),
            Fault.ASTERISK_RESTART: (self.asterisk_dies, 1),
            Fault.STORE_AWAY: (self.database_goes, 2),
            Fault.SLOW_CLAIMS: (self.claims_go_wrong, 3),
            Fault.LATE_EVENTS: (self.events_are_late, 2),
            Fault.STORE_REFUSES: (self.store_refuses, 2),
            Fault.STORE_MUTE: (self.store_is_mute, 2),
            Fault.CRASH: (self.engine_dies, 2),
        }

    def slot(self) -> Slot:
        return Slot(FIRST_SLOT + self.dice.randrange(self.agents))

    def later(self, delay_s: float, action: Callable[[], None]) -> None:
        async def wait() -> None:
            await asyncio.sleep(delay_s)
            action()

        task = asyncio.create_task(wait())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    # --- people

    async def agent_comes(self) -> None:
        slot = self.slot()
        await self.cell.engine.control.login(slot)
        await self.cell.engine.control.ready(slot)

    async def agent_says(self) -> None:
        control, slot = self.cell.engine.control, self.slot()
        match self.dice.randrange(5):
            case 0:
                await control.pause(slot, "tea")
            case 1 | 2:
                await control.done(slot, "sale", "")
            case 3:
                await control.ready(slot)
            case _:
                await control.logout(slot)

    async def phone_asks(self) -> None:
        word = self.dice.choice(("login", "logout", "ready", "pause", "done", "nonsense"))
        self.call_in(("feature", str(self.slot()), word, "3"))

    async def somebody_hangs_up(self) -> None:
        if self.cell.asterisk.channels:
            self.cell.asterisk.far_end_hangs_up(self.dice.choice(list(self.cell.asterisk.channels)))

    async def somebody_presses(self) -> None:
        if self.cell.asterisk.channels:
            self.cell.asterisk.press(self.dice.choice(list(self.cell.asterisk.channels)), self.dice.choice("123#*"))

    async def somebody_calls_in(self) -> None:
        target = self.dice.choice(("queue/default", "queue/default", f"slot/{self.slot()}", "slot/7999", "nowhere"))
        channel = self.call_in(("inbound", "+1800", target, "+1", "carrier"))
        self.later(self.dice.uniform(0.0, 40.0), lambda: self.gone(channel))

    async def agent_dials(self) -> None:
        if self.dice.random() < 0.5:
            self.call_in(("dial", str(self.slot()), self.dice.choice(("+13335550100", "7003", "12"))))
        else:
            await self.cell.engine.control.start_call(self.slot(), "+13335550101", None)

    async def agent_decides(self) -> None:
        """About a lead that is shown, or that the agent believes to be."""
        control = self.cell.engine.control
        shown = [call.seat.slot for call in self.cell.engine.switchboard.calls.values()
                 if call.phase is Phase.PREVIEWING and call.seat is not None]  # fmt: skip
        slot = self.dice.choice(shown) if shown else self.slot()
        match self.dice.randrange(5):
            case 0:
                await control.skip_preview(slot, "no")
            case 1:
                await asyncio.gather(control.dial_preview(slot), control.dial_preview(slot), return_exceptions=True)
            case 2:
                channel = self.cell.engine.switchboard.agent(slot).channel
                if channel in self.cell.asterisk.channels:
                    self.cell.asterisk.press(channel, self.dice.choice("12"))
            case _:
                await control.dial_preview(slot)

    def call_in(self, args: tuple[str, ...]) -> ChannelId:
        self.callers += 1
        channel = ChannelId(f"in-{self.callers}")
        self.cell.asterisk.call_in(channel, "+1", "+1800", args)
        return channel

    def gone(self, channel: ChannelId) -> None:
        if channel in self.cell.asterisk.channels:
            self.cell.asterisk.far_end_hangs_up(channel)

    async def operator_hangs_up(self) -> None:
        calls = list(self.cell.engine.switchboard.calls)
        if calls:
            now = self.cell.engine.control.clock.now()
            self.cell.engine.switchboard.post(CallId(self.dice.choice(calls)), HangUpAsked("operator", now))

    async def operator_changes_a_campaign(self) -> None:
        campaign = self.dice.choice(self.campaigns)
        await self.cell.engine.control.change_campaign(campaign, "pause")
        await asyncio.sleep(self.dice.uniform(0.0, 5.0))
        await self.cell.engine.control.change_campaign(campaign, "start")

    async def lead_is_deleted(self) -> None:
        self.cell.memory.delete_lead(LeadId(self.dice.choice(list(self.cell.memory.leads))))

    async def registration_changes(self) -> None:
        now = self.cell.engine.control.clock.now()
        self.cell.engine.on_registration(self.slot(), self.dice.random() < 0.7, now)

    # --- machines

    async def socket_breaks(self) -> None:
        self.struck[Fault.SOCKET_LOSS] += 1
        self.cell.asterisk.cut(carried_out=self.dice.random() < 0.5)
        self.later(self.dice.choice((0.0, 0.05, 1.0, self.dice.uniform(0.0, AWAY_MAX_S))), self.cell.asterisk.mend)

    async def asterisk_dies(self) -> None:
        self.struck[Fault.ASTERISK_RESTART] += 1
        self.cell.asterisk.restart()
        self.later(self.dice.uniform(0.1, 5.0), self.cell.asterisk.mend)

    async def database_goes(self) -> None:
        self.struck[Fault.STORE_AWAY] += 1
        self.cell.memory.away = True
        self.later(self.dice.uniform(0.0, AWAY_MAX_S), lambda: setattr(self.cell.memory, "away", False))

    async def claims_go_wrong(self) -> None:
        self.struck[Fault.SLOW_CLAIMS] += 1
        memory = self.cell.memory
        memory.claims_mute, memory.claims_take_s = self.dice.random() < 0.5, self.dice.choice((0.0, 0.02, 1.0))
        self.later(self.dice.uniform(0.0, 5.0), lambda: setattr(memory, "claims_mute", False))
        self.later(self.dice.uniform(0.0, 5.0), lambda: setattr(memory, "claims_take_s", 0.0))

    async def events_are_late(self) -> None:
        self.struck[Fault.LATE_EVENTS] += 1
        self.cell.asterisk.lag_s = self.dice.choice((0.02, 0.2, 1.0))
        self.later(self.dice.uniform(0.5, 10.0), lambda: setattr(self.cell.asterisk, "lag_s", 0.0))

    async def store_refuses(self) -> None:
        self.struck[Fault.STORE_REFUSES] += 1
        self.cell.memory.refuse_next = self.dice.randrange(1, 8)

    async def store_is_mute(self) -> None:
        self.struck[Fault.STORE_MUTE] += 1
        self.cell.memory.mute_next = self.dice.randrange(1, 4)

    async def engine_dies(self) -> None:
        """At any step of its loop; whoever talked, and whoever sat there, does so still under the next engine."""
        if self.again is None or self.cell.memory.away or not self.cell.asterisk.connected:
            return
        self.struck[Fault.CRASH] += 1
        await asyncio.sleep(self.dice.uniform(0.0, 0.3))
        for _ in range(self.dice.randrange(30)):
            await asyncio.sleep(0)
        before = self.cell
        now = before.engine.switchboard.now()
        pairs = {
            call.channel: call.seat.channel
            for call in before.engine.switchboard.calls.values()
            if call.phase is Phase.TALKING and call.seat is not None and now - (call.bridged_at or now) > SETTLED_S
        }
        await before.kill()
        began = len(before.asterisk.commands)
        self.cell = await self.again(before)
        ended = {command.channel for command in before.asterisk.commands[began:] if isinstance(command, HangUp)}
        there = before.asterisk.channels
        for caller, seat in pairs.items():
            if caller in there and seat in there:
                together = there[caller].bridge == there[seat].bridge and caller not in ended
                holds("talk-survives-crash", together, f"{caller} was parted from its agent")
