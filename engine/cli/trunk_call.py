"""One test call over a trunk: it is originated like a customer's leg, and what comes back is told in plain words.

It goes through Asterisk under an application name of its own, beside the engine and without it: who answers hears the
identity message of the dialplan (who called), never silence, and is hung up after it.
"""

from __future__ import annotations

import asyncio
import random
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.errors import Unavailable
from engine.outcome.disposition import Outcome
from engine.trunk.cause import outcome_of

if TYPE_CHECKING:
    from engine.adapters.ari.telephony import AriTelephony
    from engine.call.events import CommandFailed, TelephonyEvent
    from engine.config import Settings

CONNECT_S = 10.0
RING_TIMEOUT_S = 30
MESSAGE_S = 20.0
"""The identity message is over by then; it ends the call itself."""
END_S = 15.0
"""After the ring timeout: SIP's own way to the end (a CANCEL that nobody answers)."""
CONTEXT = "vss-identity"
REACHED = frozenset({Outcome.ANSWERED, Outcome.BUSY, Outcome.NO_ANSWER, Outcome.DECLINED})
"""Outcomes that only a working trunk can have..."""
REFUSED = frozenset({401, 403, 407})
"""...unless it was the provider that declined us, not the person."""

_BY_SIP = {
    401: "the provider refuses our user name or password (401)",
    403: "forbidden (403): not registered, a wrong account or caller id, or a number we may not call",
    404: "the provider does not know this number (404)",
    407: "the provider refuses our user name or password (407)",
    408: "the provider did not answer in time (408)",
    480: "not available at the moment (480)",
    486: "busy (486)",
    488: "no common codec (488): see the trunk's codecs",
    503: "the provider has no room or is down (503)",
    603: "declined (603)",
}


@dataclass(frozen=True, slots=True)
class TrunkCall:
    """What became of the call. `cause` is Q.850, `sip_code` the last SIP status, None when there was none."""

    number: str
    outcome: Outcome
    cause: int
    sip_code: int | None
    ringing: bool
    after_s: float
    words: str

    @property
    def reached(self) -> bool:
        """Whether it shows that the trunk works."""
        return self.outcome in REACHED and self.sip_code not in REFUSED


def in_words(outcome: Outcome, cause: int, sip_code: int | None, *, ringing: bool) -> str:
    """What came back, for a person."""
    if outcome is Outcome.ANSWERED:
        return "answered"
    if outcome is Outcome.UNREACHABLE:
        return "nothing came back: no answer from the provider's address, wrong port, or a firewall"
    if outcome is Outcome.NO_ANSWER:
        return "it rang and nobody answered" if ringing else "no answer"
    if sip_code is not None:
        return _BY_SIP.get(sip_code, f"{outcome.replace('_', ' ')} (SIP {sip_code}, cause {cause})")
    return f"{outcome.replace('_', ' ')} (cause {cause})"


async def call(settings: Settings, trunk: str, number: str, caller_id: str, ring_timeout_s: int) -> TrunkCall:
    """Make the call and wait for its end. Raises Unavailable when Asterisk is away or refuses."""
    from engine.adapters.ari.socket import AriSettings
    from engine.adapters.ari.telephony import AriTelephony
    from engine.runtime.steady import SteadyClock

    ari = AriSettings(
        f"{settings.ari_url.rstrip('/')}/ari",
        settings.ari_user,
        settings.ari_password.get_secret_value(),
        # Asterisk keeps an application for ever: always the same one; a second test at the same time ends the first
        f"{settings.ari_app}-trunk-test",
    )
    telephony = AriTelephony(ari, SteadyClock(), trunks=[trunk], random=random.random)
    watch = _Watch(f"trunk-test-{secrets.token_hex(8)}")
    running = asyncio.create_task(telephony.run(watch.heard), name="trunk-test")
    try:
        await _connected(telephony, running)
        return await _dial(telephony, watch, trunk, number, caller_id, ring_timeout_s)
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError, Unavailable):
            await running


async def _connected(telephony: AriTelephony, running: asyncio.Task[None]) -> None:
    try:
        async with asyncio.timeout(CONNECT_S):
            while not telephony.connected:
                if running.done():
                    running.result()
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise Unavailable("ari", "Asterisk does not answer at VSS_ARI_URL, or refuses VSS_ARI_PASSWORD") from None


async def _dial(
    telephony: AriTelephony, watch: _Watch, trunk: str, number: str, caller_id: str, ring_timeout_s: int
) -> TrunkCall:
    from engine.call.commands import HangUp, Originate
    from engine.ids import ChannelId

    channel = ChannelId(watch.channel)
    loop = asyncio.get_running_loop()
    began_at = loop.time()
    telephony.perform(
        Originate(channel, f"PJSIP/{number}@{trunk}", CONTEXT, "s", caller_id, ring_timeout_s), watch.failed
    )
    try:
        async with asyncio.timeout(ring_timeout_s + END_S):
            await asyncio.wait(
                {asyncio.ensure_future(watch.answered.wait()), asyncio.ensure_future(watch.ended.wait())},
                return_when=asyncio.FIRST_COMPLETED,
            )
        after_s = round(loop.time() - began_at, 2)
        if watch.refused is not None:
            raise Unavailable("ari", f"Asterisk did not dial: {watch.refused}; has it read this trunk?")
        with suppress(TimeoutError):  # who answered hears the message to its end, never a silent call
            async with asyncio.timeout(MESSAGE_S):
                await watch.ended.wait()
    except TimeoutError:
        raise Unavailable("ari", "Asterisk did not tell how the call ended") from None
    finally:
        if not watch.ended.is_set():
            telephony.perform(HangUp(channel, 16), lambda failure: None)
            with suppress(TimeoutError):
                async with asyncio.timeout(END_S):
                    await watch.ended.wait()
    ringing = watch.ringing
    outcome = (
        Outcome.ANSWERED if watch.answered.is_set() else outcome_of(watch.cause, watch.sip_code, ringing_seen=ringing)
    )
    words = in_words(outcome, watch.cause, watch.sip_code, ringing=ringing)
    return TrunkCall(number, outcome, watch.cause, watch.sip_code, ringing, after_s, words)


@dataclass(slots=True)
class _Watch:
    """What was heard of one channel."""

    channel: str
    ringing: bool = False
    cause: int = 0
    sip_code: int | None = None
    refused: str | None = None
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def heard(self, event: TelephonyEvent) -> None:
        from engine.call.events import LegAnswered, LegEnded, LegRinging, SocketLost

        match event:
            case LegRinging(channel=self.channel):
                self.ringing = True
            case LegAnswered(channel=self.channel):
                self.answered.set()
            case LegEnded(channel=self.channel):
                self.cause, self.sip_code = event.cause, event.sip_code
                self.ended.set()
            case SocketLost():
                self.refused = "the connection was lost"
                self.ended.set()

    def failed(self, failure: CommandFailed) -> None:
        self.refused = failure.detail or failure.failure.value
        self.ended.set()
