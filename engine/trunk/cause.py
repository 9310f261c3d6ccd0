"""What the end of an unanswered leg means: Q.850 cause and SIP status to an outcome (pure, total).

Asterisk 22 maps SIP answers to Q.850 causes (measured): 486, 600 -> 17; 480 -> 19; 408 -> 18; 404 -> 1; 410 -> 22;
484 -> 28; 403, 603 -> 21; 488 -> 58; 500 -> 38; 502 -> 27; 503 -> 34; 504 -> 102; 607 -> 127. A ring timeout, no
answer at all and a closed port all give 19 with 480: only the ringing seen before tells them apart.
"""

from __future__ import annotations

from engine.outcome.disposition import Outcome

_BY_CAUSE: dict[int, Outcome] = {
    1: Outcome.INVALID_NUMBER,  # unallocated number
    2: Outcome.INVALID_NUMBER,  # no route to transit network
    3: Outcome.INVALID_NUMBER,  # no route to destination
    17: Outcome.BUSY,
    20: Outcome.UNREACHABLE,  # subscriber absent
    21: Outcome.DECLINED,
    22: Outcome.INVALID_NUMBER,  # number changed (SIP 410)
    26: Outcome.CANCELLED,  # answered elsewhere
    27: Outcome.CONGESTION,  # destination out of order (SIP 502)
    28: Outcome.INVALID_NUMBER,  # incomplete number (SIP 484)
    34: Outcome.CONGESTION,
    38: Outcome.CONGESTION,
    41: Outcome.CONGESTION,
    42: Outcome.CONGESTION,
    44: Outcome.CONGESTION,
    102: Outcome.CONGESTION,  # timer expiry (SIP 504)
}
TIMEOUT_CAUSES = frozenset({18, 19})


def outcome_of(cause: int, sip_code: int | None, *, ringing_seen: bool) -> Outcome:
    """Return the outcome of a leg that ended unanswered.

    `cause` is any integer (0: not known), `sip_code` the last SIP status or None. Never raises.
    """
    if cause in TIMEOUT_CAUSES:
        return Outcome.NO_ANSWER if ringing_seen else Outcome.UNREACHABLE
    if cause in _BY_CAUSE:
        return _BY_CAUSE[cause]
    if cause == 16:  # normal clearing before an answer: only our own CANCEL ends a leg that way
        return Outcome.CANCELLED
    if sip_code is not None and 500 <= sip_code <= 599:
        return Outcome.CONGESTION
    if cause == 0 and sip_code is None:
        return Outcome.UNKNOWN
    return Outcome.FAILED
