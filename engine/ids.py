"""Names of things: every identifier the engine uses, and how the ones it makes are built.

The id of a customer's channel is the id of the attempt, so a channel found in Asterisk after a crash names its
attempt, and a repeated originate of the same attempt is refused by Asterisk instead of ringing a person twice.
"""

from __future__ import annotations

from typing import NewType
from uuid import UUID

CampaignId = NewType("CampaignId", int)
LeadId = NewType("LeadId", int)
AttemptId = NewType("AttemptId", str)
"""A UUID version 7 (RFC 9562) in text; ordered by time, so that index inserts stay local."""
CallId = NewType("CallId", str)
"""The id of the call's customer channel."""
ChannelId = NewType("ChannelId", str)
BridgeId = NewType("BridgeId", str)
PlaybackId = NewType("PlaybackId", str)
Slot = NewType("Slot", int)
"""A numbered SIP seat: AUTO 6001-6999, MF 7001-7999, LS 8001-8999, services 9001-9999."""
TrunkName = NewType("TrunkName", str)

SEAT_PREFIX = "seat"
LEG_PREFIX = "flow-"
"""Legs and bridges that runs of scripts make for themselves."""


def attempt_id(at: float, random_bits: int) -> AttemptId:
    """Build the attempt id for the instant `at` (epoch seconds) from 74 bits of randomness (RFC 9562, 5.7)."""
    ms = int(at * 1000) & (1 << 48) - 1
    value = ms << 80 | 0x7 << 76 | (random_bits >> 62 & 0xFFF) << 64 | 0b10 << 62 | random_bits & (1 << 62) - 1
    return AttemptId(str(UUID(int=value)))


def is_attempt(name: str) -> bool:
    """Whether a channel's name has the form of an attempt's id."""
    try:
        return UUID(name).version == 7
    except ValueError:
        return False


def seat_channel(slot: Slot, login_ms: int) -> ChannelId:
    """The channel of an agent's nailed-up leg; one per log-in, so a late event of an old one cannot be mistaken."""
    return ChannelId(f"{SEAT_PREFIX}-{slot}-{login_ms}")


def seat_bridge(slot: Slot, login_ms: int) -> BridgeId:
    """The bridge in which an agent's leg waits."""
    return bridge_of_seat(seat_channel(slot, login_ms))


def bridge_of_seat(channel: ChannelId) -> BridgeId:
    """The bridge in which a nailed-up leg waits."""
    return BridgeId(f"{channel}-bridge")


def begun_at(attempt: AttemptId) -> float:
    """When the attempt was claimed (epoch seconds, to the millisecond): its id says it."""
    return (UUID(attempt).int >> 80) / 1000


def seat_slot(name: str) -> Slot | None:
    """The slot whose nailed-up leg or bridge `name` is, or None for every other name."""
    if not name.startswith(SEAT_PREFIX):  # nearly every event is a customer's
        return None
    parts = name.split("-", 2)
    if parts[0] != SEAT_PREFIX or len(parts) < 3 or not parts[1].isdigit():
        return None
    return Slot(int(parts[1]))
