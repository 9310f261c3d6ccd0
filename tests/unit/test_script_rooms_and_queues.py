"""Rooms and queues of scripts."""

from __future__ import annotations

import asyncio
from typing import Any

from engine.agent.machine import AgentState
from engine.agent.pool import Pool, Waiting, new_agent
from engine.call.commands import CreateBridge, DestroyBridge, Join, Leave, StartMusic, StopMusic
from engine.call.events import (
    AgentAsked,
    AgentUnasked,
    BridgeSeen,
    ChannelSeen,
    LegDigit,
    LegJoined,
    LegLeft,
    PlaybackEnded,
    Snapshot,
    TalkCut,
)
from engine.call.model import Phase
from engine.call.reconcile import Sight
from engine.fakes.live_run import FakeLiveRun, scripted_call
from engine.flow.run import events as told
from engine.flow.run.commands import JoinQueue, JoinRoom
from engine.ids import CallId, ChannelId, PlaybackId, Slot
from engine.revision import revised
from engine.run_ports import RunId
from engine.runtime.flows.queueing import HANDLING_S, Queueing
from engine.runtime.flows.rooms import Rooms, room_bridge

BRIDGE = room_bridge("site-7")
QUEUE = JoinQueue(request="c1:wait:3", pool="sales", priority=2, music="calm", max_wait_s=60.0, talk_max_s=60.0)


def run(name: str) -> FakeLiveRun:
    return FakeLiveRun(call=scripted_call(name), id=RunId(name))


def enter(rooms: Rooms, who: FakeLiveRun, **changes: Any) -> None:
    fields: dict[str, Any] = {"room": "site-7", "members_max": 2, "muted": False, "music": "calm", **changes}
    rooms.perform(who, JoinRoom(request=f"{who.id}:meet:1", **fields))


def arrives(rooms: Rooms, who: FakeLiveRun) -> None:
    rooms.heard(who, LegJoined(who.channel, BRIDGE, 5.0))


def test_first_one_makes_the_room_and_hears_music_until_somebody_comes() -> None:
    rooms, ann, bob = Rooms(), run("a"), run("b")
    enter(rooms, ann)
    assert ann.sent == [CreateBridge(BRIDGE, "room"), Join(BRIDGE, ChannelId("a"))]
    arrives(rooms, ann)
    assert [type(event) for event in ann.told] == [told.RoomJoined]
    assert ann.sent[-1] == StartMusic(ChannelId("a"), "calm")
    enter(rooms, bob, muted=True)
    assert bob.sent == [Join(BRIDGE, ChannelId("b"), mute=True)]
    arrives(rooms, bob)
    assert ann.sent[-1] == StopMusic(ChannelId("a"))


async def test_full_room_takes_nobody_in() -> None:
    rooms, everybody = Rooms(), [run("a"), run("b"), run("c")]
    for who in everybody:
        enter(rooms, who)
    assert [type(event) for event in everybody[2].told] == [told.RoomFull]
    assert everybody[2].sent == []


def test_last_one_out_ends_the_room_and_who_stays_alone_hears_music_again() -> None:
    rooms, ann, bob = Rooms(), run("a"), run("b")
    for who in (ann, bob):
        enter(rooms, who)
        arrives(rooms, who)
    rooms.cancel(bob, "b:meet:1")
    assert Leave(BRIDGE, ChannelId("b")) in bob.sent
    assert ann.sent[-1] == StartMusic(ChannelId("a"), "calm")
    ann.over = True
    rooms.over(ann)
    assert ann.sent[-1] == DestroyBridge(BRIDGE)
    assert not ann.bridges


def test_who_is_put_out_of_the_room_is_done_with_it() -> None:
    rooms, ann = Rooms(), run("a")
    enter(rooms, ann)
    arrives(rooms, ann)
    rooms.heard(ann, LegLeft(ChannelId("a"), BRIDGE, 9.0))
    assert [type(event) for event in ann.told] == [told.RoomJoined, told.TalkEnded]


async def test_room_that_cannot_be_made_fails_and_is_forgotten() -> None:
    rooms, ann = Rooms(), run("a")
    enter(rooms, ann)
    ann.fail(1)
    ann.fail(0)
    assert [type(event) for event in ann.told] == [told.CommandFailed]
    enter(rooms, ann)
    assert ann.sent[-2:] == [CreateBridge(BRIDGE, "room"), Join(BRIDGE, ChannelId("a"))]


