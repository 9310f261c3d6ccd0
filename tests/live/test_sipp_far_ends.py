"""SIPp's far ends against the real Asterisk: every behaviour of the carrier, the phones, and audio both ways."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from engine.stack.calllog import read_calls
from engine.stack.carrier import CarrierCall, count_finals
from engine.stack.instance import Stack
from engine.stack.phones import PhoneHabits, PhoneManner
from engine.stack.programs import Programs
from engine.stack.sound import Sound
from engine.stack.tones import AGENT_HZ
from tests.live.bare_ari import BareAri
from tests.live.far_ends import SLOTS, FarEnds, eventually, open_far_ends

pytestmark = pytest.mark.live

# the last digit of a number: final status in the carrier's log, cause and SIP code in Asterisk's ChannelDestroyed
REFUSALS = {2: (486, 17, 486), 4: (603, 21, 603), 5: (404, 1, 404), 6: (503, 34, 503)}
# a mixed frame at a switch and one packet under way
SWITCH_MS = 100.0


@pytest.fixture(scope="module")
async def far_ends(stack: Stack, programs: Programs) -> AsyncIterator[FarEnds]:
    async with open_far_ends(stack, "far-ends", programs) as opened:
        yield opened


@pytest.fixture
async def ari(far_ends: FarEnds) -> AsyncIterator[BareAri]:
    async with BareAri(far_ends.asterisk, "carrier", "7002", "7003", "7004") as connected:
        yield connected
    await far_ends.quiet()


def number(last_digit: int, tens: int = 1) -> str:
    return f"+1200555010{last_digit}" if tens == 0 else f"+120055501{tens}{last_digit}"


async def carrier_call(far_ends: FarEnds, dialed: str) -> CarrierCall:
    """The carrier's record of the last call to a number, once it has ended."""

    async def last() -> CarrierCall | None:
        calls = [call for call in far_ends.carrier.calls() if call.number == dialed]
        return calls[-1] if calls and not calls[-1].is_open else None

    call = await eventually(last, lambda found: found is not None)
    assert call is not None
    return call


@pytest.mark.parametrize("digit", REFUSALS)
async def test_carrier_refuses_as_the_last_digit_says(far_ends: FarEnds, ari: BareAri, digit: int) -> None:
    final, cause, sip = REFUSALS[digit]
    channel = await ari.dial(f"PJSIP/{number(digit)}@carrier", "vss-customer")
    destroyed = await ari.event("ChannelDestroyed", channel)
    assert (destroyed["cause"], destroyed["tech_cause"]) == (cause, sip)
    call = await carrier_call(far_ends, number(digit))
    assert (call.final, call.ended_by, call.answered_ms) == (final, "carrier", None)


@pytest.mark.parametrize(("digit", "early"), [(0, False), (7, False), (8, True)])
async def test_carrier_answers_and_hangs_up_itself(far_ends: FarEnds, ari: BareAri, digit: int, early: bool) -> None:
    channel = await ari.dial(f"PJSIP/{number(digit)}@carrier", "vss-customer")
    await ari.event("StasisStart", channel)
    await ari.event("ChannelDestroyed", channel)
    call = await carrier_call(far_ends, number(digit))
    assert (call.final, call.ended_by) == (200, "carrier")
    assert (call.early_ms is not None) is early
    assert call.talk_ms is not None
    assert (call.talk_ms < 500) is (digit == 7)


async def test_carrier_talks_until_the_other_side_hangs_up(far_ends: FarEnds, ari: BareAri) -> None:
    channel = await ari.dial(f"PJSIP/{number(1)}@carrier", "vss-customer")
    await ari.event("StasisStart", channel)
    await ari.delete(f"channels/{channel}")
    call = await carrier_call(far_ends, number(1))
    assert (call.final, call.ended_by) == (200, "caller")


async def test_ringing_tells_a_ring_timeout_from_a_carrier_that_says_nothing(far_ends: FarEnds, ari: BareAri) -> None:
    rings = await ari.dial(f"PJSIP/{number(3)}@carrier", "vss-customer", ring_timeout_s=2)
    silent = await ari.dial(f"PJSIP/{number(9)}@carrier", "vss-customer", ring_timeout_s=2)
    for channel in (rings, silent):
        destroyed = await ari.event("ChannelDestroyed", channel)
        assert (destroyed["cause"], destroyed["tech_cause"]) == (19, 480)
    ringing = {
        event["channel"]["id"]
        for event in ari.events
        if event["type"] == "ChannelStateChange" and event["channel"]["state"] == "Ringing"
    }
    assert rings in ringing
    assert silent not in ringing
    cancelled = await carrier_call(far_ends, number(3))
    assert (cancelled.final, cancelled.ended_by) == (487, "caller")
    unheard = await carrier_call(far_ends, number(9))
    assert (unheard.final, unheard.ended_by) == (None, "nobody")


