"""Predictive and power dialing over the whole runtime, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from engine.agent.machine import AgentState
from engine.call.model import CallKind, Phase
from engine.dialer.campaign import DialMode
from engine.dialer.replay import repeat
from engine.dialer.settings import PacingSettings
from engine.fakes.callee import Callee
from engine.fakes.virtual_time import run_virtually
from engine.ids import CampaignId, ChannelId, Slot
from engine.outcome.disposition import Outcome
from engine.runtime.engine import KEEP_PACING_S
from engine.runtime.explanation import Explained
from engine.runtime.pacing import NEWS_KEPT
from engine.simulation.cell import ONCE, Cell, open_cell, play
from tests.sim.floor import Floor, open_floor, work

SHIFT_S = 480.0
LEARNS_S = 90.0
RINGS_OUT = "+12125550103"


def within_budget(floor: Floor, campaign: CampaignId | None = None) -> None:
    """The budget property, as the issue of a whole run states it."""
    met, abandoned = floor.answers(campaign)
    assert abandoned <= 0.03 * (met + abandoned) + 6, (met, abandoned)


async def explained(cell: Cell, campaign: CampaignId) -> Explained:
    return await cell.engine.control.pacing(campaign)


def level(cell: Cell, told: Explained) -> None:
    """What the desk believes of agents is what the pool knows; a moment may pass between the two."""
    pool = cell.engine.switchboard.pools["default"]
    assert told.inputs["idle"] == pool.idle
    assert told.inputs["waiting"] == pool.waiting


def replayed(cell: Cell) -> None:
    """Each segment of the journal, by itself, repeats its decisions byte for byte."""
    assert cell.journal.segments
    for text in cell.journal.segments.values():
        told = repeat(text.splitlines(keepends=True))
        assert told.decisions > 0
        assert told.difference is None


def occupancy_of(mode: DialMode, seed: int = 1) -> float:
    """Share of their time that ten agents are busy, after a start of four minutes."""
    found = 0.0

    async def shift(floor: Floor) -> None:
        nonlocal found
        await floor.campaign(mode)
        await floor.works(240.0)
        floor.occupancy()
        await floor.works(SHIFT_S)
        found = floor.occupancy()
        within_budget(floor)

    work(shift, seed=seed)
    return found


def test_predictive_campaign_keeps_agents_busier_than_progressive_within_the_budget() -> None:
    progressive, predictive = occupancy_of(DialMode.PROGRESSIVE), occupancy_of(DialMode.PREDICTIVE)
    assert predictive > progressive + 0.2


def test_desk_and_switchboard_agree_at_every_decision_whatever_agents_do() -> None:
    async def shift(floor: Floor) -> None:
        control, cell = floor.cell.engine.control, floor.cell
        campaign = await floor.campaign(DialMode.PREDICTIVE)
        decide, seen = cell.engine.desk.decide, 0

        def watched(pool, now, limits):  # type: ignore[no-untyped-def]
            nonlocal seen
            decisions = decide(pool, now, limits)
            board = cell.engine.switchboard
            why = decisions[campaign].why
            assert why.idle == board.pools["default"].idle
            assert why.waiting == board.pools["default"].waiting
            assert why.launched + why.detecting == board.in_flight.get(campaign, 0)
            seen += 1
            return decisions

        cell.engine.desk.decide = watched  # type: ignore[method-assign]
        for n in range(30):
            await floor.works(10.0)
            slot = Slot(7001 + n % 10)
            match n % 5:
                case 0:
                    await control.pause(slot, "coffee")
                    await control.ready(Slot(7001 + (n + 5) % 10))
                case 1:
                    cell.engine.on_registration(slot, n % 2 == 0, control.clock.now())
                case 2:
                    cell.asterisk.call_in(
                        ChannelId(f"in-{n}"), "+1", "+2", ("inbound", "+2", "queue/default", "+1", "x")
                    )
                case 3:
                    cell.asterisk.cut()
                    await asyncio.sleep(3.0)
                    cell.asterisk.mend()
        assert seen > 300

    work(shift)


def test_campaign_that_joins_a_pool_finds_the_calls_under_way_told() -> None:
    async def shift(floor: Floor) -> None:
        cell, board = floor.cell, floor.cell.engine.switchboard
        plain = await floor.campaign(DialMode.PROGRESSIVE, "plain")
        await floor.works(5.0)
        assert board.in_flight[plain] == 10
        for n in range(12):
            cell.asterisk.call_in(ChannelId(f"in-{n}"), "+1", "+2", ("inbound", "+2", "queue/default", "+1", "x"))
        await floor.works(1.0)
        waiting = board.pools["default"].waiting
        assert waiting == 2
        decide, first = cell.engine.desk.decide, []

        def watched(pool, now, limits):  # type: ignore[no-untyped-def]
            decisions = decide(pool, now, limits)
            if plain in decisions:
                first.append(decisions[plain].why)
            return decisions

        cell.engine.desk.decide = watched  # type: ignore[method-assign]
        await floor.campaign(DialMode.PREDICTIVE, "ahead")
        await cell.until(lambda: bool(first), 5.0)
        assert first[0].launched + first[0].detecting == board.in_flight[plain] > 0
        assert first[0].waiting == waiting

    work(shift)


def test_stopped_campaign_leaves_the_desk_once_its_calls_are_over_and_comes_back_with_its_account() -> None:
    async def shift(floor: Floor) -> None:
        engine = floor.cell.engine
        campaign = await floor.campaign(DialMode.PREDICTIVE)
        await floor.works(LEARNS_S)
        before = await explained(floor.cell, campaign)
        await engine.control.change_campaign(campaign, "stop")
        await floor.cell.until(lambda: not engine.switchboard.calls, 3600.0)
        await asyncio.sleep(2 * KEEP_PACING_S)
        assert not engine.desk.campaigns
        await engine.control.change_campaign(campaign, "start")
        await floor.works(1.0)
        after = await explained(floor.cell, campaign)
        assert engine.desk.campaigns == {campaign}
        assert int(after.inputs["answered"] or 0) >= int(before.inputs["answered"] or 0) > 0
        assert after.binding != "learning"

    work(shift)


def test_shock_of_answers_stays_within_the_budget() -> None:
    async def shift(floor: Floor) -> None:
        await floor.campaign(DialMode.PREDICTIVE)
        await floor.works(300.0)
        floor.habits.answer_rate = 0.45
        await floor.works(300.0)
        within_budget(floor)

    work(shift, answer_rate=0.15)


def test_agents_who_ask_to_leave_are_no_supply_at_once() -> None:
    async def shift(floor: Floor) -> None:
        control = floor.cell.engine.control
        campaign = await floor.campaign(DialMode.PREDICTIVE)
        await floor.works(300.0)
        for n in range(5):
            await control.logout(Slot(7001 + n))
        await floor.works(1.0)
        told = await explained(floor.cell, campaign)
        there = told.inputs["idle"], told.inputs["talking"], told.inputs["wrapping"]
        assert sum(int(count or 0) for count in there) <= 5
        await floor.works(300.0)
        within_budget(floor)

    work(shift)


def test_restarted_engine_goes_on_with_theta_windows_and_what_it_learned() -> None:
    async def main() -> None:
        async with open_floor(10) as floor:
            campaign = await floor.campaign(DialMode.PREDICTIVE)
            await floor.works(600.0)
            before = await explained(floor.cell, campaign)
        async with open_cell(before=floor.cell, seed=2) as cell:
            await cell.staff(*(7001 + n for n in range(10)))
            await asyncio.sleep(1.0)
            after = await explained(cell, campaign)
            await cell.engine.control.change_campaign(campaign, "stop")
            assert before.windows is not None
            assert after.windows is not None
            assert after.windows["period"].answered >= before.windows["period"].answered > 50
            talking = int(after.inputs["answered"] or 0) - after.windows["period"].answered
            assert 0 <= talking <= 10, "the windows count calls that are over, and nothing is counted twice"
            assert after.inputs["abandoned"] == after.windows["period"].abandoned
            assert before.theta is not None
            assert after.theta is not None
            assert 0.5 * before.theta < after.theta <= 1.2 * before.theta
            assert after.binding != "learning"

    run_virtually(main())


def test_journal_that_could_not_follow_begins_a_new_segment_and_every_segment_repeats() -> None:
    async def shift(floor: Floor) -> None:
        await floor.campaign(DialMode.PREDICTIVE)
        await floor.works(120.0)
        floor.cell.journal.refusals = 1
        await floor.works(60.0)
        assert len(floor.cell.journal.segments) == 2
        assert floor.cell.metrics.counted["vss_bounds_reached_total"] == 1
        replayed(floor.cell)

    work(shift)


def test_news_of_a_pool_whose_campaigns_pause_do_not_pile_up() -> None:
    async def shift(floor: Floor) -> None:
        control = floor.cell.engine.control
        campaign = await floor.campaign(DialMode.PREDICTIVE)
        await floor.campaign(DialMode.PROGRESSIVE, "plain")
        await floor.works(60.0)
        await control.change_campaign(campaign, "pause")
        await floor.works(200.0)
        (pool,) = floor.cell.engine.desk._pools.values()
        assert len(pool.unread) <= NEWS_KEPT + 50
        await control.change_campaign(campaign, "start")
        await floor.works(5.0)
        level(floor.cell, await explained(floor.cell, campaign))

    work(shift)


def test_two_campaigns_share_a_pool_each_within_its_budget() -> None:
    async def shift(floor: Floor) -> None:
        one = await floor.campaign(DialMode.PREDICTIVE, "one")
        other = await floor.campaign(DialMode.PREDICTIVE, "other")
        plain = await floor.campaign(DialMode.PROGRESSIVE, "plain")
        await floor.works(360.0)
        for campaign in (one, other, plain):
            met, _ = floor.answers(campaign)
            assert met > 1
            within_budget(floor, campaign)
        assert (await explained(floor.cell, plain)).inputs["policy"] == "progressive"
        replayed(floor.cell)

    work(shift)


def test_inbound_callers_are_demand_and_no_dialed_answers() -> None:
    async def shift(floor: Floor) -> None:
        cell = floor.cell
        campaign = await floor.campaign(DialMode.PREDICTIVE)
        await floor.works(LEARNS_S)
        for n in range(30):
            cell.asterisk.call_in(ChannelId(f"in-{n}"), "+1", "+2", ("inbound", "+2", "queue/default", "+1", "x"))
        await floor.works(2.0)
        told = await explained(cell, campaign)
        assert int(told.inputs["waiting"] or 0) >= 15
        assert told.launch == 0
        board = cell.engine.switchboard
        for _ in range(60):
            await floor.works(0.5)
            for call in tuple(board.calls.values()):
                if call.kind is CallKind.INBOUND and call.phase is Phase.TALKING:
                    cell.asterisk.far_end_hangs_up(call.channel)
        met, abandoned = floor.answers(campaign)
        told = await explained(cell, campaign)
        assert int(told.inputs["answered"] or 0) <= met + abandoned + 10

    work(shift)


def test_nothing_is_dialed_while_the_database_is_away_and_it_goes_on_when_it_is_back() -> None:
    async def shift(floor: Floor) -> None:
        cell = floor.cell
        campaign = await floor.campaign(DialMode.PREDICTIVE)
        await floor.works(LEARNS_S)
        cell.memory.away = True
        await floor.works(20.0)
        dialed = len(cell.asterisk.dialed)
        await floor.works(30.0)
        assert len(cell.asterisk.dialed) == dialed
        told = await explained(cell, campaign)
        assert (told.binding, told.windows) == ("ledger", None)
        assert "PostgreSQL" in told.needs[0]
        cell.memory.away = False
        await floor.works(30.0)
        assert len(cell.asterisk.dialed) > dialed
        assert (await explained(cell, campaign)).windows is not None

    work(shift)


def test_campaign_whose_account_cannot_be_read_dials_nothing() -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(7001, 7002)
        load = cell.account.load_pacing

        async def lost(campaign: CampaignId) -> None:
            cell.memory.away = True
            await load(campaign)

        cell.account.load_pacing = lost  # type: ignore[method-assign, assignment]
        campaign = await cell.campaign(RINGS_OUT, dial_mode=DialMode.PREDICTIVE, message=("sound:identity",))
        await asyncio.sleep(2.0)
        assert not [call for call in cell.asterisk.dialed if "@" in call.endpoint]
        cell.account.load_pacing = load  # type: ignore[method-assign]
        cell.memory.away = False
        await cell.until(lambda: bool(cell.engine.switchboard.calls))
        assert "learning" in {noted.binding for noted in (await explained(cell, campaign)).recent}
        await cell.settled()

    play(scene)


def agree_no_more(cell: Cell) -> None:
    cell.registry.away = True


def hear_late(cell: Cell) -> None:
    cell.asterisk.news_age_s = 3.0


@pytest.mark.parametrize(("doubt", "binding"), [(agree_no_more, "unshared_state"), (hear_late, "stale_state")])
def test_doubt_leaves_one_line_per_idle_agent(doubt: Callable[[Cell], None], binding: str) -> None:
    async def shift(floor: Floor) -> None:
        campaign = await floor.campaign(DialMode.PREDICTIVE)
        await floor.works(LEARNS_S)
        doubt(floor.cell)
        await floor.works(30.0)
        for _ in range(100):
            await floor.works(0.5)
            told = await explained(floor.cell, campaign)
            assert told.launch <= int(told.inputs["idle"] or 0)
        assert told.binding == binding
        assert told.line.endswith(f"bound by {binding}")

    work(shift)


@pytest.mark.parametrize(
    ("change", "bindings"),
    [({"lines_max": 3}, {"lines_max"}), ({}, {"channels"})],
)
def test_binding_limit_is_named(change: dict[str, int], bindings: set[str]) -> None:
    async def shift(floor: Floor) -> None:
        campaign = await floor.campaign(DialMode.PREDICTIVE, **change)
        await floor.works(LEARNS_S)
        seen = {noted.binding for noted in (await explained(floor.cell, campaign)).recent}
        assert seen & bindings

    work(shift, channels_max=4 if not change else 200)


async def leads_that_ring(cell: Cell, agents: int) -> CampaignId:
    """A campaign whose calls ring on; its agents are away by the time."""
    campaign = await cell.campaign(
        *(f"+1{201 + n}5550103" for n in range(agents)), dial_mode=DialMode.PREDICTIVE, message=("sound:identity",),
        ring_timeout_s=60, recall=ONCE,
    )  # fmt: skip
    await cell.until(lambda: len(cell.engine.switchboard.calls) == agents)
    for n in range(agents):
        await cell.engine.control.pause(Slot(7001 + n), "away")
    return campaign


def test_calls_that_nobody_could_take_are_given_up_once_they_rang_fifteen_seconds() -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(*(7001 + n for n in range(4)))
        await leads_that_ring(cell, 4)
        await cell.settled()
        assert cell.outcomes() == [Outcome.CANCELLED] * 4
        for fact in cell.memory.outcomes.values():
            assert fact.ringing_at is not None
            assert 15.0 <= fact.ended_at - fact.ringing_at < 20.0
            assert fact.hangup_by == "engine"

    play(scene, agents=4)


def test_given_up_call_that_is_answered_first_is_abandoned_and_counted() -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(*(7001 + n for n in range(4)))
        campaign = await leads_that_ring(cell, 4)
        call = next(iter(cell.engine.switchboard.calls))
        channel = cell.asterisk.channels[ChannelId(call)]
        perform, answered = cell.asterisk.perform, False

        def answering_first(command, failed):  # type: ignore[no-untyped-def]
            nonlocal answered
            if not answered and getattr(command, "channel", None) == channel.id:
                answered = True
                originate = next(dialed for dialed in cell.asterisk.dialed if dialed.channel == channel.id)
                cell.asterisk._answers(channel, originate, Callee())
            perform(command, failed)

        cell.asterisk.perform = answering_first  # type: ignore[method-assign]
        await cell.settled()
        assert sorted(cell.outcomes()) == [Outcome.ABANDONED] + [Outcome.CANCELLED] * 3
        told = await explained(cell, campaign)
        assert (told.inputs["answered"], told.inputs["abandoned"]) == (1, 1)

    play(scene, agents=4)


def test_power_campaign_dials_its_lines_per_idle_agent_and_who_meets_nobody_hears_the_message() -> None:
    async def scene(cell: Cell) -> None:
        await cell.staff(7001, 7002)
        campaign = await cell.campaign(
            *(f"+1{201 + n}5550100" for n in range(2)), *(f"+1{301 + n}5550101" for n in range(6)),
            dial_mode=DialMode.POWER, message=("sound:identity",), wrap_up_s=0,
            pacing=PacingSettings(lines_per_agent=3.0),
        )  # fmt: skip
        await cell.until(lambda: len(cell.outcomes()) == 6)
        # at first it is not known whether the cells agree: one line per idle agent
        assert sorted(cell.outcomes()) == [Outcome.ABANDONED] * 4 + [Outcome.ANSWERED] * 2
        assert {cell.state(7001), cell.state(7002)} == {AgentState.TALKING}
        told = await explained(cell, campaign)
        assert (told.inputs["policy"], told.inputs["answered"], told.inputs["abandoned"]) == ("power", 8, 4)
        assert told.message_armed
        for slot in (7001, 7002):
            await cell.engine.control.done(Slot(slot), "sale", "")
        await cell.settled()

    play(scene)
