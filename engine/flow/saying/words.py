"""What is said for a value, in a locale (pure)."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

from ..template import Formatter
from ..values import Kind, Money, Value
from . import english, russian


class Unsayable(Exception):
    """The value cannot be said like that; the text never tells the value."""


USUAL_OF_TEXT = {Kind.DIGITS: Formatter.DIGITS, Kind.PHONE: Formatter.PHONE}
"""How a text of these types is said when a script does not say it; every other text is said as it stands."""


def said(value: Value, formatter: Formatter | None, locale: str) -> str:
    """The words for a value; without a formatter those that fit its type. Raises Unsayable."""
    formatter = formatter or _usual(value)
    language = locale.partition("-")[0]
    if language not in {"ru", "en"}:
        raise Unsayable(f"values cannot be said in {locale}")
    russian_one = language == "ru"
    match formatter, value:
        case Formatter.TEXT, str():
            return value
        case Formatter.NUMBER, (int() | Decimal()) if not isinstance(value, bool):
            number = Decimal(value)
            return russian.decimal(number) if russian_one else english.decimal(number, locale)
        case Formatter.ORDINAL, int() if not isinstance(value, bool):
            return russian.ordinal(value) if russian_one else english.ordinal(value, locale)
        case Formatter.MONEY, Money():
            return russian.money(value) if russian_one else english.money(value, locale)
        case Formatter.DIGITS, (int() | str()) if not isinstance(value, bool):
            return digits(str(value), locale)
        case Formatter.PHONE, str():
            return phone(value, locale)
        case Formatter.DATE, date():
            return russian.day(value) if russian_one else english.day(value, locale)
        case Formatter.TIME, datetime():
            return russian.time(value) if russian_one else english.time(value, locale)
        case Formatter.DATETIME, datetime():
            return russian.moment(value) if russian_one else english.moment(value, locale)
        case Formatter.DURATION, timedelta():
            return _duration(value, locale, russian_one)
    raise Unsayable(f"a value of this type cannot be said as {formatter}")


def _usual(value: Value) -> Formatter:
    match value:
        case bool() | None:
            raise Unsayable("a value of this type cannot be said")
        case int() | Decimal():
            return Formatter.NUMBER
        case Money():
            return Formatter.MONEY
        case str():
            return Formatter.TEXT
        case datetime():
            return Formatter.DATETIME
        case date():
            return Formatter.DATE
        case timedelta():
            return Formatter.DURATION
    raise Unsayable("a value of this type cannot be said")


def digits(text: str, locale: str) -> str:
    """A text key by key; letters in it as they are."""
    keys = russian.KEYS if locale.startswith("ru") else english.keys(locale)
    return " ".join(keys.get(key, key) for key in text)


def phone(number: str, locale: str) -> str:
    """A phone number in groups: country, code, and the rest in twos and threes."""
    plain = number.removeprefix("+")
    groups = _grouped(plain)
    if number.startswith("+"):
        groups[0] = f"+{groups[0]}"
    return ", ".join(digits(group, locale) for group in groups)


def _grouped(plain: str) -> list[str]:
    if len(plain) == 11 and plain[0] in "178":
        cuts = (1, 4, 7, 9) if plain[0] != "1" else (1, 4, 7)
        return [plain[start:end] for start, end in zip((0, *cuts), (*cuts, len(plain)), strict=True)]
    head = len(plain) % 3
    if head == 1 and len(plain) > 3:
        head = 4
    return [*([plain[:head]] if head else []), *(plain[at : at + 3] for at in range(head, len(plain), 3))]


def _duration(value: timedelta, locale: str, russian_one: bool) -> str:
    seconds = int(abs(value).total_seconds())
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = (days, hours, minutes, seconds)
    words = russian.duration(parts) if russian_one else english.duration(parts, locale)
    minus = "минус" if russian_one else "minus"
    return f"{minus} {words}" if value < timedelta(0) and any(parts) else words
