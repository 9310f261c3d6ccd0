"""Check 9: everything that is said can be said in every language of the script (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..inference import TypeFault, infer
from ..problem import Path, Problem
from ..prompt import ANY_LOCALE, Audio, Speech, in_locale, sounds
from ..template import Formatter
from ..values import Kind
from .subject import Subject

MISSING, SURPLUS, NO_AUDIO, UNPLAYABLE, FORMATTER, BLANK, DEFAULT, GRAMMAR = (
    "G0901", "G0902", "G0903", "G0904", "G0905", "G0906", "G0907", "G0908",
)  # fmt: skip
LANGUAGES = frozenset({"ru", "en"})
"""Languages in which values can be said with their grammar."""
_NUMBERS = frozenset({Kind.INT, Kind.DECIMAL})
_TEXTS = frozenset({Kind.STRING, Kind.ENUM})
_KEYS = frozenset({Kind.DIGITS, Kind.PHONE})
FITTING: Mapping[Formatter, frozenset[Kind]] = {
    Formatter.TEXT: _TEXTS | _KEYS,
    Formatter.NUMBER: _NUMBERS,
    Formatter.ORDINAL: frozenset({Kind.INT}),
    Formatter.MONEY: frozenset({Kind.MONEY}),
    Formatter.DIGITS: _KEYS | {Kind.STRING, Kind.INT},
    Formatter.PHONE: frozenset({Kind.PHONE}),
    Formatter.DATE: frozenset({Kind.DATE, Kind.DATETIME}),
    Formatter.TIME: frozenset({Kind.DATETIME}),
    Formatter.DATETIME: frozenset({Kind.DATETIME}),
    Formatter.DURATION: frozenset({Kind.DURATION}),
}
USUAL: Mapping[Kind, Formatter] = {
    Kind.INT: Formatter.NUMBER,
    Kind.DECIMAL: Formatter.NUMBER,
    Kind.MONEY: Formatter.MONEY,
    Kind.STRING: Formatter.TEXT,
    Kind.ENUM: Formatter.TEXT,
    Kind.DIGITS: Formatter.DIGITS,
    Kind.PHONE: Formatter.PHONE,
    Kind.DATE: Formatter.DATE,
    Kind.DATETIME: Formatter.DATETIME,
    Kind.DURATION: Formatter.DURATION,
}
"""How a value is said when the text does not say it; bool, list and record have no way."""


def problems(subject: Subject) -> Iterator[Problem]:
    """Everything that cannot be said somewhere."""
    flow = subject.flow
    if subject.unread("locales"):
        return
    if flow.locales.default not in flow.locales.supported:
        message = f"{flow.locales.default} is not among the supported ones"
        yield subject.problem(DEFAULT, ("locales", "default"), message, "add it to locales.supported")
    for name, prompt in flow.prompts.items():
        if subject.unread("prompts", name):
            continue
        for locale in flow.locales.supported:
            if in_locale(prompt, locale) is None:
                message = f"{name} says nothing in {locale}"
                yield subject.problem(MISSING, ("prompts", name), message, f"add {locale}: {{text: ...}}")
        for locale, said in prompt.items():
            if locale not in (*flow.locales.supported, flow.locales.default, ANY_LOCALE):
                message = f"{locale} is not among the languages of the script"
                hint = "leave it out, or add it to locales.supported"
                yield subject.problem(SURPLUS, ("prompts", name, locale), message, hint)
            for at, sound in enumerate(sounds(said)):
                inside: Path = () if sound is said else ("list", at)
                path = ("prompts", name, locale, *inside)
                if isinstance(sound, Audio):
                    yield from _audio(subject, path, sound)
                elif isinstance(sound, Speech):
                    yield from _speech(subject, path, locale, sound)


def _audio(subject: Subject, path: Path, sound: Audio) -> Iterator[Problem]:
    if subject.site.audio is None:
        return
    known = subject.site.audio.get(sound.audio)
    if known is None:
        message = f"there is no recording {sound.audio[:19]}..."
        yield subject.problem(NO_AUDIO, (*path, "audio"), message, "upload it, or correct the hash")
    elif known.fault:
        message = f"the recording cannot be played: {known.fault}"
        hint = "convert it to WAV, 16 bit, mono, 8000 or 16000 Hz"
        yield subject.problem(UNPLAYABLE, (*path, "audio"), message, hint)


def _speech(subject: Subject, path: Path, locale: str, sound: Speech) -> Iterator[Problem]:
    path = (*path, "text")
    if not sound.text.slots and not any(mark.isalnum() for mark in sound.text.text):
        yield subject.problem(BLANK, path, "there are no words in the text", "write what is to be said, or silence_s")
    if sound.text.slots and locale.partition("-")[0] not in LANGUAGES:
        message = f"values cannot be said in {locale}"
        hint = "say them in ru or en" if locale != ANY_LOCALE else "write the text once for each language"
        yield subject.problem(GRAMMAR, path, message, hint)
    for slot in sound.text.slots:
        try:
            kind = infer(slot.expression.term, subject.declared).kind
        except TypeFault:
            continue  # check 6 reports it where the prompt is used
        if kind is None:
            continue
        formatter = slot.formatter or USUAL.get(kind)
        if formatter is None or kind not in FITTING[formatter]:
            how = "" if slot.formatter is None else f" as {slot.formatter}"
            fitting = [one for one in Formatter if kind in FITTING[one]]
            hint = f"use {', '.join(fitting)}" if fitting else "say it with if(condition, 'words', 'other words')"
            yield subject.problem(FORMATTER, path, f"a value of type {kind} cannot be said{how}", hint)
