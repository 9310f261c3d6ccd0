"""A campaign on real calls: connections, sound, and everything that people and machines do wrong."""

from __future__ import annotations

import asyncio
import io

import pytest

from engine.adapters.asteriskconf import SlotAccount
from engine.adapters.postgres.campaigns import PostgresCampaigns
from engine.adapters.postgres.importer import PostgresImporter
from engine.adapters.postgres.statistics import PostgresStatistics
from engine.client import ApiClient
from engine.demo.reckoning import DialedAttempt, pairs
from engine.demo.world import DID, callers_port
from engine.errors import Rejected
from engine.stack.callers import CallerHabits, call
from engine.stack.calllog import LoggedCall
from engine.stack.phones import PhoneHabits, PhoneManner, PhonePorts, Phones
from engine.stack.sound import Sound
from tests.live.conftest import ALL_DAY, Site

pytestmark = [pytest.mark.live, pytest.mark.timeout(180)]

TALKS, LISTENS, BUSY, RINGS_OUT = "+12125550100", "+12125550111", "+12125550122", "+12125550133"
AT_ONCE = "+12125550147"
GUEST = 7005


async def test_pair_stays_native_and_nobody_hears_music_once_connected(site: Site) -> None:
    await site.staff(7001)
    await site.music_heard(7001)
    heard_before = len(site.world.customer_end.heard())
    campaign = await site.campaign(LISTENS)
    agent = await site.until_agent(7001, "talking")
    await asyncio.sleep(1.5)
    bridges = await site.world.stack.asterisk.cli("bridge show all")
    seat = next(line for line in bridges.splitlines() if line.startswith("seat-7001"))
    assert "native_rtp" in seat
    await site.world.api.delete(f"/calls/{agent['call']}")
    (row,) = await site.outcomes(campaign, 1)
    window = (row["bridged_at"] * 1000 + 100, row["ended_at"] * 1000 - 100)
    customer = site.world.customer_end.heard()[heard_before]
    seat_leg = [heard for heard in site.world.agent_end.heard() if heard.number == "7001"][-1]
    for end in (customer, seat_leg):
        assert end.lasting_ms(Sound.TONE, *window) > 1000
        assert end.lasting_ms(Sound.OTHER, *window) == 0


async def test_recorded_pair_has_two_channels_and_no_softmix(site: Site) -> None:
    await site.staff(7001)
    campaign = await site.campaign(LISTENS, record=True)
    agent = await site.until_agent(7001, "talking")
    await asyncio.sleep(1)
    bridges = await site.world.stack.asterisk.cli("bridge show all")
    assert "softmix" not in bridges
    await site.world.api.delete(f"/calls/{agent['call']}")
    await site.outcomes(campaign, 1)
    async with site.world.database.connection() as connection:
        for _ in range(50):
            if rows := await connection.fetch("SELECT * FROM recordings WHERE call_id = $1", agent["call"]):
                break
            await asyncio.sleep(0.1)
    assert rows[0]["duration_ms"] > 800


async def test_agent_who_hangs_up_while_talking_ends_the_call_and_is_offline(site: Site) -> None:
    async with guest_phone(site, PhoneHabits(hang_up_after_ms=2500)):
        await site.staff(GUEST)
        campaign = await site.campaign(LISTENS)
        await site.until_agent(GUEST, "talking")
        (row,) = await site.outcomes(campaign, 1)
        assert (row["outcome"], row["slot_id"]) == ("answered", GUEST)
        agent = await site.until_agent(GUEST, "offline")
        assert agent["reason"] == "the phone hung up"


@pytest.mark.parametrize(
    ("manner", "reason"), [(PhoneManner.NO_ANSWER, "did not answer"), (PhoneManner.BUSY, "the phone is busy")]
)
async def test_agent_whose_phone_does_not_answer_is_offline_and_says_why(
    site: Site, manner: PhoneManner, reason: str
) -> None:
    async with guest_phone(site, PhoneHabits(manner=manner)):
        await site.world.api.post(f"/agents/{GUEST}/login")
        assert (await site.until_agent(GUEST, "offline", 60))["reason"] == reason


async def test_agent_without_a_registered_phone_is_told_so(site: Site) -> None:
    await site.world.api.post(f"/agents/{GUEST}/login")
    assert (await site.until_agent(GUEST, "offline"))["reason"] == "the phone is not registered"


