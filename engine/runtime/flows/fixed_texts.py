"""What a script says that is the same for everybody (pure): made sound before any caller meets it."""

from __future__ import annotations

from collections.abc import Iterator

from engine.flow.prompt import Speech, in_locale, sounds
from engine.flow.run.interpreter import APOLOGY
from engine.flow.run.program import Program


def fixed_texts(program: Program) -> Iterator[tuple[str, str, str | None]]:
    """Locale, text and voice of every text without values, in every locale; the apology too."""
    for flow in program.flows.values():
        for locale in flow.locales.supported:
            for prompt in flow.prompts.values():
                said = in_locale(prompt, locale)
                for sound in () if said is None else sounds(said):
                    if isinstance(sound, Speech) and not sound.text.slots:
                        yield locale, "".join(str(part) for part in sound.text.parts), sound.voice
    for locale in program.flow.locales.supported:
        apology = APOLOGY.get(locale.partition("-")[0])
        if apology is not None:
            yield locale, apology, None
