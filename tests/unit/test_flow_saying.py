"""Values in words: the grammar of numbers, money, dates, times and digits in Russian and English."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.flow.saying import english, russian
from engine.flow.saying.words import Unsayable, said
from engine.flow.template import Formatter
from engine.flow.values import DECIMAL_DIGITS_MAX, INT_MAX, Money, Value

RU, GB, US = "ru-RU", "en-GB", "en-US"


@pytest.mark.parametrize(
    ("number", "in_russian", "in_english"),
    [
        (0, "ноль", "zero"),
        (1, "один", "one"),
        (2, "два", "two"),
        (11, "одиннадцать", "eleven"),
        (14, "четырнадцать", "fourteen"),
        (20, "двадцать", "twenty"),
        (21, "двадцать один", "twenty-one"),
        (40, "сорок", "forty"),
        (90, "девяносто", "ninety"),
        (100, "сто", "one hundred"),
        (101, "сто один", "one hundred and one"),
        (212, "двести двенадцать", "two hundred and twelve"),
        (999, "девятьсот девяносто девять", "nine hundred and ninety-nine"),
        (1000, "одна тысяча", "one thousand"),
        (1001, "одна тысяча один", "one thousand and one"),
        (2002, "две тысячи два", "two thousand and two"),
        (5000, "пять тысяч", "five thousand"),
        (11000, "одиннадцать тысяч", "eleven thousand"),
        (21000, "двадцать одна тысяча", "twenty-one thousand"),
        (112000, "сто двенадцать тысяч", "one hundred and twelve thousand"),
        (1_000_000, "один миллион", "one million"),
        (2_000_001, "два миллиона один", "two million and one"),
        (5_300_000, "пять миллионов триста тысяч", "five million three hundred thousand"),
        (1_000_000_000, "один миллиард", "one billion"),
        (-7, "минус семь", "minus seven"),
    ],
)
def test_whole_numbers(number: int, in_russian: str, in_english: str) -> None:
    assert said(number, None, RU) == in_russian
    assert said(number, None, GB) == in_english


def test_americans_leave_out_the_and() -> None:
    assert said(1101, Formatter.NUMBER, US) == "one thousand one hundred one"


@pytest.mark.parametrize(
    ("number", "in_russian", "in_english"),
    [
        ("0.5", "ноль целых пять десятых", "zero point five"),
        ("1.1", "одна целая одна десятая", "one point one"),
        ("2.25", "две целых двадцать пять сотых", "two point two five"),
        ("21.021", "двадцать одна целая двадцать одна тысячная", "twenty-one point zero two one"),
        ("3.50", "три целых пять десятых", "three point five"),
        ("12.00", "двенадцать", "twelve"),
        ("-0.01", "минус ноль целых одна сотая", "minus zero point zero one"),
        ("-0.00", "ноль", "zero"),
        ("0.000000001", "ноль целых одна миллиардная", "zero point zero zero zero zero zero zero zero zero one"),
        ("1E+3", "одна тысяча", "one thousand"),
    ],
)
def test_fractions(number: str, in_russian: str, in_english: str) -> None:
    assert said(Decimal(number), None, RU) == in_russian
    assert said(Decimal(number), None, GB) == in_english


@pytest.mark.parametrize(
    ("amount", "currency", "in_russian", "in_english"),
    [
        ("1", "RUB", "один рубль", "one ruble"),
        ("2", "RUB", "два рубля", "two rubles"),
        ("5", "RUB", "пять рублей", "five rubles"),
        ("11", "RUB", "одиннадцать рублей", "eleven rubles"),
        ("21", "RUB", "двадцать один рубль", "twenty-one rubles"),
        ("112", "RUB", "сто двенадцать рублей", "one hundred and twelve rubles"),
        ("1.01", "RUB", "один рубль одна копейка", "one ruble and one kopeck"),
        ("22.22", "RUB", "двадцать два рубля двадцать две копейки", "twenty-two rubles and twenty-two kopecks"),
        ("0.50", "RUB", "пятьдесят копеек", "fifty kopecks"),
        ("0", "RUB", "ноль рублей", "zero rubles"),
        ("-3.5", "RUB", "минус три рубля пятьдесят копеек", "minus three rubles and fifty kopecks"),
        ("1001", "RUB", "одна тысяча один рубль", "one thousand and one rubles"),
        ("1000000", "RUB", "один миллион рублей", "one million rubles"),
        ("2", "UAH", "две гривны", "two hryvnias"),
        ("1.01", "GBP", "один фунт стерлингов один пенс", "one pound and one penny"),
        ("3.02", "EUR", "три евро два цента", "three euros and two cents"),
        ("4", "USD", "четыре доллара", "four dollars"),
        ("2.5", "XTS", "две целых пять десятых XTS", "two point five XTS"),
        ("1.505", "RUB", "одна целая пятьсот пять тысячных рубля", "one point five zero five rubles"),
    ],
)
def test_money(amount: str, currency: str, in_russian: str, in_english: str) -> None:
    value = Money(Decimal(amount), currency)
    assert said(value, None, RU) == in_russian
    assert said(value, Formatter.MONEY, GB) == in_english


@pytest.mark.parametrize(
    ("number", "in_russian", "in_english"),
    [
        (0, "нулевой", "zeroth"),
        (1, "первый", "first"),
        (3, "третий", "third"),
        (12, "двенадцатый", "twelfth"),
        (20, "двадцатый", "twentieth"),
        (23, "двадцать третий", "twenty-third"),
        (40, "сороковой", "fortieth"),
        (100, "сотый", "one hundredth"),
        (108, "сто восьмой", "one hundred and eighth"),
        (210, "двести десятый", "two hundred and tenth"),
        (300, "трёхсотый", "three hundredth"),
        (1000, "тысячный", "one thousandth"),
        (2000, "двухтысячный", "two thousandth"),
        (25000, "двадцатипятитысячный", "twenty-five thousandth"),
        (1100000, "один миллион стотысячный", "one million one hundred thousandth"),
    ],
)
def test_ordinals(number: int, in_russian: str, in_english: str) -> None:
    assert said(number, Formatter.ORDINAL, RU) == in_russian
    assert said(number, Formatter.ORDINAL, GB) == in_english


@pytest.mark.parametrize(
    ("day", "in_russian", "in_english"),
    [
        (date(2026, 3, 5), "пятое марта две тысячи двадцать шестого года", "the fifth of March twenty twenty-six"),
        (date(2000, 1, 1), "первое января двухтысячного года", "the first of January two thousand"),
        (
            date(1999, 12, 31),
            "тридцать первое декабря одна тысяча девятьсот девяносто девятого года",
            "the thirty-first of December nineteen ninety-nine",
        ),
        (
            date(2003, 5, 23),
            "двадцать третье мая две тысячи третьего года",
            "the twenty-third of May two thousand and three",
        ),
        (
            date(1905, 6, 20),
            "двадцатое июня одна тысяча девятьсот пятого года",
            "the twentieth of June nineteen oh five",
        ),
        (date(2100, 2, 2), "второе февраля две тысячи сотого года", "the second of February twenty-one hundred"),
    ],
)
def test_dates(day: date, in_russian: str, in_english: str) -> None:
    assert said(day, None, RU) == in_russian
    assert said(day, None, GB) == in_english


def test_american_dates_begin_with_the_month() -> None:
    assert said(date(2026, 3, 5), Formatter.DATE, US) == "March fifth, twenty twenty-six"


@pytest.mark.parametrize(
    ("clock", "in_russian", "in_english"),
    [
        ("00:00", "ноль часов", "twelve a.m."),
        ("01:01", "один час одна минута", "one oh one a.m."),
        ("12:00", "двенадцать часов", "twelve p.m."),
        ("15:30", "пятнадцать часов тридцать минут", "three thirty p.m."),
        ("21:42", "двадцать один час сорок две минуты", "nine forty-two p.m."),
        ("22:23", "двадцать два часа двадцать три минуты", "ten twenty-three p.m."),
    ],
)
def test_times(clock: str, in_russian: str, in_english: str) -> None:
    value = datetime.fromisoformat(f"2026-03-05T{clock}:00+03:00")
    assert said(value, Formatter.TIME, RU) == in_russian
    assert said(value, Formatter.TIME, GB) == in_english
    assert said(value, None, RU) == f"пятое марта две тысячи двадцать шестого года, {in_russian}"


@pytest.mark.parametrize(
    ("seconds", "in_russian", "in_english"),
    [
        (0, "ноль секунд", "zero seconds"),
        (61, "одна минута одна секунда", "one minute one second"),
        (3722, "один час две минуты две секунды", "one hour two minutes two seconds"),
        (2 * 86400, "два дня", "two days"),
        (-60, "минус одна минута", "minus one minute"),
    ],
)
def test_durations(seconds: int, in_russian: str, in_english: str) -> None:
    assert said(timedelta(seconds=seconds), None, RU) == in_russian
    assert said(timedelta(seconds=seconds), None, GB) == in_english


def test_digits_and_phone_numbers() -> None:
    assert said("10*#", Formatter.DIGITS, RU) == "один ноль звёздочка решётка"
    assert said("10*#", Formatter.DIGITS, GB) == "one zero star hash"
    assert said("#", Formatter.DIGITS, US) == "pound"
    assert said("+74951234567", Formatter.PHONE, RU) == (
        "плюс семь, четыре девять пять, один два три, четыре пять, шесть семь"
    )
    assert said("+442071234", Formatter.PHONE, GB) == "plus four four two, zero seven one, two three four"
    assert said("2071", Formatter.PHONE, GB) == "two zero seven one"


@pytest.mark.parametrize(
    ("value", "formatter"),
    [
        (None, None),
        (True, None),
        (True, Formatter.NUMBER),
        ("x", Formatter.NUMBER),
        (1, Formatter.DATE),
        ((), None),
        ({}, None),
    ],
)
def test_what_cannot_be_said_is_refused(value: Value, formatter: Formatter | None) -> None:
    with pytest.raises(Unsayable):
        said(value, formatter, RU)


def test_values_are_not_said_in_a_language_without_grammar() -> None:
    with pytest.raises(Unsayable, match="de-DE"):
        said(1, None, "de-DE")


def test_a_script_s_own_text_is_said_as_it_stands() -> None:
    assert said("Anna", None, RU) == "Anna"


def _russian_number(words: str) -> int:
    """The number that Russian words say, read by the names of its parts alone."""
    units = {russian.cardinal(number, gender): number for gender in russian.Gender for number in range(100)}
    units |= {russian.cardinal(number): number for number in range(100, 1000, 100)}
    scales = {
        form: 1000 ** (power + 1)
        for power, noun in enumerate(russian._SCALES)
        for form in (noun.one, noun.few, noun.many)
    }
    return _number(words.split(), units, scales, "минус")


def _number(words: list[str], units: dict[str, int], scales: dict[str, int], minus: str) -> int:
    total = group = 0
    for word in words:
        if word in scales:
            total, group = total + group * scales[word], 0
        elif word not in {minus, "and"}:
            group = group * 100 if word == "hundred" else group + units[word]
    return -(total + group) if words[0] == minus else total + group


@given(st.integers(-INT_MAX, INT_MAX))
def test_whole_numbers_can_be_read_back(number: int) -> None:
    assert _russian_number(russian.cardinal(number)) == number
    units = {english.cardinal(small, GB): small for small in range(100)}
    scales = {name: 1000 ** (power + 1) for power, name in enumerate(english._SCALES[1:])}
    for locale in (GB, US):
        assert _number(english.cardinal(number, locale).split(), units, scales, "minus") == number


@given(
    st.decimals(
        -(10**DECIMAL_DIGITS_MAX) + 1, 10**DECIMAL_DIGITS_MAX - 1, allow_nan=False, allow_infinity=False, places=9
    ),
    st.sampled_from(["RUB", "GBP", "XTS"]),
    st.sampled_from([RU, GB, US]),
)
def test_every_amount_can_be_said(amount: Decimal, currency: str, locale: str) -> None:
    assert said(Money(amount, currency), None, locale)
    assert said(amount, None, locale)


@given(st.dates(), st.integers(-INT_MAX, INT_MAX), st.sampled_from([RU, GB, US]))
def test_every_date_and_ordinal_can_be_said(day: date, number: int, locale: str) -> None:
    assert said(day, None, locale)
    assert said(number, Formatter.ORDINAL, locale)
