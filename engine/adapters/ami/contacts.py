"""Which slots are registered, derived from Asterisk's contacts (pure).

A slot is registered while at least one of its contacts is neither removed nor unreachable. `Unqualified` and `Unknown`
count as there: Asterisk has not asked the phone yet, or never does (qualify_frequency=0).
A full list is read at every (re)connect and from time to time. Events that arrive while the list is being read are
newer than the list, or agree with it; so what an event touched meanwhile wins.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from engine.ids import Slot

FIRST_SLOT, LAST_SLOT = 6001, 9999
CONTACTS_PER_SLOT_MAX = 16
"""More contacts of one slot are not kept: the slot is registered anyway."""

URI_MAX = 512

GONE = frozenset({"removed", "unreachable"})


@dataclass(frozen=True, slots=True)
class Contact:
    """One contact of a slot, as an event or the list tells it."""

    slot: Slot
    uri: str
    status: str

    @property
    def there(self) -> bool:
        return self.status.lower() not in GONE


@dataclass(frozen=True, slots=True)
class Change:
    """A slot became registered, or lost its registration."""

    slot: Slot
    registered: bool


@dataclass(slots=True)
class Registrations:
    """The contacts that are there, by slot."""

    _there: dict[Slot, set[str]] = field(default_factory=dict)
    _touched: set[tuple[Slot, str]] | None = None

    @property
    def registered(self) -> frozenset[Slot]:
        return frozenset(self._there)

    @property
    def contacts(self) -> int:
        return sum(len(uris) for uris in self._there.values())

    def apply(self, contact: Contact) -> Change | None:
        """Take one contact's news; returns the slot's change, if it is one."""
        if self._touched is not None:
            self._touched.add((contact.slot, contact.uri))
        return self._apply(contact)

    def begin_list(self) -> None:
        """A full list was asked for: from now on note what events touch."""
        self._touched = set()

    def finish_list(self, listed: Iterable[Contact]) -> tuple[Change, ...]:
        """The full list has come: contacts that it lacks are gone. Returns the changes, in order of slots."""
        touched, self._touched = self._touched or set(), None
        before = self.registered
        untouched = [one for one in listed if (one.slot, one.uri) not in touched]
        listed_there = {(one.slot, one.uri) for one in untouched if one.there}
        for slot, uris in list(self._there.items()):
            for uri in list(uris):
                if (slot, uri) not in touched and (slot, uri) not in listed_there:
                    self._apply(Contact(slot, uri, "Removed"))
        for one in untouched:
            self._apply(one)
        after = self.registered
        return tuple(Change(slot, slot in after) for slot in sorted(before ^ after))

    def _apply(self, contact: Contact) -> Change | None:
        uris = self._there.get(contact.slot)
        if contact.there:
            if uris is None:
                self._there[contact.slot] = {contact.uri}
                return Change(contact.slot, registered=True)
            if len(uris) < CONTACTS_PER_SLOT_MAX:
                uris.add(contact.uri)
            return None
        if uris is None or contact.uri not in uris:
            return None
        uris.discard(contact.uri)
        if uris:
            return None
        del self._there[contact.slot]
        return Change(contact.slot, registered=False)


def contact_of(headers: Mapping[str, object]) -> Contact | None:
    """The contact that a `ContactStatus` event or a `ContactList` entry is about; None when it is not a slot's.

    The two name the same things differently: EndpointName, URI and ContactStatus against Endpoint, Uri and Status.
    """
    known = {name.lower(): value for name, value in headers.items() if isinstance(value, str)}
    name = known.get("endpointname") or known.get("endpoint") or known.get("aor", "")
    status = known.get("contactstatus") or known.get("status", "")
    uri = known.get("uri", "")
    if not name.isascii() or not name.isdigit() or len(name) != 4 or not uri or not status:
        return None
    number = int(name)
    return Contact(Slot(number), uri[:URI_MAX], status) if FIRST_SLOT <= number <= LAST_SLOT else None