async def test_customer_and_agent_hear_each_other_and_no_music(far_ends: FarEnds, ari: BareAri) -> None:
    ports = far_ends.stack.ports.sipp
    async with (
        far_ends.phones(2, SLOTS[:1], PhoneHabits()) as phones,
        far_ends.tones("agent-tones", phones, ports[3], AGENT_HZ) as agent_tones,
    ):
        agent = await ari.dial("PJSIP/7001", "vss-agent")
        await ari.event("StasisStart", agent)
        await ari.post("bridges/pair", type="mixing")
        await ari.post("bridges/pair/addChannel", channel=agent)
        await ari.post(f"channels/{agent}/moh")

        async def waiting() -> bool:
            return agent_tones.heard()[-1].first_ms(Sound.OTHER) is not None

        await eventually(waiting, bool)
        customer = await ari.dial(f"PJSIP/{number(1)}@carrier", "vss-customer")
        await ari.event("StasisStart", customer)
        await ari.delete(f"channels/{agent}/moh")
        await ari.post("bridges/pair/addChannel", channel=customer)

        async def both_hear() -> bool:
            return agent_tones.heard()[-1].tone_heard and far_ends.carrier_tones.heard()[-1].tone_heard

        await eventually(both_hear, bool)
        await asyncio.sleep(1)
        assert (await ari.get("bridges/pair"))["technology"] == "native_rtp"
        await ari.delete(f"channels/{customer}")
        call = await carrier_call(far_ends, number(1))
        await ari.delete(f"channels/{agent}")
        await ari.delete("bridges/pair")
    assert call.ended_ms is not None
    customer_heard = far_ends.carrier_tones.heard()[-1]
    assert customer_heard.call_id == call.call_id
    assert customer_heard.first_ms(Sound.OTHER) is None
    agent_heard = agent_tones.heard()[-1]
    since = agent_heard.first_ms(Sound.TONE)
    assert since is not None
    assert agent_heard.lasting_ms(Sound.OTHER, since + SWITCH_MS, call.ended_ms) == 0.0
    assert phones.calls()[-1].final == 200


async def test_digits_of_a_waiting_agent_arrive(far_ends: FarEnds, ari: BareAri) -> None:
    ports = far_ends.stack.ports.sipp
    async with (
        far_ends.phones(2, SLOTS[:1], PhoneHabits()) as phones,
        far_ends.tones("agent-tones", phones, ports[3], AGENT_HZ) as tones,
    ):
        agent = await ari.dial("PJSIP/7001", "vss-agent")
        await ari.event("StasisStart", agent)
        await ari.post(f"channels/{agent}/moh")

        async def heard() -> bool:
            return bool(tones.heard())

        await eventually(heard, bool)
        tones.press("7001", "4*#")

        async def digits() -> str:
            return "".join(event["digit"] for event in ari.events if event["type"] == "ChannelDtmfReceived")

        assert await eventually(digits, lambda got: len(got) >= 3) == "4*#"
        await ari.delete(f"channels/{agent}")


async def test_phones_register_and_unregister(far_ends: FarEnds) -> None:
    async def contacts() -> str:
        return await far_ends.asterisk.cli("pjsip show contacts")

    async with far_ends.phones(2, SLOTS[:3], PhoneHabits()) as phones:
        shown = await contacts()
        assert all(f"{slot.number}/sip:" in shown for slot in SLOTS[:3])
        await phones.unregister("7002")
        await eventually(contacts, lambda said: "7002/sip:" not in said)
        assert "7003/sip:" in await contacts()
    await eventually(contacts, lambda said: "7003/sip:" not in said)


async def test_phones_may_be_busy_not_answered_or_leave(far_ends: FarEnds, ari: BareAri) -> None:
    async with (
        far_ends.phones(2, SLOTS[1:2], PhoneHabits(PhoneManner.BUSY)) as busy,
        far_ends.phones(5, SLOTS[2:3], PhoneHabits(PhoneManner.NO_ANSWER)) as unanswered,
        far_ends.phones(8, SLOTS[3:4], PhoneHabits(hang_up_after_ms=300)) as leaving,
    ):
        destroyed = await ari.event("ChannelDestroyed", await ari.dial("PJSIP/7002", "vss-agent"))
        assert destroyed["cause"] == 17
        destroyed = await ari.event("ChannelDestroyed", await ari.dial("PJSIP/7003", "vss-agent", ring_timeout_s=1))
        assert destroyed["cause"] == 19
        left = await ari.dial("PJSIP/7004", "vss-agent")
        await ari.event("StasisStart", left)
        await ari.event("ChannelDestroyed", left)
        await far_ends.quiet()
        assert [call.final for call in busy.calls()] == [486]
        assert [call.final for call in unanswered.calls()] == [487]
        assert [(call.final, call.ended_by) for call in leaving.calls()] == [(200, "carrier")]


async def test_log_of_many_calls_at_once_is_whole(far_ends: FarEnds, ari: BareAri) -> None:
    before = count_finals(far_ends.carrier.calls())
    channels = [
        await ari.dial(f"PJSIP/{number(digit, tens)}@carrier", "vss-customer", ring_timeout_s=3)
        for tens in range(2, 6)
        for digit in (0, 2, 3, 4, 5, 6, 7, 8, 9)
    ]
    for channel in channels:
        await ari.event("ChannelDestroyed", channel, timeout_s=30)
    await far_ends.quiet()

    async def finals() -> dict[str, int]:
        now = count_finals(read_calls(far_ends.carrier.log))
        return {final: now[final] - before.get(final, 0) for final in now if now[final] != before.get(final, 0)}

    wanted = {"200": 12, "404": 4, "486": 4, "487": 4, "503": 4, "603": 4, "none": 4}
    assert await eventually(finals, lambda got: got == wanted) == wanted
