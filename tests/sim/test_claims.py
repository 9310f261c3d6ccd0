"""Claims: whatever happens to one, no attempt stays open and nothing of a trunk's capacity leaks."""

from __future__ import annotations

import asyncio

import pytest

from engine.dialer.campaign import AnswerAction, DialMode
from engine.dialer.lead import LeadStatus
from engine.fakes.asterisk import FakeAsterisk
from engine.ids import AttemptId, LeadId, Slot
from engine.outcome.disposition import Outcome
from engine.ports import ClaimedLead
from engine.simulation.cell import ONCE, TRUNK, Cell, play
from engine.trunk.capacity import Capacity

TALKS, LISTENS, RINGS_OUT = "+12125550100", "+12125550101", "+12125550103"


def many(digit: str, count: int) -> list[str]:
    return [f"+1{201 + n}555010{digit}" for n in range(count)]


def test_claim_whose_answer_was_lost_leaves_no_attempt_open_and_the_leads_are_dialed_later() -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(7001, 7002)
        cell.memory.claims_mute = True
        await cell.campaign(TALKS, RINGS_OUT)
        await cell.until(lambda: len(cell.memory.attempts) >= 2)
        cell.memory.claims_mute = False
        await cell.settled()
        assert sorted(set(cell.outcomes())) == [Outcome.ANSWERED, Outcome.NO_ANSWER, Outcome.NOT_DIALED]
        assert [lead.attempts for lead in cell.memory.leads.values()] == [1, 1]

    play(scene)


def test_lost_claim_that_the_server_commits_later_is_found_too() -> None:
    async def scene(cell: Cell) -> None:
        cell.memory.claims_fault = TimeoutError()
        asked: list[AttemptId] = []
        claims = cell.engine.dialing._claims
        undialed = claims.undialed
        claims.undialed = lambda attempt: (asked.append(attempt), undialed(attempt))[1]
        await cell.staff(7001)
        await cell.campaign(TALKS)
        await cell.until(lambda: bool(asked))
        cell.memory.claims_fault = None
        await cell.engine.control.change_campaign(next(iter(cell.memory.campaigns)), "pause")
        lead = cell.memory.leads[LeadId(1)]
        late = asked[0]
        await asyncio.sleep(10)
        cell.memory.leads[LeadId(1)].status = LeadStatus.DIALING
        cell.memory.open[lead.id] = cell.memory.attempts[late] = ClaimedLead(late, lead.id, lead.campaign, TALKS, 1)
        await asyncio.sleep(40)
        assert cell.outcomes() == [Outcome.NOT_DIALED]

    play(scene)


@pytest.mark.parametrize("claim_s", [2.0, 30.0])
def test_claim_under_way_when_the_engine_stops_is_not_dialed_and_has_its_outcome(claim_s: float) -> None:
    cells: list[Cell] = []

    async def scene(cell: Cell) -> None:
        cells.append(cell)
        await cell.staff(7001)
        cell.memory.claims_take_s = claim_s
        await cell.campaign(TALKS)
        await cell.until(lambda: bool(cell.memory.attempts))
        cell.engine.stop()

    play(scene)
    assert cells[0].outcomes() == [Outcome.NOT_DIALED]
    assert [dialed.endpoint for dialed in cells[0].asterisk.dialed] == ["PJSIP/7001"]


def test_fault_in_a_claim_stops_that_campaign_for_a_moment_and_nothing_else() -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(7001, 7002)
        await cell.engine.control.start_call(Slot(7001), LISTENS, None)
        cell.memory.claims_fault = ZeroDivisionError()
        await cell.campaign(TALKS)
        await asyncio.sleep(3)
        assert cell.metrics.of("vss_call_faults_total", kind="dialing") == 1
        cell.memory.claims_fault = None
        await cell.until(lambda: cell.outcomes() == [Outcome.ANSWERED])
        assert cell.state(7001) == "talking"
        await cell.engine.control.done(Slot(7001), "", "")

    play(scene)


