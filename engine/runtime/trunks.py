"""The cell's trunks: their records, and what each of them may carry now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from engine.clock import Clock
from engine.ids import TrunkName
from engine.ports import TrunkRecord
from engine.revision import revised
from engine.trunk.capacity import Capacity


@dataclass(slots=True)
class Trunks:
    """Capacity is taken before anything is awaited, and given back for what was not used: two takers never share it."""

    clock: Clock
    records: dict[TrunkName, TrunkRecord] = field(default_factory=dict)
    _capacity: dict[TrunkName, Capacity] = field(default_factory=dict)
    """Kept for a trunk that was removed: its calls still end."""

    def update(self, records: Iterable[TrunkRecord]) -> None:
        """Replace the records; limits that changed hold from now on, calls under way stay counted."""
        self.records = {record.name: record for record in records}
        for name, record in self.records.items():
            known = self._capacity.get(name, Capacity(record.cps_max, record.channels_max))
            self._capacity[name] = revised(known, cps_max=record.cps_max, channels_max=record.channels_max)

    def capacity(self, name: TrunkName) -> Capacity | None:
        """A trunk's capacity at this moment; None for one that this cell does not have (any more)."""
        if name not in self.records:
            return None
        capacity = self._capacity[name] = self._capacity[name].refilled(self.clock.now())
        return capacity

    def take(self, name: TrunkName, count: int = 1) -> bool:
        """Take `count` calls, or none at all and return False."""
        capacity = self.capacity(name)
        if capacity is None or capacity.free < count:
            return False
        self._capacity[name] = capacity.taken(count)
        return True

    def occupy(self, name: TrunkName | None) -> None:
        """A call that an engine before us dialed goes on: it has a channel, and no call of this second."""
        if name is not None and name in self._capacity:
            self._capacity[name] = self._capacity[name].occupied()

    def give_back(self, name: TrunkName, count: int) -> None:
        """`count` calls that were taken are not made: neither a channel nor a call of this second was used."""
        self._capacity[name] = self._capacity[name].returned(count)

    def release(self, name: TrunkName | None) -> None:
        """A call over the trunk ended."""
        if name is not None and name in self._capacity:
            self._capacity[name] = self._capacity[name].released()
