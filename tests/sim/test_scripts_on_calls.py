"""Scripts on calls of a whole cell: what callers hear and press, what is stored, and engines that are killed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from engine.call.commands import Play
from engine.dialer.campaign import AnswerAction, DialMode
from engine.fakes.asterisk import FakeAsterisk
from engine.fakes.virtual_time import run_virtually
from engine.flow.document import Syntax, load
from engine.flow.publication import publications
from engine.ids import CallId, CampaignId, ChannelId, Slot
from engine.outcome.disposition import Outcome
from engine.ports import ScriptTarget, TargetKind
from engine.simulation.cell import Cell, open_cell, play

DID = ScriptTarget(TargetKind.DID, "+74950000000")
CALLER = ChannelId("caller-1")

MENU = """
gacs: "1.0"
id: front.menu
version: 1
locales: {default: en-GB, supported: [en-GB]}
prompts:
  hello: {en-GB: {text: "Hello."}}
  choose: {en-GB: {text: "Press one or two."}}
  one: {en-GB: {text: "That was one."}}
limits: {max_duration_s: 300, max_node_visits: 50}
on: {hangup: left, error.*: failed}
start: answer
nodes:
  answer: {answer: {}, then: hello}
  hello: {play: {prompt: hello}, then: choose}
  choose:
    menu: {prompt: choose, options: {"1": one, "2": agent}, timeout_s: 5, retries: 1}
    on: {max_retries: silent}
  one: {play: {prompt: one}, then: chosen}
  chosen: {disposition: {code: chosen}, then: bye}
  agent:
    queue: {pool: default, max_wait_s: 60, music: default}
    then: talked
    on: {timeout: nobody, no_agents: nobody, abandoned: left}
  talked: {disposition: {code: talked}, then: bye}
  nobody: {disposition: {code: nobody}, then: bye}
  silent: {disposition: {code: silent}, then: bye}
  left: {disposition: {code: hung_up}, then: bye}
  failed: {disposition: {code: failed}, then: bye}
  bye: {hangup: {}}
"""

REMINDER = """
gacs: "1.0"
id: pay.reminder
version: 1
params: {due: {type: int, required: true}}
locales: {default: en-GB, supported: [en-GB]}
prompts:
  owe: {en-GB: {text: "You owe {due}. To receive no more calls, press nine."}}
limits: {max_duration_s: 300, max_node_visits: 50}
policies: {used_for: [agentless], identity: owe}
on: {hangup: left, error.*: failed}
start: owe
nodes:
  owe:
    menu: {prompt: owe, options: {"1": paid, "9": never}, timeout_s: 5, retries: 0}
    on: {max_retries: heard}
  paid: {disposition: {code: paid}, then: bye}
  never: {dnc_add: {}, then: stopped}
  stopped: {disposition: {code: opted_out}, then: bye}
  heard: {disposition: {code: heard}, then: bye}
  left: {disposition: {code: hung_up}, then: bye}
  failed: {disposition: {code: failed}, then: bye}
  bye: {hangup: {}}
