"""What is said, and by which voice: texts as people write them become texts that espeak-ng says well (pure)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from engine.errors import Rejected

VOICES: Mapping[str, str] = {
    "en": "en-us",
    "en-us": "en-us",
    "en-gb": "en-gb",
    "ru": "ru",
    "ru-ru": "ru",
}
"""Language tag (BCP 47, lower case) -> espeak-ng's voice."""
TEXT_MAX = 2000
"""Characters; about two minutes."""

# A telephone number: with a plus sign 7 digits or more, without one 10 or more, in groups as people write them.
_NUMBER = re.compile(r"(?<![\w.,])(?:\+(?:[ ()-]{0,2}\d){7,15}|\(?\d(?:[ ()-]{0,2}\d){9,14})(?![\w])")
_GROUP = re.compile(r"\d+")
_UNSPEAKABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]+")
# espeak-ng takes [[...]] for phonemes
_BRACKETS = str.maketrans("[]{}", "()()")


def voice_of(language: str) -> str:
    """The voice of a language. Raises Rejected(`language_unknown`)."""
    voice = VOICES.get(language.lower())
    if voice is None:
        known = ", ".join(VOICES)
        raise Rejected(
            "language_unknown", f"language: there is no voice for {language!r}; there is one for {known}", 422
        )
    return voice


def spoken(text: str) -> str:
    """The text as espeak-ng should get it: one line, no phoneme escapes, telephone numbers digit by digit.

    Raises Rejected: `text_empty`, `text_too_long`.
    """
    if len(text) > TEXT_MAX:
        raise Rejected("text_too_long", f"the text has {len(text)} characters; at most {TEXT_MAX} are spoken", 422)
    plain = " ".join(_UNSPEAKABLE.sub(" ", text).translate(_BRACKETS).split())
    if not any(character.isalnum() for character in plain):
        raise Rejected("text_empty", "the text has no words to speak", 422)
    return _NUMBER.sub(lambda found: _digit_by_digit(found.group()), plain)


def _digit_by_digit(number: str) -> str:
    """`+1 202 555-0199` -> `1, 2 0 2, 5 5 5, 0 1 9 9`: said as a number of billions nobody could write it down."""
    groups = _GROUP.findall(number)
    if len(groups) == 1:
        groups = _grouped(groups[0])
    return ", ".join(" ".join(group) for group in groups)


def _grouped(digits: str) -> list[str]:
    """The last four together, those before in threes from the right."""
    head, groups = digits[:-4], [digits[-4:]]
    while head:
        head, group = head[:-3], head[-3:]
        groups.insert(0, group)
    return groups
