"""SIP seats: adding and listing them, and their accounts for rendering Asterisk's configuration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import asyncpg

from engine.errors import Rejected
from engine.ids import Slot

from .pool import Database


@dataclass(frozen=True, slots=True)
class Seat:
    """A seat as it is kept. `kind` follows from the number: AUTO, MF, LS or SERVICE."""

    slot: Slot
    pool: str = "default"
    display_name: str = ""
    sip_secret: str | None = field(default=None, repr=False)
    """In clear, as SIP digest needs it; None in lists."""
    kind: str = ""
    state: str = "idle"


def kind_of(slot: Slot) -> str:
    """Return the kind of a slot number; raises Rejected(`slot_number`) outside all ranges."""
    kinds = {6: "AUTO", 7: "MF", 8: "LS", 9: "SERVICE"}
    if not 6001 <= slot <= 9999 or slot % 1000 == 0:
        raise Rejected("slot_number", f"slot {slot} is in no range: 6001-6999, 7001-7999, 8001-8999 or 9001-9999", 422)
    return kinds[slot // 1000]


class PostgresSeats:
    """The keeping of seats."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, seats: Sequence[Seat]) -> None:
        """Add seats or change them, all or none; a change without a secret keeps the old one. Raises Rejected."""
        try:
            await self._database.value(
                "put_seats",
                [seat.slot for seat in seats],
                [kind_of(seat.slot) for seat in seats],
                [seat.pool for seat in seats],
                [seat.display_name for seat in seats],
                [seat.sip_secret for seat in seats],
            )
        except asyncpg.IntegrityConstraintViolationError as error:
            raise Rejected("slot_invalid", f"{error.args[0]}", 422) from None

    async def list(self) -> Sequence[Seat]:
        """All enabled seats in order, without secrets."""
        return [_seat_of(row, None) for row in await self._database.rows("seats")]

    async def with_secrets(self) -> Sequence[Seat]:
        """All enabled seats with their secrets, for rendering Asterisk's configuration only."""
        return [_seat_of(row, row["sip_secret"]) for row in await self._database.rows("seats_with_secrets")]


def _seat_of(row: asyncpg.Record, secret: str | None) -> Seat:
    return Seat(Slot(row["slot_id"]), row["pool"], row["display_name"], secret, row["kind"], row["state"])
