"""The reader of SIPp's own log: whole or not at all."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.stack.calllog import CallLogError, read_calls
from engine.stack.carrier import count_finals
from engine.stack.carrier import read_calls as read_carrier


def at(second: float) -> str:
    whole = 1_795_564_800 + int(second)
    fraction = round((second - int(second)) * 1_000_000)
    local = time.strftime("%Y-%m-%d\t%H:%M:%S", time.localtime(whole))
    return f"at={local}.{fraction:06d}\t{whole}.{fraction:06d}"


LINES = [
    f"invite n=1.000000 call=a@h number=+12125550100 rtp=20000 {at(1)}",
    f"answer n=1.000000 call=a@h {at(1.5)}",
    f"invite n=2.000000 call=b@h number=+12125550132 rtp=20002 {at(2)}",
    f"end n=2.000000 call=b@h number=+12125550132 final=486 by=carrier {at(2.25)}",
    f"end n=1.000000 call=a@h number=+12125550100 final=200 by=carrier {at(4)}",
    f"invite n=3.000000 call=c@h number=+12125550159 rtp=20004 {at(5)}",
    f"end n=3.000000 call=c@h number=+12125550159 final=none by=nobody {at(5)}",
    f"invite n=4.000000 call=d@h number=+12125550118 rtp=20006 {at(6)}",
    f"early n=4.000000 call=d@h {at(6.1)}",
    f"answer n=4.000000 call=d@h {at(6.5)}",
    f"end n=4.000000 call=d@h number=+12125550118 final=200 by=caller {at(9)}",
]


def log_of(directory: Path, lines: list[str], end: str = "\n") -> Path:
    log = directory / "calls.log"
    log.write_text("\n".join(lines) + end)
    return log


def test_calls_are_read_with_their_times(tmp_path: Path) -> None:
    first, second, third, fourth = read_carrier(log_of(tmp_path, LINES))
    assert (first.number, first.final, first.ended_by, first.talk_ms) == ("+12125550100", 200, "carrier", 2500.0)
    assert (second.final, second.answered_ms, second.rtp_port) == (486, None, 20002)
    assert (third.final, third.ended_by) == (None, "nobody")
    assert fourth.early_ms is not None
    assert count_finals([first, second, third, fourth]) == {"200": 2, "486": 1, "none": 1}


def test_absent_log_has_no_calls(tmp_path: Path) -> None:
    assert read_calls(tmp_path / "none.log") == []


def test_last_line_without_its_end_is_not_read_yet(tmp_path: Path) -> None:
    for cut in range(1, len(LINES[-1])):
        calls = read_carrier(log_of(tmp_path, [*LINES[:-1], LINES[-1][:cut]], end=""))
        assert calls[3].is_open
        assert len(calls) == 4


@pytest.mark.parametrize("index", range(len(LINES)))
def test_a_lost_or_doubled_line_shows(tmp_path: Path, index: int) -> None:
    with pytest.raises(CallLogError):
        read_carrier(log_of(tmp_path, [*LINES[: index + 1], *LINES[index:]]))
    without = LINES[:index] + LINES[index + 1 :]
    try:
        calls = read_carrier(log_of(tmp_path, without))
    except CallLogError:
        return
    # what may be missing without a contradiction: an end (the call is open), early media, or the newest call as a whole
    assert LINES[index].startswith(("end", "early"))
    assert any(call.is_open for call in calls) or LINES[index].startswith("early")


DECIDING = [index for index, line in enumerate(LINES) if line.startswith(("invite", "end"))]


@given(st.sampled_from(DECIDING), st.data())
def test_an_altered_number_or_status_shows(index: int, data: st.DataObject) -> None:
    line = LINES[index]
    field = data.draw(st.sampled_from(["number"] if line.startswith("invite") else ["number", "final", "by"]))
    found = re.search(rf"{field}=(\S+)", line)
    assert found is not None
    old = found.group(1)
    if field == "by":
        new = data.draw(st.sampled_from([who for who in ("carrier", "nobody") if who != old]))
        if old == "caller" and new == "carrier":
            # who ends an answered call is the call's own affair
            return
    elif field == "final":
        new = data.draw(st.from_regex(r"[1-6][0-9][0-9]", fullmatch=True).filter(lambda text: text not in {old, "487"}))
    else:
        position = data.draw(st.integers(1, len(old) - 1))
        digit = data.draw(st.sampled_from([each for each in "0123456789" if each != old[position]]))
        new = old[:position] + digit + old[position + 1 :]
    altered = line.replace(f"{field}={old}", f"{field}={new}")
    with pytest.raises(CallLogError):
        read_text([*LINES[:index], altered, *LINES[index + 1 :]])


@given(st.integers(0, len(LINES) - 1), st.data())
def test_an_altered_time_shows(index: int, data: st.DataObject) -> None:
    line = LINES[index]
    places = [place for place in range(line.index("at="), len(line)) if line[place].isdigit()]
    place = data.draw(st.sampled_from(places))
    digit = data.draw(st.sampled_from([each for each in "0123456789" if each != line[place]]))
    with pytest.raises(CallLogError):
        read_text([*LINES[:index], line[:place] + digit + line[place + 1 :], *LINES[index + 1 :]])


@pytest.mark.parametrize("call_id", ["a@h", "b@h", "c@h"])
def test_a_call_missing_as_a_whole_shows_by_its_serial(tmp_path: Path, call_id: str) -> None:
    with pytest.raises(CallLogError):
        read_carrier(log_of(tmp_path, [line for line in LINES if f"call={call_id} " not in line]))


@pytest.mark.parametrize("junk", ["", "end", "hello", LINES[0] + " x", LINES[1].replace("n=1.000000", "n=1")])
def test_a_line_outside_the_grammar_shows(tmp_path: Path, junk: str) -> None:
    with pytest.raises(CallLogError) as caught:
        read_calls(log_of(tmp_path, [*LINES, junk]))
    assert caught.value.line == len(LINES) + 1


def test_cancelled_call_fits_any_number(tmp_path: Path) -> None:
    lines = [LINES[2], LINES[3].replace("final=486 by=carrier", "final=487 by=caller")]
    [call] = read_carrier(log_of(tmp_path, [line.replace("n=2.", "n=1.") for line in lines]))
    assert call.final == 487


def read_text(lines: list[str]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as directory:
        read_carrier(log_of(Path(directory), lines))
