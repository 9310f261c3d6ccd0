"""Write journals beside this file: `python -m tests.journals.calls.record [NAME ...]`.

Each is one call of a simulated cell, read by a person before it came here, with the result that was recorded then. What
an older version wrote must stay understood: journals are added, and written anew only when they were wrong.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from engine.agent.machine import AgentState
from engine.call import machine
from engine.call.commands import HangUp, Join, TelephonyCommand
from engine.call.export import ExportedCall, lines
from engine.call.model import Phase
from engine.dialer.campaign import AnswerAction, DialMode
from engine.dialer.settings import PacingSettings
from engine.fakes.asterisk import FakeAsterisk
from engine.fakes.virtual_time import run_virtually
from engine.flow.document import Syntax, load
from engine.flow.publication import publications
from engine.ids import CallId, ChannelId, Slot
from engine.ports import CallRecord, ScriptTarget, TargetKind
from engine.simulation.cell import Cell, open_cell
from engine.simulation.journals import read_back, result_of

HERE = Path(__file__).parent
AGENT, OTHER = Slot(7001), Slot(7002)
TALKS, LISTENS, BUSY, RINGS_OUT = "+12125550100", "+12125550101", "+12125550102", "+12125550103"
DECLINES, UNALLOCATED, CONGESTED, HANGS_UP, SILENT = (f"+1212555010{n}" for n in (4, 5, 6, 7, 9))
CALLER = ChannelId("caller-1")
TEXT = {"identity_text": "This is Example Limited."}
MESSAGE = {"dial_mode": DialMode.AGENTLESS, "answer_action": AnswerAction.MESSAGE}
DID = ScriptTarget(TargetKind.DID, "+74950000000")

HEAD = """
gacs: "1.0"
id: recorded
version: 1
locales: {default: en-GB, supported: [en-GB]}
limits: {max_duration_s: 300, max_node_visits: 50}
on: {hangup: left, error.*: failed}
"""
TAIL = """
  left: {disposition: {code: hung_up}, then: bye}
  failed: {disposition: {code: failed}, then: bye}
  done: {disposition: {code: done}, then: bye}
  bye: {hangup: {}}
