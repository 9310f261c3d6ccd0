"""The socket breaks in the worst moments: what Asterisk did meanwhile is found out, and nobody is left in silence."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest

from engine.agent.machine import AgentState
from engine.call.commands import HangUp, Join, Originate, Play, TelephonyCommand
from engine.call.events import CommandFailed, Failure, LegJoined
from engine.dialer.campaign import AnswerAction, DialMode
from engine.fakes.asterisk import FakeAsterisk, FakeChannel
from engine.fakes.callee import Callee
from engine.ids import ChannelId, Slot, seat_bridge, seat_channel
from engine.outcome.disposition import Outcome
from engine.runtime.router import Router
from engine.simulation.cell import Cell, play

TALKS, LISTENS, RINGS_OUT = "+12125550100", "+12125550101", "+12125550103"
AGENT = Slot(7001)
ANSWERS_LATE = Callee(rings_after_s=0.02, answers_after_s=5.0)


def callees(endpoint: str) -> Callee:
    return ANSWERS_LATE if "@" in endpoint else Callee(answers_after_s=0.1)


class Cutter:
    """Cuts the socket the moment a command of a certain kind is sent."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        perform = FakeAsterisk.perform
        cutter = self
        self.at: Callable[[TelephonyCommand], bool] | None = None
        self.carried_out = False

        def watched(asterisk: FakeAsterisk, command: TelephonyCommand, failed: object) -> None:
            perform(asterisk, command, failed)  # type: ignore[arg-type]
            if cutter.at is not None and cutter.at(command):
                cutter.at = None
                asyncio.get_running_loop().call_soon(lambda: asterisk.cut(carried_out=cutter.carried_out))

        monkeypatch.setattr(FakeAsterisk, "perform", watched)


@pytest.fixture
def cutter(monkeypatch: pytest.MonkeyPatch) -> Cutter:
    return Cutter(monkeypatch)


async def mend(cell: Cell, after_s: float) -> None:
    await cell.until(lambda: not cell.asterisk.connected)
    await asyncio.sleep(after_s)
    cell.asterisk.mend()


@pytest.fixture
def slow_asterisk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands wait a moment in Asterisk before they are carried out, as on a busy machine."""
    next_command = FakeAsterisk._next_command

    def later(asterisk: FakeAsterisk, number: int) -> None:
        asyncio.get_running_loop().call_later(0.01, next_command, asterisk, number)

    monkeypatch.setattr(FakeAsterisk, "_next_command", later)


def customer_join(command: TelephonyCommand) -> bool:
    return isinstance(command, Join) and not command.channel.startswith("seat-")


@pytest.mark.usefixtures("slow_asterisk")
def test_join_that_was_carried_out_while_the_socket_broke_is_a_talk(cutter: Cutter) -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(7001)
        cutter.at, cutter.carried_out = customer_join, True
        await cell.campaign(LISTENS)
        await mend(cell, 1.0)
        await cell.until(lambda: cell.state(7001) is AgentState.TALKING, 1)
        await cell.engine.control.done(AGENT, "", "")
        await cell.settled()
        assert cell.outcomes() == [Outcome.ANSWERED]

    play(scene)


@pytest.mark.usefixtures("slow_asterisk")
def test_join_that_was_lost_with_the_socket_becomes_the_message_and_no_silence(cutter: Cutter) -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(7001)
        cutter.at = customer_join
        await cell.campaign(LISTENS)
        await mend(cell, 1.0)
        call = next(iter(cell.engine.switchboard.calls))
        await cell.until(lambda: f"{call}-message" in cell.asterisk.playbacks, 1)
        await cell.settled()
        assert cell.outcomes() == [Outcome.ABANDONED]
        assert cell.state(7001) is AgentState.READY

    play(scene)


def test_agent_whose_leg_reached_its_bridge_unheard_is_seated(monkeypatch: pytest.MonkeyPatch) -> None:
    tell = FakeAsterisk._tell

    def breaks(asterisk: FakeAsterisk, event: object) -> None:
        if isinstance(event, LegJoined):
            monkeypatch.setattr(FakeAsterisk, "_tell", tell)
            asterisk.cut()
        else:
            tell(asterisk, event)  # type: ignore[arg-type]

    async def scene(cell: Cell) -> None:
        await cell.engine.control.login(AGENT)
        await mend(cell, 1.0)
        await asyncio.sleep(0.1)
        assert cell.state(7001) is AgentState.PAUSED

    monkeypatch.setattr(FakeAsterisk, "_tell", breaks)
    play(scene)


def test_person_who_answered_while_we_were_away_and_hears_the_identity_message_was_abandoned() -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(7001)
        await cell.campaign(TALKS)
        await cell.until(lambda: len(cell.asterisk.dialed) == 2)
        cell.asterisk.cut()
        await asyncio.sleep(6)
        cell.asterisk.mend()
        await cell.settled()
        assert cell.outcomes() == [Outcome.ABANDONED]

    play(scene, callees=callees)


def test_ringing_that_began_unheard_still_makes_it_no_answer() -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(7001)
        await cell.campaign(RINGS_OUT)
        await cell.until(lambda: len(cell.asterisk.dialed) == 2)
        cell.asterisk.cut()
        await asyncio.sleep(3)
        cell.asterisk.mend()
        await cell.settled()
        assert cell.outcomes() == [Outcome.NO_ANSWER]

    play(scene, callees=lambda endpoint: Callee(rings_after_s=1.0) if "@" in endpoint else callees(endpoint))


def test_hang_up_that_broke_with_the_socket_is_repeated_the_moment_it_is_back() -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(7001)
        await cell.campaign(RINGS_OUT)
        await cell.until(lambda: bool(cell.engine.switchboard.calls))
        call = next(iter(cell.engine.switchboard.calls))
        cell.asterisk.cut()
        await cell.engine.control.hang_up(call)
        await asyncio.sleep(0.2)
        cell.asterisk.mend()
        await asyncio.sleep(0.05)
        assert ChannelId(call) not in cell.asterisk.channels
        await cell.settled()
        assert cell.outcomes() == [Outcome.CANCELLED]

    play(scene)


def test_person_who_answers_a_call_given_up_does_not_wait_in_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """The originate's answer is lost, so the call is given up; its hang-up is lost too, and the person answers."""
    perform = FakeAsterisk.perform
    lost: list[ChannelId] = []

    def losing(asterisk: FakeAsterisk, command: TelephonyCommand, failed: object) -> None:
        if isinstance(command, HangUp) and not lost:
            lost.append(command.channel)
        else:
            perform(asterisk, command, failed)  # type: ignore[arg-type]

    async def scene(cell: Cell) -> None:
        await cell.staff(7001)
        await cell.campaign(TALKS)
        await cell.until(lambda: len(cell.asterisk.dialed) == 2)
        await asyncio.sleep(1.0)
        monkeypatch.setattr(FakeAsterisk, "perform", losing)
        call = next(iter(cell.engine.switchboard.calls.values()))
        failure = CommandFailed(cell.asterisk.dialed[-1], Failure.TIMED_OUT, "", cell.engine.control.clock.now())
        cell.engine.switchboard.post(call.id, failure)
        assert lost == [call.channel]
        await cell.until(lambda: call.channel not in cell.asterisk.channels, 4.2)
        await cell.settled()
        assert cell.outcomes() == [Outcome.ABANDONED]

    play(scene, callees=lambda endpoint: replace(callees(endpoint), rings_after_s=None))


