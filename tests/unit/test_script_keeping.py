"""What scripts write down: each fact once, told when it is stored, and never a wait without an end."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from engine.call.events import Settled
from engine.errors import Unavailable
from engine.fakes.live_run import FakeLiveRun, scripted_call
from engine.fakes.metrics import FakeMetrics
from engine.fakes.runs import FakeRuns
from engine.flow.nodes.centre import ConsentKind, DncScope
from engine.flow.run import events as told
from engine.flow.run.commands import AddToDnc, Dispose, EmitEvent, KeepCallback, KeepConsent, LookUp
from engine.ids import CampaignId
from engine.ports import LiveFrame
from engine.run_ports import ConsentEvidence, DncEntry, FlowEvent, RunDisposition
from engine.runtime.flows.keeping import Keeping

PROMISE = KeepCallback(request="c1:back:1", number="+74950000001", pool="support", at=None, note=None)


@dataclass
class Feed:
    frames: list[LiveFrame] = field(default_factory=list)

    def publish(self, frame: LiveFrame) -> None:
        self.frames.append(frame)


@dataclass
class World:
    store: FakeRuns = field(default_factory=FakeRuns)
    feed: Feed = field(default_factory=Feed)
    run: FakeLiveRun = field(default_factory=FakeLiveRun)

    def __post_init__(self) -> None:
        self.keeping = Keeping(self.store, self.feed, FakeMetrics())

    async def perform(self, command: Any) -> list[tuple[type, str]]:
        self.keeping.perform(self.run, command)
        for _ in range(5):
            await asyncio.sleep(0)
        return [(type(event), getattr(event, "request", "")) for event in self.run.told]


async def test_disposition_is_written_settles_the_call_and_is_told_when_it_is_stored() -> None:
    world = World()
    assert await world.perform(Dispose(request="c1:paid:3", code="paid", note="at once")) == [
        (told.Stored, "c1:paid:3")
    ]
    (fact,) = world.run.written
    assert isinstance(fact, RunDisposition)
    assert (fact.run, fact.code, fact.note) == ("c1", "paid", "at once")
    assert [type(event) for event in world.run.posted] == [Settled]


async def test_nothing_is_told_before_it_is_stored() -> None:
    world = World()
    world.run.stores = False
    assert await world.perform(Dispose(request="c1:paid:3", code="paid")) == []


async def test_consent_names_its_evidence() -> None:
    world = World()
    asked = KeepConsent(request="c1:may:2", kind=ConsentKind.RECORDING, granted=False, prompt="may_we", locale="ru-RU")
    await world.perform(asked)
    (answer,) = world.run.told
    assert isinstance(answer, told.Stored)
    assert answer.id == "c1:may:2"
    (fact,) = world.run.written
    assert isinstance(fact, ConsentEvidence)
    assert (fact.granted, fact.prompt, fact.locale, fact.script) == (False, "may_we", "ru-RU", world.run.script)


@pytest.mark.parametrize(("campaign", "scope"), [(None, DncScope.EVERYWHERE), (CampaignId(7), DncScope.CAMPAIGN)])
async def test_number_of_a_call_without_a_campaign_is_forbidden_everywhere(
    campaign: CampaignId | None, scope: DncScope
) -> None:
    world = World(run=FakeLiveRun(call=scripted_call(campaign=campaign)))
    await world.perform(AddToDnc(request="c1:never:1", number="74950000001", scope=DncScope.CAMPAIGN))
    (entry,) = world.run.written
    assert isinstance(entry, DncEntry)
    assert (entry.number, entry.scope, entry.campaign) == ("+74950000001", scope, campaign)


async def test_number_that_is_none_fails_at_once_and_spoils_no_batch() -> None:
    world = World()
    assert await world.perform(AddToDnc(request="c1:never:1", number="12", scope=DncScope.EVERYWHERE)) == [
        (told.CommandFailed, "c1:never:1")
    ]
    assert world.run.written == []


async def test_event_is_written_and_shown_and_nobody_waits_for_it() -> None:
    world = World()
    assert await world.perform(EmitEvent(request="c1:tell:1", event="survey", data={"score": 9})) == []
    (event,) = world.run.written
    assert isinstance(event, FlowEvent)
    assert [(frame.kind, frame.key) for frame in world.feed.frames] == [("script_event", "c1:tell:1")]


async def test_call_back_is_promised_or_refused_or_fails() -> None:
    world = World()
    assert await world.perform(PROMISE) == [(told.Stored, "c1:back:1")]
    assert list(world.store.callbacks) == ["c1:back:1"]
    world.run.told.clear()
    world.store.memory.do_not_call.add("+74950000001")
    assert await world.perform(PROMISE) == [(told.Refused, "c1:back:1")]
    world.run.told.clear()
    world.store.memory.away = True
    assert await world.perform(PROMISE) == [(told.CommandFailed, "c1:back:1")]


async def test_look_up_tells_what_it_found() -> None:
    world = World()
    world.store.lookups["customers"] = {"+7495": {"tier": "gold"}}
    await world.perform(LookUp(request="c1:who:1", source="customers", key="+7495", timeout_s=1.0))
    await world.perform(LookUp(request="c1:who:2", source="customers", key="nobody", timeout_s=1.0))
    await world.perform(LookUp(request="c1:who:3", source="custom", key="nobody", timeout_s=1.0))
    found, nothing, failed = world.run.told
    assert isinstance(found, told.LookupAnswered)
    assert found.found == {"tier": "gold"}
    assert isinstance(nothing, told.LookupAnswered)
    assert nothing.found is None
    assert isinstance(failed, told.CommandFailed)


async def test_slow_store_is_not_waited_for_beyond_the_nodes_limit() -> None:
    class Slow(FakeRuns):
        async def look_up(self, source: str, key: str) -> None:
            await asyncio.sleep(60)
            raise Unavailable("postgres", "late")

    world = World(store=Slow())
    world.keeping.perform(world.run, LookUp(request="c1:who:1", source="customers", key="x", timeout_s=0.01))
    await asyncio.sleep(0.1)
    assert [type(event) for event in world.run.told] == [told.CommandFailed]


async def test_answer_that_nobody_waits_for_any_more_is_not_told() -> None:
    class Slow(FakeRuns):
        async def look_up(self, source: str, key: str) -> None:
            await asyncio.sleep(60)

    world = World(store=Slow())
    await world.perform(LookUp(request="c1:who:1", source="customers", key="x", timeout_s=30))
    world.keeping.cancel(world.run, "c1:who:1")
    for _ in range(3):
        await asyncio.sleep(0)
    assert not world.run.tasks
    assert world.run.told == []