"""
MENU = f"""{HEAD}
prompts: {{choose: {{en-GB: {{text: "Press one or two."}}}}}}
start: answer
nodes:
  answer: {{answer: {{}}, then: choose}}
  choose:
    menu: {{prompt: choose, options: {{"1": done, "2": agent}}, timeout_s: 5, retries: 1}}
    on: {{max_retries: done}}
  agent:
    queue: {{pool: default, max_wait_s: 60, music: default}}
    then: done
    on: {{timeout: done, no_agents: done, abandoned: left}}
{TAIL}"""
TRANSFER = f"""{HEAD}
prompts: {{whisper: {{en-GB: {{text: "A call for you."}}}}}}
policies: {{dial_to: ["+74951234560"]}}
start: answer
nodes:
  answer: {{answer: {{}}, then: over}}
  over:
    transfer: {{to: "'+74951234560'", kind: warm, whisper: whisper, timeout_s: 20, music: default}}
    then: done
    on: {{busy: failed, no_answer: failed, failed: failed}}
{TAIL}"""
MACHINES = f"""{HEAD}
prompts: {{drop: {{en-GB: {{text: "Please call us back."}}}}}}
start: who
nodes:
  who:
    amd: {{timeout_s: 4}}
    on: {{human: done, machine: drop, unsure: done}}
  drop: {{play: {{prompt: drop}}, then: done}}
{TAIL}"""

Scene = Callable[[Cell], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Story:
    """A scene; the story is that of its first call."""

    told: str
    scene: Scene
    after: Scene | None = None
    """What happens with the engine after the one that was killed."""


def dialed(number: str) -> Scene:
    """A campaign's call on an idle agent's line."""

    async def scene(cell: Cell) -> None:
        await cell.staff(AGENT)
        await cell.campaign(number)
        await cell.settled()

    return scene


async def talking(cell: Cell, slot: Slot = AGENT) -> None:
    await cell.until(lambda: cell.state(slot) is AgentState.TALKING)
    await cell.sleep(5.0)


async def answered(cell: Cell) -> None:
    await cell.staff(AGENT)
    await cell.campaign(LISTENS, record=True)
    await talking(cell)
    await cell.engine.control.done(AGENT, "sale", "")
    await cell.settled()


async def operator_cancels(cell: Cell, number: str = RINGS_OUT, after_s: float = 2.0) -> None:
    await cell.staff(AGENT)
    await cell.campaign(number)
    await cell.until(lambda: bool(cell.engine.switchboard.calls))
    await cell.sleep(after_s)
    await cell.engine.control.hang_up(next(iter(cell.engine.switchboard.calls)))
    await cell.until(lambda: not cell.engine.switchboard.calls)


def call_in(cell: Cell, target: str = "queue/default") -> None:
    cell.asterisk.call_in(CALLER, "+74951112233", "+1800", ("inbound", "+1800", target, "+74951112233", "carrier"))


async def gone_from_the_queue(cell: Cell) -> None:
    call_in(cell)
    await cell.sleep(3.0)
    cell.asterisk.far_end_hangs_up(CALLER)
    await cell.settled()


async def queue_to_agent(cell: Cell) -> None:
    call_in(cell)
    await cell.sleep(2.0)
    await cell.staff(AGENT)
    await talking(cell)
    cell.asterisk.far_end_hangs_up(CALLER)
    await cell.settled()


async def queue_to_message(cell: Cell) -> None:
    call_in(cell)
    await cell.settled()


async def nobody_free(cell: Cell) -> None:
    await cell.staff(AGENT)
    await cell.campaign(LISTENS, **TEXT)
    await cell.until(lambda: bool(cell.engine.switchboard.calls))
    await cell.engine.control.pause(AGENT, "away")
    await cell.settled()


async def message_begins(cell: Cell) -> ChannelId:
    """The person who hears a message now."""
    calls = cell.engine.switchboard.calls
    await cell.until(lambda: any(call.message_at is not None for call in calls.values()))
    return next(call.channel for call in calls.values() if call.phase is Phase.ANNOUNCING)


async def agentless_heard(cell: Cell) -> None:
    await cell.campaign(LISTENS, **MESSAGE, **TEXT)
    await cell.settled()


async def agentless_opt_out(cell: Cell) -> None:
    await cell.campaign(LISTENS, **MESSAGE, **TEXT)
    cell.asterisk.press(await message_begins(cell), "9")
    await cell.settled()


def seat(cell: Cell) -> ChannelId:
    channel = cell.engine.switchboard.agent(AGENT).channel
    assert channel is not None
    return channel


async def agent_lost_talking(cell: Cell) -> None:
    await cell.staff(AGENT)
    await cell.campaign(LISTENS)
    await talking(cell)
    cell.asterisk.far_end_hangs_up(seat(cell))
    await cell.settled()


async def agent_lost_connecting(cell: Cell) -> None:
    """The join waits in Asterisk while the agent's phone is put down; another agent takes the caller."""
    await cell.staff(AGENT)
    with slow(), right_after(is_join, lambda: cell.asterisk.far_end_hangs_up(seat(cell))):
        call_in(cell)
        await cell.sleep(1.0)
    await cell.staff(OTHER)
    await talking(cell, OTHER)
    cell.asterisk.far_end_hangs_up(CALLER)
    await cell.settled()


async def previewed(cell: Cell) -> None:
    await cell.staff(AGENT)
    pacing = PacingSettings(preview_limit_s=20.0)
    await cell.campaign(LISTENS, dial_mode=DialMode.PREVIEW, pacing=pacing)
    await cell.until(lambda: any(call.phase is Phase.PREVIEWING for call in cell.engine.switchboard.calls.values()))
    await cell.sleep(4.0)


async def preview_skipped(cell: Cell) -> None:
    await previewed(cell)
    await cell.engine.control.skip_preview(AGENT, "called yesterday")
    await cell.settled()


async def preview_dialed(cell: Cell) -> None:
    await previewed(cell)
    await cell.engine.control.dial_preview(AGENT)
    await talking(cell)
    await cell.engine.control.done(AGENT, "sale", "")
    await cell.settled()


async def preview_undecided(cell: Cell) -> None:
    await previewed(cell)
    await cell.settled()


async def preview_left(cell: Cell) -> None:
    await previewed(cell)
    await cell.engine.control.logout(AGENT)
    await cell.staff(OTHER)
    await cell.settled()


async def manual(cell: Cell) -> None:
    await cell.staff(AGENT)
    await cell.engine.control.start_call(AGENT, LISTENS, None)
    await talking(cell)
    await cell.engine.control.done(AGENT, "", "")
    await cell.settled()


async def bound(cell: Cell, text: str, target: ScriptTarget = DID) -> str:
    (version,) = await cell.scripts.scripts.publish(publications(load(text, Syntax.YAML)), "test")
    await cell.scripts.scripts.bind(target, version.hash, 1.0, 1, "test")
    await cell.engine.flows.refresh()
    return version.hash


async def scripted(cell: Cell, text: str = MENU, keys: str = "1") -> None:
    await bound(cell, text)
    call_in(cell, f"script/{DID.kind}/{DID.name}")
    await cell.sleep(1.0)
    if keys:
        cell.asterisk.press(CALLER, keys)


async def script_to_the_end(cell: Cell) -> None:
    await scripted(cell)
    await cell.settled()


