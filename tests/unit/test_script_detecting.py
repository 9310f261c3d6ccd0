"""Machines that answer: what app_amd found, and the beep that is waited for."""

from __future__ import annotations

import pytest

from engine.call.commands import (
    ContinueAt,
    CreateBridge,
    DestroyBridge,
    HangUp,
    Join,
    Leave,
    OpenMedia,
    SetVariable,
    Snoop,
)
from engine.call.events import ChannelSeen, Failure, Judged, LegEnded, LegEntered, Snapshot
from engine.call.reconcile import Sight
from engine.fakes.ear import FakeEar
from engine.fakes.metrics import FakeMetrics
from engine.flow.nodes.centre import Detector
from engine.flow.run.commands import AwaitBeep, DetectMachine
from engine.flow.run.events import BeepHeard, CommandFailed, Detected, Verdict
from engine.flow.run.state import WaitKind
from engine.ids import BridgeId, ChannelId
from engine.runtime.flows.detecting import Detecting
from tests.unit.run_stub import StubRun

AMD = "c1:who:1"
BEEP = "c1:drop:1"
TAP_LEG, SNOOP_LEG = ChannelId(f"flow-{BEEP}-tap"), ChannelId(f"flow-{BEEP}-snoop")
BRIDGE = BridgeId(f"flow-{BEEP}-bridge")
DETECT = DetectMachine(request=AMD, detector=Detector.ASTERISK, timeout_s=4)


class World:
    def __init__(self) -> None:
        self.ear = FakeEar()
        self.metrics = FakeMetrics()
        self.detecting = Detecting(self.ear, self.metrics)
        self.run = StubRun()

    def comes_back(self, *args: str) -> None:
        self.detecting.heard(self.run, LegEntered(self.run.channel, args, "", "", 100.0))

    def waits_for_the_beep(self) -> str:
        self.detecting.perform(self.run, AwaitBeep(request=BEEP, wait_s=30, silence_s=2))
        (tap,) = self.ear.listening
        return tap

    def nothing_is_left(self) -> None:
        assert self.run.legs == {}
        assert self.run.bridges == set()
        assert self.ear.listening == {}
        assert self.detecting.open == 0
        assert {one.channel for one in self.run.commands(HangUp)} == {TAP_LEG, SNOOP_LEG}
        assert self.run.commands(DestroyBridge) == [DestroyBridge(BRIDGE)]
        assert self.run.commands(Leave) == []


@pytest.fixture
def world() -> World:
    return World()


def sight(world: World, *args: str, there: bool = True, inside: bool = True) -> Sight:
    seen = ChannelSeen(world.run.channel, "Up", args if inside else None)
    return Sight.of(Snapshot((seen,) if there else (), ()))


@pytest.mark.parametrize(
    ("args", "verdict"),
    [
        (("amd", "HUMAN", "HUMAN-50-50"), Verdict.HUMAN),
        (("amd", "MACHINE", "LONGGREETING-2000-2000"), Verdict.MACHINE),
        (("amd", "NOTSURE", "TOOLONG-5000"), Verdict.UNSURE),
        (("amd", "", ""), Verdict.UNSURE),
        (("amd",), Verdict.UNSURE),
    ],
)
def test_what_amd_found_is_told_once(world: World, args: tuple[str, ...], verdict: Verdict) -> None:
    world.detecting.perform(world.run, DETECT)
    assert world.run.commands(SetVariable, ContinueAt) == [
        SetVariable(world.run.channel, "VSS_AMD_MS", "4000"), ContinueAt(world.run.channel, "vss-amd"),
    ]  # fmt: skip
    world.comes_back(*args)
    world.comes_back(*args)
    assert world.run.told == [Detected(at=100.0, request=AMD, verdict=verdict)]
    judged = {Verdict.HUMAN: "person", Verdict.MACHINE: "machine", Verdict.UNSURE: "unknown"}
    assert world.run.posted == [Judged(judged[verdict], 100.0)], "the account of abandoned calls asks for it"
    assert world.metrics.of("vss_detections_total", result=str(verdict)) == 1
    assert world.detecting.open == 0


def test_a_detection_that_nobody_waits_for_tells_nothing(world: World) -> None:
    world.detecting.perform(world.run, DETECT)
    world.detecting.cancel(world.run, AMD)
    world.comes_back("amd", "HUMAN", "")
    assert world.run.told == []


def test_who_hangs_up_in_between_ends_it(world: World) -> None:
    world.detecting.perform(world.run, DETECT)
    world.run.fail(ContinueAt, Failure.GONE)
    world.detecting.heard(world.run, LegEnded(world.run.channel, 16, None, 100.0))
    assert world.run.told == []
    assert world.detecting.open == 0


