"""What every store promises, PostgreSQL and the fakes alike."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from datetime import time as wall_time

import asyncpg
import pytest

from engine.adapters.postgres.pool import Database
from engine.call.replay import SAME_S
from engine.dialer.campaign import AnswerAction, CampaignStatus, DialMode
from engine.dialer.draft import CampaignDraft
from engine.dialer.lead import LeadNext, LeadStatus, RecallRule
from engine.dialer.settings import PacingSettings
from engine.errors import NotFound, Rejected, Unavailable
from engine.ids import AttemptId, CallId, CampaignId, TrunkName
from engine.outcome.disposition import Outcome
from engine.ports import HISTORY_MAX, AgentFact, Barrier, CallRecord, Disposition, InboundRoute, OptOut, OutcomeFact
from tests.contract.stores_world import SEAT, TRUNK, MemoryWorld, PostgresWorld, World, attempt_ids, campaign_name

ALL_DAY = (wall_time(0), wall_time.max)


def fact_of(attempt: AttemptId, outcome: Outcome = Outcome.BUSY, lead_next: LeadNext | None = None) -> OutcomeFact:
    now = time.time()
    after = lead_next or LeadNext(LeadStatus.DONE, None)
    return OutcomeFact(attempt, outcome, 17, 486, now - 3, None, None, now, "customer", None, after)


def call_record(call: str, phase: str, *events: str, attempt: AttemptId | None = None) -> CallRecord:
    now = time.time()
    return CallRecord(
        CallId(call), "campaign" if attempt else "inbound", phase, attempt, None, "+12025550100", TRUNK, None, now,
        None, None, None, None, None, None, tuple((now, event, {}) for event in events),
    )  # fmt: skip


async def running_campaign(world: World, window: tuple[wall_time, wall_time] = ALL_DAY) -> CampaignId:
    draft = CampaignDraft(campaign_name(), TRUNK, window_from=window[0], window_to=window[1])
    campaign = await world.leads.create(draft)
    await world.leads.set_status(campaign.id, CampaignStatus.RUNNING)
    return campaign.id


def window_now() -> tuple[wall_time, wall_time]:
    """Some hours around this hour of UTC: closed in the zone twelve hours away."""
    here = datetime.now(UTC).replace(tzinfo=None)
    start = min(max(here, here.replace(hour=2, minute=0)), here.replace(hour=21, minute=0)) - timedelta(hours=2)
    return start.time(), (start + timedelta(hours=4, minutes=59)).time()


class StoresContract:
    """Runs once for each world."""

    async def test_created_campaign_is_a_draft_with_all_its_settings(self, world: World) -> None:
        draft = CampaignDraft(
            campaign_name(), TRUNK, message=("sound:hello",), recall={Outcome.BUSY: RecallRule(4, 30.0)}, record=True
        )
        created = await world.leads.create(draft)
        assert created.status is CampaignStatus.DRAFT
        assert created.caller_id == "+15550100"
        assert (created.message, created.recall, created.record) == (draft.message, draft.recall, True)
        assert created in await world.leads.campaigns()

    async def test_campaign_keeps_how_it_is_paced_and_what_it_says(self, world: World) -> None:
        pacing = PacingSettings("uk-ofcom", 0.02, 0.005, 2.5, 6.0, 0.5, False, False, True, 60.0)
        draft = CampaignDraft(
            campaign_name(), TRUNK, dial_mode=DialMode.PREDICTIVE, pacing=pacing,
            identity_text="Это компания «Пример».", language="ru", opt_out_digit="*",
        )  # fmt: skip
        created = await world.leads.create(draft)
        assert created.pacing == pacing
        assert (created.identity_text, created.language, created.opt_out_digit) == (draft.identity_text, "ru", "*")
        assert created in await world.leads.campaigns()
        plain = await world.leads.create(CampaignDraft(campaign_name(), TRUNK))
        assert (plain.pacing, plain.opt_out_digit) == (PacingSettings(), "9")

    async def test_campaign_made_to_ask_for_consent_does(self, world: World) -> None:
        draft = CampaignDraft(
            campaign_name(),
            TRUNK,
            window_from=ALL_DAY[0],
            window_to=ALL_DAY[1],
            pacing=PacingSettings("de", require_consent=True),
        )
        campaign = (await world.leads.create(draft)).id
        await world.leads.set_status(campaign, CampaignStatus.RUNNING)
        lead = await world.add_lead(campaign, "+12025550101")
        assert await world.leads.claim(campaign, attempt_ids(1), TRUNK, 1) == []
        assert (await world.lead(lead)).status == "excluded"

    async def test_campaign_with_a_taken_name_is_rejected(self, world: World) -> None:
        created = await world.leads.create(CampaignDraft(campaign_name(), TRUNK))
        with pytest.raises(Rejected) as caught:
            await world.leads.create(CampaignDraft(created.name.upper(), TRUNK))
        assert caught.value.code == "campaign_name_taken"

    async def test_campaign_on_an_unknown_trunk_is_rejected(self, world: World) -> None:
        with pytest.raises(Rejected) as caught:
            await world.leads.create(CampaignDraft(campaign_name(), TrunkName("nowhere")))
        assert caught.value.code == "no_such_trunk"

    @pytest.mark.parametrize(
        "draft",
        [
            CampaignDraft("hangs up", TRUNK, answer_action=AnswerAction.HANG_UP),
            CampaignDraft("impatient", TRUNK, ring_timeout_s=14),
        ],
        ids=lambda draft: draft.name,
    )
    async def test_campaign_that_breaks_a_rule_is_rejected(self, world: World, draft: CampaignDraft) -> None:
        with pytest.raises(Rejected) as caught:
            await world.leads.create(draft)
        assert caught.value.code == "campaign_invalid"

    async def test_campaign_started_twice_is_rejected(self, world: World) -> None:
        campaign = await running_campaign(world)
        with pytest.raises(Rejected) as caught:
            await world.leads.set_status(campaign, CampaignStatus.RUNNING)
        assert caught.value.code == "campaign_state"

    async def test_status_of_unknown_campaign_is_not_found(self, world: World) -> None:
        with pytest.raises(NotFound):
            await world.leads.set_status(CampaignId(999_999), CampaignStatus.RUNNING)

    async def test_claim_takes_higher_priority_then_older_leads_and_no_more_than_asked(self, world: World) -> None:
        campaign = await running_campaign(world)
        first = await world.add_lead(campaign, "+12025550101")
        second = await world.add_lead(campaign, "+12025550102")
        urgent = await world.add_lead(campaign, "+12025550103", priority=5)
        attempts = attempt_ids(2)
        claimed = await world.leads.claim(campaign, attempts, TRUNK, 1)
        assert [(c.attempt, c.lead, c.number, c.attempts) for c in claimed] == [
            (attempts[0], urgent, "+12025550103", 1),
            (attempts[1], first, "+12025550101", 1),
        ]
        assert [c.lead for c in await world.leads.claim(campaign, attempt_ids(5), TRUNK, 1)] == [second]
        assert (await world.lead(first)).status == "dialing"

    async def test_claimed_lead_is_not_claimed_again_until_its_outcome(self, world: World) -> None:
        campaign = await running_campaign(world)
        lead = await world.add_lead(campaign, "+12025550101")
        (claimed,) = await world.leads.claim(campaign, attempt_ids(3), TRUNK, 1)
        assert await world.outcomes.open_attempts() == [claimed]
        assert await world.leads.claim(campaign, attempt_ids(3), TRUNK, 1) == []
        await world.outcomes.record([fact_of(claimed.attempt, lead_next=LeadNext(LeadStatus.WAITING, time.time() - 1))])
        assert await world.outcomes.open_attempts() == []
        (again,) = await world.leads.claim(campaign, attempt_ids(3), TRUNK, 1)
        assert (again.lead, again.attempts) == (lead, 2)

    async def test_lead_waits_until_its_time(self, world: World) -> None:
        campaign = await running_campaign(world)
        lead = await world.add_lead(campaign, "+12025550101")
        (claimed,) = await world.leads.claim(campaign, attempt_ids(1), TRUNK, 1)
        later = time.time() + 3600
        await world.outcomes.record([fact_of(claimed.attempt, lead_next=LeadNext(LeadStatus.WAITING, later))])
        assert await world.leads.claim(campaign, attempt_ids(1), TRUNK, 1) == []
        state = await world.lead(lead)
        assert (state.status, state.result) == ("waiting", "busy")
        assert state.next_at == pytest.approx(later, abs=0.001)

    @pytest.mark.parametrize("status", [CampaignStatus.PAUSED, CampaignStatus.STOPPED])
    async def test_campaign_that_does_not_run_claims_nothing(self, world: World, status: CampaignStatus) -> None:
        campaign = await running_campaign(world)
        await world.add_lead(campaign, "+12025550101")
        await world.leads.set_status(campaign, status)
        assert await world.leads.claim(campaign, attempt_ids(1), TRUNK, 1) == []

    async def test_forbidden_number_is_excluded_and_the_next_one_claimed(self, world: World) -> None:
        campaign = await running_campaign(world)
        await world.forbid("+12025550101")
        forbidden = await world.add_lead(campaign, "+12025550101")
        free = await world.add_lead(campaign, "+12025550102")
        assert [c.lead for c in await world.leads.claim(campaign, attempt_ids(1), TRUNK, 1)] == [free]
        state = await world.lead(forbidden)
        assert (state.status, state.result, state.attempts) == ("excluded", "do_not_call", 0)

    async def test_lead_without_required_consent_is_excluded(self, world: World) -> None:
        campaign = await running_campaign(world)
        await world.require_consent(campaign)
        await world.consent("+12025550102")
        silent = await world.add_lead(campaign, "+12025550101")
        willing = await world.add_lead(campaign, "+12025550102")
        assert [c.lead for c in await world.leads.claim(campaign, attempt_ids(2), TRUNK, 1)] == [willing]
        assert (await world.lead(silent)).status == "excluded"

    async def test_only_leads_in_whose_zones_the_window_is_open_are_claimed(self, world: World) -> None:
        zones = {offset: f"Etc/GMT{offset:+d}" for offset in (0, 12)}
        campaign = await running_campaign(world, window_now())
        await world.add_lead(campaign, "+12025550101", [zones[12]])
        await world.add_lead(campaign, "+12025550102", [zones[0], zones[12]])
        open_now = await world.add_lead(campaign, "+12025550103", [zones[0]])
        assert [c.lead for c in await world.leads.claim(campaign, attempt_ids(3), TRUNK, 1)] == [open_now]

    async def test_outcome_counts_once_however_often_it_is_written(self, world: World) -> None:
        campaign = await running_campaign(world)
        await world.add_lead(campaign, "+12025550101")
        (claimed,) = await world.leads.claim(campaign, attempt_ids(1), TRUNK, 1)
        fact = fact_of(claimed.attempt)
        assert await world.outcomes.record([fact, fact]) == 1
        assert await world.outcomes.record([replace(fact, outcome=Outcome.ANSWERED)]) == 0
        numbers = (await world.leads.numbers())[campaign]
        assert (numbers.leads, numbers.attempts, numbers.outcomes) == ({"done": 1}, 1, {"busy": 1})

    async def test_outcome_of_an_unknown_attempt_is_left_out(self, world: World) -> None:
        assert await world.outcomes.record([fact_of(attempt_ids(1)[0])]) == 0
        assert await world.outcomes.record([]) == 0

    async def test_attempt_that_was_not_dialed_is_given_back(self, world: World) -> None:
        campaign = await running_campaign(world)
        lead = await world.add_lead(campaign, "+12025550101")
        (claimed,) = await world.leads.claim(campaign, attempt_ids(1), TRUNK, 1)
        back = LeadNext(LeadStatus.WAITING, time.time() - 1)
        await world.outcomes.record([fact_of(claimed.attempt, Outcome.NOT_DIALED, back)])
        assert (await world.lead(lead)).attempts == 0
        (again,) = await world.leads.claim(campaign, attempt_ids(1), TRUNK, 1)
        assert again.attempts == 1

    async def test_lead_that_was_skipped_waits_and_the_look_counts(self, world: World) -> None:
        campaign = await running_campaign(world)
        lead = await world.add_lead(campaign, "+12025550101")
        (claimed,) = await world.leads.claim(campaign, attempt_ids(1), TRUNK, 1)
        skipped = fact_of(claimed.attempt, Outcome.SKIPPED, LeadNext(LeadStatus.WAITING, time.time() - 1))
        assert await world.outcomes.record([replace(skipped, note="bankrupt\0" + "!" * 600)]) == 1
        state = await world.lead(lead)
        assert (state.status, state.attempts, state.result) == ("waiting", 1, "skipped")
        assert (await world.leads.numbers())[campaign].outcomes == {"skipped": 1}

    async def test_lead_deleted_while_it_rings_stays_deleted_and_its_outcome_is_kept(self, world: World) -> None:
        campaign = await running_campaign(world)
        lead = await world.add_lead(campaign, "+12025550101")
        (claimed,) = await world.leads.claim(campaign, attempt_ids(1), TRUNK, 1)
        await world.delete_lead(lead)
        (still_open,) = await world.outcomes.open_attempts()
        assert (still_open.attempt, still_open.number) == (claimed.attempt, "")
        recall = LeadNext(LeadStatus.WAITING, time.time() - 1)
        assert await world.outcomes.record([fact_of(claimed.attempt, lead_next=recall)]) == 1
        state = await world.lead(lead)
        assert (state.status, state.number) == ("deleted", "")
        assert await world.leads.claim(campaign, attempt_ids(1), TRUNK, 1) == []
        numbers = (await world.leads.numbers())[campaign]
        assert (numbers.leads, numbers.outcomes) == ({"deleted": 1}, {"busy": 1})

    async def test_lead_shown_has_its_data_and_its_earlier_attempts_newest_first(self, world: World) -> None:
        campaign = await running_campaign(world)
        lead = await world.add_lead(campaign, "+12025550101", data={"name": "Zoë", "debt": 12.5})
        back = LeadNext(LeadStatus.WAITING, time.time() - 1)
        for outcome, note in (
            (Outcome.BUSY, None), (Outcome.NOT_DIALED, "the agent left"), (Outcome.SKIPPED, "on holiday \U0001f334")
        ):  # fmt: skip
            (claimed,) = await world.leads.claim(campaign, attempt_ids(1), TRUNK, 1)
            fact = fact_of(claimed.attempt, outcome, back)
            await world.outcomes.record([replace(fact, note=note, slot=SEAT if note else None)])
        (claimed,) = await world.leads.claim(campaign, attempt_ids(1), TRUNK, 1)
        shown = await world.leads.shown(claimed.attempt)
        assert shown is not None
        assert (shown.lead, shown.campaign, shown.number, shown.barrier) == (lead, campaign, "+12025550101", None)
        assert shown.data == {"name": "Zoë", "debt": 12.5}
        assert [(past.outcome, past.slot, past.note) for past in shown.history] == [
            (Outcome.SKIPPED, SEAT, "on holiday \U0001f334"),
            (Outcome.BUSY, None, None),
        ]
        assert all(time.time() - 60 < past.at < time.time() + 1 for past in shown.history)
        assert await world.leads.shown(attempt_ids(1)[0]) is None

    async def test_history_of_a_lead_shown_is_bounded(self, world: World) -> None:
        campaign = await running_campaign(world)
        await world.add_lead(campaign, "+12025550101")
        back = LeadNext(LeadStatus.WAITING, time.time() - 1)
        for _ in range(HISTORY_MAX + 2):
            (claimed,) = await world.leads.claim(campaign, attempt_ids(1), TRUNK, 1)
            await world.outcomes.record([fact_of(claimed.attempt, lead_next=back)])
        (claimed,) = await world.leads.claim(campaign, attempt_ids(1), TRUNK, 1)
        shown = await world.leads.shown(claimed.attempt)
        assert shown is not None
        assert len(shown.history) == HISTORY_MAX

    @pytest.mark.parametrize("barrier", list(Barrier))
    async def test_lead_shown_says_why_it_may_not_be_dialed_any_more(self, world: World, barrier: Barrier) -> None:
        campaign = await running_campaign(world, window_now())
        lead = await world.add_lead(campaign, "+12025550101", ["Etc/GMT+0"])
        (claimed,) = await world.leads.claim(campaign, attempt_ids(1), TRUNK, 1)
        match barrier:
            case Barrier.DELETED:
                await world.delete_lead(lead)
            case Barrier.DO_NOT_CALL:
                await world.forbid("+12025550101")
            case Barrier.NO_CONSENT:
                await world.require_consent(campaign)
            case Barrier.WINDOW_CLOSED:
                await world.move_lead(lead, ["Etc/GMT+12"])
            case Barrier.CAMPAIGN_STATE:
                await world.leads.set_status(campaign, CampaignStatus.PAUSED)
            case Barrier.CLOSED:
                await world.outcomes.record([fact_of(claimed.attempt)])
        shown = await world.leads.shown(claimed.attempt)
        assert shown is not None
        assert shown.barrier is barrier
        if barrier is Barrier.DELETED:
            assert (shown.number, shown.data) == ("", {})

    async def test_numbers_count_open_attempts(self, world: World) -> None:
        campaign = await running_campaign(world)
        for last in range(3):
            await world.add_lead(campaign, f"+1202555010{last}")
        await world.leads.claim(campaign, attempt_ids(2), TRUNK, 1)
        numbers = (await world.leads.numbers())[campaign]
        assert (numbers.leads, numbers.attempts, numbers.outcomes) == ({"new": 1, "dialing": 2}, 2, {})

    async def test_call_keeps_its_last_state_and_all_its_journal(self, world: World) -> None:
        await world.calls.commit([call_record("c1", "ringing", "asked"), call_record("c2", "waiting", "came")])
        await world.calls.commit(
            [call_record("c1", "answered", "answered"), call_record("c1", "over", "hung\0up", "gone")]
        )
        assert await world.call_phase("c1") == "over"
        assert [name.replace("\ufffd", "\0") for name in await world.journal("c1")] == [
            "asked", "answered", "hung\0up", "gone",
        ]  # fmt: skip
        assert await world.journal("c2") == ["came"]
        await world.calls.commit([])

    async def test_call_is_found_with_its_whole_journal_though_a_commit_was_repeated(self, world: World) -> None:
        now = 1790000000.123456
        begun = CallRecord(
            CallId("c3"), "inbound", "talking", None, None, "+12025550100", TRUNK, SEAT, now, now + 0.5,
            now + 1.5, None, None, None, None,
            ((now, "Began", {"way": "inbound", "call": {"created_at": now}}), (now + 0.5, "LegAnswered", {"n": 1})),
        )  # fmt: skip
        more = replace(
            begun, phase="ended", ended_at=now + 9.25, result="answered", hangup_by="customer", recording="/r/c3.raw",
            journal=((now + 9.25, "LegEnded", {"cause": 16, "sip_code": None}),),
        )  # fmt: skip
        await world.calls.commit([begun])
        await world.calls.commit([begun])  # the first one's answer was lost
        await world.calls.commit([begun, more])
        found = await world.calls.find(CallId("c3"))
        assert found is not None
        assert found.journal == begun.journal + more.journal
        for moment in ("created_at", "answered_at", "bridged_at", "ended_at"):
            assert getattr(found, moment) == pytest.approx(getattr(more, moment), abs=SAME_S)
        times = {name: getattr(more, name) for name in ("created_at", "answered_at", "bridged_at", "ended_at")}
        assert replace(found, journal=more.journal, **times) == more
        assert await world.calls.find(CallId("c4")) is None

    async def test_call_that_ended_stays_as_it_is_but_for_its_journal(self, world: World) -> None:
        over = replace(call_record("c1", "ended", "gone"), ended_at=time.time())
        await world.calls.commit([over])
        for commit in (world.calls.commit, world.calls.commit_again):
            await commit([call_record("c1", "waiting", "came late")])
            assert await world.call_phase("c1") == "ended"
        assert (await world.journal("c1"))[:2] == ["gone", "came late"]

    async def test_commit_again_appends_only_what_is_not_there_however_it_was_grouped(self, world: World) -> None:
        came, heard, gone = (call_record("c1", phase, phase) for phase in ("waiting", "talking", "ended"))
        other = call_record("c2", "waiting", "came", "stayed\0")
        await world.calls.commit([came, heard])
        for again in ([came, heard, other], [came], [heard, gone], [came, heard, gone, other]):
            await world.calls.commit_again(again)
        assert await world.journal("c1") == ["waiting", "talking", "ended"]
        assert await world.call_phase("c1") == "ended"
        assert [name.replace("\ufffd", "\0") for name in await world.journal("c2")] == ["came", "stayed\0"]
        await world.calls.commit_again([])

    async def test_recorded_outcomes_are_those_of_attempts_that_have_one(self, world: World) -> None:
        campaign = await running_campaign(world)
        await world.add_lead(campaign, "+12025550101")
        await world.add_lead(campaign, "+12025550102")
        done, still = await world.leads.claim(campaign, attempt_ids(2), TRUNK, 1)
        await world.outcomes.record([fact_of(done.attempt)])
        asked = [done.attempt, still.attempt, *attempt_ids(1)]
        assert await world.outcomes.recorded(asked) == {done.attempt: fact_of(done.attempt).outcome}
        assert await world.outcomes.recorded([]) == {}

    async def test_ended_calls_are_told_from_those_that_go_on(self, world: World) -> None:
        over = replace(call_record("c1", "ended", "gone"), ended_at=time.time())
        await world.calls.commit([over, call_record("c2", "waiting", "came")])
        assert await world.calls.ended([CallId("c1"), CallId("c2"), CallId("c3")]) == {CallId("c1")}
        assert await world.calls.ended([]) == frozenset()

    async def test_call_of_an_attempt_is_kept(self, world: World) -> None:
        campaign = await running_campaign(world)
        await world.add_lead(campaign, "+12025550101")
        (claimed,) = await world.leads.claim(campaign, attempt_ids(1), TRUNK, 1)
        await world.calls.commit([call_record(claimed.attempt, "ringing", "asked", attempt=claimed.attempt)])
        assert await world.call_phase(claimed.attempt) == "ringing"
        found = await world.calls.find(CallId(claimed.attempt))
        assert found is not None
        assert (found.attempt, found.number) == (claimed.attempt, "")

    async def test_who_opted_out_is_never_claimed_again_in_any_campaign(self, world: World) -> None:
        first, second = await running_campaign(world), await running_campaign(world)
        lead = await world.add_lead(first, "+12025550101")
        other = await world.add_lead(second, "+12025550101")
        (claimed,) = await world.leads.claim(first, attempt_ids(1), TRUNK, 1)
        said = OptOut("+12025550101", CallId(claimed.attempt), 1000.5)
        assert await world.do_not_call.add([said, said]) == 1
        assert await world.do_not_call.add([said]) == 0
        assert await world.do_not_call.add([]) == 0
        fact = replace(
            fact_of(claimed.attempt), outcome=Outcome.ABANDONED, lead_next=LeadNext(LeadStatus.EXCLUDED, None)
        )
        await world.outcomes.record([fact])
        assert (await world.lead(lead)).status == "excluded"
        assert (await world.lead(other)).status == "excluded"
        third = await running_campaign(world)
        late = await world.add_lead(third, "+12025550101")
        assert await world.leads.claim(third, attempt_ids(1), TRUNK, 1) == []
        assert (await world.lead(late)).status == "excluded"

    async def test_seats_are_listed_and_their_history_repeats_nothing(self, world: World) -> None:
        assert [(s.slot, s.pool, s.display_name) for s in await world.agents.slots()] == [(SEAT, "default", "Ann")]
        facts = [AgentFact(SEAT, "ready", None, None, 1000.5), AgentFact(SEAT, "paused", "tea", None, 1001.5)]
        said = [Disposition(CallId("c1"), SEAT, "sale", "twice", 1002.5)]
        await world.agents.record(facts, said)
        await world.agents.record(facts, said)
        await world.agents.record([], [])
        assert await world.history() == (2, 1)

    async def test_trunks_are_listed_with_their_limits(self, world: World) -> None:
        assert [(t.name, t.channels_max, t.cps_max, t.test) for t in await world.trunks.trunks()] == [
            (TRUNK, 30, 5.0, False)
        ]

    async def test_inbound_number_has_its_route_and_an_unknown_one_none(self, world: World) -> None:
        route = InboundRoute("+12025550199", "default", SEAT, 45.0)
        await world.add_route(route)
        assert await world.routes.route(route.did) == route
        assert await world.routes.route("+12025550198") is None

    async def test_everything_is_unavailable_while_the_database_is_away(self, world: World) -> None:
        await world.go_away()
        for action in (
            world.leads.campaigns,
            world.leads.numbers,
            lambda: world.leads.shown(attempt_ids(1)[0]),
            lambda: world.leads.claim(CampaignId(1), attempt_ids(1), TRUNK, 1),
            lambda: world.outcomes.record([fact_of(attempt_ids(1)[0])]),
            world.outcomes.open_attempts,
            lambda: world.outcomes.recorded(attempt_ids(1)),
            lambda: world.calls.commit([call_record("c1", "ringing")]),
            lambda: world.calls.find(CallId("c1")),
            lambda: world.calls.ended([CallId("c1")]),
            lambda: world.calls.commit_again([call_record("c1", "ringing")]),
            lambda: world.do_not_call.add([OptOut("+12025550101", CallId("c1"), 1.0)]),
            world.agents.slots,
            world.trunks.trunks,
            lambda: world.routes.route("1"),
        ):
            with pytest.raises(Unavailable) as caught:
                await action()
            assert caught.value.part == "postgres"


class TestMemory(StoresContract):
    @pytest.fixture
    async def world(self) -> World:
        world = MemoryWorld()
        await world.prepare()
        return world


@pytest.mark.pg
class TestPostgres(StoresContract):
    @pytest.fixture
    async def world(self, postgres_dsn: str) -> AsyncIterator[World]:
        door = await asyncpg.connect(postgres_dsn, timeout=10, command_timeout=10)
        try:
            async with Database(postgres_dsn) as database:
                world = PostgresWorld(database, door)
                await world.prepare()
                yield world
        finally:
            await door.close(timeout=10)
