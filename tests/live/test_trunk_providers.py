"""Trunks that are real: a provider that demands a digest, and one that demands a registration, over real SIP."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from engine.demo.world import DID
from engine.stack.callers import CallerHabits, Demand, call, provider_calls, registrations, start_provider
from engine.stack.scenario import Running
from engine.stack.sound import Sound
from tests.live.conftest import Site
from tests.vss_command import Ran, vss

pytestmark = [pytest.mark.live, pytest.mark.timeout(180)]

USER, PASSWORD = "4915550100", "correct horse; battery"
NUMBER = "+12125550100"
# among the ports of SIPp that the world does not use
DIGEST_PORT, REGISTRAR_PORT, NOBODYS_PORT = 60, 61, 62


def settings(site: Site) -> dict[str, str]:
    """What an operator's .env would hold for this world."""
    stack = site.world.stack
    rendered = {"VSS_ASTERISK_DIR": str(stack.asterisk.site.directory), "VSS_SIP_PORT": str(stack.ports.sip)}
    return {**stack.engine_env(), **rendered}


async def add(site: Site, name: str, port: int, *more: str, password: str = PASSWORD) -> Ran:
    words = ("--host", "127.0.0.1", "--port", str(port), "--codecs", "ulaw", "--username", USER, "--password-stdin")
    return await vss("trunk", "add", name, *words, *more, "--json", settings=settings(site), stdin=password + "\n")


async def provider(site: Site, demand: Demand, offset: int) -> AsyncIterator[Running]:
    sipp = site.world.stack.ports.sipp
    running = await start_provider(
        site.world.stack, demand, port=sipp[offset], tone_port=sipp[1], username=USER, password=PASSWORD
    )
    yield running
    await running.stop()


@pytest.fixture
async def digest(site: Site) -> AsyncIterator[Running]:
    async for running in provider(site, Demand.DIGEST, DIGEST_PORT):
        yield running


@pytest.fixture
async def registrar(site: Site) -> AsyncIterator[Running]:
    async for running in provider(site, Demand.REGISTRATION, REGISTRAR_PORT):
        yield running


async def test_campaign_over_a_new_digest_trunk_reaches_people_without_a_restart(site: Site, digest: Running) -> None:
    port = site.world.stack.ports.sipp[DIGEST_PORT]
    added = await add(site, "digest", port, "--auth", "digest", "--caller-id", "+12025550177")
    assert added.code == 0, added
    assert added.json("trunk-add")["rendered"] is True
    assert PASSWORD not in added.out + added.err
    await asyncio.sleep(2.0)  # what `vss trunk add` promises
    await site.staff(7001)
    env = settings(site)
    made = await vss(
        "campaign", "create", "over digest", "--trunk", "digest", "--window-from", "00:00",
        "--window-to", "23:59:59.999999", "--recall", "cancelled:1:1", "--wrap-up-s", "0", "--json", settings=env,
    )  # fmt: skip
    assert made.code == 0, made
    number = made.json("campaign-create")["campaign"]["id"]
    imported = await vss(
        "leads", "import", "-", "--campaign", str(number), "--json", settings=env, stdin=f"phone\n{NUMBER}\n+49123\n"
    )
    report = imported.json("leads-import")
    assert (report["imported"], [bad["line"] for bad in report["rejected"]]) == (1, [3])
    started = await vss("campaign", "start", "over digest", "--json", settings=env)
    assert started.json("campaign-change")["campaign"]["status"] == "running"
    agent = await site.until_agent(7001, "talking")
    await site.world.api.delete(f"/calls/{agent['call']}")
    (row,) = await site.outcomes(number, 1)
    assert row["outcome"] == "answered"
    assert [(seen.number, seen.final) for seen in provider_calls(digest)] == [(NUMBER, 200)]
    stats = (await vss("campaign", "stats", str(number), "--json", settings=env)).json("campaign-stats")
    assert stats["agree"] is True
    assert stats["statistics"]["outcomes"] == {"answered": 1}
    assert (await vss("campaign", "stop", str(number), settings=env)).code == 0


