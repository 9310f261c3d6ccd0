"""The example scripts on real calls: keys from SIPp's far end, what is heard, what is stored."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import numpy.typing as npt
import pytest
from aiohttp import web
from redis.asyncio import Redis

from engine.adapters.speech.sound import parse_wav
from engine.flow.document import load
from engine.flow.prompt import Speech, sounds
from engine.ids import CampaignId
from engine.stack.home import CHECKOUT
from engine.stack.sound import Sound, decode, dtmf_frames
from tests.eventually import until
from tests.live.caller_line import Line, calling, heard_in_order, said
from tests.live.conftest import ALL_DAY, ONCE, TRUNK, Site
from tests.live.recogniser import recognised, words

pytestmark = [pytest.mark.live, pytest.mark.timeout(180)]

EXAMPLES = CHECKOUT / "examples/gacs"
KEY_S = 0.1
TAKES_DIGITS = """
gacs: "1.0"
id: live.digits
version: 1
vars: {digits: {type: digits, max: 12}}
locales: {default: en-GB, supported: [en-GB]}
prompts:
  ask: {en-GB: {text: "Please press all twelve keys of your number, one after the other, as quickly as you can, now."}}
limits: {max_duration_s: 120, max_node_visits: 20}
on: {hangup: left, error.*: left}
start: answer
nodes:
  answer: {answer: {}, then: ask}
  ask:
    gather: {prompt: ask, into: digits, min: 12, max: 12, finish_key: null, retries: 0}
    then: tell
    on: {max_retries: left}
  tell: {tag: {digits: "default(digits, '')"}, then: wait}
  wait: {pause: {for_s: 1}, then: taken}
  taken: {disposition: {code: taken}, then: bye}
  left: {disposition: {code: left}, then: bye}
  bye: {hangup: {}}
"""
DIDS = iter(f"+12025557{number:03}" for number in range(1000))


def example(name: str, language: str, **replaced: str) -> str:
    """An example's text in a language, with what is different here."""
    text = (EXAMPLES / f"{name}.yaml").read_text().replace("{default: ru-RU,", f"{{default: {language},")
    for old, new in replaced.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


async def published(site: Site, text: str) -> dict[str, Any]:
    """The flow of a text as a version; its number is of this run alone."""
    flow = load(text).documents[0].flow
    number = int(time.time() * 1000) % 900_000_000 + 1
    text = text.replace("version: 1\n", f"version: {number}\n", 1)
    items: list[dict[str, Any]] = (await site.world.api.post("/scripts", {"text": text}))["items"]
    return next(item for item in items if item["name"] == flow.id)


@asynccontextmanager
async def caller_of(
    site: Site, text: str, stay_s: float = 60.0, *, in_band: bool = False
) -> AsyncIterator[tuple[Line, str]]:
    """A caller whose number leads to the script, and the version (its hash)."""
    version, did = await published(site, text), next(DIDS)
    await site.world.api.post(f"/scripts/{version['hash']}/publish", {"did": did})
    async with calling(site, did, stay_s=stay_s, in_band=in_band) as line:
        yield line, version["hash"]
    await site.world.api.post("/scripts/unbind", {"did": did})


def sentences(text: str, language: str) -> list[str]:
    """Everything that a script says in a language and that has no values in it."""
    found = []
    for flow in load(text).flows:
        for prompt in flow.prompts.values():
            for sound in sounds(prompt[language]):
                if isinstance(sound, Speech) and not sound.text.slots:
                    found.append("".join(str(part) for part in sound.text.parts))
    return found


@asynccontextmanager
async def answering(answers: dict[str, Any], slow_s: float = 0.0) -> AsyncIterator[tuple[int, list[dict[str, Any]]]]:
    """A server of somebody else's, and what it was asked."""
    asked: list[dict[str, Any]] = []

    async def handle(request: web.Request) -> web.Response:
        body = await request.text()
        asked.append({"path": request.path, "key": request.headers["Idempotency-Key"], "body": body})
        await asyncio.sleep(slow_s)
        return web.json_response(answers[request.path])

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield int(runner.addresses[0][1]), asked
    finally:
        await runner.cleanup()


