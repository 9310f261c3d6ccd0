"""What counts as abandoned, and the pacer's memory: PostgreSQL and the fake alike, fact by fact."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from datetime import time as wall_time
from typing import Any

import asyncpg
import pytest

from engine.adapters.postgres.pool import Database
from engine.dialer.abandonment import AnswerKind, kind_of
from engine.dialer.campaign import CampaignStatus
from engine.dialer.draft import CampaignDraft
from engine.dialer.jurisdiction import jurisdiction, names
from engine.dialer.lead import LeadNext, LeadStatus
from engine.dialer.settings import PacingSettings
from engine.errors import NotFound, Unavailable
from engine.ids import AttemptId, CampaignId
from engine.outcome.disposition import Outcome
from engine.ports import OutcomeFact, SavedPacing, WindowCount
from tests.contract.stores_world import TRUNK, MemoryWorld, PostgresWorld, World, attempt_ids, campaign_name

T = 1_700_000_000.0
"""Tuesday, 14 November 2023, 22:13:20 UTC. Times are in eighths of a second, which both sides hold exactly."""
CONNECTED, ABANDONED, GONE = AnswerKind.CONNECTED, AnswerKind.ABANDONED, AnswerKind.CUSTOMER_GONE


def fact(outcome: Outcome = Outcome.ANSWERED, **times: Any) -> OutcomeFact:
    """A call answered at T; other times are seconds after it."""
    stored = {"ended_at": 60.0, "answered_at": 0.0} | times
    moved = {name: T + value if name.endswith("_at") and value is not None else value for name, value in stored.items()}
    return OutcomeFact(
        AttemptId(""), outcome, 16, 200, T - 8, bridged_at=moved.pop("bridged_at", None),
        hangup_by=moved.pop("hangup_by", None), slot=None, lead_next=LeadNext(LeadStatus.DONE, None), **moved,
    )  # fmt: skip


LEFT = {"outcome": Outcome.CUSTOMER_HANGUP, "hangup_by": "customer"}
CASES: dict[str, tuple[OutcomeFact, AnswerKind | None]] = {
    "in time": (fact(bridged_at=2.0), CONNECTED),
    "an eighth too late": (fact(bridged_at=2.125), ABANDONED),
    "in time after a long greeting": (fact(bridged_at=4.5, live_at=3.0, greeting_end_at=2.5), CONNECTED),
    "too late after the greeting": (fact(bridged_at=4.625, live_at=3.0, greeting_end_at=2.5), ABANDONED),
    "in time after they were there": (fact(bridged_at=3.0, live_at=1.0), CONNECTED),
    "heard the message": (fact(Outcome.ABANDONED, message_at=1.75, hangup_by="customer"), ABANDONED),
    "hung up as the message began": (
        fact(Outcome.ABANDONED, message_at=1.75, ended_at=1.875, hangup_by="customer"), ABANDONED,
    ),
    "left before the limit": (fact(**LEFT, ended_at=2.0), GONE),
    "left after the limit": (fact(**LEFT, ended_at=2.125), ABANDONED),
    "left during the detection": (fact(**LEFT, ended_at=3.0, greeting_end_at=1.5, machine="unknown"), GONE),
    "left a message without agents": (fact(**LEFT, message_at=0.5, ended_at=30.0), CONNECTED),
    "heard a message without agents": (fact(message_at=0.5), CONNECTED),
    "cut off by a fault": (fact(Outcome.ENGINE_ERROR, ended_at=0.5, hangup_by="engine"), ABANDONED),
    "left as the engine failed": (fact(Outcome.ENGINE_ERROR, ended_at=0.5, hangup_by="customer"), GONE),
    "hung up on": (fact(Outcome.CANCELLED, ended_at=1.0, hangup_by="operator"), ABANDONED),
    "a machine": (fact(Outcome.FAILED, machine="machine"), None),
    "a machine, bridged": (fact(bridged_at=1.0, machine="machine"), None),
    "a person, said the detection": (fact(bridged_at=3.0, greeting_end_at=1.0, machine="person"), CONNECTED),
    "nobody": (fact(Outcome.NO_ANSWER, answered_at=None), None),
}  # fmt: skip
"""Under us-ftc."""


async def running(world: World, pacing: PacingSettings | None = None) -> CampaignId:
    draft = CampaignDraft(
        campaign_name(), TRUNK, window_from=wall_time(0), window_to=wall_time.max, pacing=pacing or PacingSettings()
    )
    campaign = await world.leads.create(draft)
    await world.leads.set_status(campaign.id, CampaignStatus.RUNNING)
    await world.began(campaign.id, T - 3600)
    return campaign.id


_numbers = itertools.count(12_025_550_000)


async def store(world: World, campaign: CampaignId, *facts: OutcomeFact) -> None:
    """Store facts as the outcomes of as many attempts."""
    for _ in facts:
        await world.add_lead(campaign, f"+{next(_numbers)}")
    claimed = await world.leads.claim(campaign, attempt_ids(len(facts)), TRUNK, 1)
    named = [replace(fact, attempt=lead.attempt) for fact, lead in zip(facts, claimed, strict=True)]
    assert await world.outcomes.record(named) == len(facts)


def later(fact: OutcomeFact, by_s: float) -> OutcomeFact:
    """The same, later."""
    moved = ("answered_at", "live_at", "greeting_end_at", "bridged_at", "message_at", "ended_at")
    times = {name: getattr(fact, name) for name in moved}
    return replace(fact, **{name: at + by_s for name, at in times.items() if at is not None})


def at(*when: int) -> float:
    return datetime(*when, tzinfo=UTC).timestamp()  # type: ignore[misc,arg-type]


class AbandonmentContract:
    """Runs once for each world."""

    @pytest.mark.parametrize("name", CASES)
    async def test_answered_call_counts_as_the_law_says(self, world: World, name: str) -> None:
        told, kind = CASES[name]
        campaign = await running(world)
        await store(world, campaign, told)
        count = (await world.abandonment.windows(campaign, "us-ftc", T + 60))["1h"]
        assert (count.live, count.abandoned, count.customer_gone) == (
            int(kind in {CONNECTED, ABANDONED}), int(kind is ABANDONED), int(kind is GONE),
        )  # fmt: skip
        history = await world.abandonment.history(campaign, T - 60)
        assert [answer.abandoned for answer in history] == ([kind is ABANDONED] if count.live else [])

    @pytest.mark.parametrize("law", names())
    async def test_every_law_counts_the_same_facts_its_own_way(self, world: World, law: str) -> None:
        legal = jurisdiction(law)
        campaign = await running(world, PacingSettings("us-ftc", fp_rate=0.02))
        await store(world, campaign, *(told for told, _ in CASES.values()))
        kinds = [kind_of(told, legal) for told, _ in CASES.values()]
        live, abandoned = kinds.count(CONNECTED) + kinds.count(ABANDONED), kinds.count(ABANDONED)
        count = (await world.abandonment.windows(campaign, law, T + 60))["24h"]
        assert (count.live, count.abandoned, count.customer_gone) == (live, abandoned, kinds.count(GONE))
        dropped = live * 0.02 / 0.98 if law in {"uk-ofcom", "de", "ru", "custom"} else 0.0
        assert count.false_positives == pytest.approx(dropped)
        assert count.ratio == pytest.approx((abandoned + dropped) / (live + dropped))

    async def test_laws_that_count_from_the_answer_have_no_patience_with_a_long_greeting(self, world: World) -> None:
        campaign = await running(world)
        await store(world, campaign, fact(bridged_at=4.0, live_at=3.0, greeting_end_at=2.5))
        told = {law: await world.abandonment.windows(campaign, law, T + 60) for law in ("us-ftc", "uk-ofcom")}
        assert (told["us-ftc"]["1h"].abandoned, told["uk-ofcom"]["1h"].abandoned) == (0, 1)

    async def test_windows_hold_what_was_answered_in_them(self, world: World) -> None:
        campaign = await running(world)
        now = T + 40 * 86_400.0
        lost = fact(Outcome.ABANDONED, message_at=1.75)
        ages = (0.125, 3599.0, 3601.0, 86_399.0, 86_401.0, 9 * 86_400.0, 11 * 86_400.0)
        await store(world, campaign, *(later(lost, now - T - age) for age in ages), later(lost, now - T))
        windows = await world.abandonment.windows(campaign, "us-ftc", now)
        assert {name: count.live for name, count in windows.items()} == {"1h": 2, "24h": 4, "period": 6}
        assert windows["period"].since == T - 3600 + 30 * 86_400

    @pytest.mark.parametrize(
        ("law", "now", "since"),
        [
            ("ca-crtc", at(2024, 3, 1, 4, 59), at(2024, 2, 1, 5)),
            ("ca-crtc", at(2024, 3, 1, 5), at(2024, 3, 1, 5)),
            ("uk-ofcom", at(2024, 7, 1, 22, 59), at(2024, 6, 30, 23)),
            ("uk-ofcom", at(2024, 7, 1, 23), at(2024, 7, 1, 23)),
            ("de", at(2024, 1, 10, 22), at(2024, 1, 9, 23)),
            ("us-ftc", T, T - 3600),
            ("us-fcc", T - 3600 + 30 * 86_400, T - 3600 + 30 * 86_400),
        ],
    )
    async def test_period_begins_where_the_law_says(self, world: World, law: str, now: float, since: float) -> None:
        campaign = await running(world)
        assert (await world.abandonment.windows(campaign, law, now))["period"].since == since

    async def test_campaign_without_an_answer_has_a_ratio_of_nothing(self, world: World) -> None:
        campaign = await running(world, PacingSettings("uk-ofcom", fp_rate=0.01))
        windows = await world.abandonment.windows(campaign, "uk-ofcom", T)
        assert windows["1h"] == WindowCount(T - 3600, 0, 0, 0.0, 0, 0.0)

    async def test_campaigns_do_not_share_their_answers(self, world: World) -> None:
        mine, other = await running(world), await running(world)
        await store(world, other, fact(bridged_at=9.0))
        assert (await world.abandonment.windows(mine, "us-ftc", T + 60))["24h"].live == 0
        assert await world.abandonment.history(mine, 0.0) == []

    async def test_history_holds_what_was_settled_since_in_order(self, world: World) -> None:
        campaign = await running(world)
        await store(
            world, campaign,
            fact(bridged_at=1.0, ended_at=900.0),  # settled before, though its outcome came later
            fact(bridged_at=6.0, greeting_end_at=5.0),  # answered before, settled after
            later(fact(Outcome.ABANDONED, message_at=1.75), 100.0),
            later(fact(Outcome.ENGINE_ERROR, ended_at=1.0), 50.0),
        )  # fmt: skip
        history = await world.abandonment.history(campaign, T + 5)
        assert [(answer.at - T, answer.abandoned) for answer in history] == [(6.0, False), (51.0, True), (101.75, True)]

    async def test_history_follows_the_law_of_the_campaign(self, world: World) -> None:
        slow = fact(bridged_at=4.0, greeting_end_at=2.5)
        for law, abandoned in (("us-ftc", False), ("uk-ofcom", True)):
            campaign = await running(world, PacingSettings(law))
            await store(world, campaign, slow)
            assert [answer.abandoned for answer in await world.abandonment.history(campaign, T)] == [abandoned]

    async def test_unknown_definition_or_campaign_is_not_found(self, world: World) -> None:
        campaign = await running(world)
        with pytest.raises(NotFound):
            await world.abandonment.windows(campaign, "atlantis", T)
        with pytest.raises(NotFound):
            await world.abandonment.windows(CampaignId(999_999), "us-ftc", T)
        with pytest.raises(NotFound):
            await world.abandonment.save_pacing(CampaignId(999_999), SavedPacing(T, {}))
        assert await world.abandonment.history(CampaignId(999_999), T) == []
        assert await world.abandonment.load_pacing(CampaignId(999_999)) is None

    async def test_what_the_pacer_knew_comes_back_exactly(self, world: World) -> None:
        campaign = await running(world)
        assert await world.abandonment.load_pacing(campaign) is None
        state = {
            "log": -3.912023005428146, "tiny": 5e-324, "huge": 1e22, "zero": -0.0, "whole": 5.0, "count": 5,
            "rows": [[1, 2, 3], [0.1 + 0.2]], "began": None, "text": "naïve \u0000",
        }  # fmt: skip
        await world.abandonment.save_pacing(campaign, SavedPacing(T, state))
        loaded = await world.abandonment.load_pacing(campaign)
        assert loaded == SavedPacing(T, state)
        assert [type(loaded.state[name]) for name in ("huge", "whole", "count")] == [float, float, int]
        assert math.copysign(1, loaded.state["zero"]) == -1

    async def test_newer_memory_replaces_the_older_and_stays(self, world: World) -> None:
        campaign = await running(world)
        for at_s, learned in ((T, 1), (T + 30, 2), (T + 15, 3)):
            await world.abandonment.save_pacing(campaign, SavedPacing(at_s, {"learned": learned}))
        assert await world.abandonment.load_pacing(campaign) == SavedPacing(T + 30, {"learned": 2})

    async def test_memory_that_is_no_json_is_refused(self, world: World) -> None:
        campaign = await running(world)
        with pytest.raises(ValueError, match="JSON"):
            await world.abandonment.save_pacing(campaign, SavedPacing(T, {"log": float("nan")}))

    async def test_everything_is_unavailable_while_the_database_is_away(self, world: World) -> None:
        campaign = CampaignId(1)
        await world.go_away()
        for action in (
            lambda: world.abandonment.windows(campaign, "us-ftc", time.time()),
            lambda: world.abandonment.history(campaign, 0.0),
            lambda: world.abandonment.load_pacing(campaign),
            lambda: world.abandonment.save_pacing(campaign, SavedPacing(T, {})),
        ):
            with pytest.raises(Unavailable) as caught:
                await action()
            assert caught.value.part == "postgres"


class TestMemory(AbandonmentContract):
    @pytest.fixture
    async def world(self) -> World:
        world = MemoryWorld()
        await world.prepare()
        return world


@pytest.mark.pg
class TestPostgres(AbandonmentContract):
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


@pytest.mark.parametrize("name", CASES)
def test_every_case_is_what_it_says(name: str) -> None:
    told, kind = CASES[name]
    assert kind_of(told, jurisdiction("us-ftc")) is kind
