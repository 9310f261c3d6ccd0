"""A recording comes out again byte for byte; a changed one is told by its line, a damaged one in words."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from engine.dialer.budget import SettledAnswer
from engine.dialer.observation import AgentReady, CallLaunched, Observation
from engine.dialer.pacer import PacerConfig, PacingLimits
from engine.dialer.pool_simulator import Dialed, PoolRun
from engine.dialer.recording import RecordedPool
from engine.dialer.replay import Damaged, repeat
from engine.dialer.scenario import Scenario
from engine.dialer.shared import SharedPacers
from tests.journals.pacing.record import AHEAD, POOL
from tests.vss_command import Here

CONFIG = PacerConfig(small_team=False)


@pytest.mark.parametrize("file", [AHEAD, POOL], ids=lambda file: file.name)
def test_a_recording_of_an_older_version_comes_out_again(file: Path) -> None:
    found = repeat(file.read_text().splitlines(keepends=True))
    assert found.difference is None, f"{found.difference} (changed on purpose? see tests/journals/pacing/record.py)"
    assert found.decisions > 70
    assert found.launched > 5


def test_the_older_recordings_hold_more_than_floors() -> None:
    text = AHEAD.read_text() + POOL.read_text()
    assert '"binding":"theta"' in text
    assert '"remove":"new"' in text
    assert '"level":2.0' in text
    assert "inbound-" in text


@pytest.mark.parametrize("policy", ["lookahead", "power:2", "vicidial:3"])
def test_a_simulation_is_recorded_and_repeated(policy: str, here: Here, tmp_path: Path) -> None:
    words = ["pacing", "simulate", "--agents", "8", "--hours", "0.05", "--policy", policy, "--json"]
    plain = here.run(*words).json("pacing-simulate")
    recorded = here.run(*words, "--journal", str(tmp_path / "day.jsonl")).json("pacing-simulate")
    assert {**plain, "decision_us_p50": 0, "decision_us_p99": 0} == {
        **recorded, "decision_us_p50": 0, "decision_us_p99": 0
    }  # fmt: skip
    ran = here.run("pacing", "replay", str(tmp_path / "day.jsonl"), "--json")
    assert ran.code == 0
    told = ran.json("pacing-replay")
    assert (told["same"], told["rule"], told["launched"]) == (True, policy, recorded["dials"])
    assert told["decisions"] == recorded["decisions"]
    assert "byte for byte" in here.run("pacing", "replay", str(tmp_path / "day.jsonl")).out


def changed(line: int, was: str, now: str) -> str:
    lines = AHEAD.read_text().splitlines(keepends=True)
    assert was in lines[line - 1]
    lines[line - 1] = lines[line - 1].replace(was, now, 1)
    return "".join(lines)


def test_a_changed_number_in_a_decision_is_told_with_its_line(here: Here, tmp_path: Path) -> None:
    file = tmp_path / "day.jsonl"
    file.write_text(changed(8, '"launch":6', '"launch":7'))
    ran = here.run("pacing", "replay", str(file), "--json")
    assert ran.code == 1
    told = ran.json("pacing-replay")
    assert (told["same"], told["difference"]["line"]) == (False, 8)
    assert '"launch":7' in told["difference"]["recorded"]
    assert '"launch":6' in told["difference"]["repeated"]
    shown = here.run("pacing", "replay", str(file))
    assert shown.code == 1
    assert "line 8 differs" in shown.out


def test_a_changed_event_shows_in_a_later_decision(here: Here, tmp_path: Path) -> None:
    file = tmp_path / "day.jsonl"
    file.write_text(changed(2, "AgentReady", "AgentGone").replace(np.__version__, "1.0", 1))
    ran = here.run("pacing", "replay", str(file))
    assert ran.code == 1
    assert "line 8 differs (the cause may be in a line before it)" in ran.out
    assert "numpy was 1.0 then" in ran.out


def ended(text: str) -> str:
    return AHEAD.read_text().splitlines(keepends=True)[0] + text


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (lambda: AHEAD.read_text()[:-20], "line ", "cut short"),
        (lambda: "", "line 1", "empty"),
        (lambda: "hello\n", "line 1", "no JSON"),
        (lambda: "[1]\n", "line 1", "no JSON object"),
        (lambda: '{"event":"AgentReady"}\n', "line 1", "not the header"),
        (lambda: changed(1, '"vss_pacing":1', '"vss_pacing":2'), "line 1", "format 2"),
        (lambda: changed(1, '"rule":"lookahead"', '"rule":"magic"'), "line 1", "policy"),
        (lambda: changed(1, '"eta":0.25', '"eta":25'), "line 1", "eta"),
        (lambda: changed(1, '"eta":', '"beta":'), "line 1", "does not fit"),
        (lambda: ended('{"event":"AgentSings","at":1,"agent":"a"}\n'), "line 2", "no known kind"),
        (lambda: ended('{"event":"AgentReady","agent":"a"}\n'), "line 2", "without its time"),
        (lambda: ended('{"event":"AgentReady","at":1,"agent":7}\n'), "line 2", "no text"),
        (lambda: ended('{"event":"AgentReady","at":1}\n'), "line 2", "does not fit"),
        (lambda: ended('{"decide":1,"limits":{"campaign":{"colour":1}}}\n'), "line 2", "does not fit"),
        (lambda: ended('{"add":"b"}\n'), "line 2", "no event, decision"),
        (lambda: POOL.read_text().replace('"version":1', '"version":9', 1), "line 1", "state: version 9"),
        (lambda: POOL.read_text().replace('"talk":', '"walk":', 1), "line 1", "state: has no 'talk'"),
    ],
)  # fmt: skip
def test_a_damaged_recording_is_wrong_usage_and_says_where(
    text: Callable[[], str], line: str, words: str, here: Here, tmp_path: Path
) -> None:
    file = tmp_path / "day.jsonl"
    file.write_text(text())
    ran = here.run("pacing", "replay", str(file), "--json")
    assert ran.code == 2
    message = ran.json("error")["error"]["message"]
    assert line in message
    assert words in message


def test_what_is_no_file_or_no_text_is_refused(here: Here, tmp_path: Path) -> None:
    assert here.run("pacing", "replay", str(tmp_path / "nothing")).code == 2
    (tmp_path / "noise").write_bytes(bytes(range(256)) * 4)
    assert here.run("pacing", "replay", str(tmp_path / "noise")).code == 2


def test_each_segment_of_a_pool_can_be_repeated_by_itself_and_recording_changes_nothing() -> None:
    segments: list[list[str]] = []
    recorded = RecordedPool(SharedPacers(), lambda _: None)
    plain = SharedPacers()

    def rotate(event: Observation, _: str | None) -> None:
        if event.at >= 150 * len(segments):
            segments.append([])
            recorded.begin(segments[-1].append)

    said: list[list[str]] = [[], []]
    for lines, pool, watch in ((said[0], recorded, rotate), (said[1], plain, None)):
        for key in ("a", "b"):
            pool.add(key, CONFIG, 2.0 if key == "a" else 1.0)
        world = Scenario(agents=10, hours=0.12)
        PoolRun(
            world, {"a": Dialed(world), "b": Dialed(world, begins_s=100)}, pool, 7, inbound_per_hour=40, on_event=watch,
            on_decision=lambda _, found, to=lines: to.append(repr(found)),
        ).run()  # fmt: skip
    assert said[0] == said[1]
    assert len(segments) == 3
    for segment in segments:
        assert repeat(segment).difference is None


def test_campaigns_that_join_with_a_past_and_leave_are_repeated() -> None:
    first = SharedPacers()
    first.add("old", CONFIG)
    lines: list[str] = []
    pool = RecordedPool(SharedPacers(), lines.append)
    pool.begin()
    pool.add("old", CONFIG, 3.0, 5, policy="power:2", state=first.campaign_state("old"))
    pool.add("new", CONFIG, facts=[SettledAnswer(1.0, True), SettledAnswer(2.0, False)])
    pool.observe(AgentReady(3.0, "анна"))
    pool.observe(CallLaunched(3.0, "1"), "new")
    pool.decide(3.5, {"old": PacingLimits(channels=3, message_armed=False), "new": PacingLimits()})
    pool.remove("new")
    pool.decide(4.0, {"old": PacingLimits()})
    found = repeat(lines)
    assert (found.difference, found.events, found.decisions, found.lines) == (None, 2, 2, 8)
    again = json.loads(lines[1])
    assert (again["add"], again["weight"], again["seed"], again["policy"]) == ("old", 3.0, 5, "power:2")
    with pytest.raises(Damaged, match="line 3"):
        repeat([lines[0], lines[1], lines[1]])