async def test_trunk_test_tells_an_answer_and_a_wrong_password_in_plain_words(site: Site, digest: Running) -> None:
    port = site.world.stack.ports.sipp[DIGEST_PORT]
    options = ("--auth", "digest", "--caller-id", "+12025550177")
    assert (await add(site, "digest", port, *options)).code == 0
    good = await vss("trunk", "test", "digest", NUMBER, "--json", settings=settings(site))
    assert good.code == 0, good
    told = good.json("trunk-test")
    assert (told["call"]["outcome"], told["call"]["words"]) == ("answered", "answered")
    assert [check["ok"] for check in told["checks"]] == [True] * 4
    assert (await add(site, "digest", port, *options, password="wrong")).code == 0
    bad = await vss("trunk", "test", "digest", NUMBER, "--json", settings=settings(site))
    assert bad.code == 1, bad
    refused = bad.json("trunk-test")["call"]
    assert (refused["sip_code"], refused["outcome"]) == (403, "declined")
    assert "403" in refused["words"]


async def test_registered_trunk_is_called_and_calls(site: Site, registrar: Running) -> None:
    port = site.world.stack.ports.sipp[REGISTRAR_PORT]
    added = await add(site, "registers", port, "--register", "--caller-id", DID)
    assert added.code == 0, added
    told = await until_registered(site)
    assert told["ok"] is True
    assert registrations(registrar) == (1, 0)
    out = await vss("trunk", "test", "registers", NUMBER, "--json", settings=settings(site))
    assert out.json("trunk-test")["call"]["outcome"] == "answered", out
    assert [(seen.number, seen.final) for seen in provider_calls(registrar)] == [(NUMBER, 200)]

    await registrar.stop()  # its port is where the provider's own calls come from
    await site.staff(7001)
    heard = asyncio.create_task(
        call(
            site.world.stack, "+12125550123", DID, port=port, tone_port=site.world.stack.ports.sipp[1],
            habits=CallerHabits(stay_ms=2000),
        )
    )  # fmt: skip
    agent = await site.until_agent(7001, "talking")
    live = next(one for one in await site.calls() if one["id"] == agent["call"])
    assert (live["kind"], live["number"]) == ("inbound", "+12125550123")
    assert (await heard).final == 200


async def until_registered(site: Site) -> dict[str, object]:
    for _ in range(30):
        told = (await vss("trunk", "test", "registers", "--json", settings=settings(site))).json("trunk-test")
        if told["checks"][-1]["ok"]:
            return told
        await asyncio.sleep(0.5)
    raise AssertionError(f"not registered: {told}")


async def test_call_in_progress_goes_on_while_a_trunk_is_added(site: Site) -> None:
    await site.staff(7001)
    campaign = await site.campaign("+12125550111")
    agent = await site.until_agent(7001, "talking")
    added = await add(site, "another", site.world.stack.ports.sipp[NOBODYS_PORT], "--caller-id", DID)
    assert added.json("trunk-add")["rendered"] is True
    reloaded_at = time.time()
    await asyncio.sleep(1.5)
    assert (await site.agent(7001))["call"] == agent["call"]
    await site.world.api.delete(f"/calls/{agent['call']}")
    (row,) = await site.outcomes(campaign, 1)
    assert row["outcome"] == "answered"
    window = (reloaded_at * 1000, row["ended_at"] * 1000)
    customer, seat = site.world.customer_end.heard()[-1], site.world.agent_end.heard()[-1]
    assert customer.lasting_ms(Sound.TONE, *window) > 1000
    assert seat.lasting_ms(Sound.TONE, *window) > 1000


async def test_trunk_that_leads_nowhere_says_so(site: Site) -> None:
    port = site.world.stack.ports.sipp[NOBODYS_PORT]
    assert (await add(site, "nowhere", port, "--caller-id", DID)).code == 0
    tried = await vss("trunk", "test", "nowhere", NUMBER, "--ring-timeout-s", "5", "--json", settings=settings(site))
    assert tried.code == 1, tried
    told = tried.json("trunk-test")
    assert told["call"]["outcome"] == "unreachable"
    assert next(check for check in told["checks"] if check["name"] == "options")["ok"] is False
