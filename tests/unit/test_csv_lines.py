"""Reading leads from CSV: every line becomes a lead or a rejection with its number and reason."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.adapters.postgres.csv_lines import ImportOptions, LeadLine, RejectedLine, read_leads
from engine.errors import Rejected

GOOD = "+12025550101"


def read(text: str | bytes, options: ImportOptions | None = None) -> list[LeadLine | RejectedLine]:
    content = text.encode() if isinstance(text, str) else text
    return list(read_leads(io.BytesIO(content), options or ImportOptions()))


def rejected(text: str | bytes, options: ImportOptions | None = None) -> list[tuple[int, str]]:
    return [(line.line, line.reason) for line in read(text, options) if isinstance(line, RejectedLine)]


def leads(text: str | bytes, options: ImportOptions | None = None) -> list[LeadLine]:
    return [line for line in read(text, options) if isinstance(line, LeadLine)]


def test_good_line_becomes_a_lead_with_its_zones_and_columns() -> None:
    assert read("phone,name,city\n+1 (202) 555-0101,Ann,\n") == [
        LeadLine(2, GOOD, ("America/New_York",), {"name": "Ann"})
    ]


def test_phone_may_stand_in_any_column_and_case() -> None:
    (lead,) = leads(f"Name,PHONE\nAnn,{GOOD}\n")
    assert (lead.number, lead.data) == (GOOD, {"Name": "Ann"})


def test_national_number_needs_a_default_region() -> None:
    text = "phone\n(202) 555-0101\n"
    assert rejected(text) == [(2, "bad_number")]
    assert [lead.number for lead in leads(text, ImportOptions(default_region="US"))] == [GOOD]


def test_number_without_a_zone_takes_the_default_one() -> None:
    text = "phone\n+447700900123\n"  # Ofcom's numbers for drama exist in no plan
    assert rejected(text) == [(2, "bad_number")]
    (lead,) = leads(text, ImportOptions(only_valid=False, default_zone="Europe/London"))
    assert lead.zones == ("Europe/London",)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("hello", "bad_number"),
        ("+1202", "bad_number"),
        ("+12025550101 ext. 5", "bad_number"),
        (f"{GOOD},Ann,more", "too_many_fields"),
        (f"{GOOD},{'x' * 1001}", "field_too_long"),
        ("", "empty"),
        (",", "empty"),
        (",Ann", "empty"),
        (f'{GOOD},"Ann', "malformed"),
        (f'{GOOD},"Ann" x', "malformed"),
        (f"{GOOD},A\0nn", "nul_byte"),
    ],
)
def test_bad_line_is_named_with_its_reason_and_its_neighbours_are_kept(line: str, reason: str) -> None:
    text = f"phone,name\n+12025550102,Bob\n{line}\n+12025550103,Cleo\n"
    assert rejected(text) == [(3, reason)]
    assert [lead.line for lead in leads(text)] == [2, 4]


def test_line_that_is_not_utf8_is_rejected_alone() -> None:
    text = b"phone,name\n+12025550101,M\xfcller\n+12025550102,M\xc3\xbcller\n"
    assert rejected(text) == [(2, "not_utf8")]
    assert [lead.data["name"] for lead in leads(text)] == ["Müller"]


def test_number_that_comes_twice_in_any_spelling_is_imported_once() -> None:
    (line,) = [line for line in read(f"phone\n{GOOD}\n+1-202-555-0101\n") if isinstance(line, RejectedLine)]
    assert (line.line, line.reason, line.detail) == (3, "duplicate_in_file", f"{GOOD} is on line 2 already")


@pytest.mark.parametrize(
    "text",
    [
        f"\ufeffphone,name\r\n{GOOD},Ann\r\n",
        f"phone,name\n{GOOD},Ann",
        f'"phone","name"\n"{GOOD}","Ann"\n',
    ],
    ids=["byte order mark and CRLF", "no newline at the end", "quoted"],
)
def test_dialects_of_csv_are_read(text: str) -> None:
    (lead,) = leads(text)
    assert (lead.number, lead.data) == (GOOD, {"name": "Ann"})


def test_quoted_field_may_hold_commas_quotes_and_lines_and_lines_are_counted_as_in_an_editor() -> None:
    text = f'phone,note\n{GOOD},"a, ""b""\nc"\nbad,x\n'
    (lead,) = leads(text)
    assert lead.data == {"note": 'a, "b"\nc'}
    assert rejected(text) == [(4, "bad_number")]


def test_quote_left_open_costs_one_line_not_the_rest_of_the_file() -> None:
    rows = "".join(f"+1202555{n:04},x\n" for n in range(200, 300))
    text = f'phone,note\n{GOOD},"open\n{rows}'
    assert rejected(text) == [(2, "malformed")]
    assert len(leads(text)) == 100


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("", "the file is empty"),
        ("name,city\n", "one of them phone"),
        ("phone,Phone\n", "one of them phone"),
        ("phone,name,NAME\n", "each once"),
        ("phone,,name\n", "columns need names"),
        (f"phone,{'x' * 65}\n", "longer than 64"),
        ('phone,"name\n', "a quote is not closed"),
    ],
)
def test_file_without_a_usable_header_is_refused_as_a_whole(header: str, message: str) -> None:
    with pytest.raises(Rejected, match=message) as caught:
        read(header)
    assert caught.value.code == "import_header"


@pytest.mark.parametrize(
    "options", [ImportOptions(rows_max=2), ImportOptions(file_bytes_max=40)], ids=["rows", "bytes"]
)
def test_file_over_the_limit_is_refused_as_a_whole(options: ImportOptions) -> None:
    with pytest.raises(Rejected) as caught:
        read("phone\n+12025550101\n+12025550102\n+12025550103\n", options)
    assert (caught.value.code, caught.value.status) == ("import_too_large", 413)


def test_endless_line_is_bounded_and_rejected() -> None:
    text = f"phone,name\n{GOOD},{'x' * 5_000_000}\n+12025550102,Bob\n"
    assert rejected(text) == [(2, "field_too_long")]
    assert [lead.line for lead in leads(text)] == [3]


@given(st.lists(st.one_of(st.sampled_from([b",", b'"', b"\n", b"\r\n", b"\0", b"+12025550101", b"\xff"]), st.binary())))
def test_every_line_is_accounted_for_whatever_the_bytes(parts: list[bytes]) -> None:
    body = b"".join(parts)
    lines = read(b"phone,name\n" + body)
    numbers = [line.line for line in lines]
    assert numbers == sorted(set(numbers))
    physical = body.count(b"\n") + (bool(body) and not body.endswith(b"\n"))
    assert all(2 <= number <= physical + 1 for number in numbers)
    assert bool(lines) == bool(body)