async def test_survey_hears_the_mark_and_says_it_back(site: Site, tmp_path: Path) -> None:
    text = example("customer-survey", "en-GB")
    async with caller_of(site, text) as (line, version):
        await line.press("score", "9#", 4.5)
        await line.press("may_we", "2", 5.5)
        run = await line.over(version)
        assert (run["disposition"], json.loads(run["tags"])["score"]) == ("survey_answered", 9)
        expected = ["We are glad!", "Thank you, you gave us nine. Goodbye."]
        places = await heard_in_order(site, line, expected, "en-GB")
        choices = [
            *sentences(text, "en-GB"),
            *(f"Thank you, you gave us {n}. Goodbye." for n in ("nine", "two", "ten")),
        ]
        told = [recognised(line.heard()[start:end], choices, tmp_path) for start, end in places]
        assert told == [words(one) for one in expected]


async def test_pin_leads_to_the_balance(site: Site, tmp_path: Path) -> None:
    bank = {"/pin": {"known": True, "balance": {"amount": "100.50", "currency": "RUB"}}}
    async with answering(bank) as (port, asked):
        text = pin_at(port)
        async with caller_of(site, text) as (line, version):
            await line.press("welcome", "1")
            await line.press("identify/ask", "1234", 3.5)
            run = await line.over(version)
            assert run["disposition"] == "served"
            assert json.loads(asked[0]["body"])["pin"] == "1234"
            expected = ["Dial the four digits of your PIN.", "Your balance is one hundred rubles and fifty kopecks."]
            places = await heard_in_order(site, line, [*expected, "Goodbye."], "en-GB")
            start, end = places[0]
            assert recognised(line.heard()[start:end], sentences(text, "en-GB"), tmp_path) == words(expected[0])


async def test_keys_come_as_tones_in_the_sound_where_a_phone_offers_nothing_else(site: Site) -> None:
    async with caller_of(site, TAKES_DIGITS, in_band=True) as (line, version):
        await line.press("ask", "1470*2589#36", 1.0)
        run = await line.over(version)
        assert (run["disposition"], json.loads(run["tags"])["digits"]) == ("taken", "1470*2589#36")


async def test_key_stops_the_prompt_within_two_hundred_milliseconds_and_keys_pressed_ahead_count(site: Site) -> None:
    async with caller_of(site, TAKES_DIGITS) as (line, version):
        await line.until_node("ask")
        await asyncio.sleep(1.0)
        pressed_at = time.time()
        line.end.press(line.key, "123456789012")
        run = await line.over(version)
        assert json.loads(run["tags"])["digits"] == "123456789012"
        legs = [heard for heard in line.end.heard() if heard.number == line.key]
        quiet = [one.start_ms / 1000 for one in legs[-1].segments if one.sound in {Sound.SILENCE, Sound.NOTHING}]
        after = min(at for at in quiet if at > pressed_at)
        assert after - pressed_at - KEY_S <= 0.2, "a key lasts 100 ms, and Asterisk tells of it when it ends"


async def test_opt_out_line_forbids_the_number_that_calls(site: Site) -> None:
    async with caller_of(site, example("opt-out-line", "ru-RU")) as (line, version):
        await line.press("this_number", "1")
        run = await line.over(version)
        assert run["disposition"] == "opted_out"
        async with site.world.database.connection() as connection:
            assert await connection.fetchval("SELECT true FROM do_not_call WHERE phone_number = $1", line.number)
        await heard_in_order(site, line, ["До свидания."], "ru-RU")


