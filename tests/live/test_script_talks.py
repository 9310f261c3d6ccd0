"""Scripts that bring people together on real calls: transfers and a room; who hears whom is measured."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from engine.demo.world import callers_port
from engine.stack.callers import CallerHabits, callers_with_ears
from engine.stack.sound import Sound
from engine.stack.tones import Heard
from tests.live.caller_line import Line, heard_in_order
from tests.live.conftest import Site
from tests.live.test_gacs_calls import caller_of, published

pytestmark = [pytest.mark.live, pytest.mark.timeout(180)]

HEAD = """
gacs: "1.0"
id: {name}
version: 1
locales: {{default: en-GB, supported: [en-GB]}}
prompts:
  hello: {{en-GB: {{text: "We connect you now."}}}}
  whisper: {{en-GB: {{text: "A call from the support queue, with somebody who has waited."}}}}
  after: {{en-GB: {{text: "You are with us again."}}}}
limits: {{max_duration_s: 120, max_node_visits: 20}}
policies: {{used_for: [inbound], dial_to: ["+7*"]}}
on: {{hangup: left, error.*: failed}}
start: answer
nodes:
  answer: {{answer: {{}}, then: hello}}
  hello: {{play: {{prompt: hello}}, then: meet}}
  after: {{play: {{prompt: after}}, then: served}}
  served: {{disposition: {{code: served}}, then: bye}}
  nobody: {{disposition: {{code: nobody}}, then: bye}}
  left: {{disposition: {{code: left}}, then: bye}}
  failed: {{disposition: {{code: failed}}, then: bye}}
  bye: {{hangup: {{}}}}
"""
TRANSFER = """  meet:
    transfer: {{to: "'{number}'", kind: {kind}, {more}timeout_s: 20}}
    then: after
    on: {{busy: nobody, no_answer: nobody, failed: nobody}}
"""
ROOM = """  meet:
    conference: {{room: "'planning'", talk_max_s: 6, music: default}}
    then: after
    on: {{full: nobody}}
"""
STAYS, LEAVES, IS_BUSY = "+74955550131", "+74955550130", "+74955550132"


def transfer(number: str, kind: str, more: str = "") -> str:
    return HEAD.format(name=f"talks.{kind}") + TRANSFER.format(number=number, kind=kind, more=more)


def heard_at(site: Site, number: str) -> Heard:
    """What the newest call to a number heard at its far end."""
    return next(heard for heard in reversed(site.world.customer_end.heard()) if heard.number == number)


async def until_heard(site: Site, number: str, sound: Sound, since_ms: float = 0.0) -> float:
    """Wait until the far end of a number hears something; when it did."""
    for _ in range(600):
        calls = [heard for heard in site.world.customer_end.heard() if heard.number == number]
        at_ms = calls[-1].first_ms(sound, since_ms) if calls else None
        if at_ms is not None:
            return at_ms
        await asyncio.sleep(0.05)
    raise AssertionError(f"{number} never heard {sound}")


def tone_s(line: Line, hz: int = 1000) -> float:
    """For how long a caller heard the tone of other people's ends."""
    heard = line.heard()
    frames = heard[: len(heard) // 160 * 160].reshape(-1, 160)
    wave = np.exp(-2j * np.pi * hz / 8000 * np.arange(160))
    energy = np.maximum((frames**2).sum(axis=1), 1e-9)
    return 0.02 * float((2 * np.abs(frames @ wave) ** 2 / (160 * energy) > 0.7).sum())


async def test_warm_transfer_whispers_first_and_then_both_hear_each_other(site: Site) -> None:
    text = transfer(STAYS, "warm", "whisper: whisper, ")
    async with caller_of(site, text, stay_s=40.0) as (line, version):
        await line.until_node("meet")
        line.end.mute(line.key)
        whispered_ms = await until_heard(site, STAYS, Sound.OTHER)
        quiet_ms = await until_heard(site, STAYS, Sound.SILENCE, whispered_ms + 3000)  # the caller says nothing
        assert tone_s(line) < 0.5, "nobody listens in on the whisper"
        line.end.mute(line.key, muted=False)
        await until_heard(site, STAYS, Sound.OTHER, quiet_ms + 100)
        for _ in range(200):
            if tone_s(line) > 1.0:
                break
            await asyncio.sleep(0.05)
        assert tone_s(line) > 1.0, "the caller hears who was called"
        run = await line.run()
        assert run["node"] == "meet"
        await site.world.api.post(f"/calls/{run['call']}/stop-script")
        over = await line.over(version)
        assert (over["disposition"], over["reason"]) == ("stopped", "stopped")
    await site.until_calls(0)
    assert all(call.ended_ms is not None for call in site.world.carrier.calls() if call.number == STAYS)


async def test_blind_transfer_leads_back_when_the_other_side_has_left(site: Site) -> None:
    async with caller_of(site, transfer(LEAVES, "blind")) as (line, version):
        run = await line.over(version)
        assert run["disposition"] == "served"
        await heard_in_order(site, line, ["We connect you now.", "You are with us again."], "en-GB")
        assert tone_s(line) > 0.5, "they talked"


async def test_transfer_to_who_is_busy_takes_its_branch(site: Site) -> None:
    async with caller_of(site, transfer(IS_BUSY, "blind")) as (line, version):
        assert (await line.over(version))["disposition"] == "nobody"


async def test_two_callers_meet_in_a_room_until_its_time_is_up(site: Site) -> None:
    version = await published(site, HEAD.format(name="talks.room") + ROOM.format())
    did = "+12025557990"
    await site.world.api.post(f"/scripts/{version['hash']}/publish", {"did": did})
    rows = [(f"+141555539{n:02}", f"+141555639{n:02}") for n in range(2)]
    stack = site.world.stack
    kept = stack.directory / "kept"
    kept.mkdir(exist_ok=True)
    async with callers_with_ears(
        stack, rows, label="room", port=callers_port(stack), tone_port=stack.ports.sipp[11],
        habits=CallerHabits(stay_ms=60_000), account=did, keep=kept,
    ) as (running, end):  # fmt: skip
        assert await running.finish(60.0) == 0
        lines = [Line(site, number, key, end, kept) for number, key in rows]
        for line in lines:
            assert tone_s(line) > 2.0, "each hears the other"
            await heard_in_order(site, line, ["We connect you now.", "You are with us again."], "en-GB")
    await site.world.api.post("/scripts/unbind", {"did": did})
    async with site.world.database.connection() as connection:
        made = await connection.fetch(
            "SELECT code FROM gacs_dispositions JOIN gacs_runs USING (call_id) JOIN gacs_scripts USING (script_id)"
            " WHERE content_hash = $1",
            version["hash"],
        )
    assert [row["code"] for row in made] == ["served", "served"]
