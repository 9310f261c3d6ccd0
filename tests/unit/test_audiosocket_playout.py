"""What a bot says comes to the caller whole, in order and 20 ms at a time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.adapters.audiosocket.playout import BYTES_PER_MS, MARKS_MAX, Playout
from engine.adapters.audiosocket.protocol import FRAME_B
from engine.adapters.audiosocket.words import BadCommand, Clear, End, Mark, command_of


def sound(ms: int, value: int = 1) -> bytes:
    return bytes([value]) * (ms * BYTES_PER_MS)


def drained(playout: Playout, ticks: int) -> tuple[bytes, list[str]]:
    frames, marks = b"", list[str]()
    for _ in range(ticks):
        heard = playout.tick()
        frames += heard.frame or b""
        marks += heard.marks
    return frames, marks


@given(st.lists(st.integers(1, 900).map(lambda n: 2 * n), min_size=1, max_size=40))
def test_nothing_is_lost_or_changed_however_it_is_cut(sizes: list[int]) -> None:
    whole = bytes(n % 251 for n in range(sum(sizes)))
    playout, place = Playout(), 0
    for size in sizes:
        assert playout.put(whole[place : place + size]) == 0
        place += size
    frames, _ = drained(playout, len(whole) // FRAME_B + 10)
    assert frames == whole.ljust(-(-len(whole) // FRAME_B) * FRAME_B, b"\0")
    assert playout.queued_ms == 0


def test_a_little_is_kept_back_so_that_late_frames_leave_no_gap() -> None:
    playout = Playout(prebuffer_ms=60)
    playout.put(sound(20))
    assert playout.tick().frame is None
    playout.put(sound(40))
    assert playout.tick().frame == sound(20)
    assert playout.tick().frame == sound(20)
    playout.put(sound(20))
    assert playout.tick().frame == sound(20)
    assert playout.tick().frame == sound(20)


def test_a_short_piece_is_heard_after_the_time_that_is_kept_back() -> None:
    playout = Playout(prebuffer_ms=60)
    playout.put(sound(20))
    assert [playout.tick().frame for _ in range(4)] == [None, None, None, sound(20)]


def test_more_than_the_queue_takes_is_refused_and_what_is_there_stays() -> None:
    playout = Playout(queue_max_ms=100)
    assert playout.put(sound(80)) == 0
    assert playout.put(sound(50, 2)) == 30
    assert drained(playout, 10)[0] == sound(80) + sound(20, 2)


def test_marks_come_when_what_was_before_them_has_been_heard() -> None:
    playout = Playout(prebuffer_ms=20)
    playout.put(sound(40))
    playout.mark("one")
    playout.put(sound(20))
    playout.mark("two")
    assert [playout.tick().marks for _ in range(4)] == [(), ("one",), ("two",), ()]
    playout.mark("at once")
    assert playout.tick().marks == ("at once",)


def test_what_is_cleared_is_not_heard_and_its_marks_are_told() -> None:
    playout = Playout(prebuffer_ms=20)
    playout.put(sound(1000))
    playout.mark("never")
    playout.tick()
    assert playout.clear() == ("never",)
    assert playout.tick().frame is None
    playout.put(sound(20, 2))
    assert playout.tick().frame == sound(20, 2)


def test_marks_are_bounded() -> None:
    playout = Playout()
    assert [playout.mark("m") for _ in range(MARKS_MAX + 1)] == [True] * MARKS_MAX + [False]
    playout.clear()
    assert playout.mark("m")


def test_commands_are_read() -> None:
    assert command_of('{"command": "clear"}') == Clear()
    assert command_of('{"command": "mark", "name": "hello"}') == Mark("hello")
    assert command_of('{"command": "end", "more": 1}') == End()


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", "1", '{"command": "dance"}', '{"command": "mark"}', '{"command": "mark", "name": 5}', "[" * 4000,
     '{"command": "mark", "name": ""}', '{"command": ["clear"]}', " " * 5000],
)  # fmt: skip
def test_what_is_no_command_is_said_to_be_none(text: str) -> None:
    with pytest.raises(BadCommand):
        command_of(text)