async def test_agent_who_loses_registration_gets_no_calls_until_it_is_back(site: Site) -> None:
    await site.staff(7001)
    await site.world.phones.unregister("7001")
    for _ in range(100):
        if not (await site.agent(7001))["registered"]:
            break
        await asyncio.sleep(0.1)
    campaign = await site.campaign(TALKS)
    await asyncio.sleep(2)
    assert await site.world.database.rows("dialed_attempts", campaign) == []
    await site.world.phones.register("7001")
    (row,) = await site.outcomes(campaign, 1)
    assert row["outcome"] == "answered"


async def test_agent_who_never_wraps_up_is_ready_once_and_then_paused(site: Site) -> None:
    await site.staff(7001)
    campaign = await site.campaign(TALKS, "+12135550100", "+12145550100", wrap_up_s=1.0)
    agent = await site.until_agent(7001, "paused", 40)
    assert agent["reason"] == "no sign of life after the call"
    assert len(await site.outcomes(campaign, 2)) == 2


async def test_customer_who_hangs_up_at_once_leaves_the_agent_free(site: Site) -> None:
    await site.staff(7001)
    numbers = [f"+1{area}5550147" for area in (212, 213, 214, 215, 216)]
    rows = await site.outcomes(await site.campaign(*numbers), 5)
    assert {row["outcome"] for row in rows} <= {"answered", "customer_hangup"}
    await site.until_agent(7001, "ready")


async def test_busy_agents_mean_the_message_and_never_silence(site: Site) -> None:
    await site.staff(7001)
    heard_before = len(site.world.customer_end.heard())
    campaign = await site.campaign(LISTENS)
    await site.until_calls(1)
    await site.world.api.post("/agents/7001/pause", {"reason": "away"})
    (row,) = await site.outcomes(campaign, 1)
    if row["outcome"] == "answered":  # the pause came after the answer: nothing to see
        pytest.fail("the carrier answered before the agent could pause")
    assert row["outcome"] == "abandoned"
    customer = site.world.customer_end.heard()[heard_before]
    answered_ms = next(c.answered_ms for c in reversed(site.world.carrier.calls()) if c.number == LISTENS)
    assert answered_ms is not None
    first = customer.first_ms(Sound.OTHER, answered_ms)
    assert first is not None
    assert first - answered_ms < 2300


async def test_socket_closed_in_the_middle_loses_nothing(site: Site) -> None:
    await site.staff(7001, 7002)
    campaign = await site.campaign(LISTENS, RINGS_OUT)
    for _ in range(200):
        if any(call["phase"] == "talking" for call in await site.calls()):
            break
        await asyncio.sleep(0.05)
    site.ari.cut()
    await asyncio.sleep(1)
    assert not (await site.world.api.readiness())["parts"]["ari"]["ok"]
    site.ari.heal()
    talking = next(call for call in await site.calls() if call["phase"] == "talking")
    for _ in range(100):
        if (await site.world.api.readiness())["ready"]:
            break
        await asyncio.sleep(0.1)
    await site.world.api.post(f"/agents/{talking['slot']}/done", {"disposition": "sale"})
    rows = await site.outcomes(campaign, 2)
    assert sorted(row["outcome"] for row in rows) == ["answered", "no_answer"]


async def test_lead_deleted_while_ringing_keeps_its_outcome_and_the_statistics_are_true(site: Site) -> None:
    await site.staff(7001)
    campaign = await site.campaign(RINGS_OUT)
    await site.until_calls(1)
    campaigns = PostgresCampaigns(site.world.database)
    (lead,) = await campaigns.leads(campaign)
    await campaigns.delete_leads([lead.id])
    (row,) = await site.outcomes(campaign, 1)
    assert (row["outcome"], row["phone_number"]) == ("no_answer", None)
    statistics = PostgresStatistics(site.world.database)
    assert await statistics.of(campaign) == await statistics.recount(campaign)
    assert (await statistics.of(campaign)).leads == {"deleted": 1}


async def test_campaign_started_twice_wrong_token_bad_body_and_unknown_trunk_are_refused_clearly(site: Site) -> None:
    api = site.world.api
    campaign = await site.campaign()
    with pytest.raises(Rejected, match="running") as twice:
        await api.post(f"/campaigns/{campaign}/start")
    assert (twice.value.status, twice.value.code) == (409, "campaign_state")
    with pytest.raises(Rejected) as trunk:
        await api.post("/campaigns", {"name": "x", "trunk": "nowhere", **ALL_DAY})
    assert trunk.value.code == "no_such_trunk"
    with pytest.raises(Rejected, match="lines_max") as body:
        await api.post("/campaigns", {"name": "x", "trunk": "carrier", "lines_max": "many"})
    assert body.value.status == 422
    async with ApiClient(api.url, "not-the-token-but-long-enough") as stranger:
        with pytest.raises(Rejected) as token:
            await stranger.get("/campaigns")
    assert token.value.status == 401


