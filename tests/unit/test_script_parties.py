"""Calling somebody for a script: never twice, never left on a line, and told what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from engine.call.commands import (
    CreateBridge,
    DestroyBridge,
    HangUp,
    Join,
    Leave,
    Originate,
    Play,
    StartMusic,
    StopMusic,
    StopPlay,
)
from engine.call.events import (
    BridgeSeen,
    ChannelSeen,
    Failure,
    LegDigit,
    LegEnded,
    LegEntered,
    LegJoined,
    LegRinging,
    PlaybackEnded,
    Snapshot,
)
from engine.call.reconcile import Sight
from engine.errors import Unavailable
from engine.fakes.live_run import FakeLiveRun
from engine.fakes.metrics import FakeMetrics
from engine.flow.prompt import ToneName
from engine.flow.run import events as told
from engine.flow.run.commands import DialParty, Words
from engine.ids import BridgeId, ChannelId, PlaybackId, TrunkName
from engine.runtime.flows.parties import Parties, leg_of

REQUEST = "c1:dial:4"
LEG = leg_of(REQUEST)
BRIDGE = BridgeId(f"{LEG}-bridge")
CALLER = ChannelId("c1")
TRUNK = TrunkName("carrier")


@dataclass
class Lines:
    free: int = 1

    def line(self, wanted: str | None) -> TrunkName | None:
        return TRUNK if wanted in {None, "carrier"} else None

    def take_channel(self, name: TrunkName) -> bool:
        if not self.free:
            return False
        self.free -= 1
        return True

    def free_channel(self, name: TrunkName) -> None:
        self.free += 1

    def caller_id_of(self, name: TrunkName) -> str:
        return "+7000"


@dataclass
class SpokenVoices:
    broken: bool = False

    async def words(
        self, text: str, language: str, voice: str | None = None, *, passing: bool = False
    ) -> tuple[str, ...]:
        if self.broken:
            raise Unavailable("speech", "no voice")
        return (f"sound:{language}/{text}",)

    async def recorded(self, audio: str) -> tuple[str, ...]:
        return (audio,)

    async def tone(self, name: ToneName, for_s: float) -> tuple[str, ...]:
        return ()

    async def silence(self, for_s: float) -> tuple[str, ...]:
        return ()

    def forget(self, media: Sequence[str]) -> None: ...


@dataclass
class World:
    lines: Lines = field(default_factory=Lines)
    voices: SpokenVoices = field(default_factory=SpokenVoices)
    run: FakeLiveRun = field(default_factory=FakeLiveRun)

    def __post_init__(self) -> None:
        self.parties = Parties(self.lines, self.voices, FakeMetrics())

    def dial(self, **changes: Any) -> None:
        fields: dict[str, Any] = {
            "request": REQUEST, "to": "+74950000009", "timeout_s": 20.0, "talk_max_s": 60.0,
            "locale": "en-GB", **changes,
        }  # fmt: skip
        self.parties.perform(self.run, DialParty(**fields))

    def leg(self, event: Any) -> None:
        if LEG in self.run.legs:
            self.run.legs[LEG](event)

    def answer(self) -> None:
        self.leg(LegEntered(LEG, ("party",), "", "", 5.0))

    def both_arrive(self) -> None:
        self.parties.heard(self.run, LegJoined(CALLER, BRIDGE, 6.0))
        self.leg(LegJoined(LEG, BRIDGE, 6.0))

    def results(self) -> list[tuple[type, Any]]:
        return [(type(event), getattr(event, "failure", None)) for event in self.run.told]

    def sent(self, kind: type) -> list[Any]:
        return [command for command in self.run.sent if isinstance(command, kind)]

    def nothing_left(self) -> None:
        assert not self.run.legs
        assert not self.run.bridges
        assert self.lines.free == 1


async def test_caller_hears_ringing_until_both_are_joined_and_the_talk_ends_with_the_party() -> None:
    world = World()
    world.dial()
    (originate,) = world.sent(Originate)
    assert (originate.channel, originate.endpoint) == (LEG, "PJSIP/+74950000009@carrier")
    assert (originate.context, originate.caller_id, originate.ring_timeout_s) == ("vss-party", "+7000", 20)
    assert world.sent(Play)[0].media == ("tone:ring",)
    world.answer()
    assert world.sent(StopPlay) == [StopPlay(PlaybackId(f"{LEG}-ringing"))]
    assert world.run.sent[-3:] == [CreateBridge(BRIDGE, "party"), Join(BRIDGE, CALLER), Join(BRIDGE, LEG)]
    assert world.results() == []
    world.both_arrive()
    assert world.results() == [(told.PartyAnswered, None)]
    world.leg(LegEnded(LEG, 16, None, 30.0))
    assert world.results()[-1] == (told.TalkEnded, None)
    assert Leave(BRIDGE, CALLER) in world.run.sent
    assert DestroyBridge(BRIDGE) in world.run.sent
    world.nothing_left()


async def test_music_instead_of_ringing_stops_before_the_join() -> None:
    world = World()
    world.dial(music="calm")
    assert world.sent(StartMusic) == [StartMusic(CALLER, "calm")]
    world.answer()
    assert world.run.sent.index(StopMusic(CALLER)) < world.run.sent.index(Join(BRIDGE, CALLER))


@pytest.mark.parametrize(
    ("rings", "cause", "sip", "failure"),
    [
        (True, 17, 486, told.PartyFailure.BUSY),
        (True, 21, 603, told.PartyFailure.BUSY),
        (True, 19, 480, told.PartyFailure.NO_ANSWER),
        (False, 19, 480, told.PartyFailure.NO_ANSWER),
        (False, 1, 404, told.PartyFailure.FAILED),
        (False, 34, 503, told.PartyFailure.FAILED),
    ],
)
async def test_who_does_not_answer_is_told_by_the_cause(
    rings: bool, cause: int, sip: int, failure: told.PartyFailure
) -> None:
    world = World()
    world.dial()
    if rings:
        world.leg(LegRinging(LEG, 2.0))
    world.leg(LegEnded(LEG, cause, sip, 20.0))
    assert world.results() == [(told.PartyFailed, failure)]
    world.nothing_left()


async def test_same_request_is_never_dialed_again() -> None:
    world = World()
    world.dial()
    world.dial()
    assert len(world.sent(Originate)) == 1


async def test_full_or_unknown_trunk_fails_at_once() -> None:
    world = World(lines=Lines(free=0))
    world.dial()
    assert world.results() == [(told.CommandFailed, None)]
    other = World()
    other.dial(trunk="nowhere")
    assert other.results() == [(told.CommandFailed, None)]
    assert not other.sent(Originate)


@pytest.mark.parametrize(("failure", "hangs_up"), [(Failure.REFUSED, False), (Failure.TIMED_OUT, True)])
async def test_originate_that_failed_or_of_which_nobody_knows_is_not_repeated(failure: Failure, hangs_up: bool) -> None:
    world = World()
    world.dial()
    world.run.fail(world.run.sent.index(world.sent(Originate)[0]), failure)
    assert world.results() == [(told.PartyFailed, told.PartyFailure.FAILED)]
    assert (HangUp(LEG) in world.run.sent) == hangs_up
    world.nothing_left()


async def test_time_up_while_it_rings_hangs_the_party_up_and_a_late_answer_meets_nobody() -> None:
    world = World()
    world.dial()
    heard = world.run.legs[LEG]
    world.parties.cancel(world.run, REQUEST)
    assert HangUp(LEG) in world.run.sent
    world.nothing_left()
    heard(LegEntered(LEG, ("party",), "", "", 5.0))
    assert not world.sent(Join)
    assert world.results() == []


async def test_time_up_while_they_talk_parts_them() -> None:
    world = World()
    world.dial()
    world.answer()
    world.both_arrive()
    world.parties.cancel(world.run, REQUEST)
    assert world.run.sent[-3:] == [Leave(BRIDGE, CALLER), HangUp(LEG), DestroyBridge(BRIDGE)]
    world.nothing_left()


async def test_whisper_is_heard_by_who_answers_before_the_join() -> None:
    world = World()
    world.dial(whisper=(Words("a call"),))
    world.answer()
    await asyncio.sleep(0.01)
    assert world.sent(Play)[-1] == Play(LEG, PlaybackId(f"{LEG}-prompt"), ("sound:en-GB/a call",))
    assert not world.sent(Join)
    world.leg(PlaybackEnded(PlaybackId(f"{LEG}-prompt"), LEG, False, 7.0))
    assert len(world.sent(Join)) == 2


async def test_key_confirms_also_while_the_prompt_is_heard() -> None:
    world = World()
    world.dial(confirm=(Words("press one"),), confirm_key="1", confirm_timeout_s=5.0)
    world.answer()
    await asyncio.sleep(0.01)
    world.leg(LegDigit(LEG, "2", 6.0))
    assert not world.sent(Join)
    world.leg(LegDigit(LEG, "1", 6.1))
    assert len(world.sent(Join)) == 2


async def test_who_does_not_confirm_in_time_is_hung_up() -> None:
    world = World()
    world.dial(confirm=(Words("press one"),), confirm_key="1", confirm_timeout_s=0.01)
    world.answer()
    await asyncio.sleep(0.01)
    world.leg(PlaybackEnded(PlaybackId(f"{LEG}-prompt"), LEG, False, 7.0))
    await asyncio.sleep(0.05)
    assert world.results() == [(told.PartyFailed, told.PartyFailure.UNCONFIRMED)]
    assert HangUp(LEG) in world.run.sent
    world.nothing_left()


async def test_who_hangs_up_instead_of_confirming_did_not_confirm() -> None:
    world = World()
    world.dial(confirm=(Words("press one"),), confirm_key="1", confirm_timeout_s=5.0)
    world.answer()
    await asyncio.sleep(0.01)
    world.leg(LegEnded(LEG, 16, None, 8.0))
    assert world.results() == [(told.PartyFailed, told.PartyFailure.UNCONFIRMED)]


async def test_without_a_voice_for_the_prompt_the_key_still_counts() -> None:
    world = World(voices=SpokenVoices(broken=True))
    world.dial(confirm=(Words("press one"),), confirm_key="1", confirm_timeout_s=5.0)
    world.answer()
    await asyncio.sleep(0.01)
    world.leg(LegDigit(LEG, "1", 6.1))
    assert len(world.sent(Join)) == 2


async def test_join_that_fails_leaves_nobody_in_a_bridge_alone() -> None:
    world = World()
    world.dial()
    world.answer()
    world.run.fail(world.run.sent.index(Join(BRIDGE, LEG)))
    assert world.results() == [(told.PartyFailed, told.PartyFailure.FAILED)]
    assert HangUp(LEG) in world.run.sent
    world.nothing_left()


async def test_run_that_is_over_leaves_nobody_on_a_line() -> None:
    world = World()
    world.dial()
    world.parties.over(world.run)
    assert HangUp(LEG) in world.run.sent
    world.nothing_left()


async def test_talk_that_outlived_an_engine_goes_on_and_a_ringing_phone_is_hung_up() -> None:
    world = World()
    up = [ChannelSeen(name, "Up", ("party",)) for name in (CALLER, LEG)]
    together = Snapshot(tuple(up), (BridgeSeen(BRIDGE, frozenset({CALLER, LEG})),))
    assert world.parties.adopt(world.run, REQUEST, Sight.of(together))
    world.leg(LegEnded(LEG, 16, None, 30.0))
    assert world.results() == [(told.TalkEnded, None)]
    other = World()
    assert not other.parties.adopt(other.run, REQUEST, Sight.of(Snapshot(tuple(up), ())))
    assert other.run.sent == [HangUp(LEG)]
