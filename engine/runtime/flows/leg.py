"""The leg of a run's call as plain data: what an engine that takes the call over must know of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.call.model import Call, CallKind, CallPolicy, Phase
from engine.ids import AttemptId, CallId, CampaignId, LeadId, TrunkName


def leg_of(call: Call, *, to_agent: bool) -> dict[str, Any]:
    """Plain data for JSON."""
    return {
        "kind": call.kind.value,
        "number": call.number,
        "trunk": call.trunk,
        "attempt": call.attempt,
        "campaign": call.campaign,
        "lead": call.lead,
        "lead_attempts": call.lead_attempts,
        "created_at": call.created_at,
        "dialed_at": call.dialed_at,
        "ringing_at": call.ringing_at,
        "answered_at": call.answered_at,
        "live_at": call.live_at,
        "bridged_at": call.bridged_at,
        "settled": call.settled,
        "recording": call.recording,
        "to_agent": to_agent,
    }


def call_of(name: CallId, script: str, leg: Mapping[str, Any], policy: CallPolicy) -> Call:
    """The call again, where the script has it. Raises KeyError, ValueError."""
    return Call(
        name,
        CallKind(leg["kind"]),
        Phase.SCRIPTED,
        leg["number"],
        policy,
        leg["created_at"],
        trunk=None if leg["trunk"] is None else TrunkName(leg["trunk"]),
        attempt=None if leg["attempt"] is None else AttemptId(leg["attempt"]),
        campaign=None if leg["campaign"] is None else CampaignId(leg["campaign"]),
        lead=None if leg["lead"] is None else LeadId(leg["lead"]),
        lead_attempts=leg["lead_attempts"],
        dialed_at=leg["dialed_at"],
        ringing_at=leg["ringing_at"],
        answered_at=leg["answered_at"],
        live_at=leg["live_at"],
        bridged_at=leg["bridged_at"],
        settled=leg["settled"],
        recording=leg["recording"],
        script=script,
        scripted=True,
    )
