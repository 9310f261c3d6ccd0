"""What the engine itself says to people, by language (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.errors import Rejected


@dataclass(frozen=True, slots=True)
class Phrases:
    """One language's sentences."""

    opt_out: str
    """Appended to an identity text; `{key}` is the digit as it is said (16 CFR 310.4(b)(1)(v)(B): how to opt out)."""
    confirmation: str
    """After the digit was pressed."""
    keys: Mapping[str, str]
    """Keys that are not said as they are written."""


PHRASES: Mapping[str, Phrases] = {
    "en": Phrases(
        "To not be called again, press {key}.", "You will not be called again. Goodbye.", {"*": "star", "#": "pound"}
    ),
    "ru": Phrases(
        "Чтобы вам больше не звонили, нажмите {key}.",
        "Вам больше не будут звонить. До свидания.",
        {"*": "звёздочку", "#": "решётку"},
    ),
}


def phrases_of(language: str) -> Phrases:
    """The sentences of a language tag's language. Raises Rejected(`language_unknown`)."""
    found = PHRASES.get(language.lower().partition("-")[0])
    if found is None:
        known = ", ".join(PHRASES)
        raise Rejected("language_unknown", f"language: {language!r} is not one of those that are spoken: {known}", 422)
    return found


def identity_words(text: str, language: str, opt_out_digit: str) -> str:
    """An identity text with how to opt out at its end, when there is a digit for it. Raises Rejected."""
    if not opt_out_digit:
        return text
    phrases = phrases_of(language)
    ending = "" if text.rstrip().endswith((".", "!", "?", "…")) else "."
    return f"{text.rstrip()}{ending} {phrases.opt_out.format(key=phrases.keys.get(opt_out_digit, opt_out_digit))}"