def test_trunk_that_was_removed_is_dialed_no_more() -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(7001)
        record = cell.memory.trunks.pop(TRUNK)
        await cell.engine.dialing.refresh()
        cell.memory.trunks[TRUNK] = record
        campaign = await cell.campaign(TALKS)
        del cell.memory.trunks[TRUNK]
        await cell.engine.dialing.refresh()
        dialed = len(cell.asterisk.dialed)
        await asyncio.sleep(5)
        assert len(cell.asterisk.dialed) == dialed
        assert "no trunk" in cell.engine.dialing.pacing(campaign)
        cell.memory.trunks[TRUNK] = record
        await cell.settled()

    play(scene)


def test_agentless_lines_of_the_same_pool_do_not_hold_up_the_dialing_for_agents() -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(7001)
        await cell.campaign(
            *many("3", 20), name="news", dial_mode=DialMode.AGENTLESS, answer_action=AnswerAction.MESSAGE
        )
        await cell.until(lambda: sum(cell.engine.switchboard.in_flight.values()) >= 20)
        await cell.campaign(TALKS)
        await cell.until(lambda: cell.state(7001) == "talking", 10)
        await cell.settled()

    play(scene)


def test_agents_own_call_takes_no_line_from_the_agents_who_are_idle() -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(7001, 7002)
        await cell.engine.control.start_call(Slot(7001), RINGS_OUT, None)
        await cell.campaign(TALKS)
        await cell.until(lambda: cell.state(7002) == "talking", 10)
        await cell.settled()

    play(scene)


def test_caller_who_waits_for_one_slot_takes_no_line_from_the_agents_who_are_idle() -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(7002)
        cell.asterisk.call_in("in-1", "+1", "7001", ("inbound", "7001", "slot/7001", "+1", "t"))  # type: ignore[arg-type]
        await cell.campaign(TALKS)
        await cell.until(lambda: cell.state(7002) == "talking", 5)
        await cell.settled()

    play(scene)


def test_campaign_that_has_no_leads_due_takes_no_calls_from_the_others() -> None:
    async def scene(cell: Cell) -> None:
        for n in range(3):
            await cell.campaign(name=f"dry {n}", dial_mode=DialMode.AGENTLESS, answer_action=AnswerAction.MESSAGE)
        began_at = asyncio.get_running_loop().time()
        await cell.campaign(
            *many("2", 100), name="full", dial_mode=DialMode.AGENTLESS, answer_action=AnswerAction.MESSAGE
        )
        await cell.settled()
        assert asyncio.get_running_loop().time() - began_at < 20  # 10 at best; the dry ones' asking costs some

    play(scene, cps_max=10.0)


def test_fault_of_the_telephony_ends_its_call_and_leaks_no_channel_of_the_trunk(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    perform = FakeAsterisk.perform

    def broken(self: FakeAsterisk, command: object, failed: object) -> None:
        if getattr(command, "endpoint", "").endswith("@carrier"):
            raise UnicodeEncodeError("utf-8", "", 0, 1, "broken")
        perform(self, command, failed)  # type: ignore[arg-type]

    async def scene(cell: Cell) -> None:
        await cell.staff(7001)
        await cell.campaign(TALKS, recall=ONCE)
        await cell.settled()
        assert cell.outcomes() == [Outcome.FAILED]

    monkeypatch.setattr(FakeAsterisk, "perform", broken)
    play(scene)


def test_trunk_gives_back_exactly_what_was_not_used() -> None:
    async def scene(cell: Cell) -> None:
        await cell.campaign(
            *many("2", 30), *many("3", 5), dial_mode=DialMode.AGENTLESS, answer_action=AnswerAction.MESSAGE
        )
        for _ in range(40):
            over_trunk = sum(call.trunk == TRUNK for call in cell.engine.switchboard.calls.values())
            assert over_trunk <= capacity_of(cell).channels <= over_trunk + 3  # claimed, and dialed with gaps
            await asyncio.sleep(0.3)
        await cell.settled()
        assert capacity_of(cell).channels == 0

    play(scene)


def capacity_of(cell: Cell) -> Capacity:
    capacity = cell.engine.dialing._trunks.capacity(TRUNK)
    assert capacity is not None
    return capacity
