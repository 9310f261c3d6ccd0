"""Recordings of scripts: what was said is kept, what must not be on tape is not, and nothing records for nobody."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from engine.call.commands import HangUp, PauseRecording, RecordLeg, ResumeRecording, Snoop, StopRecording
from engine.call.events import ChannelSeen, LegEnded, LegEntered, LegRecorded, Snapshot
from engine.call.reconcile import Sight
from engine.fakes.live_run import FakeLiveRun, scripted_call
from engine.fakes.metrics import FakeMetrics
from engine.flow.nodes.media import RecordAction
from engine.flow.run import events as told
from engine.flow.run.commands import FinishRecording, RecordCaller, RecordWhole
from engine.ids import ChannelId
from engine.ports import FinishedLeg
from engine.runtime.flows.recording import Recording, file_of, snoop_of

CALLER = ChannelId("c1")
SPEAK = RecordCaller(request="c1:speak:4", max_s=30.0, silence_s=3.0, beep=True)
NAME = file_of(SPEAK.request)


@dataclass
class World:
    run: FakeLiveRun = field(default_factory=FakeLiveRun)
    kept: list[FinishedLeg] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.recording = Recording(Path("/spool"), self.kept.append, FakeMetrics())
        self.snoop = snoop_of(self.run.id)
        self.whole = file_of(f"{self.run.id}:whole")

    def perform(self, command: Any) -> None:
        self.recording.perform(self.run, command)

    def whole_call(self, action: RecordAction) -> None:
        self.perform(RecordWhole(request=f"c1:{action}:1", action=action))

    def started(self) -> None:
        self.whole_call(RecordAction.START)
        self.run.legs[self.snoop](LegEntered(self.snoop, ("record",), "", "", 5.0))

    def ends(self, talking_s: float | None, *, failed: bool = False) -> None:
        self.recording.heard(self.run, LegRecorded(CALLER, NAME, failed, 4.0, talking_s, 9.0))

    def told(self) -> list[tuple[type, Any]]:
        return [(type(event), getattr(event, "silent", None)) for event in self.run.told]


async def test_what_a_caller_says_is_recorded_and_kept() -> None:
    world = World()
    world.perform(SPEAK)
    assert world.run.sent == [RecordLeg(CALLER, NAME, 30, 3, beep=True)]
    world.ends(2.0)
    (ended,) = world.run.told
    assert isinstance(ended, told.RecordingEnded)
    assert (ended.name, ended.silent) == (f"{NAME}.wav", False)
    assert [(leg.call, leg.raw, leg.leg) for leg in world.kept] == [("c1", f"/spool/{NAME}.wav", "customer")]


async def test_nothing_but_silence_is_told_and_not_kept() -> None:
    world = World()
    world.perform(SPEAK)
    world.ends(0.0)
    assert world.told() == [(told.RecordingEnded, True)]
    assert world.kept == []


async def test_speech_that_was_not_measured_is_kept() -> None:
    world = World()
    world.perform(SPEAK)
    world.ends(None)
    assert world.told() == [(told.RecordingEnded, False)]
    assert len(world.kept) == 1


@pytest.mark.parametrize("by_event", [True, False])
async def test_recording_that_fails_says_so(by_event: bool) -> None:
    world = World()
    world.perform(SPEAK)
    world.ends(None, failed=True) if by_event else world.run.fail(0)
    assert world.told() == [(told.CommandFailed, None)]
    assert world.kept == []


async def test_key_ends_it_and_keeps_it() -> None:
    world = World()
    world.perform(SPEAK)
    world.perform(FinishRecording(request=SPEAK.request))
    assert world.run.sent[-1] == StopRecording(NAME)
    world.ends(2.0)
    assert world.told() == [(told.RecordingEnded, False)]


async def test_what_was_said_until_nobody_waited_any_more_is_kept_and_not_told() -> None:
    world = World()
    world.perform(SPEAK)
    world.recording.cancel(world.run, SPEAK.request)
    assert world.run.sent[-1] == StopRecording(NAME)
    world.ends(2.0)
    assert world.told() == []
    assert len(world.kept) == 1


async def test_run_that_ends_while_somebody_speaks_keeps_what_was_said() -> None:
    world = World()
    world.perform(SPEAK)
    world.recording.over(world.run)
    assert [leg.raw for leg in world.kept] == [f"/spool/{NAME}.wav"]


async def test_whole_call_is_recorded_from_a_snoop_and_started_once() -> None:
    world = World()
    world.whole_call(RecordAction.START)
    assert world.run.sent == [Snoop(CALLER, world.snoop, "both", ("record",))]
    assert world.told() == []
    world.run.legs[world.snoop](LegEntered(world.snoop, ("record",), "", "", 5.0))
    assert world.run.sent[-1] == RecordLeg(world.snoop, world.whole, 0, 0, beep=False)
    assert world.told() == [(told.Done, None)]
    world.whole_call(RecordAction.START)
    assert len([command for command in world.run.sent if isinstance(command, Snoop)]) == 1


async def test_pause_is_told_once_asterisk_had_its_time_to_refuse_it() -> None:
    world = World()
    world.started()
    world.whole_call(RecordAction.PAUSE)
    assert world.run.sent[-1] == PauseRecording(world.whole)
    assert world.told() == [(told.Done, None)]
    await asyncio.sleep(0.3)
    assert world.told() == [(told.Done, None)] * 2
    world.whole_call(RecordAction.RESUME)
    assert world.run.sent[-1] == ResumeRecording(world.whole)
    await world.run.end()


async def test_pause_that_asterisk_refuses_fails_so_that_no_pin_is_asked_for() -> None:
    world = World()
    world.started()
    world.whole_call(RecordAction.PAUSE)
    world.run.fail(len(world.run.sent) - 1)
    await asyncio.sleep(0.3)
    assert world.told() == [(told.Done, None), (told.CommandFailed, None)]


async def test_pause_of_what_is_not_recorded_is_done() -> None:
    world = World()
    for action in (RecordAction.PAUSE, RecordAction.RESUME, RecordAction.STOP):
        world.whole_call(action)
    assert world.told() == [(told.Done, None)] * 3
    assert world.run.sent == []


async def test_call_that_asterisk_records_itself_cannot_be_paused_and_says_so() -> None:
    world = World(run=FakeLiveRun(call=scripted_call(recording="/rec/c1.raw")))
    world.whole_call(RecordAction.PAUSE)
    assert world.told() == [(told.CommandFailed, None)]


@pytest.mark.parametrize("how", ["stop", "over", "snoop ends"])
async def test_end_of_the_recording_keeps_the_file_and_leaves_no_snoop(how: str) -> None:
    world = World()
    world.started()
    match how:
        case "stop":
            world.whole_call(RecordAction.STOP)
        case "over":
            world.recording.over(world.run)
        case _:
            world.run.legs[world.snoop](LegEnded(world.snoop, 16, None, 9.0))
    assert [(leg.raw, leg.leg) for leg in world.kept] == [(f"/spool/{world.whole}.wav", "both")]
    assert world.run.sent[-1] == HangUp(world.snoop)
    assert not world.run.legs


async def test_snoop_that_cannot_be_made_fails() -> None:
    world = World()
    world.whole_call(RecordAction.START)
    world.run.fail(0)
    assert world.told() == [(told.CommandFailed, None)]
    assert not world.run.legs
    assert world.kept == []


async def test_recording_outlives_the_engine() -> None:
    world = World()
    sight = Sight.of(Snapshot((ChannelSeen(world.snoop, "Up", ("record",)),), ()))
    assert not world.recording.adopt(world.run, "c1:ask:3", sight)
    world.whole_call(RecordAction.PAUSE)
    assert world.run.sent == [PauseRecording(world.whole)]
    world.recording.over(world.run)
    assert [leg.raw for leg in world.kept] == [f"/spool/{world.whole}.wav"]
