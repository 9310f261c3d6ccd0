"""How the far end of a dialed number behaves, for the fake Asterisk; the numbers are those of SIPp's carrier."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Callee:
    """Times are seconds after the dial, `hangs_up_after_s` after the answer; None is never.

    `cause` (Q.850) and `sip_code` are what a refusal ends the leg with.
    """

    rings_after_s: float | None = None
    answers_after_s: float | None = None
    hangs_up_after_s: float | None = None
    refuses_after_s: float | None = None
    cause: int = 0
    sip_code: int | None = None


TALKS = Callee(rings_after_s=0.02, answers_after_s=0.1, hangs_up_after_s=1.5)
LISTENS = Callee(rings_after_s=0.02, answers_after_s=0.1)
BUSY = Callee(refuses_after_s=0.02, cause=17, sip_code=486)
RINGS_OUT = Callee(rings_after_s=0.02)
DECLINES = Callee(rings_after_s=0.02, refuses_after_s=0.1, cause=21, sip_code=603)
UNALLOCATED = Callee(refuses_after_s=0.02, cause=1, sip_code=404)
CONGESTED = Callee(refuses_after_s=0.02, cause=34, sip_code=503)
HANGS_UP_AT_ONCE = Callee(rings_after_s=0.02, answers_after_s=0.1, hangs_up_after_s=0.0)
EARLY_MEDIA = TALKS
SILENT = Callee()

BY_LAST_DIGIT = {
    "0": TALKS,
    "1": LISTENS,
    "2": BUSY,
    "3": RINGS_OUT,
    "4": DECLINES,
    "5": UNALLOCATED,
    "6": CONGESTED,
    "7": HANGS_UP_AT_ONCE,
    "8": EARLY_MEDIA,
    "9": SILENT,
}
"""The same meaning as in sipp/carrier.xml."""


def carrier(endpoint: str) -> Callee | None:
    """The carrier's answer to `PJSIP/<number>@carrier`; a seat (`PJSIP/<slot>`) answers; anything else is unknown."""
    number, at, trunk = endpoint.removeprefix("PJSIP/").partition("@")
    if at:
        return BY_LAST_DIGIT.get(number[-1:]) if trunk == "carrier" else None
    return LISTENS if number.isdigit() else None
