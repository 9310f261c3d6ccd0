"""Preview: an agent sees the lead first, and dials or skips it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import time

import pytest

from engine.agent.machine import UNDECIDED, AgentState
from engine.call import machine
from engine.call.commands import Play
from engine.call.events import CommandFailed, Failure
from engine.call.model import Call, Phase
from engine.dialer.campaign import DialMode
from engine.dialer.lead import LeadStatus, RecallRule
from engine.dialer.pacing import Limits, PacingView, Preview
from engine.dialer.settings import PacingSettings
from engine.errors import NotFound, Rejected, Unavailable
from engine.ids import CampaignId, ChannelId, LeadId, PlaybackId, Slot, TrunkName
from engine.outcome.disposition import Outcome
from engine.ports import OutcomeFact, Tokens
from engine.runtime.switchboard import LEAD_CUE
from engine.simulation.cell import ONCE, TRUNK, Cell, play

AGENT, OTHER = Slot(7001), Slot(7002)
TALKS, LISTENS, BUSY, RINGS_OUT = "+12125550100", "+12125550101", "+12125550102", "+12125550103"
MORE = tuple(f"+1{area}5550101" for area in range(301, 311))
MANY_TIMES = {**ONCE, Outcome.SKIPPED: RecallRule(9, 1.0)}


async def previewing(cell: Cell, *numbers: str, limit_s: float = 120.0, **changes: object) -> CampaignId:
    """A running preview campaign over these numbers."""
    pacing = PacingSettings(preview_limit_s=limit_s)
    return await cell.campaign(*numbers, dial_mode=DialMode.PREVIEW, pacing=pacing, **changes)


def shown(cell: Cell) -> list[Call]:
    return [call for call in cell.engine.switchboard.calls.values() if call.phase is Phase.PREVIEWING]


def customers_dialed(cell: Cell) -> list[str]:
    return [dialed.endpoint for dialed in cell.asterisk.dialed if "@" in dialed.endpoint]


def fact(cell: Cell) -> OutcomeFact:
    """The newest outcome."""
    return cell.memory.outcomes[max(cell.memory.outcomes)]


def slot_of(call: Call) -> Slot:
    assert call.seat is not None
    return call.seat.slot


def channels_taken(cell: Cell) -> int:
    capacity = cell.engine.dialing._trunks.capacity(TRUNK)
    assert capacity is not None
    return capacity.channels


def seat_of(cell: Cell, slot: Slot = AGENT) -> ChannelId:
    channel = cell.engine.switchboard.agent(slot).channel
    assert channel is not None
    return channel


def test_lead_is_shown_first_and_dialed_only_when_the_agent_says_so() -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(7001)
        campaign = await previewing(cell, LISTENS)
        cell.memory.leads[LeadId(1)].data = {"name": "Ann"}
        await cell.until(lambda: bool(shown(cell)))
        await asyncio.sleep(5)
        view = await cell.engine.control.preview(AGENT)
        assert (view.number, view.data, view.campaign, view.attempts) == (LISTENS, {"name": "Ann"}, campaign, [])
        assert view.barred is None
        assert 114 < view.seconds_left < 116
        assert (cell.state(7001), customers_dialed(cell), channels_taken(cell)) == (AgentState.RESERVED, [], 0)
        frame = cell.feed.frames["call", view.call].data
        assert (frame["phase"], frame["slot"]) == ("previewing", 7001)
        await cell.engine.control.dial_preview(AGENT)
        await cell.until(lambda: cell.state(7001) is AgentState.TALKING)
        assert channels_taken(cell) == 1
        await cell.engine.control.done(AGENT, "sale", "")
        await cell.settled()
        assert (fact(cell).outcome, fact(cell).slot, fact(cell).note) == (Outcome.ANSWERED, 7001, None)
        assert channels_taken(cell) == 0

    play(scene)


def test_skipped_lead_is_not_dialed_and_the_reason_is_kept_for_the_next_who_sees_it() -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(7001)
        await previewing(cell, LISTENS, recall=MANY_TIMES)
        await cell.until(lambda: bool(shown(cell)))
        view = await cell.engine.control.skip_preview(AGENT, "spoke to her yesterday")
        assert view.state == AgentState.READY
        await cell.until(lambda: bool(shown(cell)))
        assert (fact(cell).outcome, fact(cell).note) == (Outcome.SKIPPED, "spoke to her yesterday")
        (earlier,) = (await cell.engine.control.preview(AGENT)).attempts
        assert (earlier.outcome, earlier.slot, earlier.note) == ("skipped", 7001, "spoke to her yesterday")
        assert customers_dialed(cell) == []
        assert cell.memory.leads[LeadId(1)].attempts == 2

    play(scene)


def test_agent_who_decides_nothing_skips_and_is_paused_after_the_second_lead() -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(7001)
        await previewing(cell, *MORE[:4], limit_s=10.0)
        await cell.until(lambda: cell.state(7001) is AgentState.PAUSED)
        await asyncio.sleep(30)
        assert cell.engine.switchboard.agent(AGENT).reason == UNDECIDED
        assert cell.outcomes() == [Outcome.SKIPPED] * 2
        assert {each.note for each in cell.memory.outcomes.values()} == {machine.UNDECIDED}
        await cell.engine.control.ready(AGENT)
        await cell.until(lambda: bool(shown(cell)))
        await cell.engine.control.skip_preview(AGENT, "no")
        await cell.until(lambda: cell.state(7001) is AgentState.READY, 30.0)
        await cell.settled()

    play(scene)


@pytest.mark.parametrize("way", ["pause", "logout", "hang up"])
def test_agent_who_leaves_gives_the_lead_to_the_next_one(way: str) -> None:
    async def leave(cell: Cell) -> None:
        match way:
            case "pause":
                assert (await cell.engine.control.pause(AGENT, "lunch")).state == AgentState.PAUSED
            case "logout":
                assert (await cell.engine.control.logout(AGENT)).state == AgentState.OFFLINE
            case _:
                cell.asterisk.far_end_hangs_up(seat_of(cell))

    async def scene(cell: Cell) -> None:
        await cell.staff(7001)
        await previewing(cell, LISTENS)
        await cell.until(lambda: bool(shown(cell)))
        await leave(cell)
        assert not shown(cell)
        await cell.staff(7002)
        await cell.until(lambda: bool(shown(cell)))
        assert cell.outcomes() == [Outcome.NOT_DIALED]
        view = await cell.engine.control.preview(OTHER)
        assert (view.number, view.attempts) == (LISTENS, [])
        assert cell.memory.leads[LeadId(1)].attempts == 1
        assert customers_dialed(cell) == []

    play(scene)


def delete(cell: Cell) -> None:
    cell.memory.delete_lead(LeadId(1))


def forbid(cell: Cell) -> None:
    cell.memory.do_not_call.add(LISTENS)


def demand_consent(cell: Cell) -> None:
    cell.memory.consent_required.add(CampaignId(1))


def close_window(cell: Cell) -> None:
    cell.memory.windows[CampaignId(1)] = (time.min, time.min)


@pytest.mark.parametrize(
    ("bar", "code", "becomes"),
    [
        (delete, "lead_deleted", LeadStatus.DELETED),
        (forbid, "do_not_call", LeadStatus.EXCLUDED),
        (demand_consent, "no_consent", LeadStatus.EXCLUDED),
        (close_window, "window_closed", LeadStatus.WAITING),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_lead_barred_while_it_is_shown_is_not_dialed(
    bar: Callable[[Cell], None], code: str, becomes: LeadStatus
) -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(7001)
        await previewing(cell, LISTENS)
        await cell.until(lambda: bool(shown(cell)))
        bar(cell)
        assert (await cell.engine.control.preview(AGENT)).barred == code
        with pytest.raises(Rejected) as refused:
            await cell.engine.control.dial_preview(AGENT)
        assert refused.value.code == code
        assert cell.state(7001) is AgentState.READY
        await asyncio.sleep(15)
        assert cell.outcomes() == [Outcome.NOT_DIALED]
        assert fact(cell).note
        assert cell.memory.leads[LeadId(1)].status is becomes
        assert (customers_dialed(cell), channels_taken(cell)) == ([], 0)

    play(scene)


def test_paused_campaign_takes_its_leads_back_from_the_agents() -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(7001, 7002)
        campaign = await previewing(cell, *MORE[:5])
        await cell.until(lambda: len(shown(cell)) == 2)
        await cell.engine.control.change_campaign(campaign, "pause")
        assert (cell.state(7001), cell.state(7002)) == (AgentState.READY, AgentState.READY)
        with pytest.raises(NotFound) as nothing:
            await cell.engine.control.dial_preview(AGENT)
        assert nothing.value.code == "no_preview"
        await asyncio.sleep(20)
        assert (cell.outcomes(), shown(cell)) == ([Outcome.NOT_DIALED] * 2, [])

    play(scene)


def test_stopping_engine_takes_leads_back_and_does_not_wait_for_decisions() -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(7001)
        await previewing(cell, LISTENS)
        await cell.until(lambda: bool(shown(cell)))
        loop = asyncio.get_running_loop()
        began_at = loop.time()
        cell.engine.stop()
        await cell.until(lambda: bool(cell.memory.outcomes))
        assert loop.time() - began_at < 1.0
        assert cell.outcomes() == [Outcome.NOT_DIALED]

    play(scene)


def test_database_away_refuses_the_dial_and_keeps_the_lead_on_the_agents_screen() -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(7001)
        await previewing(cell, LISTENS)
        await cell.until(lambda: bool(shown(cell)))
        cell.memory.away = True
        for asked in (cell.engine.control.dial_preview, cell.engine.control.preview):
            with pytest.raises(Unavailable):
                await asked(AGENT)
        assert shown(cell)
        cell.memory.away = False
        await cell.engine.control.dial_preview(AGENT)
        await cell.until(lambda: cell.state(7001) is AgentState.TALKING)
        await cell.engine.control.done(AGENT, "sale", "")

    play(scene)


def test_reason_of_a_skip_is_not_lost_while_the_database_is_away() -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(7001)
        await previewing(cell, LISTENS)
        await cell.until(lambda: bool(shown(cell)))
        cell.memory.away = True
        await cell.engine.control.skip_preview(AGENT, "on holiday")
        await asyncio.sleep(10)
        cell.memory.away = False
        await cell.until(lambda: cell.outcomes() == [Outcome.SKIPPED])
        assert fact(cell).note == "on holiday"

    play(scene)


def test_lost_socket_takes_no_lead_from_an_agent_and_nothing_is_dialed_without_it() -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(7001)
        await previewing(cell, LISTENS)
        await cell.until(lambda: bool(shown(cell)))
        (before,) = shown(cell)
        cell.asterisk.cut()
        with pytest.raises(Unavailable):
            await cell.engine.control.dial_preview(AGENT)
        cell.asterisk.mend()
        await asyncio.sleep(1)
        assert [call.id for call in shown(cell)] == [before.id]
        await cell.engine.control.dial_preview(AGENT)
        await cell.until(lambda: cell.state(7001) is AgentState.TALKING)
        await cell.engine.control.done(AGENT, "sale", "")

    play(scene)


def test_two_agents_are_never_shown_the_same_lead() -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(7001, 7002, 7003)
        await previewing(cell, *MORE)
        seen: list[LeadId | None] = []
        while len(seen) < len(MORE):
            await cell.until(lambda: bool(shown(cell)))
            leads = [call.lead for call in shown(cell)]
            assert len(set(leads)) == len(leads)
            for call in shown(cell):
                seen.append(call.lead)
                await cell.engine.control.skip_preview(slot_of(call), "no")
        assert sorted(seen, key=str) == sorted(cell.memory.leads, key=str)
        await cell.settled()

    play(scene, agents=3)


def test_leads_shown_and_dialed_are_never_more_than_the_campaigns_lines() -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(7001, 7002, 7003)
        await previewing(cell, *(number[:-1] + "3" for number in MORE), lines_max=2)
        await cell.until(lambda: bool(shown(cell)))
        for _ in range(100):
            await asyncio.sleep(0.1)
            held = [call for call in cell.engine.switchboard.calls.values() if call.phase is not Phase.TALKING]
            assert len(held) <= 2
            if len(shown(cell)) == 2:
                await cell.engine.control.dial_preview(next(slot_of(call) for call in shown(cell)))
        assert (len(customers_dialed(cell)), len(shown(cell))) == (1, 1)

    play(scene, agents=3)


@pytest.mark.parametrize(("number", "outcome"), [(BUSY, Outcome.BUSY), (RINGS_OUT, Outcome.NO_ANSWER)])
def test_lead_who_does_not_answer_leaves_the_agent_ready_without_wrap_up(number: str, outcome: Outcome) -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(7001)
        await previewing(cell, number, wrap_up_s=30.0)
        await cell.until(lambda: bool(shown(cell)))
        await cell.engine.control.dial_preview(AGENT)
        await cell.until(lambda: cell.outcomes() == [outcome])
        assert cell.state(7001) is AgentState.READY
        assert cell.asterisk.channels[seat_of(cell)].music is not None

    play(scene)


def test_agent_hears_music_while_the_lead_rings() -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(7001)
        await previewing(cell, RINGS_OUT)
        await cell.until(lambda: bool(shown(cell)))
        await cell.engine.control.dial_preview(AGENT)
        for _ in range(20):
            assert cell.asterisk.channels[seat_of(cell)].music is not None
            await asyncio.sleep(1)
        await cell.settled()

    play(scene)


def test_full_trunk_refuses_the_dial_and_keeps_the_lead_shown() -> None:
    async def scene(cell: Cell) -> None:
        cell.memory.trunks[TRUNK] = replace(cell.memory.trunks[TRUNK], channels_max=1)
        await cell.staff(7001, 7002)
        await cell.engine.control.pause(OTHER, "desk")
        await previewing(cell, LISTENS)
        await cell.until(lambda: bool(shown(cell)))
        other = await cell.engine.control.start_call(OTHER, RINGS_OUT, None)
        with pytest.raises(Rejected, match="no free channel") as full:
            await cell.engine.control.dial_preview(AGENT)
        assert (full.value.code, full.value.status) == ("trunk_full", 429)
        assert shown(cell)
        assert cell.metrics.of("vss_bounds_reached_total", bound="preview_trunk") == 1
        await cell.engine.control.hang_up(other)
        await cell.until(lambda: channels_taken(cell) == 0)
        await cell.engine.control.dial_preview(AGENT)
        await cell.until(lambda: cell.state(7001) is AgentState.TALKING)
        await cell.engine.control.done(AGENT, "sale", "")

    play(scene)


def test_agent_who_asks_twice_dials_once_and_takes_one_channel() -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(7001)
        await previewing(cell, LISTENS)
        await cell.until(lambda: bool(shown(cell)))
        control = cell.engine.control
        answers = await asyncio.gather(control.dial_preview(AGENT), control.dial_preview(AGENT), return_exceptions=True)
        assert sorted(type(answer).__name__ for answer in answers) == ["Rejected", "SeatView"]
        assert (len(customers_dialed(cell)), channels_taken(cell)) == (1, 1)
        await cell.until(lambda: cell.state(7001) is AgentState.TALKING)
        await control.done(AGENT, "sale", "")
        await cell.settled()
        assert channels_taken(cell) == 0

    play(scene)


def test_lead_skipped_while_the_dial_is_looked_up_is_not_dialed() -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(7001)
        await previewing(cell, LISTENS)
        await cell.until(lambda: bool(shown(cell)))
        cell.memory.trunks[TRUNK] = replace(cell.memory.trunks[TRUNK], channels_max=1)
        await cell.engine.dialing.refresh()
        assert cell.engine.dialing.take_channel(TRUNK)
        dialing = asyncio.create_task(cell.engine.control.dial_preview(AGENT))
        await asyncio.sleep(0.3)
        await cell.engine.control.skip_preview(AGENT, "on second thought")
        cell.engine.dialing.give_back_call(TRUNK)
        with pytest.raises(Rejected) as over:
            await dialing
        assert over.value.code == "preview_over"
        assert (customers_dialed(cell), channels_taken(cell)) == ([], 0)
        await cell.settled()

    play(scene)


def test_plain_phone_dials_with_1_and_skips_with_2() -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(7001)
        await previewing(cell, LISTENS, MORE[0])
        await cell.until(lambda: bool(shown(cell)))
        cell.asterisk.press(seat_of(cell), "5")
        await asyncio.sleep(1)
        cell.asterisk.press(seat_of(cell), "2")
        await cell.until(lambda: cell.outcomes() == [Outcome.SKIPPED])
        assert fact(cell).note == "phone"
        await cell.until(lambda: bool(shown(cell)))
        cell.asterisk.press(seat_of(cell), "11")
        await cell.until(lambda: cell.state(7001) is AgentState.TALKING)
        await cell.engine.control.done(AGENT, "sale", "")
        await cell.settled()
        assert len(customers_dialed(cell)) == 1

    play(scene)


def test_nobody_is_shown_a_lead_who_has_a_caller_or_is_paused() -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(7001, 7002)
        await cell.engine.control.pause(AGENT, "desk")
        cell.asterisk.call_in(ChannelId("in-1"), "+1", "+1800", ("inbound", "+1800", "queue/default", "+1", "carrier"))
        await cell.until(lambda: cell.state(7002) is AgentState.TALKING)
        await previewing(cell, LISTENS)
        await asyncio.sleep(10)
        assert (shown(cell), cell.memory.attempts) == ([], {})
        for asked in (cell.engine.control.preview, cell.engine.control.dial_preview):
            with pytest.raises(NotFound):
                await asked(AGENT)

    play(scene)


def test_lead_claimed_while_its_campaign_is_paused_is_shown_to_nobody() -> None:
    async def scene(cell: Cell) -> None:
        cell.memory.claims_take_s = 1.0
        await cell.staff(7001)
        campaign = await previewing(cell, LISTENS)
        await cell.until(lambda: bool(cell.memory.open))
        await cell.engine.control.change_campaign(campaign, "pause")
        for _ in range(30):
            assert not shown(cell)
            await asyncio.sleep(0.1)
        assert cell.outcomes() == [Outcome.NOT_DIALED]

    play(scene)


def test_time_that_the_agent_looks_at_a_lead_is_no_ringing() -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(7001)
        await previewing(cell, TALKS, wrap_up_s=0.0)
        await cell.until(lambda: bool(shown(cell)))
        await asyncio.sleep(60)
        await cell.engine.control.dial_preview(AGENT)
        await cell.settled()
        assert cell.outcomes() == [Outcome.ANSWERED]
        assert max(cell.metrics.observed["vss_ring_seconds"]) < 1.0

    play(scene)


def test_phone_hears_that_a_lead_is_shown_and_that_a_dial_was_refused() -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(7001)
        await previewing(cell, LISTENS, MORE[0])
        await cell.until(lambda: bool(shown(cell)))
        (call,) = shown(cell)
        await asyncio.sleep(0.01)
        assert cell.asterisk.playbacks[PlaybackId(f"{call.id}-cue")][0] == seat_of(cell)
        await asyncio.sleep(1)
        cell.asterisk.press(seat_of(cell), "1")
        forbid(cell)
        await cell.until(lambda: any("-refused-" in playback for playback in cell.asterisk.playbacks))
        await asyncio.sleep(1)
        assert cell.asterisk.playbacks == {}
        assert cell.asterisk.channels[seat_of(cell)].music is not None
        assert customers_dialed(cell) == []

    play(scene)


def test_agent_whose_phone_cannot_be_played_to_stays_on_the_line() -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(7001)
        await previewing(cell, LISTENS)
        await cell.until(lambda: bool(shown(cell)))
        refused = Play(seat_of(cell), PlaybackId("cue"), LEAD_CUE)
        cell.engine.switchboard._unowned_failed(CommandFailed(refused, Failure.REFUSED, "500", 0.0))
        await asyncio.sleep(1)
        assert shown(cell)
        assert seat_of(cell) in cell.asterisk.channels

    play(scene)


class UsedUp:
    """Leases of whose calls other cells have taken every one."""

    async def take(self, trunk: TrunkName, wanted: int, cps_max: float) -> Tokens:
        return Tokens(0, shared=True)


def test_trunk_whose_calls_other_cells_use_up_refuses_the_dial_and_keeps_no_channel() -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(7001)
        await previewing(cell, LISTENS)
        await cell.until(lambda: bool(shown(cell)))
        cell.engine.dialing._leases = UsedUp()
        with pytest.raises(Rejected) as full:
            await cell.engine.control.dial_preview(AGENT)
        assert full.value.code == "trunk_full"
        assert (customers_dialed(cell), channels_taken(cell)) == ([], 0)

    play(scene)


@pytest.mark.parametrize(
    ("view", "lines", "offers", "binding"),
    [
        (PacingView(0.0, agents_idle=3, in_flight=0, waiting=0, pool_in_flight=0), 100, 3, "agents"),
        (PacingView(0.0, agents_idle=3, in_flight=0, waiting=1, pool_in_flight=1), 100, 1, "agents"),
        (PacingView(0.0, agents_idle=1, in_flight=0, waiting=0, pool_in_flight=5), 100, 0, "agents"),
        (PacingView(0.0, agents_idle=3, in_flight=9, waiting=0, pool_in_flight=0), 2, 2, "lines"),
    ],
)
def test_a_lead_is_shown_to_each_agent_whom_nobody_else_counts_on(
    view: PacingView, lines: int, offers: int, binding: str
) -> None:
    decision = Preview().decide(view, Limits(trunk=0, lines=lines))
    assert (decision.launch, decision.binding) == (offers, binding)