def test_a_dialplan_that_cannot_be_reached_fails_it(world: World) -> None:
    world.detecting.perform(world.run, DETECT)
    world.run.fail(ContinueAt)
    world.run.fail(SetVariable)
    assert world.run.told == [CommandFailed(at=100.0, request=AMD)]


def test_a_detector_that_is_not_there_fails_and_is_not_made_up(world: World) -> None:
    world.detecting.perform(world.run, DetectMachine(request=AMD, detector=Detector.SILERO, timeout_s=4))
    assert world.run.told == [CommandFailed(at=100.0, request=AMD)]
    assert world.run.sent == []


@pytest.mark.parametrize("verdict", [Verdict.HUMAN, Verdict.MACHINE, Verdict.UNSURE, None])
def test_the_voice_model_listens_beside_the_caller(verdict: Verdict | None) -> None:
    world = World()
    world.ear.tells_people = True
    command = DetectMachine(request=BEEP, detector=Detector.SILERO, timeout_s=4)
    world.detecting.perform(world.run, command)
    world.detecting.perform(world.run, command)
    (tap,) = world.ear.people
    assert world.run.commands(ContinueAt) == []
    assert world.run.commands(Snoop) == [Snoop(world.run.channel, SNOOP_LEG, "in")]
    world.ear.answers(tap, verdict)
    if verdict is None:
        assert world.run.told == [CommandFailed(at=100.0, request=BEEP)]
    else:
        assert world.run.told == [Detected(at=100.0, request=BEEP, verdict=verdict)]
    world.nothing_is_left()


def test_after_a_restart_the_verdict_is_read_from_the_leg(world: World) -> None:
    world.run.waits_for = WaitKind.DETECTING
    assert world.detecting.adopt(world.run, AMD, sight(world, "amd", "MACHINE", "x"))
    assert world.run.told == [Detected(at=100.0, request=AMD, verdict=Verdict.MACHINE)]


def test_after_a_restart_a_leg_in_the_dialplan_is_waited_for(world: World) -> None:
    world.run.waits_for = WaitKind.DETECTING
    assert world.detecting.adopt(world.run, AMD, sight(world, inside=False))
    assert world.run.told == []
    world.comes_back("amd", "HUMAN", "x")
    assert world.run.told == [Detected(at=100.0, request=AMD, verdict=Verdict.HUMAN)]


def test_after_a_restart_nothing_is_taken_over_that_is_not_ours(world: World) -> None:
    assert not world.detecting.adopt(world.run, AMD, sight(world, "amd", "HUMAN", "x"))
    world.run.waits_for = WaitKind.DETECTING
    assert not world.detecting.adopt(world.run, AMD, sight(world, there=False))
    assert not world.detecting.adopt(world.run, AMD, sight(world, "inbound"))
    assert world.run.told == []


def test_the_beep_is_listened_for_beside_the_caller(world: World) -> None:
    tap = world.waits_for_the_beep()
    assert world.run.commands(CreateBridge, OpenMedia, Snoop) == [
        CreateBridge(BRIDGE, BRIDGE),
        OpenMedia(TAP_LEG, world.ear.address, tap),
        Snoop(world.run.channel, SNOOP_LEG, "in"),
    ]
    for leg in (SNOOP_LEG, TAP_LEG):
        world.run.legs[leg](LegEntered(leg, (), "", "", 100.0))
    assert world.run.commands(Join) == [Join(BRIDGE, SNOOP_LEG), Join(BRIDGE, TAP_LEG)]
    world.ear.ends(tap, beep=True)
    assert world.run.told == [BeepHeard(at=100.0, request=BEEP)]
    world.nothing_is_left()


def test_a_tap_that_is_lost_fails_the_wait(world: World) -> None:
    world.ear.ends(world.waits_for_the_beep(), beep=False)
    assert world.run.told == [CommandFailed(at=100.0, request=BEEP)]
    world.nothing_is_left()


@pytest.mark.parametrize("leg", [TAP_LEG, SNOOP_LEG])
def test_a_leg_of_it_that_ends_fails_the_wait_once(world: World, leg: ChannelId) -> None:
    world.waits_for_the_beep()
    world.run.legs[leg](LegEnded(leg, 16, None, 100.0))
    assert world.run.told == [CommandFailed(at=100.0, request=BEEP)]
    world.nothing_is_left()


def test_a_cancelled_wait_is_given_back(world: World) -> None:
    world.waits_for_the_beep()
    world.detecting.cancel(world.run, BEEP)
    world.detecting.over(world.run)
    assert world.run.told == []
    world.nothing_is_left()