async def script_to_agent(cell: Cell) -> None:
    await cell.staff(AGENT)
    await scripted(cell, keys="2")
    await talking(cell)
    await cell.engine.control.done(AGENT, "sold", "")
    await cell.settled()


async def warm_transfer(cell: Cell) -> None:
    await scripted(cell, TRANSFER, keys="")
    await cell.settled()


async def handed_over_and_back(cell: Cell) -> None:
    """An agent lets a script ask the caller, and gets them back."""
    script = await bound(cell, MENU)
    await cell.staff(AGENT)
    call_in(cell)
    await talking(cell)
    await cell.engine.control.run_script(CallId(CALLER), script, None, {}, None, "agent")
    await cell.sleep(1.0)
    cell.asterisk.press(CALLER, "1")
    await talking(cell)
    cell.asterisk.far_end_hangs_up(CALLER)
    await cell.settled()


async def machine_detected(cell: Cell) -> None:
    campaign = await cell.campaign(LISTENS, **MESSAGE, start=False)
    await bound(cell, MACHINES, ScriptTarget(TargetKind.CAMPAIGN, str(campaign)))
    await cell.engine.control.change_campaign(campaign, "start")
    channels = cell.asterisk.channels
    await cell.until(lambda: any(channel.context == "vss-amd" for channel in channels.values()))
    await cell.sleep(2.0)
    channel = next(name for name, one in channels.items() if one.context == "vss-amd")
    cell.asterisk.comes_back(channel, "amd", "MACHINE", "LONGGREETING-2000-2000")
    await cell.settled()


async def hang_up_overdue(cell: Cell) -> None:
    """Asterisk never tells of the end of the leg, however often it is asked for it."""
    perform = FakeAsterisk.perform

    def deaf(asterisk: FakeAsterisk, command: TelephonyCommand, failed: Any) -> None:
        if not isinstance(command, HangUp):
            perform(asterisk, command, failed)

    with patch.object(FakeAsterisk, "perform", deaf):
        await operator_cancels(cell, SILENT, 1.0)


def is_join(command: TelephonyCommand) -> bool:
    return isinstance(command, Join) and not command.channel.startswith("seat-")


def socket_lost_connecting(*, carried_out: bool) -> Scene:
    async def scene(cell: Cell) -> None:
        await cell.staff(AGENT)
        with slow(), right_after(is_join, lambda: cell.asterisk.cut(carried_out=carried_out)):
            await cell.campaign(LISTENS)
            await cell.until(lambda: not cell.asterisk.connected)
            await cell.sleep(1.0)
            cell.asterisk.mend()
            await cell.sleep(2.0)
        if carried_out:
            await cell.engine.control.done(AGENT, "", "")
        await cell.settled()

    return scene


@contextmanager
def _right_after(chosen: Callable[[TelephonyCommand], bool], deed: Callable[[], None]) -> Iterator[None]:
    perform = FakeAsterisk.perform
    done: list[bool] = []

    def watch(asterisk: FakeAsterisk, command: TelephonyCommand, failed: Any) -> None:
        perform(asterisk, command, failed)
        if chosen(command) and not done:
            done.append(True)
            asyncio.get_running_loop().call_soon(deed)

    with patch.object(FakeAsterisk, "perform", watch):
        yield


def right_after(chosen: Callable[[TelephonyCommand], bool], deed: Callable[[], None]) -> AbstractContextManager[None]:
    """Something happens as soon as such a command was sent for the first time."""
    return _right_after(chosen, deed)


@contextmanager
def slow() -> Iterator[None]:
    """Commands wait a moment in Asterisk before they are carried out."""
    following = FakeAsterisk._next_command

    def later(asterisk: FakeAsterisk, number: int) -> None:
        asyncio.get_running_loop().call_later(0.01, following, asterisk, number)

    with patch.object(FakeAsterisk, "_next_command", later):
        yield


async def socket_lost_in_the_message(cell: Cell) -> None:
    await cell.campaign(LISTENS, **MESSAGE, **TEXT)
    await message_begins(cell)
    cell.asterisk.cut()
    await cell.sleep(3.0)
    cell.asterisk.mend()
    await cell.settled()


async def asterisk_dies(cell: Cell) -> None:
    await cell.staff(AGENT)
    await cell.campaign(LISTENS)
    await talking(cell)
    cell.asterisk.cut()
    cell.asterisk.restart()
    cell.asterisk.mend()
    await cell.settled()


async def fault(cell: Cell) -> None:
    """A step of ours fails."""

    def broken(*_: object) -> object:
        raise ZeroDivisionError

    table: dict[Any, Any] = machine.TABLE
    with patch.dict(table, {(machine.Phase.RINGING, machine.LegAnswered): broken}):
        await cell.staff(AGENT)
        await cell.campaign(TALKS)
        await cell.settled()


