"""Abandoned calls counted from the fake outcomes, as PostgreSQL counts the real ones."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from engine.dialer.abandonment import AnswerKind, false_positives, kind_of, ratio, settled_at
from engine.dialer.budget import DAY_S, HOUR_S, SettledAnswer
from engine.dialer.jurisdiction import Jurisdiction, jurisdiction
from engine.errors import ConfigError, NotFound
from engine.ids import CampaignId
from engine.ports import OutcomeFact, SavedPacing, WindowCount

from .stores import FakeMemory


class FakeAbandonment:
    """An AbandonmentLedger."""

    def __init__(self, memory: FakeMemory) -> None:
        self._memory = memory
        self._saved: dict[CampaignId, tuple[float, str]] = {}

    async def windows(self, campaign: CampaignId, definition: str, now: float) -> Mapping[str, WindowCount]:
        self._memory.check()
        settings = self._memory.campaigns.get(campaign)
        try:
            law = jurisdiction(definition)
        except ConfigError as error:
            raise NotFound("no_such_definition", str(error)) from None
        if settings is None:
            raise NotFound("no_such_definition", f"there is no campaign {campaign}")
        period = _period(law, self._memory.started.get(campaign, now), now)
        since = {"period": period, "24h": now - DAY_S, "1h": now - HOUR_S}
        return {name: self._count(campaign, law, at, now, settings.pacing.fp_rate) for name, at in since.items()}

    def _count(self, campaign: CampaignId, law: Jurisdiction, since: float, now: float, fp_rate: float) -> WindowCount:
        kinds = [
            kind
            for fact, kind in self._answers(campaign, law)
            if fact.answered_at is not None and since <= fact.answered_at < now
        ]
        gone, abandoned = kinds.count(AnswerKind.CUSTOMER_GONE), kinds.count(AnswerKind.ABANDONED)
        live = len(kinds) - gone
        dropped = false_positives(live, law, fp_rate)
        return WindowCount(since, live, abandoned, dropped, gone, ratio(live, abandoned, dropped))

    async def history(self, campaign: CampaignId, since: float) -> Sequence[SettledAnswer]:
        self._memory.check()
        if campaign not in self._memory.campaigns:
            return []
        law = self._memory.campaigns[campaign].pacing.legal
        settled = [
            SettledAnswer(settled_at(fact), kind is AnswerKind.ABANDONED)
            for fact, kind in self._answers(campaign, law)
            if kind is not AnswerKind.CUSTOMER_GONE and settled_at(fact) > since
        ]
        return sorted(settled, key=lambda answer: answer.at)

    def _answers(self, campaign: CampaignId, law: Jurisdiction) -> Iterator[tuple[OutcomeFact, AnswerKind]]:
        for attempt, fact in self._memory.outcomes.items():
            kind = kind_of(fact, law)
            if kind is not None and self._memory.attempts[attempt].campaign == campaign:
                yield fact, kind

    async def load_pacing(self, campaign: CampaignId) -> SavedPacing | None:
        self._memory.check()
        saved = self._saved.get(campaign)
        return None if saved is None else SavedPacing(saved[0], json.loads(saved[1]))

    async def save_pacing(self, campaign: CampaignId, saved: SavedPacing) -> None:
        self._memory.check()
        if campaign not in self._memory.campaigns:
            raise NotFound("no_such_campaign", f"there is no campaign {campaign}")
        kept = self._saved.get(campaign)
        if kept is None or kept[0] <= saved.at:
            self._saved[campaign] = (saved.at, json.dumps(dict(saved.state), allow_nan=False))


def _period(law: Jurisdiction, began: float, now: float) -> float:
    if law.period == "campaign":
        return began + law.window_s * max(0, (now - began) // law.window_s)
    day = datetime.fromtimestamp(now, ZoneInfo(law.zone)).replace(hour=0, minute=0, second=0, microsecond=0)
    return (day.replace(day=1) if law.period == "month" else day).timestamp()