async def test_queue_without_agents_promises_to_call_back(site: Site, tmp_path: Path) -> None:
    text = example("queue-with-callback", "en-GB")
    async with caller_of(site, text) as (line, version):
        run = await line.over(version)
        assert run["disposition"] == "callback"
        async with site.world.database.connection() as connection:
            promised = await connection.fetchrow("SELECT * FROM callbacks WHERE call_id = $1", run["call_id"])
        assert (promised["phone_number"], promised["pool"], promised["status"]) == (line.number, "support", "promised")
        expected = ["Hello, this is support.", "We will call you back as soon as an agent is free."]
        places = await heard_in_order(site, line, expected, "en-GB")
        told = [recognised(line.heard()[a:b], sentences(text, "en-GB"), tmp_path) for a, b in places]
        assert told == [words(one) for one in expected]


async def test_holiday_closes_the_office_and_the_morning_is_promised(site: Site) -> None:
    async with site.world.database.connection() as connection:
        await connection.execute(
            "INSERT INTO gacs_lookups (source, key, data) SELECT 'holidays', (current_date + n)::text,"
            ' \'{"closed": "yes"}\' FROM generate_series(-1, 1) AS n ON CONFLICT DO NOTHING'
        )
    async with caller_of(site, example("after-hours-menu", "ru-RU")) as (line, version):
        await line.press("choose", "3")
        run = await line.over(version)
        assert run["disposition"] == "served"
        _, thanks = await said(site, "Спасибо. До свидания.", "ru-RU")
        assert 0.5 < len(thanks) / 8000 < 5.0
        await heard_in_order(site, line, ["Спасибо. До свидания."], "ru-RU")


async def test_menu_of_the_split_tells_the_hours_and_leads_to_agents(site: Site) -> None:
    async with caller_of(site, example("ab-split", "en-GB")) as (line, version):
        await line.press("menu", "1")
        await line.until_node("hours")
        await line.press("menu", "0")
        run = await line.over(version)
        assert run["disposition"] == "gave_up_waiting"
        assert json.loads(run["tags"])["way"] in {"menu", "bot"}
        await heard_in_order(site, line, ["We are open every day from nine to twenty-one."], "en-GB")


async def test_emergency_rings_the_list_until_somebody_confirms(site: Site) -> None:
    busy, there = "+74955550112", "+74955550121"
    text = example("emergency-call-out", "en-GB", **{"required: true": f'default: ["{busy}", "{there}"]'})
    async with caller_of(site, text, stay_s=45.0) as (line, version):
        await line.press("site", "17#")
        await line.until_node("record")
        await asyncio.sleep(2.0)
        line.end.mute(line.key)  # they have said what happened
        await line.until_node("dial")
        for _ in range(400):
            if any(call.number == there and call.answered_ms is not None for call in site.world.carrier.calls()):
                break
            await asyncio.sleep(0.05)
        await asyncio.sleep(1.0)
        site.world.customer_end.press(there, "1")
        for _ in range(200):
            if any(heard.number == there and heard.tone_heard for heard in site.world.customer_end.heard()):
                break
            await asyncio.sleep(0.05)
        calls = [call.number for call in site.world.carrier.calls() if call.number in {busy, there}]
        assert calls == [busy, there]
        run = await line.over(version)
        assert run["disposition"] == "taken"
        async with site.world.database.connection() as connection:
            path = await connection.fetchval("SELECT path FROM recordings WHERE call_id = $1", run["call_id"])
            told = await connection.fetchrow("SELECT data FROM gacs_events WHERE name = 'emergency.taken'")
        data = json.loads(told["data"])
        assert (data["site"], data["by"], data["calls"], data["spoken"]) == ("17", there, 2, Path(path).name)
        rate, spoken = parse_wav(await asyncio.to_thread(Path(path).read_bytes))
        tone = np.abs(np.exp(-2j * np.pi * 1000 / rate * np.arange(rate)) @ spoken[:rate].astype(float)) / rate
        assert 1.0 < len(spoken) / rate < 10.0
        assert tone > 0.1 * np.abs(spoken).max()