def test_join_reported_after_it_was_given_up_never_makes_three_in_a_bridge(monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[tuple[FakeAsterisk, object]] = []
    tell = FakeAsterisk._tell

    def hold(asterisk: FakeAsterisk, event: object) -> None:
        if isinstance(event, LegJoined) and not event.channel.startswith("seat-") and not held:
            held.append((asterisk, event))
            return
        tell(asterisk, event)  # type: ignore[arg-type]

    async def scene(cell: Cell) -> None:
        await cell.staff(7001)
        await cell.campaign(LISTENS, message=("tone:for-ever",))
        await cell.until(lambda: bool(held))
        await cell.until(lambda: cell.state(7001) is AgentState.READY)
        tell(*held[0])  # type: ignore[arg-type]
        await asyncio.sleep(0.05)
        assert not any(not channel.startswith("seat-") for channel in cell.asterisk.channels)
        await cell.settled()
        assert cell.outcomes() == [Outcome.ABANDONED]

    monkeypatch.setattr(FakeAsterisk, "_tell", hold)
    play(scene)


def test_caller_who_came_in_the_moment_before_the_snapshot_is_taken_in_and_not_swept() -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(7001)
        cell.asterisk.cut()
        args = ("inbound", "+1800", "queue/default", "+1", "t")
        cell.asterisk.channels[ChannelId("in-1")] = FakeChannel(ChannelId("in-1"), "+1", "+1800", "Ring", args)
        cell.asterisk.mend()
        await cell.until(lambda: cell.state(7001) is AgentState.TALKING, 2)
        cell.asterisk.far_end_hangs_up(ChannelId("in-1"))
        await cell.settled()

    play(scene)


def test_person_whom_nobody_knows_and_to_whom_nothing_can_be_played_is_hung_up() -> None:
    async def scene(cell: Cell) -> None:
        cell.asterisk._missing_media = frozenset({"sound:identity"})
        cell.asterisk.call_in(ChannelId("x1"), "+1", "s", ("customer",))
        await cell.until(lambda: not cell.asterisk.channels, 2)

    play(scene)


def test_farewell_that_is_refused_ends_in_a_hang_up(monkeypatch: pytest.MonkeyPatch) -> None:
    perform = FakeAsterisk.perform

    def refuses(asterisk: FakeAsterisk, command: TelephonyCommand, failed: object) -> None:
        if isinstance(command, Play):
            raise ValueError("refused")
        perform(asterisk, command, failed)  # type: ignore[arg-type]

    async def scene(cell: Cell) -> None:
        cell.asterisk.call_in(ChannelId("x1"), "+1", "s", ("customer",))
        await cell.until(lambda: not cell.asterisk.channels, 2)

    monkeypatch.setattr(FakeAsterisk, "perform", refuses)
    play(scene)


def test_agentless_message_longer_than_a_minute_is_heard_to_its_end() -> None:
    async def scene(cell: Cell) -> None:
        message = tuple(f"sound:part-{n}" for n in range(300))
        await cell.campaign(LISTENS, dial_mode=DialMode.AGENTLESS, answer_action=AnswerAction.MESSAGE, message=message)
        await cell.settled()
        assert cell.outcomes() == [Outcome.ANSWERED]

    play(scene)


@pytest.mark.usefixtures("slow_asterisk")
@pytest.mark.parametrize("carried_out", [True, False])
def test_agents_phone_called_while_the_socket_breaks_leaves_no_leg_behind(cutter: Cutter, carried_out: bool) -> None:
    async def scene(cell: Cell) -> None:
        cutter.at, cutter.carried_out = lambda command: isinstance(command, Originate), carried_out
        await cell.engine.control.login(AGENT)
        await mend(cell, 0.05)
        await asyncio.sleep(1)
        assert cell.state(7001) is AgentState.OFFLINE
        assert not cell.asterisk.channels
        await cell.staff(7001)

    play(scene)


@pytest.mark.parametrize("away_s", [0.2, 3.0])
def test_message_whose_end_was_not_heard_is_played_again_and_not_followed_by_silence(away_s: float) -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(7001)
        await cell.campaign(TALKS, message=("sound:one", "sound:two"))
        await cell.until(lambda: bool(cell.engine.switchboard.calls))
        await cell.engine.control.pause(AGENT, "fire drill")
        await cell.until(lambda: bool(cell.asterisk.playbacks))
        cell.asterisk.cut()
        await asyncio.sleep(away_s)
        cell.asterisk.mend()
        await cell.until(lambda: not cell.engine.switchboard.calls, 3)
        await cell.settled()
        assert cell.outcomes() == [Outcome.ABANDONED]

    play(scene, callees=lambda endpoint: replace(callees(endpoint), answers_after_s=0.1, hangs_up_after_s=None))


def test_bridge_of_a_seat_that_nobody_has_is_swept() -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(7001)
        cell.asterisk.cut()
        cell.asterisk.bridges[seat_bridge(Slot(7002), 1)] = "left by an engine before us"
        cell.asterisk.mend()
        await asyncio.sleep(0.1)
        assert list(cell.asterisk.bridges) == [cell.engine.switchboard.agent(AGENT).bridge]

    play(scene)


def test_phone_that_answers_a_login_given_up_is_hung_up() -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(7001)
        cell.asterisk.call_in(seat_channel(Slot(7002), 1), "7002", "s", ("agent",))
        await cell.until(lambda: len(cell.asterisk.channels) == 1, 1)

    play(scene)


def test_engine_that_is_not_level_with_asterisk_dials_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    async def scene(cell: Cell) -> None:
        await cell.staff(7001)
        cell.asterisk.cut()
        with monkeypatch.context() as fault:
            fault.setattr(Router, "_level", broken)
            with suppress(ZeroDivisionError):
                cell.asterisk.mend()
        await cell.campaign(TALKS)
        await asyncio.sleep(5)
        assert not cell.memory.attempts
        cell.asterisk.cut()
        cell.asterisk.mend()
        await cell.settled()

    play(scene)


def test_asterisk_that_was_killed_ends_the_calls_and_calls_the_agents_again() -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(7001, 7002, 7003)
        await cell.engine.control.pause(Slot(7003), "lunch")
        await cell.engine.control.login(Slot(7004))
        await cell.until(lambda: cell.state(7004) is AgentState.PAUSED)
        await cell.engine.control.logout(Slot(7004))
        await cell.campaign("+12005550101")
        await cell.until(lambda: AgentState.TALKING in {cell.state(7001), cell.state(7002)})
        cell.asterisk.restart()
        cell.asterisk.mend()
        await cell.until(lambda: cell.outcomes() == [Outcome.ANSWERED])
        await cell.until(lambda: {cell.state(7001), cell.state(7002)} == {AgentState.READY})
        await cell.until(lambda: cell.state(7003) is AgentState.PAUSED)
        assert cell.state(7004) is AgentState.OFFLINE

    play(scene, agents=4)


def test_agent_who_hung_up_while_the_socket_was_away_is_not_called_again() -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(7001, 7002)
        cell.asterisk.cut()
        gone = cell.engine.switchboard.agent(Slot(7001)).channel
        assert gone is not None
        cell.asterisk.far_end_hangs_up(gone)
        cell.asterisk.mend()
        await cell.sleep(5.0)
        assert (cell.state(7001), cell.state(7002)) == (AgentState.OFFLINE, AgentState.READY)

    play(scene)