"""


async def bound(cell: Cell, text: str, target: ScriptTarget) -> None:
    """Publish a script and give a target all of its calls."""
    made = publications(load(text, Syntax.YAML))
    (version,) = await cell.scripts.scripts.publish(made, "test")
    await cell.scripts.scripts.bind(target, version.hash, 1.0, 1, "test")
    await cell.engine.flows.refresh()


def call_in(cell: Cell, channel: ChannelId = CALLER) -> None:
    target = f"script/{DID.kind}/{DID.name}"
    cell.asterisk.call_in(channel, "+74951112233", DID.name, ("inbound", DID.name, target, "+74951112233", "carrier"))


def heard(asterisk: FakeAsterisk) -> list[str]:
    """What was played, in order."""
    return [media for play in asterisk.played for media in play.media]


def codes(cell: Cell) -> list[str]:
    return [fact.code for fact in cell.scripts.runs.dispositions.values()]


def scene(work: Callable[[Cell], Awaitable[None]], **options: Any) -> None:
    play(work, **options)


def test_caller_hears_the_menu_presses_a_key_and_the_run_is_stored_without_the_key() -> None:
    async def work(cell: Cell) -> None:
        await bound(cell, MENU, DID)
        call_in(cell)
        await cell.until(lambda: "sound:en-GB/Press one or two." in heard(cell.asterisk))
        cell.asterisk.press(CALLER, "1")
        await cell.until(lambda: CALLER not in cell.asterisk.channels)
        await cell.settled()
        assert heard(cell.asterisk) == [
            "sound:en-GB/Hello.", "sound:en-GB/Press one or two.", "sound:en-GB/That was one.",
        ]  # fmt: skip
        assert codes(cell) == ["chosen"]
        (run,) = cell.scripts.runs.runs.values()
        assert (run.reason, run.disposition, run.secret, run.leg) == ("script", "chosen", None, {})
        record = cell.memory.calls[CallId(CALLER)]
        assert record.script == run.script
        assert record.answered_at is not None
        digits = [fields["digit"] for _, name, fields in record.journal if name == "LegDigit"]
        assert all(digit == "?" for digit in digits)
        cell.check_nothing_left()

    scene(work)


@pytest.mark.parametrize("after_s", [0.0, 0.2, 0.45, 1.0, 3.0, 8.0, 11.0])
def test_caller_who_hangs_up_at_any_moment_leaves_one_disposition_and_nothing_else(after_s: float) -> None:
    async def work(cell: Cell) -> None:
        await bound(cell, MENU, DID)
        call_in(cell)
        await cell.sleep(after_s)
        if CALLER in cell.asterisk.channels:
            cell.asterisk.far_end_hangs_up(CALLER)
        await cell.until(lambda: not cell.engine.runner.live)
        await cell.settled()
        assert codes(cell) in (["hung_up"], ["silent"])
        assert not await cell.scripts.runs.open_runs()
        cell.check_nothing_left()

    scene(work)


def test_caller_talks_to_an_agent_and_comes_back_to_the_script() -> None:
    async def work(cell: Cell) -> None:
        await bound(cell, MENU, DID)
        await cell.staff(7001)
        call_in(cell)
        await cell.until(lambda: "sound:en-GB/Press one or two." in heard(cell.asterisk))
        cell.asterisk.press(CALLER, "2")
        await cell.until(lambda: cell.state(7001) == "talking")
        await cell.sleep(20)
        await cell.engine.control.done(Slot(7001), "sold", "")
        await cell.until(lambda: CALLER not in cell.asterisk.channels)
        await cell.settled()
        assert codes(cell) == ["talked"]
        cell.check_nothing_left()

    scene(work)


def test_queue_without_agents_says_so_at_once() -> None:
    async def work(cell: Cell) -> None:
        await bound(cell, MENU, DID)
        call_in(cell)
        await cell.until(lambda: "sound:en-GB/Press one or two." in heard(cell.asterisk))
        cell.asterisk.press(CALLER, "2")
        await cell.settled()
        assert codes(cell) == ["nobody"]

    scene(work)


def test_people_of_an_agentless_campaign_meet_its_script_with_the_leads_data() -> None:
    async def work(cell: Cell) -> None:
        campaign = await agentless(cell, {"+12025550011": {"due": "120"}, "+12025550021": {"due": "7"}})
        await cell.settled()
        assert sorted(heard(cell.asterisk)) == [
            f"sound:en-GB/You owe {due}. To receive no more calls, press nine."
            for due in ("one hundred and twenty", "seven")
        ]
        assert cell.outcomes() == [Outcome.ANSWERED] * 2
        assert codes(cell) == ["heard"] * 2
        assert {fact.attempt for fact in cell.scripts.runs.dispositions.values()} == cell.memory.attempts.keys()
        assert campaign

    scene(work)


def test_lead_whose_data_does_not_fit_the_script_is_never_dialed_and_excluded() -> None:
    async def work(cell: Cell) -> None:
        await agentless(cell, {"+12025550011": {"due": "many"}, "+12025550021": {"due": "7"}})
        await cell.settled()
        assert len(cell.asterisk.dialed) == 1
        assert sorted(lead.status for lead in cell.memory.leads.values()) == ["done", "excluded"]
        (note,) = [fact.note for fact in cell.memory.outcomes.values() if fact.outcome is Outcome.NOT_DIALED]
        assert "due" in str(note)
        cell.check_nothing_left()

    scene(work)


def test_person_who_presses_nine_is_on_the_do_not_call_list() -> None:
    async def work(cell: Cell) -> None:
        await agentless(cell, {"+12025550011": {"due": "7"}})
        await cell.until(lambda: bool(heard(cell.asterisk)))
        (channel,) = [name for name in cell.asterisk.channels if not name.startswith("seat-")]
        cell.asterisk.press(channel, "9")
        await cell.settled()
        assert "+12025550011" in cell.memory.do_not_call
        assert codes(cell) == ["opted_out"]
        assert cell.outcomes() == [Outcome.ANSWERED]

    scene(work)


VOICEMAIL = """
gacs: "1.0"
id: voicemail
version: 1
vars: {spoken: {type: string, max: 100}}
locales: {default: en-GB, supported: [en-GB]}
prompts: {}
limits: {max_duration_s: 120, max_node_visits: 20}
on: {hangup: left, error.*: failed}
start: answer
nodes:
  answer: {answer: {}, then: record}
  record:
    record: {max_s: 20, into: spoken, silence_s: 3}
    then: tell
    on: {silence: silent}
  tell: {emit: {event: voicemail.left, data: {spoken: "default(spoken, '')"}}, then: kept}
  kept: {disposition: {code: kept}, then: bye}
  silent: {disposition: {code: silent}, then: bye}
  left: {disposition: {code: hung_up}, then: bye}
  failed: {disposition: {code: failed}, then: bye}
  bye: {hangup: {}}
