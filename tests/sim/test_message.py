"""Messages and opt-outs over the whole runtime, in virtual time."""

from __future__ import annotations

import asyncio

import pytest

from engine.call.model import Phase
from engine.dialer.campaign import AnswerAction, DialMode
from engine.dialer.lead import LeadStatus
from engine.errors import Rejected, Unavailable
from engine.ids import CampaignId, ChannelId
from engine.outcome.disposition import Outcome
from engine.ports import OutcomeFact
from engine.simulation.cell import Cell, play

LISTENS, OTHER = "+12125550101", "+12135550101"
TEXT = "This is Example Limited."
SPOKEN = "sound:en-us/This is Example Limited. To not be called again, press 9."
CONFIRMED = "sound:en-us/You will not be called again. Goodbye."
AGENTLESS = {"dial_mode": DialMode.AGENTLESS, "answer_action": AnswerAction.MESSAGE, "identity_text": TEXT}


async def hearing(cell: Cell) -> ChannelId:
    """The person who hears a message now."""
    await cell.until(lambda: any(c.message_at is not None for c in cell.engine.switchboard.calls.values()))
    return next(c.channel for c in cell.engine.switchboard.calls.values() if c.phase is Phase.ANNOUNCING)


def fact(cell: Cell) -> OutcomeFact:
    (only,) = cell.memory.outcomes.values()
    return only


async def abandoned(cell: Cell, **changes: object) -> CampaignId:
    """A campaign whose one answer finds no agent."""
    await cell.staff(7001)
    campaign = await cell.campaign(LISTENS, **{"identity_text": TEXT, **changes})
    await cell.until(lambda: bool(cell.engine.switchboard.calls))
    await cell.engine.control.pause(cell.engine.switchboard.agents()[0].slot, "away")
    return campaign


def test_person_whom_no_agent_takes_hears_the_spoken_text_within_the_limit_and_is_abandoned() -> None:
    async def scene(cell: Cell) -> None:
        await abandoned(cell)
        channel = await hearing(cell)
        call = next(c for c in cell.engine.switchboard.calls.values() if c.channel == channel)
        assert call.policy.message == (SPOKEN,)
        await cell.settled()
        told = fact(cell)
        assert told.outcome is Outcome.ABANDONED
        assert told.message_at is not None
        assert told.answered_at is not None
        assert 0 < told.message_at - told.answered_at <= 2.0
        assert cell.metrics.of("vss_messages_total", result="heard") == 1

    play(scene)


@pytest.mark.parametrize("agentless", [False, True])
def test_digit_forbids_the_number_in_every_campaign_and_the_outcome_stays(agentless: bool) -> None:
    async def scene(cell: Cell) -> None:
        if agentless:
            await cell.campaign(LISTENS, **AGENTLESS)
        else:
            await abandoned(cell)
        channel = await hearing(cell)
        cell.asterisk.press(channel, "9")
        await cell.until(lambda: LISTENS in cell.memory.do_not_call)
        await cell.settled()
        told = fact(cell)
        assert told.outcome is (Outcome.ANSWERED if agentless else Outcome.ABANDONED)
        assert told.opted_out_at is not None
        assert [lead.status for lead in cell.memory.leads.values()] == [LeadStatus.EXCLUDED]
        (kept,) = cell.memory.calls.values()
        assert [name for _, name, _ in kept.journal if name in {"LegDigit", "PlaybackBegan"}] == [
            "PlaybackBegan", "LegDigit", "PlaybackBegan"
        ]  # fmt: skip
        dialed = len(cell.asterisk.dialed)
        await cell.campaign(LISTENS, **{**AGENTLESS, "name": "another"})
        await asyncio.sleep(10)
        assert len(cell.asterisk.dialed) == dialed
        assert cell.metrics.counted["vss_opt_outs_total"] == 1

    play(scene)


def test_opt_out_survives_a_database_that_is_away() -> None:
    async def scene(cell: Cell) -> None:
        await cell.campaign(LISTENS, **AGENTLESS)
        channel = await hearing(cell)
        cell.memory.away = True
        cell.asterisk.press(channel, "9")
        await asyncio.sleep(20)
        assert not cell.memory.do_not_call
        assert not cell.engine.parts()["postgres"].ok
        cell.memory.away = False
        await cell.settled()
        assert cell.memory.do_not_call == {LISTENS}

    play(scene)


def test_start_waits_for_the_voice_and_is_refused_without_it() -> None:
    async def scene(cell: Cell) -> None:
        cell.speech.away = True
        with pytest.raises(Unavailable, match="identity_text cannot be spoken"):
            await cell.campaign(LISTENS, identity_text=TEXT)
        with pytest.raises(Rejected, match="identity_text cannot be spoken: language") as refusal:
            await cell.campaign(OTHER, name="klingon", identity_text=TEXT, language="tlh")
        assert refusal.value.code == "language_unknown"
        assert not cell.asterisk.dialed
        await cell.campaign(LISTENS, name="own media", message=("sound:mine",), language="tlh")
        for lead in cell.memory.leads.values():
            lead.status = LeadStatus.DONE

    play(scene)


def test_sound_that_is_lost_disarms_the_campaign_until_it_is_made_again() -> None:
    async def scene(cell: Cell) -> None:
        campaign = await cell.campaign(identity_text=TEXT)
        messages, known = cell.engine.messages, cell.engine.dialing.campaigns[campaign]
        assert messages.armed(known)
        cell.speech.away = True
        cell.speech.lost.add(SPOKEN)
        assert not messages.armed(known)
        await asyncio.sleep(5)
        assert not messages.armed(known)
        assert cell.metrics.gauges["vss_unspoken_campaigns"] == 1
        cell.speech.away = False
        await asyncio.sleep(30)
        assert messages.armed(known)
        assert cell.metrics.gauges["vss_unspoken_campaigns"] == 0

    play(scene)


def test_running_campaign_is_spoken_for_before_a_restarted_engine_dials() -> None:
    async def scene(cell: Cell) -> None:
        campaign = await cell.campaign(identity_text=TEXT)
        cell.engine.messages._kept.clear()
        await cell.engine._speak_first()
        assert cell.engine.messages.of(cell.engine.dialing.campaigns[campaign]).message == (SPOKEN,)

    play(scene)


def test_campaign_without_words_of_its_own_says_the_general_ones() -> None:
    async def scene(cell: Cell) -> None:
        campaign = await cell.campaign(opt_out_digit="")
        said = cell.engine.messages.of(cell.engine.dialing.campaigns[campaign])
        assert (said.message, said.confirmation, said.opt_out_wait_s) == (("sound:identity",), (), 0.0)
        own = await cell.campaign(name="own", message=("sound:mine",), identity_text=TEXT)
        said = cell.engine.messages.of(cell.engine.dialing.campaigns[own])
        assert (said.message, said.confirmation) == (("sound:mine",), (CONFIRMED,))

    play(scene)


def test_message_without_a_sound_ends_the_call_and_is_told() -> None:
    async def scene(cell: Cell) -> None:
        cell.asterisk._missing_media = frozenset({SPOKEN})
        await cell.campaign(LISTENS, **AGENTLESS)
        await cell.settled()
        told = fact(cell)
        assert (told.outcome, told.message_at) == (Outcome.ABANDONED, None)
        assert cell.metrics.of("vss_messages_total", result="failed") == 1

    play(scene)