async def test_broken_csv_lines_are_named_and_the_good_ones_dialed(site: Site) -> None:
    await site.staff(7001)
    campaign = await site.campaign()
    csv = b"phone,name\n+12125550100,Ann\nnonsense,Bob\n+12125550100,Ann again\n\xff\xfe,Eve\n"
    report = await PostgresImporter(site.world.database).run(campaign, io.BytesIO(csv))
    assert (report.imported, [line.line for line in report.rejected]) == (1, [3, 4, 5])
    assert all(line.detail for line in report.rejected)
    (row,) = await site.outcomes(campaign, 1)
    assert row["outcome"] == "answered"


async def test_bridge_times_are_measured_from_the_carriers_200(site: Site) -> None:
    await site.staff(7001, 7002)
    campaign = await site.campaign(TALKS, "+12135550100")
    rows = await site.outcomes(campaign, 2)
    attempts = [
        DialedAttempt(
            row["phone_number"],
            row["outcome"],
            row["claimed_at"],
            row["bridged_at"],
            row["ended_at"],
            str(row["slot_id"]),
        )
        for row in rows
    ]
    first_ms = min(attempt.claimed_at for attempt in attempts) * 1000
    calls = [c for c in site.world.carrier.calls() if c.invited_ms >= first_ms - 50]
    matched = pairs(attempts, calls)
    assert len(matched) == 2
    for pair in matched:
        assert pair.attempt.bridged_at is not None
        assert pair.call.answered_ms is not None
        assert -5 < pair.attempt.bridged_at * 1000 - pair.call.answered_ms < 2000


async def test_phone_alone_logs_in_takes_a_call_and_gives_the_disposition(site: Site) -> None:
    assert await site.world.phones.dial("7002", "*40") == 0
    await site.until_agent(7002, "ready")
    campaign = await site.campaign(TALKS, wrap_up_s=20.0)
    await site.until_agent(7002, "wrapping")
    site.world.agent_end.press("7002", "3")
    await site.until_agent(7002, "ready")
    await site.outcomes(campaign, 1)
    await asyncio.sleep(0.5)
    async with site.world.database.connection() as connection:
        said = await connection.fetchval("SELECT code FROM dispositions ORDER BY at DESC LIMIT 1")
    assert said == "3"
    assert await site.world.phones.dial("7002", "*429") == 0
    assert (await site.until_agent(7002, "paused"))["reason"] == "9"
    assert await site.world.phones.dial("7002", "*41") == 0
    await site.until_agent(7002, "offline")


async def test_inbound_callers_wait_with_music_in_order_and_reach_the_agent(site: Site) -> None:
    waiting = asyncio.create_task(inbound(site, 3000))
    (first,) = await site.until_calls(1)
    assert (first["kind"], first["phase"]) == ("inbound", "waiting")
    await site.staff(7001)
    agent = await site.until_agent(7001, "talking")
    assert agent["call"] == first["id"]
    caller = await waiting
    assert caller.answered_ms is not None
    await site.until_agent(7001, "ready")


async def test_agent_starts_a_call_from_the_slot(site: Site) -> None:
    await site.staff(7001)
    started = await site.world.api.post("/calls", {"slot": 7001, "number": LISTENS, "trunk": "carrier"})
    agent = await site.until_agent(7001, "talking")
    assert agent["call"] == started["id"]
    await site.world.api.delete(f"/calls/{started['id']}")
    await site.until_agent(7001, "ready")


async def inbound(site: Site, stay_ms: int) -> LoggedCall:
    """One call from outside to the DID, over the carrier's trunk."""
    ports = site.world.stack.ports.sipp
    return await call(
        site.world.stack,
        "+12125550177",
        DID,
        port=callers_port(site.world.stack),
        tone_port=ports[1],
        habits=CallerHabits(stay_ms=stay_ms),
    )


class guest_phone:
    """The guest's phone, registered for the time of the block."""

    def __init__(self, site: Site, habits: PhoneHabits) -> None:
        self._site = site
        self._habits = habits

    async def __aenter__(self) -> Phones:
        sipp = self._site.world.stack.ports.sipp
        guest: SlotAccount = self._site.world.guest
        self._phones = await Phones.start(
            self._site.world.stack, [guest], PhonePorts(sip=sipp[20], tone=sipp[3], requests=sipp[22]), self._habits
        )
        return self._phones

    async def __aexit__(self, *_: object) -> None:
        await self._phones.stop()