"""


@pytest.mark.parametrize(("spoken_s", "code"), [(4.0, "kept"), (0.0, "silent")])
def test_what_a_caller_says_is_kept_and_silence_is_not(spoken_s: float, code: str) -> None:
    async def work(cell: Cell) -> None:
        await bound(cell, VOICEMAIL, DID)
        call_in(cell)
        await cell.until(lambda: bool(cell.asterisk.recordings))
        (name,) = cell.asterisk.recordings
        cell.asterisk.speak(CALLER, spoken_s)
        cell.asterisk.recording_ends(name)
        await cell.settled()
        assert codes(cell) == [code]
        told = [event.data["spoken"] for event in cell.scripts.runs.events.values()]
        assert told == ([f"{name}.wav"] if spoken_s else [])

    scene(work)


def test_run_goes_on_with_the_database_away_and_is_stored_when_it_is_back() -> None:
    async def work(cell: Cell) -> None:
        await bound(cell, MENU, DID)
        cell.memory.away = True
        call_in(cell)
        await cell.until(lambda: "sound:en-GB/Press one or two." in heard(cell.asterisk))
        cell.asterisk.press(CALLER, "1")
        await cell.until(lambda: CALLER not in cell.asterisk.channels)
        cell.memory.away = False
        await cell.settled()
        assert len(codes(cell)) == 1
        assert not await cell.scripts.runs.open_runs()

    scene(work)


def test_socket_that_breaks_lets_the_caller_hear_the_prompt_again() -> None:
    async def work(cell: Cell) -> None:
        await bound(cell, MENU, DID)
        call_in(cell)
        await cell.until(lambda: "sound:en-GB/Press one or two." in heard(cell.asterisk))
        await cell.sleep(1)
        cell.asterisk.cut()
        await cell.sleep(2)
        cell.asterisk.mend()
        await cell.sleep(1)
        assert heard(cell.asterisk).count("sound:en-GB/Press one or two.") == 2
        cell.asterisk.press(CALLER, "1")
        await cell.settled()
        assert codes(cell) == ["chosen"]

    scene(work)


async def agentless(cell: Cell, leads: dict[str, dict[str, str]]) -> CampaignId:
    """A running agentless campaign whose people meet the reminder."""
    campaign = await cell.campaign(
        *leads, dial_mode=DialMode.AGENTLESS, answer_action=AnswerAction.MESSAGE, start=False
    )
    for lead in cell.memory.leads.values():
        lead.data = dict(leads[lead.number])
    await bound(cell, REMINDER, ScriptTarget(TargetKind.CAMPAIGN, str(campaign)))
    await cell.engine.control.change_campaign(campaign, "start")
    return campaign


def test_unknown_script_target_leaves_no_caller_in_silence() -> None:
    async def work(cell: Cell) -> None:
        call_in(cell)
        await cell.until(lambda: CALLER not in cell.asterisk.channels)
        assert any(isinstance(play, Play) for play in cell.asterisk.played)

    scene(work)


def test_call_is_pinned_to_its_version_whatever_is_published_meanwhile() -> None:
    async def work(cell: Cell) -> None:
        await bound(cell, MENU, DID)
        call_in(cell)
        await cell.until(lambda: "sound:en-GB/Press one or two." in heard(cell.asterisk))
        await bound(cell, MENU.replace("version: 1", "version: 2").replace("That was one.", "One!"), DID)
        first = next(iter(cell.scripts.scripts.kept.values())).version
        await cell.scripts.scripts.retire(first.hash, "test")
        cell.asterisk.press(CALLER, "1")
        await cell.settled()
        assert "sound:en-GB/That was one." in heard(cell.asterisk)
        call_in(cell, ChannelId("caller-2"))
        await cell.until(lambda: "sound:en-GB/Press one or two." in heard(cell.asterisk)[3:])
        cell.asterisk.press(ChannelId("caller-2"), "1")
        await cell.settled()
        assert heard(cell.asterisk)[-1] == "sound:en-GB/One!"
        scripts = [record.script for record in cell.memory.calls.values()]
        assert len(set(scripts)) == 2

    scene(work)


ACTION = """
gacs: "1.0"
id: pay.by.key
version: 1
vars:
  pin: {type: digits, max: 4, sensitive: true}
  known: {type: bool, init: false}
locales: {default: en-GB, supported: [en-GB]}
prompts:
  pin: {en-GB: {text: "Your PIN, please."}}
  thanks: {en-GB: {text: "Thank you."}}