async def killed_in_a_script(cell: Cell) -> None:
    await scripted(cell, keys="")
    await cell.kill()


async def served_by_the_next(cell: Cell) -> None:
    await cell.sleep(1.0)
    cell.asterisk.press(CALLER, "1")
    await cell.until(lambda: CALLER not in cell.asterisk.channels)
    await cell.sleep(2.0)


STORIES = {
    "answered-and-bridged": Story("An agent talks with who was dialed, and ends the talk.", answered),
    "customer-hangs-up-talking": Story("Who was dialed ends the talk.", dialed(TALKS)),
    "customer-hangs-up-at-once": Story("Who was dialed answers and hangs up at once.", dialed(HANGS_UP)),
    "busy": Story("The line is busy.", dialed(BUSY)),
    "declined": Story("The call is declined while it rings.", dialed(DECLINES)),
    "no-answer": Story("It rings, and nobody answers.", dialed(RINGS_OUT)),
    "never-rings": Story("Nothing is heard from the far end at all.", dialed(SILENT)),
    "number-unallocated": Story("There is no such number.", dialed(UNALLOCATED)),
    "congested": Story("The network is full.", dialed(CONGESTED)),
    "operator-cancels": Story("An operator hangs up while it rings.", operator_cancels),
    "customer-leaves-the-queue": Story("A caller waits three seconds and hangs up.", gone_from_the_queue),
    "abandoned-with-message": Story("No agent is free for who answered; they hear the message.", nobody_free),
    "agentless-heard": Story("A message is heard to its end, and no digit pressed.", agentless_heard),
    "agentless-opt-out": Story("Who hears the message presses 9, never to be called again.", agentless_opt_out),
    "agent-lost-talking": Story("The agent's phone is put down in the talk.", agent_lost_talking),
    "agent-lost-connecting": Story("The agent is lost as the caller comes; another one comes.", agent_lost_connecting),
    "preview-skipped": Story("An agent looks at a lead and skips it.", preview_skipped),
    "preview-dialed": Story("An agent looks at a lead, dials it and talks.", preview_dialed),
    "preview-undecided": Story("An agent lets the time for a decision pass.", preview_undecided),
    "preview-agent-leaves": Story("The agent logs out with a lead on the screen, which is taken back.", preview_left),
    "manual": Story("An agent dials somebody by hand.", manual),
    "inbound-queue-to-agent": Story("A caller waits, and an agent comes.", queue_to_agent),
    "inbound-queue-to-message": Story("A caller waits, nobody comes, and they hear the message.", queue_to_message),
    "inbound-script": Story("A script serves a caller, who presses a key.", script_to_the_end),
    "script-to-agent": Story("A caller asks a script for an agent, and comes back to it.", script_to_agent),
    "warm-transfer": Story("A script connects its caller with somebody whom it dials and tells first.", warm_transfer),
    "handed-over-and-back": Story("An agent hands a caller to a script and gets them back.", handed_over_and_back),
    "machine-detected": Story("A machine answers, and a script leaves a message.", machine_detected),
    "hang-up-overdue": Story("Asterisk never tells of a leg's end.", hang_up_overdue),
    "socket-lost-connecting": Story(
        "The socket breaks on a join, which is lost: the message.", socket_lost_connecting(carried_out=False)
    ),
    "socket-lost-joined": Story(
        "The socket breaks on a join, which is carried out: a talk.", socket_lost_connecting(carried_out=True)
    ),
    "socket-lost-in-the-message": Story(
        "The message's end is not heard of; it is played again.", socket_lost_in_the_message
    ),
    "asterisk-dies": Story("Asterisk is restarted in the talk.", asterisk_dies),
    "fault-of-the-engine": Story("A step of the engine fails, which ends the call.", fault),
    "adopted": Story(
        "The engine is killed while a script serves a caller; the next one goes on.",
        killed_in_a_script,
        served_by_the_next,
    ),
}


async def play(story: Story) -> CallRecord:
    """The first call of a story."""
    async with open_cell() as cell:
        await story.scene(cell)
        await cell.sleep(1.0)
    if story.after is not None:
        async with open_cell(before=cell) as after:
            await story.after(after)
    return min(cell.memory.calls.values(), key=lambda call: call.created_at)


def exported(story: Story) -> str:
    """The file of a story."""
    record = run_virtually(play(story))
    call = ExportedCall(
        record.id, record.kind, record.campaign, record.trunk, record.slot, record.script, record.created_at,
        result_of(record), read_back(record), story.told,
    )  # fmt: skip
    return "".join(lines(call))


if __name__ == "__main__":
    for chosen in sys.argv[1:] or STORIES:
        (HERE / f"{chosen}.jsonl").write_text(exported(STORIES[chosen]), encoding="utf-8")
