"""Reading leads from a CSV file, line by line: each line becomes a lead or a rejection with its number and reason."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import phonenumbers
from phonenumbers import timezone

from engine.errors import Rejected

UNKNOWN_ZONE = "Etc/Unknown"
RECORD_LINES_MAX = 20
"""A quoted field may span so many lines; a quote that stays open longer is taken for a broken line."""
COLUMNS_MAX = 100


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How a file is read. `default_region` (ISO 3166) is for numbers without a country code; None refuses them.

    `default_zone` stands in where a number tells no time zone. `only_valid`: numbers must exist in their country's
    plan, not only have a possible length.
    """

    default_region: str | None = None
    default_zone: str = "UTC"
    only_valid: bool = True
    file_bytes_max: int = 100_000_000
    rows_max: int = 500_000
    field_chars_max: int = 1000


@dataclass(frozen=True, slots=True)
class LeadLine:
    """A good line. `number` is E.164, `zones` are all time zones the number may lie in."""

    line: int
    number: str
    zones: tuple[str, ...]
    data: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RejectedLine:
    """A line that was not imported. `reason` is a stable word, `detail` is for people."""

    line: int
    reason: str
    detail: str


class _Broken(Exception):
    """Why a line cannot be read."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class _PhysicalLines:
    """The file's lines with a way back, so that a quote left open costs one line and not the rest of the file."""

    def __init__(self, file: BinaryIO, options: ImportOptions) -> None:
        self._file = file
        self._options = options
        self._line_bytes_max = options.field_chars_max * COLUMNS_MAX
        self._returned: list[bytes] = []
        self._bytes_read = 0
        self.number = 0

    def take(self) -> bytes | None:
        """Return the next line with its end, cut if it is endless, or None at the end. Raises Rejected."""
        if self._returned:
            self.number += 1
            return self._returned.pop()
        line = self._file.readline(self._line_bytes_max)
        if not line:
            return None
        self._bytes_read += len(line)
        self.number += 1
        if self.number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        while len(line) >= self._line_bytes_max and not line.endswith(b"\n"):
            rest = self._file.readline(self._line_bytes_max)
            self._bytes_read += len(rest)
            self._check_size()
            if not rest or rest.endswith(b"\n"):
                break
        self._check_size()
        return line

    def give_back(self, lines: Sequence[bytes]) -> None:
        """Return lines that were taken too many."""
        self._returned.extend(reversed(lines))
        self.number -= len(lines)

    def _check_size(self) -> None:
        if self._bytes_read > self._options.file_bytes_max:
            raise Rejected("import_too_large", f"the file is larger than {self._options.file_bytes_max} bytes", 413)


def _fields(lines: _PhysicalLines, first: bytes) -> list[str]:
    """Parse the record that begins with `first`, taking more lines while a quote is open. Raises _Broken."""
    taken: list[bytes] = []
    record = first
    while record.count(b'"') % 2:
        more = lines.take() if len(taken) < RECORD_LINES_MAX else None
        if more is None:
            lines.give_back(taken)
            raise _Broken("malformed", "a quote is not closed")
        taken.append(more)
        record += more
    if b"\0" in record:
        raise _Broken("nul_byte", "the line contains a NUL byte")
    try:
        text = record.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _Broken("not_utf8", f"byte {error.start + 1} of the line is not UTF-8") from None
    try:
        rows = list(csv.reader([text.rstrip("\r\n")], strict=True))
    except csv.Error as error:
        raise _Broken("malformed", str(error)) from None
    return rows[0] if rows else []


def _header(lines: _PhysicalLines) -> list[str]:
    first = lines.take()
    if first is None:
        raise Rejected("import_header", "the file is empty; its first line must be: phone,name,...", 422)
    try:
        columns = [name.strip() for name in _fields(lines, first)]
    except _Broken as error:
        raise Rejected("import_header", f"line 1: {error.detail}", 422) from None
    lowered = [name.lower() for name in columns]
    if lowered.count("phone") != 1:
        raise Rejected("import_header", "line 1 must name the columns, one of them phone: phone,name,...", 422)
    if "" in columns or len(set(lowered)) != len(columns) or len(columns) > COLUMNS_MAX:
        raise Rejected("import_header", f"line 1: columns need names, each once, at most {COLUMNS_MAX}", 422)
    if any(len(name) > 64 for name in columns):
        raise Rejected("import_header", "line 1: a column's name is longer than 64 characters", 422)
    return columns


def number_and_zones(text: str, options: ImportOptions) -> tuple[str, tuple[str, ...]]:
    """Return a number as E.164 with its time zones; raises ValueError saying what is wrong with it."""
    try:
        parsed = phonenumbers.parse(text, options.default_region)
    except phonenumbers.NumberParseException as error:
        raise ValueError(str(error)) from None
    good = phonenumbers.is_valid_number if options.only_valid else phonenumbers.is_possible_number
    if not good(parsed) or parsed.extension:
        raise ValueError("not a number that can be dialed" if not parsed.extension else "it has an extension")
    zones = tuple(zone for zone in timezone.time_zones_for_number(parsed) if zone != UNKNOWN_ZONE)
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164), zones or (options.default_zone,)


def _lead(columns: Sequence[str], fields: Sequence[str], line: int, options: ImportOptions) -> LeadLine:
    if not any(field.strip() for field in fields):
        raise _Broken("empty", "the line is empty")
    if len(fields) > len(columns):
        raise _Broken("too_many_fields", f"{len(fields)} fields, the header names {len(columns)}")
    for name, field in zip(columns, fields, strict=False):
        if len(field) > options.field_chars_max:
            raise _Broken("field_too_long", f"{name} has more than {options.field_chars_max} characters")
    data = {name: field.strip() for name, field in zip(columns, fields, strict=False)}
    phone = data.pop(next(name for name in columns if name.lower() == "phone"), "")
    if not phone:
        raise _Broken("empty", "there is no phone number")
    try:
        number, zones = number_and_zones(phone, options)
    except ValueError as error:
        raise _Broken("bad_number", f"{phone[:40]}: {error}") from None
    return LeadLine(line, number, zones, {name: field for name, field in data.items() if field})


def read_leads(file: BinaryIO, options: ImportOptions) -> Iterator[LeadLine | RejectedLine]:
    """Yield every line after the header as a lead or a rejection; a number that comes twice counts once.

    Raises Rejected(`import_header`, `import_too_large`) when the file as a whole is refused.
    """
    lines = _PhysicalLines(file, options)
    columns = _header(lines)
    seen: dict[str, int] = {}
    rows = 0
    while (first := lines.take()) is not None:
        rows += 1
        if rows > options.rows_max:
            raise Rejected("import_too_large", f"the file has more than {options.rows_max} rows", 413)
        number = lines.number
        try:
            lead = _lead(columns, _fields(lines, first), number, options)
            if lead.number in seen:
                raise _Broken("duplicate_in_file", f"{lead.number} is on line {seen[lead.number]} already")
        except _Broken as error:
            yield RejectedLine(number, error.reason, error.detail)
            continue
        seen[lead.number] = number
        yield lead
