"""The reckoning of chaos: who counts as lost, and who does not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.chaos.faults import Fault
from engine.chaos.reckoning import COUNTS, Moment, dialed_twice, gone_quiet, lost, on_the_line, unserved
from engine.chaos.run import Round
from engine.chaos.traffic import Mix
from engine.demo.reckoning import DialedAttempt
from engine.stack.calllog import LoggedCall
from engine.stack.sound import Sound
from engine.stack.tones import Heard, Segment

MOMENT = Moment(10_000.0, 18_000.0)


def call(**changes: Any) -> LoggedCall:
    return replace(LoggedCall(1, "c1", "+1201", 4000, 5_000.0, answered_ms=6_000.0, final=200), **changes)


def heard(*segments: tuple[Sound, float, float | None], call_id: str = "c1") -> Heard:
    return Heard(call_id, "+1201", 4000, 6_000.0, segments=tuple(Segment(*segment) for segment in segments))


def test_on_the_line_is_who_answered_before_and_ended_after() -> None:
    assert on_the_line([call()], 10_000.0)
    assert on_the_line([call(ended_ms=10_001.0)], 10_000.0)
    assert not on_the_line([call(ended_ms=9_999.0)], 10_000.0)
    assert not on_the_line([call(answered_ms=10_001.0)], 10_000.0)
    assert not on_the_line([call(answered_ms=None)], 10_000.0)


def test_lost_is_who_was_ended_by_us_meanwhile() -> None:
    ended = call(ended_ms=12_000.0, ended_by="caller")
    assert lost([ended], MOMENT, "caller") == [ended]
    assert not lost([replace(ended, ended_by="carrier")], MOMENT, "caller"), "they hung up themselves"
    assert not lost([replace(ended, ended_ms=18_001.0)], MOMENT, "caller"), "later than that we end everybody"
    assert not lost([call()], MOMENT, "caller")


@pytest.mark.parametrize(
    ("segments", "quiet"),
    [
        ([(Sound.TONE, 7_000.0, None)], False),
        ([(Sound.TONE, 7_000.0, 12_000.0), (Sound.TONE, 12_300.0, None)], False),
        ([(Sound.TONE, 7_000.0, 12_000.0), (Sound.TONE, 12_500.0, None)], True),
        ([(Sound.TONE, 7_000.0, 12_000.0), (Sound.OTHER, 12_000.0, None)], True),
        ([(Sound.TONE, 7_000.0, 9_000.0)], True),
        ([], True),
    ],
)
def test_talk_is_quiet_when_the_other_sides_tone_is_missing(segments: list[Any], quiet: bool) -> None:
    assert gone_quiet({"+1201": heard(*segments)}, MOMENT) == (["+1201"] if quiet else [])


def test_unserved_is_who_stayed_and_heard_nothing() -> None:
    stayed = call(ended_ms=10_000.0)
    silence = (Sound.SILENCE, 6_000.0, None)
    assert unserved([stayed], [heard(silence)]) == ["+1201"]
    assert unserved([stayed], []) == ["+1201"]
    assert not unserved([stayed], [heard(silence, (Sound.OTHER, 7_000.0, 8_000.0))])
    assert not unserved([stayed], [heard((Sound.TONE, 7_000.0, None))])
    assert not unserved([call(ended_ms=8_000.0)], [heard(silence)]), "they left before anybody had to speak"


def test_dialed_twice_is_an_invite_too_many() -> None:
    attempt = DialedAttempt("+1201", "busy", 5.0, None, 6.0, None)
    assert dialed_twice([call(), call()], [attempt]) == ["+1201"]
    assert not dialed_twice([call()], [attempt])
    assert not dialed_twice([], [attempt]), "never dialed is not twice"


def test_round_is_sound_when_every_count_is_zero_and_calls_end_only_with_asterisk() -> None:
    clean = dict.fromkeys(COUNTS, 0)
    assert Round(Fault.KILL_ENGINE, 9, 1.0, clean, ()).sound
    for name in COUNTS:
        assert not Round(Fault.KILL_ENGINE, 9, 1.0, {**clean, name: 1}, ()).sound
    assert Round(Fault.KILL_ASTERISK, 9, 1.0, {**clean, "calls_lost": 9}, ()).sound
    assert not Round(Fault.KILL_ASTERISK, 9, 1.0, {**clean, "outcomes_missing": 1}, ()).sound


@pytest.mark.parametrize("calls", [2, 3, 12, 20, 100, 199])
def test_mix_has_as_many_calls_as_were_asked_for(calls: int) -> None:
    mix = Mix.of(calls)
    assert mix.talking + mix.queued + mix.scripted + mix.ringing == calls
    assert mix.talking >= 1
