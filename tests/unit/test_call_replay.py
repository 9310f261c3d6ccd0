"""Journals of calls: old ones lead to the same result, what cannot be read is told, nobody's number is in them."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.call.commands import Join, Originate, Play, SendDigits, TelephonyCommand
from engine.call.events import CallEvent, CommandFailed, DialAsked, Failure, LegAnswered, LegDigit, LegEntered
from engine.call.export import Damaged, ExportedCall, lines, read
from engine.call.journal import (
    MEDIA_KEPT,
    Began,
    Entry,
    call_of,
    entry_of,
    event_of,
    joined,
    opening,
    state_of,
    without_numbers,
)
from engine.call.machine import start_inbound, start_outbound
from engine.call.model import Call, CallKind, CallPolicy, Phase, Seat
from engine.call.replay import BEGINNING_UNKNOWN, Result, differences, replay
from engine.dialer.campaign import AnswerAction
from engine.dialer.lead import RecallRule
from engine.fakes.metrics import FakeMetrics
from engine.ids import BridgeId, CallId, ChannelId, Slot, TrunkName
from engine.outcome.disposition import Outcome
from engine.plain import Malformed
from engine.ports import CallRecord, LiveFrame
from engine.revision import revised
from engine.runtime.batch import Batch
from engine.runtime.story import ENTRIES_MAX, Ledgers, Story
from tests.journals.calls.record import HERE, STORIES
from tests.vss_command import Here

CORPUS = sorted(HERE.glob("*.jsonl"))
NUMBER = "+12025550123"
NAME = CallId("01a0c450-6e89-7d8e-91b7-584a2265b1f5")
POLICY = CallPolicy(AnswerAction.AGENT, "default", 2.0, 15.0, 3600.0, 25, ("sound:a", "sound:b", "sound:c", "sound:d"))
CALL = Call(NAME, CallKind.CAMPAIGN, Phase.DIALING, NUMBER, POLICY, 1000.5, TrunkName("carrier"))
ORIGINATE = Originate(
    CALL.channel, f"PJSIP/{NUMBER}@carrier", "vss-customer", "s", "+12025550199", 25, (("VSS_RECORD", "/r/x.raw"),)
)


def of(file: Path) -> ExportedCall:
    return read(file.read_text().splitlines())


def through_json(entry: Entry) -> Entry:
    at, name, told = json.loads(json.dumps(entry))
    return at, name, told


@pytest.mark.parametrize("file", CORPUS, ids=lambda file: file.stem)
def test_call_of_an_older_version_comes_to_the_recorded_result(file: Path) -> None:
    kept = of(file)
    again = replay(kept.call, kept.entries)
    assert again.result is not None
    assert differences(kept.recorded, again.result) == ()
    assert not [remark for remark in again.remarks if "left out" in remark or "fails" in remark]
    assert kept.story
    assert "".join(lines(kept)) == file.read_text()


def test_the_older_calls_are_of_every_kind() -> None:
    found = [of(file) for file in CORPUS]
    assert {file.stem for file in CORPUS} >= set(STORIES)
    assert {kept.kind for kept in found} == set(CallKind)
    ways = {told["way"] for kept in found for _, name, told in kept.entries if name == "Began"}
    assert ways == {"outbound", "preview", "inbound", "scripted"}
    phases = {moment.phase for kept in found for moment in replay(kept.call, kept.entries).moments}
    assert phases == set(Phase)
    assert {name for kept in found for _, name, _ in kept.entries} >= {"Adopted", "Faulted", "LegSeen", "ScriptLeaves"}
    assert {kept.recorded.outcome for kept in found} >= set(Outcome) - {Outcome.FAILED, Outcome.UNKNOWN}


@pytest.mark.parametrize("kind", [kind for kind in get_args(CallEvent) if kind is not CommandFailed])
@settings(max_examples=15)
@given(data=st.data())
def test_events_come_back_from_the_journal(kind: type, data: st.DataObject) -> None:
    strategies = {field.name: st.floats(0, 2e9) for field in fields(kind) if field.type in {"float", "float | None"}}
    event: Any = data.draw(st.builds(kind, **strategies))
    back: Any = event_of(through_json(entry_of(event)))
    match event:
        case LegEntered():
            event = replace(event, args=back.args, caller="", dialed="")
        case DialAsked():
            event = replace(event, originate=back.originate)
    assert back == event


@pytest.mark.parametrize("kind", get_args(TelephonyCommand))
@given(data=st.data())
@settings(max_examples=5)
def test_commands_that_failed_come_back_as_what_they_were(kind: type, data: st.DataObject) -> None:
    command = data.draw(st.builds(kind))
    entry = entry_of(CommandFailed(command, Failure.GONE, "it is gone", 5.0))
    back = event_of(through_json(entry))
    assert isinstance(back, CommandFailed)
    assert type(back.command) is kind
    assert (back.failure, back.detail, back.at) == (Failure.GONE, "it is gone", 5.0)
    if isinstance(command, Join | Play):
        assert back.command == command


def test_no_number_and_no_pressed_digit_is_written() -> None:
    facts: list[Any] = [
        opening(CALL),
        LegEntered(CALL.channel, ("inbound", NUMBER, "queue/x", NUMBER, "t"), NUMBER, NUMBER, 1.0),
        DialAsked(ORIGINATE, TrunkName("carrier"), 1.0),
        CommandFailed(ORIGINATE, Failure.REFUSED, f"no way to {NUMBER[1:]}", 1.0),
        CommandFailed(SendDigits(CALL.channel, "4711", 100), Failure.REFUSED, "", 1.0),
    ]
    text = json.dumps([entry_of(fact) for fact in facts])
    assert NUMBER[1:] not in text
    assert "4711" not in text
    assert "12025550199" not in text
    # what an older version wrote, and what this one does not know
    old = {"originate": {"endpoint": f"PJSIP/{NUMBER}@carrier", "caller_id": NUMBER, "extension": "s"}}
    assert NUMBER not in json.dumps(without_numbers("DialAsked", old))
    assert without_numbers("LegTeleported", {"to": f"to {NUMBER}", "n": 7}) == {"to": "to ?", "n": 7}
    amd = LegEntered(CALL.channel, ("amd", "MACHINE", "why"), "", "", 1.0)
    assert event_of(through_json(entry_of(amd))) == amd


@given(
    phase=st.sampled_from(Phase), kind=st.sampled_from(CallKind),
    times=st.lists(st.floats(1, 2e9), min_size=3, max_size=3),
    outcome=st.none() | st.sampled_from(Outcome), seated=st.booleans(), script=st.sampled_from(("", "a" * 64)),
    asked=st.text(max_size=5), action=st.sampled_from(AnswerAction), slot=st.none() | st.just(Slot(7001)),
)  # fmt: skip
def test_state_of_a_call_comes_back_but_for_what_is_left_out(
    phase: Phase, kind: CallKind, times: list[float], outcome: Outcome | None, seated: bool, script: str, asked: str,
    action: AnswerAction, slot: Slot | None,
) -> None:  # fmt: skip
    seat = Seat(Slot(7001), ChannelId("seat-1"), BridgeId("b")) if seated else None
    policy = replace(POLICY, answer_action=action, slot=slot, message=("sound:a",), recall={})
    call = revised(
        CALL, phase=phase, kind=kind, created_at=times[0], answered_at=times[1], deadline_at=times[2], outcome=outcome,
        seat=seat, seat_held=seated, script=script, scripted=bool(script), asked=asked, recording="/r/x.raw",
        policy=replace(policy, recall={Outcome.BUSY: RecallRule(3, 60.0)}), hang_ups=2, cause=17, sip_code=486,
    )  # fmt: skip
    back = call_of(NAME, json.loads(json.dumps(state_of(call))))
    assert back == revised(call, number="", recording=None, policy=policy)


def test_long_messages_are_told_and_not_written() -> None:
    back = call_of(NAME, json.loads(json.dumps(state_of(CALL))))
    assert back.policy.message == (*POLICY.message[:MEDIA_KEPT], "and 2 more")


def test_beginning_of_a_dialed_call_is_small() -> None:
    begun, _ = start_outbound(revised(CALL, policy=replace(POLICY, message=("sound:identity",))), ORIGINATE)
    assert len(json.dumps(entry_of(opening(begun)))) < 500


def test_state_in_the_middle_of_a_call_is_that_of_an_adopted_one() -> None:
    begun, _ = start_inbound(CALL)
    assert isinstance(opening(begun), Began)
    talking = revised(CALL, phase=Phase.TALKING)
    assert entry_of(opening(talking))[1] == "Adopted"
    assert entry_of(opening(begun, adopted_at=2000.0))[:2] == (2000.0, "Adopted")


def test_adopted_state_is_a_new_beginning_even_without_an_old_one() -> None:
    talking = revised(CALL, phase=Phase.TALKING, answered_at=1001.0, bridged_at=1002.0)
    ended: Entry = (1010.0, "LegEnded", {"channel": NAME, "cause": 16, "sip_code": None})
    again = replay(NAME, [(1001.0, "LegAnswered", {"channel": NAME}), entry_of(opening(talking, 1005.0)), ended])
    assert again.result == Result("ended", "answered", "customer", 1001.0, 1002.0, 1010.0)
    assert [moment.phase for moment in again.moments] == [None, "talking", "ended"]


def test_commit_that_was_repeated_is_told_once() -> None:
    a, b, c = ((float(n), "LegSeen", {"channel": NAME}) for n in range(3))
    assert joined([[a, b], [a, b], [a, b, c]]) == (a, b, c)
    assert joined([[a], [], [b], [c]]) == (a, b, c)


def test_unknown_and_broken_entries_are_told_and_the_rest_is_replayed() -> None:
    kept = of(HERE / "busy.jsonl")
    strange: list[Entry] = [
        (kept.created_at, "LegTeleported", {"to": "moon"}),
        (kept.created_at, "LegDigit", {"channel": 5}),
        (kept.created_at, "CommandFailed", {"command": {"channel": "x"}, "failure": "gone", "detail": ""}),
        (kept.created_at, "CommandFailed", {"failure": "eaten"}),
        (kept.created_at, "Adopted", {"call": {"phase": "levitating"}}),
        (kept.created_at, "Began", {"way": "telepathy", "call": state_of(CALL)}),
        (kept.created_at, "LegJoined", {"channel": kept.call, "bridge": "b"}),
    ]
    again = replay(kept.call, [kept.entries[0], *strange, *kept.entries[1:]])
    assert again.result is not None
    assert differences(kept.recorded, again.result) == ()
    assert [bool(moment.remark) for moment in again.moments] == [False, *[True] * 7, *[False] * (len(kept.entries) - 1)]
    assert "knows no such event" in again.moments[1].remark
    assert "ImpossibleEvent" in again.moments[7].remark


class Feed:
    def publish(self, frame: LiveFrame) -> None: ...


class Told:
    """A story with what it queued."""

    def __init__(self) -> None:
        async def nothing(_: object) -> None: ...

        self.metrics = FakeMetrics()
        batches = [Batch[Any](name, nothing, self.metrics, gather_s=1.0) for name in ("c", "o", "a", "d")]
        self.calls: Batch[CallRecord] = batches[0]
        self.story = Story(Ledgers(*batches), Feed(), self.metrics)

    @property
    def records(self) -> list[CallRecord]:
        return self.calls._items


def test_storm_of_digits_is_cut_and_the_result_is_the_same() -> None:
    from engine.call.machine import step

    told = Told()
    call, _ = start_outbound(CALL, ORIGINATE)
    told.story.began(call)
    digit = LegDigit(CALL.channel, "1", 1001.0)
    for event in (*[digit] * (ENTRIES_MAX + 50), LegAnswered(CALL.channel, 1002.0)):
        after, _ = step(call, event)
        told.story.stepped(call, event, after)
        call = after
    told.story.keep_live()
    (record,) = told.records
    assert record.journal[-1] == (1002.0, "Cut", {"dropped": 51})
    assert told.metrics.of("vss_bounds_reached_total", bound="journal") == 1
    again = replay(NAME, record.journal)
    assert again.result is not None
    assert (again.result.phase, again.result.answered_at) == ("answered", 1002.0)
    assert again.remarks == ("Cut: 51 events were not kept",)


# --- the command


def test_command_shows_the_story_and_says_that_the_result_is_the_same(here: Here) -> None:
    ran = here.run("replay", str(HERE / "answered-and-bridged.jsonl"))
    assert ran.code == 0
    assert "An agent talks with who was dialed" in ran.out
    assert "+0.100" in ran.out
    assert "MarkTalking slot=7001" in ran.out
    assert ran.out.splitlines()[-1] == "recorded: ended, answered, ended by agent; the machine comes to the same"
    told = here.run("replay", "--file", str(HERE / "answered-and-bridged.jsonl"), "--json").json("replay")
    assert told["same"] is True
    assert told["repeated"] == told["recorded"]
    assert [one["event"] for one in told["timeline"]][:3] == ["Began", "LegRinging", "LegAnswered"]
    assert {"type": "Join", "mute": False}.items() <= told["timeline"][4]["asks"][1].items()
    assert [one["phase"] for one in told["timeline"]][-1] == "ended"


def test_other_result_is_told_field_by_field(here: Here, tmp_path: Path) -> None:
    text = (HERE / "busy.jsonl").read_text().replace('"outcome":"busy"', '"outcome":"declined"')
    (tmp_path / "x.jsonl").write_text(text)
    ran = here.run("replay", str(tmp_path / "x.jsonl"), "--json")
    assert ran.code == 1
    told = ran.json("replay")
    assert told["differences"] == [{"field": "outcome", "recorded": "declined", "repeated": "busy"}]
    assert "outcome: recorded declined, repeated busy" in here.run("replay", str(tmp_path / "x.jsonl")).out


def test_journal_without_a_beginning_is_shown_and_not_judged(here: Here, tmp_path: Path) -> None:
    head, _, *rest = (HERE / "busy.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "old.jsonl").write_text(head + "".join(rest))
    ran = here.run("replay", str(tmp_path / "old.jsonl"))
    assert ran.code == 2
    assert BEGINNING_UNKNOWN in ran.out
    assert "LegEnded" in ran.out
    told = here.run("replay", str(tmp_path / "old.jsonl"), "--json").json("replay")
    assert (told["same"], told["repeated"]) == (None, None)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no exported journal"),
        ("{", "line 1 is no JSON"),
        ('{"format":"vss-call-journal","version":9}', "not 9"),
        ('{"format":"vss-call-journal","version":1}', "missing required field"),
        ('{"format":"other"}', "no exported journal"),
    ],
)
def test_file_that_is_no_journal_is_refused(text: str, why: str, here: Here, tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text(text)
    with pytest.raises(Damaged):
        read(text.splitlines())
    ran = here.run("replay", str(tmp_path / "x.jsonl"), "--json")
    assert ran.code == 2
    assert why in ran.json("error")["error"]["message"]


def test_wrong_usage_and_missing_files_are_told(here: Here) -> None:
    assert here.run("replay").code == 2
    assert here.run("replay", "x", "--file", "y").code == 2
    ran = here.run("replay", "no-such.jsonl")
    assert ran.code == 2
    assert "No such file" in ran.err


def test_export_of_a_file_is_the_file(here: Here, tmp_path: Path) -> None:
    source = HERE / "preview-dialed.jsonl"
    assert here.run("replay", str(source), "--export", str(tmp_path / "again.jsonl")).code == 0
    assert (tmp_path / "again.jsonl").read_text() == source.read_text()


def test_state_that_says_nothing_is_malformed() -> None:
    with pytest.raises(Malformed):
        call_of(NAME, None)
    with pytest.raises(Malformed):
        call_of(NAME, {"phase": "dialing"})