def test_talk_in_a_room_outlives_the_engine() -> None:
    rooms, ann, bob = Rooms(), run("a"), run("b")
    seen = tuple(ChannelSeen(ChannelId(name), "Up", ("inbound",)) for name in "ab")
    sight = Sight.of(Snapshot(seen, (BridgeSeen(BRIDGE, frozenset({ChannelId("a"), ChannelId("b")})),)))
    assert rooms.adopt(ann, "a:meet:1", sight)
    assert rooms.adopt(bob, "b:meet:1", sight)
    rooms.cancel(ann, "a:meet:1")
    assert DestroyBridge(BRIDGE) not in ann.sent
    rooms.cancel(bob, "b:meet:1")
    assert bob.sent[-1] == DestroyBridge(BRIDGE)


# --- queues


def staffed(state: AgentState = AgentState.READY) -> Pool:
    return Pool("sales", {Slot(7001): revised(new_agent(Slot(7001), "sales", 0.0), state=state)})


async def test_queue_without_anybody_logged_in_says_so_at_once() -> None:
    for pools in ({}, {"sales": staffed(AgentState.OFFLINE)}):
        caller = run("c1")
        Queueing(pools).perform(caller, QUEUE)
        assert [type(event) for event in caller.told] == [told.NoAgents]
        assert caller.posted == []


async def test_caller_waits_with_music_talks_and_comes_back() -> None:
    caller, queueing = run("c1"), Queueing({"sales": staffed()})
    queueing.perform(caller, QUEUE)
    assert caller.sent == [StartMusic(ChannelId("c1"), "calm")]
    assert [(type(event), getattr(event, "priority", None)) for event in caller.posted] == [(AgentAsked, 2)]
    caller.call = revised(caller.call, phase=Phase.TALKING, asked="")
    queueing.heard(caller, LegJoined(ChannelId("c1"), BRIDGE, 10.0))
    caller.call = revised(caller.call, phase=Phase.SCRIPTED)
    queueing.heard(caller, LegLeft(ChannelId("c1"), BRIDGE, 70.0))
    assert [type(event) for event in caller.told] == [told.AgentAssigned, told.AgentLost]
    await caller.end()


async def test_leaving_the_queue_and_cutting_the_talk_are_the_call_machines() -> None:
    for phase, event in ((Phase.SCRIPTED, AgentUnasked), (Phase.TALKING, TalkCut)):
        caller, queueing = run("c1"), Queueing({"sales": staffed()})
        queueing.perform(caller, QUEUE)
        caller.call = revised(caller.call, phase=phase, asked="" if phase is Phase.TALKING else "sales")
        queueing.heard(caller, LegDigit(ChannelId("c1"), "5", 5.0))
        queueing.cancel(caller, QUEUE.request)
        assert type(caller.posted[-1]) is event
        await caller.end()


async def test_join_that_failed_is_an_error_of_the_queue() -> None:
    caller, queueing = run("c1"), Queueing({"sales": staffed()})
    queueing.perform(caller, QUEUE)
    queueing.heard(caller, LegDigit(ChannelId("c1"), "5", 5.0))
    assert caller.told == [], "the call machine has not taken the wish yet"
    for asked in ("sales", ""):
        caller.call = revised(caller.call, asked=asked)
        queueing.heard(caller, LegDigit(ChannelId("c1"), "5", 5.0))
    assert [type(event) for event in caller.told] == [told.CommandFailed]
    await caller.end()


async def test_caller_hears_where_they_stand_and_that_everybody_left() -> None:
    pool = staffed()
    pool.queue = [Waiting(0, 1.0, CallId("other")), Waiting(2, 2.0, CallId("c1"))]
    caller, queueing = run("c1"), Queueing({"sales": pool})
    queueing.perform(caller, QUEUE)
    await asyncio.sleep(0.01)
    (moved,) = caller.told
    assert isinstance(moved, told.QueueMoved)
    assert (moved.position, moved.expected_wait_s) == (2, 2 * HANDLING_S)
    pool.agents[Slot(7001)] = revised(pool.agents[Slot(7001)], state=AgentState.OFFLINE)
    await asyncio.sleep(1.1)
    assert isinstance(caller.told[-1], told.NoAgents)
    assert isinstance(caller.posted[-1], AgentUnasked)
    await caller.end()


async def test_music_goes_on_after_what_is_said_in_between() -> None:
    caller, queueing = run("c1"), Queueing({"sales": staffed()})
    queueing.perform(caller, QUEUE)
    caller.call = revised(caller.call, asked="sales")
    queueing.heard(caller, PlaybackEnded(PlaybackId("c1:wait:3:1"), ChannelId("c1"), False, 9.0))
    assert caller.sent == [StartMusic(ChannelId("c1"), "calm")] * 2
    await caller.end()


async def test_same_request_again_keeps_the_place() -> None:
    caller, queueing = run("c1"), Queueing({"sales": staffed()})
    queueing.perform(caller, QUEUE)
    queueing.perform(caller, QUEUE)
    assert len(caller.posted) == 1
    await caller.end()
