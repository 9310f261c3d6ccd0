"""A person or a machine, told by how long who answers speaks (pure): the rule of app_amd over a voice model's ears.

People say a word or two and wait; machines go on. Nobody is called a machine for saying nothing.
"""

from __future__ import annotations

from engine.flow.run.events import Verdict

GREETING_MAX_MS = 1800
"""From the first word on; who still speaks then is a machine."""
AFTER_GREETING_MS = 800
"""So much silence after the words: a person waits for an answer."""
WORD_MS = 90
"""What is shorter in sum is a click or a breath."""


class GreetingJudge:
    """Hears, piece by piece, whether there is a voice; `hear` gives the verdict once there is one."""

    def __init__(self, limit_s: float) -> None:
        self._limit_ms = limit_s * 1000
        self._heard_ms = 0
        self._voice_ms = 0
        self._quiet_ms = 0
        self._greeting_ms = 0

    def hear(self, voice: bool, lasts_ms: int) -> Verdict | None:
        self._heard_ms += lasts_ms
        if voice:
            self._greeting_ms += lasts_ms + (self._quiet_ms if self._voice_ms else 0)
            self._voice_ms += lasts_ms
            self._quiet_ms = 0
        else:
            self._quiet_ms += lasts_ms
            if self._voice_ms < WORD_MS and self._quiet_ms >= AFTER_GREETING_MS:
                self._voice_ms = self._greeting_ms = 0
        if self._greeting_ms >= GREETING_MAX_MS:
            return Verdict.MACHINE
        if self._voice_ms >= WORD_MS and self._quiet_ms >= AFTER_GREETING_MS:
            return Verdict.HUMAN
        return Verdict.UNSURE if self._heard_ms >= self._limit_ms else None
