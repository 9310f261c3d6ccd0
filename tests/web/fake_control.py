"""A Control without an engine: it keeps a few campaigns, calls and seats, and raises what the real one raises."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from engine.dialer.campaign import AnswerAction, Campaign, CampaignStatus, DialMode, check_change
from engine.dialer.draft import CampaignDraft
from engine.errors import NotFound, Rejected
from engine.http.control import CampaignChange
from engine.ids import CallId, CampaignId, Slot, TrunkName


@dataclass(frozen=True, slots=True)
class Stats:
    leads: Mapping[str, int]
    attempts: int
    outcomes: Mapping[str, int]
    dialing: int = 0
    waiting: int = 0
    talking: int = 0
    pacing: str = ""


@dataclass(frozen=True, slots=True)
class Overview:
    campaign: Campaign
    stats: Stats


@dataclass(frozen=True, slots=True)
class Run:
    run: str
    call: str
    script: str = "a" * 64
    name: str = "pay.by.key"
    state: str = "running"
    node: str = "ask"
    started_at: float = 1.5
    ended_at: float | None = None
    disposition: str | None = None
    reason: str | None = None
    results: Mapping[str, object] = field(default_factory=dict)
    tags: Mapping[str, object] = field(default_factory=lambda: {"tier": "gold"})
    locale: str = "en-GB"


@dataclass(frozen=True, slots=True)
class Window:
    answered: int = 100
    abandoned: int = 2
    ratio: float = 0.02
    limit: float | None = 0.03
    false_positives: float = 0.0
    customer_gone: int = 3


@dataclass(frozen=True, slots=True)
class Definition:
    name: str = "us-ftc"
    version: int = 1


@dataclass(frozen=True, slots=True)
class Pacing:
    campaign: int
    status: str = "running"
    dial_mode: str = "predictive"
    line: str = "launch 2: 1 idle; bound by theta"
    at: float | None = 1.5
    launch: int = 2
    cancel: int = 0
    binding: str = "theta"
    needs: tuple[str, ...] = ("agents: all 20 are busy, the next is free in about 6 s",)
    inputs: Mapping[str, float | int | str | bool | None] = field(default_factory=lambda: {"idle": 1, "chance": 0.01})
    limits: Mapping[str, float | int | str | bool | None] = field(default_factory=lambda: {"trunk": "carrier"})
    theta: float | None = 0.02
    message_armed: bool = True
    definition: Definition = Definition()
    windows: Mapping[str, Window] | None = field(default_factory=lambda: {"period": Window(), "1h": Window(limit=None)})
    recent: tuple[Pacing, ...] = ()


@dataclass(frozen=True, slots=True)
class Call:
    id: str
    kind: str
    phase: str
    campaign: int | None
    number: str
    trunk: str | None
    slot: int | None
    created_at: float
    answered_at: float | None = None
    bridged_at: float | None = None


@dataclass(frozen=True, slots=True)
class Agent:
    slot: int
    name: str
    pool: str
    state: str
    since: float
    reason: str | None = None
    call: str | None = None
    registered: bool = True


@dataclass(frozen=True, slots=True)
class Earlier:
    at: float
    outcome: str | None
    slot: int | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    call: str
    campaign: int
    campaign_name: str
    lead: int
    number: str
    data: dict[str, object]
    attempts: list[Earlier]
    shown_at: float
    seconds_left: float
    barred: str | None = None


@dataclass(frozen=True, slots=True)
class Part:
    ok: bool
    needed: bool = True
    detail: str = ""


def campaign(number: int, name: str, status: CampaignStatus = CampaignStatus.DRAFT) -> Campaign:
    return Campaign(
        id=CampaignId(number),
        name=name,
        status=status,
        dial_mode=DialMode.PROGRESSIVE,
        answer_action=AnswerAction.AGENT,
        pool="sales",
        trunk=TrunkName("carrier"),
        caller_id="+74950000001",
        ring_timeout_s=25,
        answer_limit_s=2.0,
        wrap_up_s=15.0,
        talk_max_s=3600.0,
        lines_max=100,
        message=(),
    )


@dataclass
class FakeControl:
    """`fail` is raised by the next use case; `delay_s` holds each one up; `done_calls` records what was asked."""

    overviews: dict[int, Overview] = field(default_factory=dict)
    live_calls: dict[str, Call] = field(default_factory=dict)
    live_runs_of: dict[str, Run] = field(default_factory=dict)
    seats: dict[int, Agent] = field(default_factory=dict)
    previews: dict[int, Preview] = field(default_factory=dict)
    parts: dict[str, Part] = field(default_factory=lambda: {"postgres": Part(True), "ari": Part(True)})
    fail: Exception | None = None
    delay_s: float = 0.0
    asked: list[tuple[object, ...]] = field(default_factory=list)

    async def _begin(self, *what: object) -> None:
        self.asked.append(what)
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        if self.fail is not None:
            raise self.fail

    async def campaigns(self) -> Sequence[Overview]:
        await self._begin("campaigns")
        return list(self.overviews.values())

    async def campaign(self, campaign: CampaignId) -> Overview:
        await self._begin("campaign", campaign)
        if campaign not in self.overviews:
            raise NotFound("no_campaign", f"there is no campaign {campaign}")
        return self.overviews[campaign]

    async def pacing(self, campaign: CampaignId) -> Pacing:
        await self._begin("pacing", campaign)
        if campaign not in self.overviews:
            raise NotFound("no_such_campaign", f"there is no campaign {campaign}")
        return Pacing(campaign)

    async def create_campaign(self, draft: CampaignDraft) -> Overview:
        await self._begin("create_campaign", draft)
        number = max(self.overviews, default=0) + 1
        made = replace(campaign(number, draft.name), trunk=draft.trunk, pool=draft.pool)
        self.overviews[number] = Overview(made, Stats({}, 0, {}))
        return self.overviews[number]

    async def change_campaign(self, campaign: CampaignId, change: CampaignChange) -> Overview:
        before = await self.campaign(campaign)
        wanted = {
            "start": CampaignStatus.RUNNING,
            "pause": CampaignStatus.PAUSED,
            "stop": CampaignStatus.STOPPED,
        }[change]
        check_change(before.campaign.status, wanted)
        self.overviews[campaign] = replace(before, campaign=replace(before.campaign, status=wanted))
        return self.overviews[campaign]

    def calls(self) -> Sequence[Call]:
        return list(self.live_calls.values())

    async def start_call(self, slot: Slot, number: str, trunk: TrunkName | None) -> CallId:
        await self._begin("start_call", slot, number, trunk)
        self._seat(slot)
        call = CallId(f"call-{len(self.live_calls) + 1}")
        self.live_calls[call] = Call(call, "manual", "dialing", None, number, trunk, slot, 1.0)
        return call

    async def hang_up(self, call: CallId) -> None:
        await self._begin("hang_up", call)
        if self.live_calls.pop(call, None) is None:
            raise NotFound("no_call", "there is no such call")

    async def run_script(
        self,
        call: CallId,
        script: str | None,
        slot: int | None,
        params: Mapping[str, object],
        locale: str | None,
        then: Literal["hang_up", "agent"],
    ) -> Run:
        await self._begin("run_script", call, script, slot, dict(params), locale, then)
        if call not in self.live_calls:
            raise NotFound("no_such_call", f"there is no live call {call}")
        run = self.live_runs_of[call] = Run(call, call)
        return run

    async def runs(self, call: CallId) -> Sequence[Run]:
        await self._begin("runs", call)
        return [self._run(call)]

    async def stop_run(self, call: CallId) -> Run:
        await self._begin("stop_run", call)
        stopped = self.live_runs_of[call] = replace(self._run(call), state="ended", ended_at=2.5, reason="stopped")
        return stopped

    async def live_runs(self) -> Sequence[Run]:
        await self._begin("live_runs")
        return [run for run in self.live_runs_of.values() if run.state == "running"]

    def _run(self, call: CallId) -> Run:
        if call not in self.live_runs_of:
            raise NotFound("no_such_run", f"no script runs on call {call}")
        return self.live_runs_of[call]

    def agents(self) -> Sequence[Agent]:
        return list(self.seats.values())

    def _seat(self, slot: Slot) -> Agent:
        if slot not in self.seats:
            raise NotFound("no_slot", f"there is no slot {slot}")
        return self.seats[slot]

    async def _become(self, slot: Slot, state: str, reason: str | None = None) -> Agent:
        await self._begin(state, slot, reason)
        self.seats[slot] = replace(self._seat(slot), state=state, reason=reason)
        return self.seats[slot]

    async def login(self, slot: Slot) -> Agent:
        if self._seat(slot).state != "offline":
            raise Rejected("agent_state", f"slot {slot} is logged in already")
        return await self._become(slot, "calling")

    async def ready(self, slot: Slot) -> Agent:
        return await self._become(slot, "ready")

    async def pause(self, slot: Slot, reason: str) -> Agent:
        return await self._become(slot, "paused", reason)

    async def resume(self, slot: Slot) -> Agent:
        return await self._become(slot, "ready")

    async def done(self, slot: Slot, disposition: str, note: str) -> Agent:
        self.asked.append(("disposition", disposition, note))
        return await self._become(slot, "ready")

    async def logout(self, slot: Slot) -> Agent:
        return await self._become(slot, "offline", "logged out")

    async def preview(self, slot: Slot) -> Preview:
        await self._begin("preview", slot)
        self._seat(slot)
        if slot not in self.previews:
            raise NotFound("no_preview", f"agent {slot} is shown no lead now")
        return self.previews[slot]

    async def dial_preview(self, slot: Slot) -> Agent:
        await self.preview(slot)
        del self.previews[slot]
        return await self._become(slot, "reserved")

    async def skip_preview(self, slot: Slot, reason: str) -> Agent:
        await self.preview(slot)
        self.asked.append(("skip", reason))
        del self.previews[slot]
        return await self._become(slot, "ready")

    def readiness(self) -> Mapping[str, Part]:
        return self.parts
