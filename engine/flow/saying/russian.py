"""Russian: numbers with their gender, nouns after numbers, money, dates and times in the nominative (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum

from ..values import Money


class Gender(Enum):
    MASCULINE = 0
    FEMININE = 1
    NEUTER = 2


@dataclass(frozen=True, slots=True)
class Noun:
    """A noun after a number: один рубль, два рубля, пять рублей."""

    one: str
    few: str
    many: str
    gender: Gender = Gender.MASCULINE

    def after(self, count: int) -> str:
        """Its form after a whole number."""
        count = abs(count)
        if count % 10 == 1 and count % 100 != 11:
            return self.one
        return self.few if count % 10 in {2, 3, 4} and count % 100 not in {12, 13, 14} else self.many


F = Gender.FEMININE
_ONES = (
    "", "", "", "три", "четыре", "пять", "шесть", "семь", "восемь", "девять", "десять", "одиннадцать", "двенадцать",
    "тринадцать", "четырнадцать", "пятнадцать", "шестнадцать", "семнадцать", "восемнадцать", "девятнадцать",
)  # fmt: skip
_ONE, _TWO = ("один", "одна", "одно"), ("два", "две", "два")
_TENS = (
    "", "", "двадцать", "тридцать", "сорок", "пятьдесят", "шестьдесят", "семьдесят", "восемьдесят", "девяносто",
)  # fmt: skip
_HUNDREDS = (
    "", "сто", "двести", "триста", "четыреста", "пятьсот", "шестьсот", "семьсот", "восемьсот", "девятьсот",
)  # fmt: skip
_SCALES = (
    Noun("тысяча", "тысячи", "тысяч", F),
    Noun("миллион", "миллиона", "миллионов"),
    Noun("миллиард", "миллиарда", "миллиардов"),
    Noun("триллион", "триллиона", "триллионов"),
    Noun("квадриллион", "квадриллиона", "квадриллионов"),
    Noun("квинтиллион", "квинтиллиона", "квинтиллионов"),
)
_FRACTIONS = (
    "десят", "сот", "тысячн", "десятитысячн", "стотысячн", "миллионн", "десятимиллионн", "стомиллионн", "миллиардн",
)  # fmt: skip
_ORDINALS = (
    "нулевой", "первый", "второй", "третий", "четвёртый", "пятый", "шестой", "седьмой", "восьмой", "девятый", "десятый",
    "одиннадцатый", "двенадцатый", "тринадцатый", "четырнадцатый", "пятнадцатый", "шестнадцатый", "семнадцатый",
    "восемнадцатый", "девятнадцатый",
)  # fmt: skip
_ORDINAL_TENS = (
    "", "", "двадцатый", "тридцатый", "сороковой", "пятидесятый", "шестидесятый", "семидесятый", "восьмидесятый",
    "девяностый",
)  # fmt: skip
_ORDINAL_HUNDREDS = (
    "", "сотый", "двухсотый", "трёхсотый", "четырёхсотый", "пятисотый", "шестисотый", "семисотый", "восьмисотый",
    "девятисотый",
)  # fmt: skip
_OF_ONES = (
    "", "одно", "двух", "трёх", "четырёх", "пяти", "шести", "семи", "восьми", "девяти", "десяти", "одиннадцати",
    "двенадцати", "тринадцати", "четырнадцати", "пятнадцати", "шестнадцати", "семнадцати", "восемнадцати",
    "девятнадцати",
)  # fmt: skip
_OF_TENS = (
    "", "", "двадцати", "тридцати", "сорока", "пятидесяти", "шестидесяти", "семидесяти", "восьмидесяти", "девяносто",
)  # fmt: skip
_OF_HUNDREDS = (
    "", "сто", "двухсот", "трёхсот", "четырёхсот", "пятисот", "шестисот", "семисот", "восьмисот", "девятисот",
)  # fmt: skip
_ORDINAL_SCALES = ("тысячный", "миллионный", "миллиардный", "триллионный", "квадриллионный", "квинтиллионный")
_MONTHS = (
    "января", "февраля", "марта", "апреля", "мая", "июня", "июля", "августа", "сентября", "октября", "ноября",
    "декабря",
)  # fmt: skip
_KOPECK = Noun("копейка", "копейки", "копеек", F)
_CENT = Noun("цент", "цента", "центов")
CURRENCIES: Mapping[str, tuple[Noun, Noun]] = {
    "RUB": (Noun("рубль", "рубля", "рублей"), _KOPECK),
    "BYN": (Noun("белорусский рубль", "белорусских рубля", "белорусских рублей"), _KOPECK),
    "UAH": (Noun("гривна", "гривны", "гривен", F), _KOPECK),
    "KZT": (Noun("тенге", "тенге", "тенге"), Noun("тиын", "тиына", "тиынов")),
    "USD": (Noun("доллар", "доллара", "долларов"), _CENT),
    "EUR": (Noun("евро", "евро", "евро"), _CENT),
    "GBP": (Noun("фунт стерлингов", "фунта стерлингов", "фунтов стерлингов"), Noun("пенс", "пенса", "пенсов")),
    "CNY": (Noun("юань", "юаня", "юаней"), Noun("фэнь", "фэня", "фэней")),
}
_PARTS_OF_TIME = (
    Noun("день", "дня", "дней"), Noun("час", "часа", "часов"),
    Noun("минута", "минуты", "минут", F), Noun("секунда", "секунды", "секунд", F),
)  # fmt: skip
KEYS = {
    "0": "ноль", "1": "один", "2": "два", "3": "три", "4": "четыре", "5": "пять", "6": "шесть", "7": "семь",
    "8": "восемь", "9": "девять", "*": "звёздочка", "#": "решётка", "+": "плюс",
}  # fmt: skip
YES, NO = "да", "нет"


def cardinal(number: int, gender: Gender = Gender.MASCULINE) -> str:
    """A whole number: двадцать одна."""
    if number < 0:
        return f"минус {cardinal(-number, gender)}"
    if number == 0:
        return "ноль"
    words: list[str] = []
    for power in range(len(_SCALES), 0, -1):
        group = number // 1000**power % 1000
        if group:
            scale = _SCALES[power - 1]
            words += (*_group(group, scale.gender), scale.after(group))
    return " ".join((*words, *_group(number % 1000, gender)))


def _group(number: int, gender: Gender) -> list[str]:
    """A number below a thousand; nothing for 0."""
    rest = number % 100
    words = [_HUNDREDS[number // 100]]
    if rest >= 20:
        words.append(_TENS[rest // 10])
        rest %= 10
    words.append(_ONE[gender.value] if rest == 1 else _TWO[gender.value] if rest == 2 else _ONES[rest])
    return [word for word in words if word]


def counted(number: int, noun: Noun) -> str:
    """A number of things: две копейки."""
    return f"{cardinal(number, noun.gender)} {noun.after(number)}"


def decimal(number: Decimal) -> str:
    """A number with a fraction: две целых пять десятых."""
    sign, digits, places = _split(number)
    if not places:
        return sign + cardinal(digits)
    whole, part = divmod(digits, 10**places)
    stem = _FRACTIONS[places - 1]
    of = Noun(f"{stem}ая", f"{stem}ых", f"{stem}ых", F)
    return f"{sign}{counted(whole, Noun('целая', 'целых', 'целых', F))} {counted(part, of)}"


def _split(number: Decimal) -> tuple[str, int, int]:
    """The sign in words, the digits as a whole number, and how many of them are behind the point."""
    text = f"{abs(number):f}"
    whole, _, part = text.partition(".")
    part = part.rstrip("0")
    digits = int(whole + part)
    return "минус " if number < 0 and digits else "", digits, len(part)


def ordinal(number: int) -> str:
    """Which one: двадцать первый."""
    if number < 0:
        return f"минус {ordinal(-number)}"
    head, last = _ordinal_parts(number)
    return f"{head} {last}".strip()


def _ordinal_parts(number: int) -> tuple[str, str]:
    """What stays as it is in every case, and the word that is declined."""
    if number < 20:
        return "", _ORDINALS[number]
    for unit, names in ((1, _ORDINALS), (10, _ORDINAL_TENS), (100, _ORDINAL_HUNDREDS)):
        last = number % 100 if unit == 1 and number % 100 < 20 else number // unit % 10 * (1 if unit == 1 else unit)
        if last:
            return _before(number - last), names[last if unit == 1 else last // unit]
    power = next(power for power in range(1, len(_SCALES) + 1) if number // 1000**power % 1000)
    group = number // 1000**power % 1000
    of = "" if group == 1 else _of(group)
    return _before(number - group * 1000**power), f"{of}{_ORDINAL_SCALES[power - 1]}"


def _before(number: int) -> str:
    return cardinal(number) if number else ""


def _of(group: int) -> str:
    """A number below a thousand as the head of a compound: двадцатипяти(тысячный)."""
    rest = group % 100
    tail = _OF_ONES[rest] if rest < 20 else _OF_TENS[rest // 10] + _OF_ONES[rest % 10]
    return _OF_HUNDREDS[group // 100] + tail


def _declined(word: str, soft: str, hard: str) -> str:
    """An ordinal with another ending: третий has its own."""
    return f"{word[:-2]}{soft}" if word.endswith("третий") else f"{word[:-2]}{hard}"


def money(value: Money) -> str:
    """An amount: двадцать один рубль пять копеек."""
    known = CURRENCIES.get(value.currency)
    if known is None:
        return f"{decimal(value.amount)} {value.currency}"
    main, minor = known
    sign, digits, places = _split(value.amount)
    if places > 2:
        return f"{decimal(value.amount)} {main.few}"
    whole, part = divmod(digits * 10 ** (2 - places), 100)
    said = [counted(whole, main)] if whole or not part else []
    said += [counted(part, minor)] if part else []
    return sign + " ".join(said)


def day(value: date) -> str:
    """A date: пятое марта две тысячи двадцать шестого года."""
    head, last = _ordinal_parts(value.day)
    of_month = f"{head} {_declined(last, 'ье', 'ое')}".strip()
    head, last = _ordinal_parts(value.year)
    year = f"{head} {_declined(last, 'ьего', 'ого')}".strip()
    return f"{of_month} {_MONTHS[value.month - 1]} {year} года"


def time(value: datetime) -> str:
    """A time of day: пятнадцать часов тридцать минут."""
    _, hours, minutes, _ = _PARTS_OF_TIME
    said = counted(value.hour, hours)
    return f"{said} {counted(value.minute, minutes)}" if value.minute else said


def moment(value: datetime) -> str:
    """A date and a time."""
    return f"{day(value)}, {time(value)}"


def duration(parts: tuple[int, int, int, int]) -> str:
    """Days, hours, minutes and seconds: две минуты пять секунд."""
    said = [counted(count, noun) for count, noun in zip(parts, _PARTS_OF_TIME, strict=True) if count]
    return " ".join(said) or counted(0, _PARTS_OF_TIME[-1])
