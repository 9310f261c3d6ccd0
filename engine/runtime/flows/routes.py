"""Where inbound numbers go, scripts first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from engine.ports import InboundRoute, RouteDirectory, ScriptTarget, TargetKind

from .desk import slot_target


@dataclass(frozen=True, slots=True)
class ScriptRoutes:
    """A RouteDirectory in which a number that is bound to a script leads there, and so does a route to its seat."""

    routes: RouteDirectory
    bound: Callable[[ScriptTarget], bool]
    """Whether a target runs a script; returns at once."""

    async def route(self, did: str) -> InboundRoute | None:
        """The route of an inbound number or slot, or None. Raises Unavailable, but not for a number that is bound."""
        own = self._script_of(did)
        if own is not None:
            return InboundRoute(did, "", script=own)
        found = await self.routes.route(did)
        seat = None if found is None or found.slot is None else slot_target(found.slot)
        if found is not None and seat is not None and self.bound(seat):
            return replace(found, script=seat)
        return found

    def _script_of(self, did: str) -> ScriptTarget | None:
        """A number is written with its plus sign or without it."""
        digits = did.removeprefix("+")
        named = [ScriptTarget(TargetKind.DID, name) for name in (did, digits, f"+{digits}")]
        if digits.isdigit() and len(digits) == 4 and (seat := slot_target(int(digits))) is not None:
            named.append(seat)
        return next((target for target in named if self.bound(target)), None)
