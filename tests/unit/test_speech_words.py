"""What is said: telephone numbers digit by digit, no escapes, bounded, and only in languages that have a voice."""

from __future__ import annotations

import pytest

from engine.adapters.speech.words import TEXT_MAX, spoken, voice_of
from engine.errors import Rejected


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Call +1 202 555 0199.", "Call 1, 2 0 2, 5 5 5, 0 1 9 9."),
        ("Call +12025550199, or write.", "Call 1, 2 0 2, 5 5 5, 0 1 9 9, or write."),
        ("Call (202) 555-0199 now", "Call 2 0 2, 5 5 5, 0 1 9 9 now"),
        ("Звоните 8 (800) 555-35-35.", "Звоните 8, 8 0 0, 5 5 5, 3 5, 3 5."),
        ("You owe 1 250 dollars since 2026-11-25", "You owe 1 250 dollars since 2026-11-25"),
        ("1,234,567.89 in all", "1,234,567.89 in all"),
        ("press 9", "press 9"),
    ],
)
def test_telephone_numbers_are_said_digit_by_digit_and_other_numbers_are_not(written: str, said: str) -> None:
    assert spoken(written) == said


def test_text_cannot_leave_its_line_or_become_phonemes() -> None:
    assert spoken("one\n\x00two [[h@l'oU]]\u2028 three") == "one two ((h@l'oU)) three"


@pytest.mark.parametrize(
    ("text", "code"), [("", "text_empty"), (" ?! ", "text_empty"), ("a" * (TEXT_MAX + 1), "text_too_long")]
)
def test_text_that_cannot_be_said_is_refused(text: str, code: str) -> None:
    with pytest.raises(Rejected) as refusal:
        spoken(text)
    assert (refusal.value.code, refusal.value.status) == (code, 422)


def test_voice_is_found_by_language_tag_and_an_unknown_one_names_the_known() -> None:
    assert (voice_of("ru-RU"), voice_of("EN-gb"), voice_of("en")) == ("ru", "en-gb", "en-us")
    with pytest.raises(Rejected, match=r"language: there is no voice for 'tlh'.*en-gb") as refusal:
        voice_of("tlh")
    assert refusal.value.code == "language_unknown"