async def lead_of(site: Site, text: str, number: str, data: dict[str, Any]) -> CampaignId:
    """A running agentless campaign with one lead, which meets a script."""
    version = await published(site, text)
    body = {"name": f"gacs {version['hash'][:10]}", "trunk": TRUNK, "ring_timeout_s": 15, "dial_mode": "agentless"}
    created = await site.world.api.post("/campaigns", {**body, "answer_action": "message", **ALL_DAY, "recall": ONCE})
    campaign = CampaignId(created["campaign"]["id"])
    site.campaigns.append(campaign)
    async with site.world.database.connection() as connection:
        await connection.execute(
            "INSERT INTO autodialer_leads (campaign_id_ref, phone_number, zones, lead_data)"
            " VALUES ($1, $2, '{UTC}', $3::jsonb)",
            campaign, number, json.dumps(data),
        )  # fmt: skip
    await site.world.api.post(f"/scripts/{version['hash']}/publish", {"campaign": campaign})
    await site.world.api.post(f"/campaigns/{campaign}/start")
    return campaign


async def disposed(site: Site, campaign: CampaignId) -> str:
    """What came of the campaign's only call."""
    await site.outcomes(campaign, 1)
    async with site.world.database.connection() as connection:
        code: str = await connection.fetchval(
            "SELECT d.code FROM gacs_dispositions d JOIN attempts a USING (attempt_id) WHERE a.campaign_id = $1",
            campaign,
        )
    return code


async def until_node(site: Site, node: str) -> None:
    for _ in range(800):
        if any(run["node"] == node for run in (await site.world.api.get("/runs"))["items"]):
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"no script came to {node}")


async def test_reminder_takes_the_answer_of_who_has_paid(site: Site) -> None:
    number = "+12125550141"
    data = {"due": "120.50 RUB", "due_on": "2026-12-05", "locale": "ru-RU"}
    campaign = await lead_of(site, example("payment-reminder", "ru-RU"), number, data)
    await until_node(site, "choose")
    site.world.customer_end.press(number, "1")
    assert await disposed(site, campaign) == "paid"


async def test_machine_that_never_stops_talking_is_told_from_a_person(site: Site) -> None:
    """The far end's tone goes on and on: no person greets so."""
    for name, data, code in (
        ("voicemail-drop", {"order": "4711", "arrives_on": "2026-12-05"}, "machine_no_beep"),
        (
            "appointment-confirmation",
            {"appointment": "A-1", "doctor": "Dr Example", "starts_at": "2026-12-05T10:00:00+03:00"},
            "message_left",
        ),
    ):
        number = f"+1{213 if name == 'voicemail-drop' else 214}5550141"
        text = example(name, "en-GB").replace("wait_s: 30", "wait_s: 3").replace("wait_s: 25", "wait_s: 3")
        campaign = await lead_of(site, text, number, data)
        assert await disposed(site, campaign) == code


async def test_engine_is_killed_at_three_nodes_of_one_call_and_the_caller_is_served(site: Site) -> None:
    bank = {"/pin": {"known": True, "balance": {"amount": "100.50", "currency": "RUB"}}}
    async with answering(bank, slow_s=4.0) as (port, asked):
        text = pin_at(port, timeout_s=20)
        async with caller_of(site, text, stay_s=90.0) as (line, version):
            await line.until_node("welcome")
            await asyncio.sleep(1.0)
            await site.kill_engine()
            await line.press("welcome", "1", 1.0)
            await line.until_node("identify/ask")
            await asyncio.sleep(1.0)
            await site.kill_engine()
            await line.press("identify/ask", "1234", 1.0)
            await until(lambda: bool(asked))
            await site.kill_engine()
            run = await line.over(version)
            assert run["disposition"] == "served", run["state"]
            assert len({question["key"] for question in asked}) == 1, "one question, whoever asks it"
            await heard_in_order(site, line, ["Your balance is one hundred rubles and fifty kopecks."], "en-GB")
    async with site.world.database.connection() as connection:
        made = await connection.fetch("SELECT code FROM gacs_dispositions WHERE call_id = $1", run["call_id"])
    assert [row["code"] for row in made] == ["served"]


