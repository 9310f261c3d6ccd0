"""The engine's own sentences: complete in each language, and appended as a person would write them."""

from __future__ import annotations

import pytest

from engine.adapters.speech.words import VOICES
from engine.dialer.phrases import PHRASES, identity_words, phrases_of
from engine.errors import Rejected


@pytest.mark.parametrize(
    ("text", "language", "digit", "said"),
    [
        ("This is Example.", "en", "9", "This is Example. To not be called again, press 9."),
        ("This is Example ", "en-GB", "*", "This is Example. To not be called again, press star."),
        ("Это «Пример».", "ru", "9", "Это «Пример». Чтобы вам больше не звонили, нажмите 9."),
        ("Это «Пример»", "ru-RU", "#", "Это «Пример». Чтобы вам больше не звонили, нажмите решётку."),
        ("C'est l'Exemple.", "fr", "", "C'est l'Exemple."),
    ],
)
def test_identity_text_says_how_to_opt_out_where_there_is_a_digit(
    text: str, language: str, digit: str, said: str
) -> None:
    assert identity_words(text, language, digit) == said


def test_language_without_sentences_is_refused_with_those_there_are() -> None:
    with pytest.raises(Rejected, match="'fr' is not one of those that are spoken: en, ru"):
        identity_words("C'est l'Exemple.", "fr", "9")


def test_every_voice_has_its_sentences() -> None:
    for language in VOICES:
        assert phrases_of(language).confirmation
    assert all("{key}" in phrases.opt_out for phrases in PHRASES.values())
