"""Registrations derived from contacts, against a model that remembers everything."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.adapters.ami.contacts import CONTACTS_PER_SLOT_MAX, Change, Contact, Registrations, contact_of
from engine.ids import Slot

SEVEN = Slot(7001)
STATUSES = ["Reachable", "NonQualified", "Unqualified", "Updated", "Unknown", "Unreachable", "Removed"]
contacts = st.builds(
    Contact, st.sampled_from([Slot(7001), Slot(7002)]), st.sampled_from(["a", "b", "c"]), st.sampled_from(STATUSES)
)


def test_first_contact_registers_and_last_one_unregisters() -> None:
    registrations = Registrations()
    assert registrations.apply(Contact(SEVEN, "a", "NonQualified")) == Change(SEVEN, True)
    assert registrations.apply(Contact(SEVEN, "a", "Reachable")) is None
    assert registrations.apply(Contact(SEVEN, "b", "NonQualified")) is None
    assert registrations.apply(Contact(SEVEN, "a", "Removed")) is None, "the phone moved to another port"
    assert registrations.apply(Contact(SEVEN, "b", "Unreachable")) == Change(SEVEN, False)
    assert registrations.apply(Contact(SEVEN, "b", "Removed")) is None
    assert registrations.registered == frozenset()


def test_list_ends_what_was_lost_while_away() -> None:
    registrations = Registrations()
    registrations.apply(Contact(SEVEN, "a", "Reachable"))
    registrations.begin_list()
    assert registrations.finish_list([Contact(Slot(7002), "x", "Reachable")]) == (
        Change(SEVEN, False),
        Change(Slot(7002), True),
    )


def test_list_that_changes_a_contact_but_not_the_slot_says_nothing() -> None:
    registrations = Registrations()
    registrations.apply(Contact(SEVEN, "a", "Reachable"))
    registrations.begin_list()
    assert registrations.finish_list([Contact(SEVEN, "b", "Reachable")]) == ()
    assert registrations.apply(Contact(SEVEN, "b", "Removed")) == Change(SEVEN, False)


def test_event_during_the_list_is_newer_than_the_list() -> None:
    registrations = Registrations()
    registrations.begin_list()
    registrations.apply(Contact(SEVEN, "a", "Reachable"))
    registrations.apply(Contact(SEVEN, "a", "Removed"))
    registrations.apply(Contact(Slot(7002), "b", "Reachable"))
    assert registrations.finish_list([Contact(SEVEN, "a", "Reachable")]) == ()
    assert registrations.registered == {7002}


def test_slot_with_endless_contacts_keeps_a_bounded_number() -> None:
    registrations = Registrations()
    for number in range(1000):
        registrations.apply(Contact(SEVEN, f"sip:{number}", "Reachable"))
    assert registrations.contacts == CONTACTS_PER_SLOT_MAX


@given(st.lists(contacts, max_size=40))
def test_changes_alternate_and_agree_with_the_contacts(news: list[Contact]) -> None:
    model: set[tuple[Slot, str]] = set()
    registrations, told = Registrations(), {Slot(7001): False, Slot(7002): False}
    for one in news:
        change = registrations.apply(one)
        (model.add if one.there else model.discard)((one.slot, one.uri))
        if change is not None:
            assert told[change.slot] is not change.registered
            told[change.slot] = change.registered
        assert registrations.registered == {slot for slot, _ in model}
        assert {slot for slot, there in told.items() if there} == registrations.registered


@given(st.lists(contacts, max_size=15), st.lists(contacts, max_size=6), st.lists(contacts, max_size=15))
def test_a_list_makes_whatever_was_believed_true(
    before: list[Contact], lost: list[Contact], during: list[Contact]
) -> None:
    """Asterisk's truth moves on while we are away (`lost`) and while the list is on its way (`during`)."""
    truth: set[tuple[Slot, str]] = set()
    registrations = Registrations()
    for one in before:
        registrations.apply(one)
    for one in [*before, *lost]:
        (truth.add if one.there else truth.discard)((one.slot, one.uri))
    listed = [Contact(slot, uri, "Reachable") for slot, uri in sorted(truth)]
    registrations.begin_list()
    for one in during:
        registrations.apply(one)
        (truth.add if one.there else truth.discard)((one.slot, one.uri))
    registrations.finish_list(listed)
    assert registrations.registered == {slot for slot, _ in truth}


@pytest.mark.parametrize(
    ("headers", "contact"),
    [
        (
            {"URI": "sip:a", "ContactStatus": "Reachable", "EndpointName": "7001", "AOR": "7001"},
            Contact(SEVEN, "sip:a", "Reachable"),
        ),
        ({"Event": "ContactList", "Uri": "sip:a", "Status": "NonQualified", "Endpoint": "7001"},
         Contact(SEVEN, "sip:a", "NonQualified")),
        ({"URI": "sip:a", "ContactStatus": "Reachable", "EndpointName": "", "AOR": "7001"},
         Contact(SEVEN, "sip:a", "Reachable")),
        ({"URI": "sip:a", "ContactStatus": "Reachable", "EndpointName": "carrier"}, None),
        ({"URI": "sip:a", "ContactStatus": "Reachable", "EndpointName": "5999"}, None),
        ({"URI": "sip:a", "ContactStatus": "Reachable", "EndpointName": "٧٠٠١"}, None),
        ({"URI": "", "ContactStatus": "Reachable", "EndpointName": "7001"}, None),
        ({"URI": ["sip:a", "sip:b"], "ContactStatus": "Reachable", "EndpointName": "7001"}, None),
        ({}, None),
    ],
)  # fmt: skip
def test_only_contacts_of_slots_are_taken(headers: dict[str, object], contact: Contact | None) -> None:
    assert contact_of(headers) == contact