limits: {max_duration_s: 300, max_node_visits: 50, max_webhooks: 5}
policies: {recorded: false, mask: [pin], webhook_hosts: [bank.example.org]}
on: {hangup: left, error.*: failed}
start: pin
nodes:
  pin:
    gather: {prompt: pin, into: pin, min: 4, max: 4, retries: 2}
    then: ask
    on: {max_retries: failed}
  ask:
    webhook:
      url: https://bank.example.org/pin
      body: {pin: pin}
      timeout_s: 4
      allow_sensitive: [pin]
      response: {known: {type: bool}}
      into: {known: known}
    then: look
    on: {error.*: failed}
  look: {switch: {cases: [{when: known, to: thanks}], default: failed}}
  thanks: {play: {prompt: thanks}, then: served}
  served: {disposition: {code: served}, then: bye}
  left: {disposition: {code: hung_up}, then: bye}
  failed: {disposition: {code: failed}, then: bye}
  bye: {hangup: {}}
"""
BANK = "https://bank.example.org/pin"
MOMENTS = [0.0, 0.35, 0.6, 1.0, 1.3, 1.52, 1.57, 1.63, 1.7, 1.8, 2.0, 2.4]
"""From the call's arrival: the prompt, some keys, all keys, the question, its answer, the last prompt, the end."""


@pytest.mark.parametrize("killed_after_s", MOMENTS)
def test_engine_may_be_killed_at_any_moment_and_the_caller_is_served_to_the_end(killed_after_s: float) -> None:
    async def main() -> None:
        async with open_cell() as cell:
            cell.scripts.webhooks.answers[BANK] = {"known": True}
            await bound(cell, ACTION, DID)
            call_in(cell)
            pressing = asyncio.create_task(press_slowly(cell, "1234"))
            await cell.sleep(killed_after_s)
            await cell.kill()
            await pressing
        async with open_cell(before=cell) as after:
            if CALLER in after.asterisk.channels and codes(after) == []:
                await after.sleep(1.0)
                after.asterisk.press(CALLER, "1234")
            await after.until(lambda: CALLER not in after.asterisk.channels)
            await after.sleep(2.0)
            assert codes(after) == ["served"]
            assert {asked.key for asked in cell.scripts.webhooks.asked} == {f"{CALLER}:ask:2"}
            (run,) = after.scripts.runs.runs.values()
            assert (run.ended_at is not None, run.secret) == (True, None)
            assert "1234" not in str(after.scripts.runs.runs)
        after.check_nothing_left()

    run_virtually(main())


async def press_slowly(cell: Cell, keys: str) -> None:
    """As people do: one key after the other, whether anybody listens or not."""
    await cell.sleep(0.9)
    for key in keys:
        if CALLER in cell.asterisk.channels:
            cell.asterisk.press(CALLER, key)
        await cell.sleep(0.2)


def test_caller_who_hung_up_while_no_engine_looked_is_not_lost_either() -> None:
    async def main() -> None:
        async with open_cell() as cell:
            await bound(cell, MENU, DID)
            call_in(cell)
            await cell.sleep(1.0)
            await cell.kill()
            cell.asterisk.far_end_hangs_up(CALLER)
        async with open_cell(before=cell) as after:
            await after.sleep(2.0)
            assert codes(after) == ["hung_up"]
            assert after.memory.calls[CallId(CALLER)].ended_at is not None
        after.check_nothing_left()

    run_virtually(main())


def test_attempt_of_a_script_survives_its_engine_with_its_own_outcome() -> None:
    async def main() -> None:
        async with open_cell() as cell:
            await agentless(cell, {"+12025550011": {"due": "7"}})
            await cell.until(lambda: bool(heard(cell.asterisk)))
            await cell.sleep(0.6)
            await cell.kill()
        async with open_cell(before=cell) as after:
            await after.settled()
            assert after.outcomes() == [Outcome.ANSWERED]
            assert codes(after) == ["heard"]
            assert len(after.asterisk.dialed) == 1
        after.check_nothing_left()

    run_virtually(main())


def test_caller_in_the_queue_stands_there_again_after_a_restart() -> None:
    async def main() -> None:
        async with open_cell() as cell:
            await bound(cell, MENU, DID)
            await cell.engine.control.login(Slot(7001))
            await cell.sleep(1.0)
            call_in(cell)
            await cell.until(lambda: "sound:en-GB/Press one or two." in heard(cell.asterisk))
            cell.asterisk.press(CALLER, "2")
            await cell.sleep(2.0)
            await cell.kill()
        async with open_cell(before=cell) as after:
            await after.staff(7001)
            await after.until(lambda: after.state(7001) == "talking", 40.0)
            after.asterisk.far_end_hangs_up(CALLER)
            await after.settled()
            assert codes(after) == ["talked"]
        after.check_nothing_left()

    run_virtually(main())
