"""The reckoning of one round: SIPp's logs, what both ends heard, Asterisk and the database must tell the same story."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

from engine.adapters.postgres.statistics import CampaignStatistics, PostgresStatistics
from engine.demo.reckoning import DialedAttempt
from engine.demo.world import World
from engine.ids import CampaignId
from engine.stack.calllog import LoggedCall
from engine.stack.carrier import CarrierCall
from engine.stack.sound import Sound
from engine.stack.tones import Heard

QUIET_MAX_MS = 400.0
"""A talk in which the other side's tone is missing for longer was not heard on."""
SERVED_AFTER_MS = 3000.0
"""Whoever answered and stayed so long must have heard somebody or something."""
COUNTS = (
    "calls_lost", "outcomes_missing", "outcomes_duplicated", "leads_dialed_twice", "stats_drift", "agents_stuck",
    "channels_orphaned", "live_answers_unserved",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Moment:
    """When the fault struck, and until when whoever was on the line had to be there still (milliseconds since 1970)."""

    struck_ms: float
    safe_ms: float

    def within(self, at_ms: float | None) -> bool:
        """Whether something happened between the two."""
        return at_ms is not None and self.struck_ms <= at_ms <= self.safe_ms


def on_the_line(calls: Sequence[LoggedCall], at_ms: float) -> list[LoggedCall]:
    """Answered calls that were not over."""
    return [
        call
        for call in calls
        if call.answered_ms is not None
        and call.answered_ms < at_ms
        and (call.ended_ms is None or call.ended_ms > at_ms)
    ]


def lost(calls: Sequence[LoggedCall], moment: Moment, ours: str) -> list[LoggedCall]:
    """Calls of a log that were on the line and were ended by `ours` meanwhile: nobody had asked for that."""
    return [
        call for call in on_the_line(calls, moment.struck_ms) if moment.within(call.ended_ms) and call.ended_by == ours
    ]


def gone_quiet(talks: Mapping[str, Heard], moment: Moment) -> list[str]:
    """Numbers of talks, by what their person heard, in which the agent's tone was not heard all the time."""
    length_ms = moment.safe_ms - moment.struck_ms
    return [
        number
        for number, heard in talks.items()
        if heard.lasting_ms(Sound.TONE, moment.struck_ms, moment.safe_ms) < length_ms - QUIET_MAX_MS
    ]


def unserved(calls: Sequence[CarrierCall], heard: Sequence[Heard]) -> list[str]:
    """Numbers of people who answered, stayed on the line, and heard neither agent nor message."""
    by_call = {one.call_id: one for one in heard}
    return [
        call.number
        for call in calls
        if call.talk_ms is not None
        and call.talk_ms > SERVED_AFTER_MS
        and not _heard_something(by_call.get(call.call_id))
    ]


def _heard_something(heard: Heard | None) -> bool:
    return heard is not None and any(heard.first_ms(sound) is not None for sound in (Sound.TONE, Sound.OTHER))


def dialed_twice(calls: Sequence[CarrierCall], attempts: Sequence[DialedAttempt]) -> list[str]:
    """Numbers with more INVITEs than attempts, each as often as there are too many."""
    more = Counter(call.number for call in calls)
    more.subtract(Counter(attempt.number for attempt in attempts))
    return list(more.elements())


async def attempts_of(world: World, campaigns: Sequence[CampaignId]) -> list[DialedAttempt]:
    """Every attempt of these campaigns."""
    return [
        DialedAttempt(row["phone_number"], row["outcome"], row["claimed_at"], row["bridged_at"], row["ended_at"] or 0.0,
                      str(row["slot_id"]))
        for campaign in campaigns
        for row in await world.database.rows("dialed_attempts", campaign)
    ]  # fmt: skip


async def drift(world: World, campaigns: Sequence[CampaignId]) -> int:
    """By how much the triggers' statistics and a recount differ, all figures together."""
    statistics = PostgresStatistics(world.database)
    total = 0
    for campaign in campaigns:
        kept, recount = await statistics.of(campaign), await statistics.recount(campaign)
        total += _difference(kept, recount)
    return total


def _difference(kept: CampaignStatistics, recount: CampaignStatistics) -> int:
    differences = [_counts(kept.leads, recount.leads), _counts(kept.outcomes, recount.outcomes)]
    return sum(differences)


def _counts(one: Mapping[Any, int], other: Mapping[Any, int]) -> int:
    return sum(abs(one.get(name, 0) - other.get(name, 0)) for name in one.keys() | other.keys())


async def channels(world: World) -> int:
    """How many channels Asterisk holds."""
    site = world.stack.asterisk.site
    headers = {"Authorization": aiohttp.encode_basic_auth(site.ari_user, site.ari_password)}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(f"{world.stack.asterisk.ari_url}/ari/channels") as answer,
    ):
        return len(await answer.json())
