"""Campaigns' messages: texts become sound before any call needs them, never on a call's way.

A start waits for the sound and is refused without it. Of a campaign that runs already (the engine was restarted, the
files are gone) the sound is made again in the background; until then its people hear the general message, and nothing
is dialed beyond one line per idle agent (`armed`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import structlog

from engine.clock import Clock
from engine.dialer.campaign import Campaign, CampaignStatus
from engine.dialer.phrases import identity_words, phrases_of
from engine.errors import Rejected, Unavailable
from engine.ids import CampaignId
from engine.ports import Metrics, Speech

log = structlog.get_logger()

RETRY_FIRST_S = 5.0
RETRY_MAX_S = 60.0
REFRESH_S = 3600.0
"""Sounds that are in use say so this often, else their shelf would give them away after a day."""
OPT_OUT_WAIT_S = 3.0
"""The message ends with the key to press; this long it may still be pressed."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """What people of a campaign hear whom no agent takes (agentless: whom the call is for)."""

    message: tuple[str, ...]
    confirmation: tuple[str, ...] = ()
    opt_out_wait_s: float = 0.0


Key = tuple[str, str, str, tuple[str, ...]]


@dataclass(slots=True)
class _Kept:
    """What is known of one campaign's sounds."""

    key: Key
    announcement: Announcement | None = None
    again_at: float = 0.0
    pause_s: float = RETRY_FIRST_S


class Messages:
    """The announcements of all campaigns; `prepare` makes them, everything else returns at once."""

    def __init__(self, speech: Speech, clock: Clock, metrics: Metrics, general: tuple[str, ...]) -> None:
        """`general` is for campaigns that have no message of their own, or whose text has no sound yet."""
        self._speech = speech
        self._clock = clock
        self._metrics = metrics
        self._general = general
        self._kept: dict[CampaignId, _Kept] = {}

    def of(self, campaign: Campaign) -> Announcement:
        """What its people hear now."""
        kept = self._kept.get(campaign.id)
        if kept is not None and kept.key == _key(campaign) and kept.announcement is not None:
            return kept.announcement
        return Announcement(campaign.message or self._general)

    def armed(self, campaign: Campaign) -> bool:
        """Whether a person whom no agent takes in time hears the campaign's message: it is prepared and whole."""
        if campaign.message or not campaign.identity_text:
            return bool(campaign.message or self._general)
        kept = self._kept.get(campaign.id)
        return (
            kept is not None
            and kept.key == _key(campaign)
            and kept.announcement is not None
            and self._speech.playable(kept.announcement.message)
        )

    async def prepare(self, campaign: Campaign) -> None:
        """Make the campaign's texts sound. Raises Rejected and Unavailable(`speech`), the field's name in them."""
        announcement = await self._spoken(campaign)
        self._kept[campaign.id] = _Kept(_key(campaign), announcement, self._clock.now() + REFRESH_S)

    async def keep(self, campaigns: Iterable[Campaign]) -> None:
        """One round over the campaigns: prepare what is due and forget what is gone; failures are told and repeated."""
        now, unspoken = self._clock.now(), 0
        wanted = {one.id: one for one in campaigns if one.status is not CampaignStatus.STOPPED}
        for gone in self._kept.keys() - wanted.keys():
            del self._kept[gone]
        for campaign in wanted.values():
            kept = self._kept.get(campaign.id)
            if kept is None or kept.key != _key(campaign):
                kept = self._kept[campaign.id] = _Kept(_key(campaign))
            lost = kept.announcement is not None and not self.armed(campaign)
            if now >= kept.again_at or (lost and kept.pause_s == RETRY_FIRST_S):
                await self._try(campaign, kept)
            unspoken += campaign.status is CampaignStatus.RUNNING and not self.armed(campaign)
        self._metrics.gauge("vss_unspoken_campaigns", unspoken)

    async def _try(self, campaign: Campaign, kept: _Kept) -> None:
        try:
            await self.prepare(campaign)
        except (Rejected, Unavailable) as error:
            if kept.pause_s == RETRY_FIRST_S:
                log.warning("message_unspoken", campaign=campaign.id, reason=str(error))
            kept.again_at = self._clock.now() + kept.pause_s
            kept.pause_s = min(RETRY_MAX_S, 2 * kept.pause_s)

    async def _spoken(self, campaign: Campaign) -> Announcement:
        if campaign.message or not campaign.identity_text:
            return Announcement(campaign.message or self._general, await self._confirmation_or_none(campaign))
        digit = campaign.opt_out_digit
        try:
            words = identity_words(campaign.identity_text, campaign.language, digit)
            message = await self._speech.prepare(words, campaign.language)
            confirmation = await self._confirmation(campaign) if digit else ()
        except Rejected as refusal:
            raise Rejected(refusal.code, f"identity_text cannot be spoken: {refusal}", refusal.status) from None
        except Unavailable as error:
            raise Unavailable(error.part, f"identity_text cannot be spoken: {error}") from error
        return Announcement(message, confirmation, OPT_OUT_WAIT_S if digit else 0.0)

    async def _confirmation(self, campaign: Campaign) -> tuple[str, ...]:
        return await self._speech.prepare(phrases_of(campaign.language).confirmation, campaign.language)

    async def _confirmation_or_none(self, campaign: Campaign) -> tuple[str, ...]:
        """With media of the operator's own a synthesiser is not needed: without one the call just ends."""
        if not campaign.opt_out_digit:
            return ()
        try:
            return await self._confirmation(campaign)
        except (Rejected, Unavailable):
            return ()


def _key(campaign: Campaign) -> Key:
    """What the sounds depend on."""
    return campaign.identity_text, campaign.language, campaign.opt_out_digit, campaign.message
