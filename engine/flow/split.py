"""Splits: which version of a script a call runs, when a share of the calls goes to a new one (pure).

A call's place between 0 and 1 follows from its id and the split's seed alone, so that every cell and every repetition
finds the same version. The newest version has the beginning of the line: when its share grows, no call's place moves
from it to an older one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from engine.errors import Rejected

SHARES_MAX = 10
"""Versions of one split at once."""
_PLACES = 1 << 53
_NOTHING = 1e-9
"""A smaller share is none: nobody would ever meet it."""


@dataclass(frozen=True, slots=True)
class Share:
    """A version (its content hash) and the part of the calls that run it."""

    version: str
    share: float


def place(call: str, seed: int) -> float:
    """Where a call stands, at least 0 and below 1."""
    digest = hashlib.sha256(f"{seed}:{call}".encode("utf-8", "surrogatepass")).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / _PLACES


def chosen(shares: Sequence[Share], call: str, seed: int) -> str:
    """The version that a call runs. `shares` is not empty and sums to 1."""
    here = place(call, seed)
    end = 0.0
    for share in shares:
        end += share.share
        if here < end:
            return share.version
    return shares[-1].version


def with_share(shares: Sequence[Share], version: str, share: float) -> tuple[Share, ...]:
    """A split in which `version` has `share` and the others keep their proportion in the rest; newest first.

    Raises Rejected(`share_invalid`): not above 0 and at most 1, or less than 1 where nothing else is there.
    """
    if not 0 < share <= 1:
        raise Rejected("share_invalid", f"share {share:g}: more than 0 and at most 1", 422)
    others = [other for other in shares if other.version != version]
    if share == 1:
        return (Share(version, 1.0),)
    if not others:
        text = f"share {share:g}: nothing else is bound there that could take the other calls; leave the share out"
        raise Rejected("share_invalid", text, 422)
    whole = sum(other.share for other in others)
    kept = [Share(other.version, other.share / whole * (1 - share)) for other in others]
    made = (Share(version, share), *(one for one in kept if one.share > _NOTHING))
    if len(made) > SHARES_MAX:
        raise Rejected("share_invalid", f"at most {SHARES_MAX} versions share a target: give one of them all calls")
    return made
