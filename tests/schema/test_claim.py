"""Claiming: nobody twice, nobody who may not be called, nobody outside the hours of all their time zones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.schema.ground import (
    add_campaigns,
    add_leads,
    claim,
    connected,
    differences,
    record,
    status_of,
)

if TYPE_CHECKING:
    from tests.schema.ground import Connection

pytestmark = pytest.mark.pg

NEW_YORK, LOS_ANGELES, BERLIN, TOKYO = "America/New_York", "America/Los_Angeles", "Europe/Berlin", "Asia/Tokyo"
ZONES = [NEW_YORK, LOS_ANGELES, BERLIN, TOKYO, "Asia/Kathmandu", "Pacific/Kiritimati", "Australia/Lord_Howe", "UTC"]


@pytest.fixture
async def connection(postgres_dsn: str) -> AsyncIterator[Connection]:
    async with connected(postgres_dsn) as connection:
        yield connection


def utc(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


async def test_eight_engines_at_once_never_claim_a_lead_twice(postgres_dsn: str, connection: Connection) -> None:
    (campaign,) = await add_campaigns(connection)
    leads = await add_leads(connection, campaign, 400)

    async def engine() -> list[int]:
        mine: list[int] = []
        async with connected(postgres_dsn) as own:
            while claimed := await claim(own, campaign, 7):
                mine += [row["lead_id"] for row in claimed]
        return mine

    claimed = [lead for mine in await asyncio.gather(*(engine() for _ in range(8))) for lead in mine]
    # A round that met only locked leads ends an engine early; what is left is claimed at once.
    claimed += [row["lead_id"] for row in await claim(connection, campaign, 400)]
    assert sorted(claimed) == sorted(leads)
    assert await connection.fetchval("SELECT count(*) FROM open_attempts") == 400
    assert await differences(connection) == []


async def test_lead_put_back_while_it_rings_is_not_claimed(connection: Connection) -> None:
    (campaign,) = await add_campaigns(connection)
    (lead,) = await add_leads(connection, campaign)
    (claimed,) = await claim(connection, campaign)
    await connection.execute("UPDATE autodialer_leads SET status = 'new' WHERE lead_id = $1", lead)
    assert await claim(connection, campaign) == []
    await record(connection, [claimed["attempt_id"]], status="waiting")
    assert [row["lead_id"] for row in await claim(connection, campaign)] == [lead]


@pytest.mark.parametrize(
    ("zones", "now", "allowed"),
    [
        ([NEW_YORK], "2026-07-01 12:59:59", False),  # 08:59:59 EDT
        ([NEW_YORK], "2026-07-01 13:00:00", True),  # 09:00 EDT
        ([NEW_YORK], "2026-12-01 13:30:00", False),  # 08:30 EST: winter time
        ([NEW_YORK], "2026-07-01 23:59:59", True),  # 19:59:59 EDT
        ([NEW_YORK], "2026-07-02 00:00:00", False),  # 20:00 EDT
        ([NEW_YORK, LOS_ANGELES], "2026-07-01 14:00:00", False),  # 07:00 PDT
        ([NEW_YORK, LOS_ANGELES], "2026-07-01 16:00:00", True),  # 09:00 PDT, 12:00 EDT
        ([NEW_YORK, TOKYO], "2026-07-01 13:30:00", False),  # 22:30 JST
    ],
)
async def test_window_is_in_the_local_time_of_every_zone(
    connection: Connection, zones: Sequence[str], now: str, allowed: bool
) -> None:
    (campaign,) = await add_campaigns(connection, window_start="09:00", window_end="20:00")
    await add_leads(connection, campaign, zones=zones)
    assert len(await claim(connection, campaign, now=utc(now))) == allowed


@pytest.mark.parametrize(("now", "allowed"), [("2026-07-03 20:00:00", True), ("2026-07-04 20:00:00", False)])
async def test_weekday_is_the_leads_own(connection: Connection, now: str, allowed: bool) -> None:
    # Friday evening in UTC is Saturday morning in Tokyo.
    (campaign,) = await add_campaigns(connection, weekdays="{1,2,3,4,5}")
    await add_leads(connection, campaign, zones=["UTC"])
    await add_leads(connection, campaign, zones=[TOKYO])
    assert len(await claim(connection, campaign, 2, now=utc(now))) == allowed


async def test_closed_lead_is_put_off_to_the_opening_and_then_claimed(connection: Connection) -> None:
    (campaign,) = await add_campaigns(connection, window_start="09:00", window_end="20:00")
    (lead,) = await add_leads(connection, campaign, zones=[BERLIN])
    assert await claim(connection, campaign, now=utc("2026-03-28 22:00:00")) == []
    opening = await connection.fetchval("SELECT next_at FROM autodialer_leads WHERE lead_id = $1", lead)
    assert opening == datetime(2026, 3, 29, 7, 0, tzinfo=UTC)  # 09:00 CEST: clocks go forward that night
    assert await claim(connection, campaign, now=utc("2026-03-29 06:59:59")) == []
    assert len(await claim(connection, campaign, now=utc("2026-03-29 07:00:00"))) == 1


async def test_thousands_who_may_not_be_called_do_not_hide_one_who_may(connection: Connection) -> None:
    (campaign,) = await add_campaigns(connection, window_start="09:00", window_end="20:00")
    await add_leads(connection, campaign, 3000, zones=[TOKYO])
    forbidden = await add_leads(connection, campaign, 1000, zones=[BERLIN])
    (willing,) = await add_leads(connection, campaign, zones=[BERLIN])
    await connection.execute("ALTER TABLE do_not_call DISABLE TRIGGER leads_excluded")  # the claim alone must see it
    await connection.execute(
        "INSERT INTO do_not_call SELECT phone_number FROM autodialer_leads WHERE lead_id = ANY ($1)", forbidden
    )
    assert [row["lead_id"] for row in await claim(connection, campaign, 5, now=utc("2026-07-01 15:00:00"))] == [willing]
    counts = await connection.fetch("SELECT status, count(*) AS n FROM autodialer_leads GROUP BY status")
    assert {row["status"]: row["n"] for row in counts} == {"new": 3000, "excluded": 1000, "dialing": 1}
    assert await differences(connection) == []


async def test_forbidding_a_number_excludes_its_leads_everywhere_at_once(connection: Connection) -> None:
    campaigns = await add_campaigns(connection, 2)
    for campaign in campaigns:
        await connection.execute(
            "INSERT INTO autodialer_leads (campaign_id_ref, phone_number) VALUES ($1, '+12025550100')", campaign
        )
    await connection.execute("INSERT INTO do_not_call (phone_number) VALUES ('+12025550100')")
    statuses = await connection.fetch("SELECT status, result FROM autodialer_leads")
    assert {(row["status"], row["result"]) for row in statuses} == {("excluded", "do_not_call")}
    assert await differences(connection) == []


@pytest.mark.parametrize(
    ("given_at", "expires_at", "withdrawn_at", "for_other", "allowed"),
    [
        ("2026-06-01", None, None, False, True),
        ("2026-06-01", "2026-07-02", None, False, True),
        ("2026-06-01", "2026-06-30", None, False, False),
        ("2026-06-01", None, "2026-06-02", False, False),
        ("2026-08-01", None, None, False, False),
        ("2026-06-01", None, None, True, False),
    ],
    ids=["given", "still valid", "expired", "withdrawn", "not yet given", "for another campaign"],
)
async def test_consent_must_be_valid_and_for_this_campaign(
    connection: Connection,
    given_at: str,
    expires_at: str | None,
    withdrawn_at: str | None,
    for_other: bool,
    allowed: bool,
) -> None:
    campaign, other = await add_campaigns(connection, 2, require_consent="true")
    await add_leads(connection, campaign)
    await connection.execute(
        "INSERT INTO consents (phone_number, evidence, campaign_id, given_at, expires_at, withdrawn_at)"
        " SELECT phone_number, 'a form', $1, $2::text::timestamptz, $3::text::timestamptz, $4::text::timestamptz"
        " FROM autodialer_leads",
        other if for_other else campaign,
        given_at,
        expires_at,
        withdrawn_at,
    )
    assert len(await claim(connection, campaign, now=utc("2026-07-01 12:00:00"))) == allowed


async def test_lead_excluded_for_want_of_consent_returns_when_it_is_given(connection: Connection) -> None:
    (campaign,) = await add_campaigns(connection, require_consent="true")
    (lead,) = await add_leads(connection, campaign)
    assert await claim(connection, campaign) == []
    assert await status_of(connection, lead) == "excluded"
    await connection.execute(
        "INSERT INTO consents (phone_number, evidence, given_at)"
        " SELECT phone_number, 'a form', 'epoch' FROM autodialer_leads"
    )
    assert [row["lead_id"] for row in await claim(connection, campaign)] == [lead]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    zones=st.lists(st.sampled_from(ZONES), min_size=1, max_size=4, unique=True),
    now=st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)),
    window=st.tuples(st.integers(0, 23), st.integers(1, 24)).filter(lambda hours: hours[0] < hours[1]),
    weekdays=st.sets(st.integers(1, 7), min_size=1),
)
async def test_lead_is_put_off_past_no_instant_at_which_it_could_be_called(
    postgres_dsn: str, zones: list[str], now: datetime, window: tuple[int, int], weekdays: set[int]
) -> None:
    """zoneinfo is the judge: closed somewhere at every half hour before the opening."""

    def open_everywhere(at: datetime) -> bool:
        local = [at.astimezone(ZoneInfo(zone)) for zone in zones]
        return all(window[0] <= here.hour < window[1] and here.isoweekday() in weekdays for here in local)

    async with connected(postgres_dsn) as connection:
        at = now
        for _ in range(6):
            opening: datetime = await connection.fetchval(
                "SELECT lead_opens_at($1, $2, $3::text::time, $4::text::time, $5)",
                zones,
                at,
                f"{window[0]:02}:00",
                f"{window[1]:02}:00",
                sorted(weekdays),
            )
            if opening == at:
                assert open_everywhere(at)
                return
            instant = at
            while instant < opening:
                assert not open_everywhere(instant)
                instant += timedelta(minutes=30)
            assert opening > at  # some zones are never open together: such a lead is put off again and again
            at = opening
