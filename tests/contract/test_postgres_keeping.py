"""What people keep in PostgreSQL: trunks, seats, leads and numbers; secrets are in no list."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from engine.adapters.postgres.campaigns import PostgresCampaigns
from engine.adapters.postgres.leads import PostgresLeads
from engine.adapters.postgres.pool import Database
from engine.adapters.postgres.routes import PostgresRoutes
from engine.adapters.postgres.seats import PostgresSeats, Seat
from engine.adapters.postgres.trunks import PostgresTrunks, TrunkSettings
from engine.dialer.draft import CampaignDraft
from engine.errors import NotFound, Rejected
from engine.ids import CampaignId, LeadId, Slot, TrunkName
from engine.ports import InboundRoute
from tests.schema.ground import add_leads, connected

pytestmark = pytest.mark.pg

SECRET = "not-to-be-listed"
DIGEST = TrunkSettings(
    TrunkName("digest"), "sip.example.net", "+15550100", 5061, "tls", registration=True, auth="digest",
    username="us", secret=SECRET, realm="example.net", match_addresses=("192.0.2.0/24", "2001:db8::1"),
    codecs=("ulaw", "opus"), external_address="198.51.100.7", channels_max=12, cps_max=2.5,
)  # fmt: skip


@pytest.fixture
async def database(postgres_dsn: str) -> AsyncIterator[Database]:
    async with Database(postgres_dsn) as database:
        yield database


async def test_trunk_is_kept_whole_and_listed_without_its_secret(database: Database) -> None:
    trunks = PostgresTrunks(database)
    assert await trunks.put(DIGEST) is True
    assert await trunks.with_secret(DIGEST.name) == replace(DIGEST, match_addresses=("192.0.2.0/24", "2001:db8::1/128"))
    (listed,) = await trunks.list()
    assert listed.secret is None
    assert SECRET not in repr(await trunks.list())


async def test_changed_trunk_keeps_its_secret_unless_given_a_new_one(database: Database) -> None:
    trunks = PostgresTrunks(database)
    await trunks.put(DIGEST)
    assert await trunks.put(replace(DIGEST, secret=None, channels_max=3)) is False
    assert ((await trunks.with_secret(DIGEST.name)).secret, (await trunks.list())[0].channels_max) == (SECRET, 3)
    await trunks.put(replace(DIGEST, secret="another-secret"))
    assert (await trunks.with_secret(DIGEST.name)).secret == "another-secret"


@pytest.mark.parametrize(
    "wrong",
    [
        {"secret": None},
        {"username": None},
        {"auth": "address"},
        {"transport": "carrier pigeon"},
        {"port": 0},
        {"codecs": ()},
        {"match_addresses": ("somewhere",)},
        {"external_address": "1.2.3.4\n[evil]"},
        {"host": "a b"},
        {"name": TrunkName("Not a name")},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
async def test_impossible_trunk_is_rejected_without_telling_its_secret(
    database: Database, wrong: dict[str, object]
) -> None:
    with pytest.raises(Rejected) as caught:
        await PostgresTrunks(database).put(replace(DIGEST, **wrong))  # type: ignore[arg-type]
    assert caught.value.code == "trunk_invalid"
    assert SECRET not in str(caught.value)


async def test_disabled_trunk_is_listed_but_not_used(database: Database) -> None:
    trunks = PostgresTrunks(database)
    await trunks.put(replace(DIGEST, enabled=False))
    assert await trunks.trunks() == []
    assert [trunk.enabled for trunk in await trunks.list()] == [False]


async def test_unknown_trunk_is_not_found(database: Database) -> None:
    with pytest.raises(NotFound):
        await PostgresTrunks(database).with_secret(TrunkName("nowhere"))


async def test_seats_are_listed_without_secrets_which_a_change_keeps(database: Database) -> None:
    seats = PostgresSeats(database)
    await seats.put([Seat(Slot(7002), sip_secret=SECRET), Seat(Slot(6001), "robots", "Robot", SECRET)])
    await seats.put([Seat(Slot(7002), "sales", "Ann")])
    assert [(seat.slot, seat.kind, seat.pool, seat.sip_secret) for seat in await seats.list()] == [
        (6001, "AUTO", "robots", None),
        (7002, "MF", "sales", None),
    ]
    assert {seat.sip_secret for seat in await seats.with_secrets()} == {SECRET}
    assert SECRET not in repr(await seats.with_secrets())


@pytest.mark.parametrize(
    ("seat", "code"),
    [
        (Seat(Slot(7000), sip_secret=SECRET), "slot_number"),
        (Seat(Slot(5001), sip_secret=SECRET), "slot_number"),
        (Seat(Slot(10_001), sip_secret=SECRET), "slot_number"),
        (Seat(Slot(7001)), "slot_invalid"),
        (Seat(Slot(7001), sip_secret="short"), "slot_invalid"),
        (Seat(Slot(7001), "no pool", sip_secret=SECRET), "slot_invalid"),
    ],
)
async def test_impossible_seat_is_rejected(database: Database, seat: Seat, code: str) -> None:
    with pytest.raises(Rejected) as caught:
        await PostgresSeats(database).put([seat])
    assert caught.value.code == code


async def test_seat_dialed_by_its_own_number_has_a_route(database: Database) -> None:
    await PostgresSeats(database).put([Seat(Slot(7002), "sales", sip_secret=SECRET)])
    routes = PostgresRoutes(database)
    assert await routes.route("7002") == InboundRoute("7002", "sales", Slot(7002))
    await routes.put(InboundRoute("7002", "default", None, 30.0))
    assert await routes.route("7002") == InboundRoute("7002", "default", None, 30.0)
    assert await routes.route("7003") is None
    assert await routes.route("\0'; DROP TABLE slots") is None
    with pytest.raises(Rejected):
        await routes.put(InboundRoute("+12025550100", "default", Slot(7999)))


async def test_leads_come_in_pages_and_go_in_bulk(database: Database, postgres_dsn: str) -> None:
    await PostgresTrunks(database).put(DIGEST)
    campaign = await PostgresLeads(database).create(CampaignDraft("c", DIGEST.name))
    kept = PostgresCampaigns(database)
    async with connected(postgres_dsn) as connection:
        added = [LeadId(lead) for lead in await add_leads(connection, campaign.id, 5)]
    first = await kept.leads(campaign.id, limit=3)
    rest = await kept.leads(campaign.id, after=first[-1].id)
    assert [lead.id for lead in [*first, *rest]] == added
    assert await kept.delete_leads(added[:2]) == 2
    assert await kept.delete_leads(added[:3]) == 1
    assert [lead.number == "" for lead in await kept.leads(campaign.id)] == [True, True, True, False, False]
    assert await kept.attempts(campaign.id) == []


async def test_unknown_campaign_is_not_found(database: Database) -> None:
    with pytest.raises(NotFound):
        await PostgresCampaigns(database).get(CampaignId(999_999))


async def test_number_that_is_not_e164_is_not_forbidden_nor_consented(database: Database) -> None:
    kept = PostgresCampaigns(database)
    with pytest.raises(Rejected):
        await kept.add_do_not_call(["+12025550100", "0202"], "asked")
    with pytest.raises(Rejected):
        await kept.add_consent("0202", "a form", 0.0, None)
    assert await kept.add_do_not_call(["+12025550100", "+12025550100"], "asked") == 1
    assert await kept.add_do_not_call(["+12025550100"], "asked") == 0