async def test_pin_is_nowhere_but_at_the_bank(site: Site) -> None:
    pin = "73910264"
    bank = {"/pin": {"known": True, "balance": {"amount": "100.50", "currency": "RUB"}}}
    async with answering(bank) as (port, asked):
        text = (
            pin_at(port).replace("max: 4, sensitive", "max: 8, sensitive").replace("min: 4, max: 4", "min: 8, max: 8")
        )
        async with caller_of(site, text, in_band=True) as (line, version):
            await line.press("welcome", "1", 1.0)
            await line.press("identify/ask", pin, 1.0)
            run = await line.over(version)
            assert run["disposition"] == "served"
            assert json.loads(asked[0]["body"])["pin"] == pin
    await asyncio.sleep(2.0)
    assert await places_of(site, pin) == []
    async with site.world.database.connection() as connection:
        path = await connection.fetchval("SELECT path FROM recordings WHERE call_id = $1", run["call_id"])
    rate_hz, samples = parse_wav(await asyncio.to_thread(Path(path).read_bytes))
    assert rate_hz == 8000
    assert len(samples) > 8000, "the call was recorded"
    assert keys_in(samples) == 0, "keys as tones in the sound"
    assert keys_in(np.concatenate([decode(frame) for key in pin for frame in dtmf_frames(key)])) >= len(pin)


def pin_at(port: int, timeout_s: int = 4) -> str:
    """The PIN example with its bank on this machine."""
    return example(
        "pin-identification", "en-GB",
        **{"https://bank.example.org": f"http://127.0.0.1:{port}", "[bank.example.org]": "[127.0.0.1]",
           "timeout_s: 4": f"timeout_s: {timeout_s}"},
    )  # fmt: skip


async def places_of(site: Site, text: str) -> list[str]:
    """Where a text is found: logs, every table, metrics, Redis."""
    stack = site.world.stack
    found = [
        str(path)
        for path in await asyncio.to_thread(lambda: sorted(Path(stack.directory).rglob("*")))
        if path.is_file() and "postgres" not in str(path) and text.encode() in path.read_bytes()
    ]
    async with site.world.database.connection() as connection:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for table in (row["tablename"] for row in tables):
            if await connection.fetchval(f"SELECT true FROM {table} AS t WHERE t::text LIKE '%{text}%' LIMIT 1"):
                found.append(table)
    headers = {"Authorization": f"Bearer {stack.api_token}"}
    async with aiohttp.ClientSession(headers=headers) as session, session.get(f"{stack.engine.url}/metrics") as answer:
        if text in await answer.text():
            found.append("metrics")
    redis = Redis.from_url(stack.redis.url())
    async for key in redis.scan_iter():
        if text.encode() in key or text.encode() in (await redis.dump(key) or b""):
            found.append(f"redis {key!r}")
    await redis.aclose()
    return found


def keys_in(samples: npt.NDArray[np.float32]) -> int:
    """In how many pieces of 40 ms two tones of a key have nearly all of the sound."""
    size = 320
    low, high = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
    count = 0
    for at in range(0, len(samples) - size, size):
        piece = np.asarray(samples[at : at + size], float)
        energy = float(piece @ piece)
        if energy < 1e-4 * size * float(np.max(np.abs(samples)) ** 2):
            continue
        times = np.arange(size) / 8000
        shares = [2 * abs(piece @ np.exp(2j * np.pi * hz * times)) ** 2 / (size * energy) for hz in (*low, *high)]
        count += max(shares[:4]) > 0.3 and max(shares[4:]) > 0.3
    return count
