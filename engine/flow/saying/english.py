"""English: British numbers with `and`, American ones without; money, dates and times (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal

from ..values import ARITHMETIC, Money

AMERICAN = "en-US"
_ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SCALES = ("", "thousand", "million", "billion", "trillion", "quadrillion", "quintillion")
_ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
    "twelve": "twelfth",
}  # fmt: skip
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
CURRENCIES: Mapping[str, tuple[str, str, str, str]] = {
    "RUB": ("ruble", "rubles", "kopeck", "kopecks"),
    "BYN": ("Belarusian ruble", "Belarusian rubles", "kopeck", "kopecks"),
    "UAH": ("hryvnia", "hryvnias", "kopiyka", "kopiykas"),
    "KZT": ("tenge", "tenge", "tiyn", "tiyns"),
    "USD": ("dollar", "dollars", "cent", "cents"),
    "EUR": ("euro", "euros", "cent", "cents"),
    "GBP": ("pound", "pounds", "penny", "pence"),
    "CNY": ("yuan", "yuan", "fen", "fen"),
}
_PARTS_OF_TIME = ("day", "hour", "minute", "second")
YES, NO = "yes", "no"


def keys(locale: str) -> Mapping[str, str]:
    """The keys of a phone and the plus of a number."""
    named = dict(zip("0123456789", _ONES, strict=False))
    return {**named, "*": "star", "#": "pound" if locale == AMERICAN else "hash", "+": "plus"}


def cardinal(number: int, locale: str) -> str:
    """A whole number: one hundred and twenty-one."""
    if number < 0:
        return f"minus {cardinal(-number, locale)}"
    if number == 0:
        return _ONES[0]
    words: list[str] = []
    for power in range(len(_SCALES) - 1, -1, -1):
        group = number // 1000**power % 1000
        if not group:
            continue
        alone = power == 0 and bool(words) and group < 100 and locale != AMERICAN
        said = f"and {_group(group, locale)}" if alone else _group(group, locale)
        words.append(f"{said} {_SCALES[power]}".strip())
    return " ".join(words)


def _group(number: int, locale: str) -> str:
    hundreds, rest = divmod(number, 100)
    tail = _ONES[rest] if rest < 20 else "-".join((_TENS[rest // 10], *((_ONES[rest % 10],) if rest % 10 else ())))
    if not hundreds:
        return tail
    joined = " " if locale == AMERICAN else " and "
    return f"{_ONES[hundreds]} hundred" + (f"{joined}{tail}" if rest else "")


def counted(number: int, one: str, many: str, locale: str) -> str:
    """A number of things: two dollars."""
    return f"{cardinal(number, locale)} {one if abs(number) == 1 else many}"


def decimal(number: Decimal, locale: str) -> str:
    """A number with a fraction: two point five."""
    whole, _, part = f"{abs(number):f}".partition(".")
    part = part.rstrip("0")
    said = cardinal(int(whole), locale)
    if part:
        said += " point " + " ".join(_ONES[int(digit)] for digit in part)
    return f"minus {said}" if number < 0 and (int(whole) or part) else said


def ordinal(number: int, locale: str) -> str:
    """Which one: twenty-first."""
    said = cardinal(number, locale)
    at = max(said.rfind(" "), said.rfind("-")) + 1
    head, last = said[:at], said[at:]
    if last in _ORDINALS:
        return head + _ORDINALS[last]
    return head + (f"{last[:-1]}ieth" if last.endswith("y") else f"{last}th")


def money(value: Money, locale: str) -> str:
    """An amount: twenty-one pounds and five pence."""
    known = CURRENCIES.get(value.currency)
    rounded = value.amount.quantize(Decimal("0.01"), context=ARITHMETIC)
    if known is None or rounded != value.amount:
        name = value.currency if known is None else known[1]
        return f"{decimal(value.amount, locale)} {name}"
    one, many, minor, minors = known
    whole, part = divmod(int(abs(rounded) * 100), 100)
    said = [counted(whole, one, many, locale)] if whole or not part else []
    said += [counted(part, minor, minors, locale)] if part else []
    return ("minus " if rounded < 0 else "") + " and ".join(said)


def year(number: int, locale: str) -> str:
    """A year: twenty twenty-six."""
    century, rest = divmod(number, 100)
    if number % 1000 < 10 or not 11 <= century <= 99:
        return cardinal(number, locale)
    head = cardinal(century, locale)
    return (
        f"{head} hundred" if not rest else f"{head} oh {_ONES[rest]}" if rest < 10 else f"{head} {_group(rest, locale)}"
    )


def day(value: date, locale: str) -> str:
    """A date: the fifth of March twenty twenty-six; March fifth, twenty twenty-six."""
    month, of_month = _MONTHS[value.month - 1], ordinal(value.day, locale)
    if locale == AMERICAN:
        return f"{month} {of_month}, {year(value.year, locale)}"
    return f"the {of_month} of {month} {year(value.year, locale)}"


def time(value: datetime, locale: str) -> str:
    """A time of day: three thirty p.m."""
    said = _ONES[value.hour % 12 or 12]
    if value.minute:
        said += f" oh {_ONES[value.minute]}" if value.minute < 10 else f" {_group(value.minute, locale)}"
    return f"{said} {'a.m.' if value.hour < 12 else 'p.m.'}"


def moment(value: datetime, locale: str) -> str:
    """A date and a time."""
    return f"{day(value, locale)}, {time(value, locale)}"


def duration(parts: tuple[int, int, int, int], locale: str) -> str:
    """Days, hours, minutes and seconds: two minutes five seconds."""
    said = [
        counted(count, name, f"{name}s", locale) for count, name in zip(parts, _PARTS_OF_TIME, strict=True) if count
    ]
    return " ".join(said) or counted(0, "second", "seconds", locale)
