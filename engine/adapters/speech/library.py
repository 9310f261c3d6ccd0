"""Recordings that scripts may play, in a directory, by the hash of their content."""

from __future__ import annotations

import hashlib
import wave
from collections.abc import Mapping
from pathlib import Path

from engine.flow.site import Recording

PLAYABLE = {(1, 16, 8000), (1, 16, 16000)}
"""Channels, bits, rate."""


def library(directory: Path) -> Mapping[str, tuple[Path, Recording]]:
    """The files of a directory, by `sha256:...`. Raises OSError."""
    return {
        f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}": (path, _recording(path))
        for path in sorted(directory.iterdir())
        if path.is_file()
    }


def recordings(directory: Path) -> Mapping[str, Recording]:
    """What the check of scripts must know of them. Raises OSError."""
    return {name: recording for name, (_, recording) in library(directory).items()}


def _recording(path: Path) -> Recording:
    try:
        with wave.open(str(path)) as sound:
            duration_s = sound.getnframes() / sound.getframerate()
            shape = sound.getnchannels(), 8 * sound.getsampwidth(), sound.getframerate()
    except (wave.Error, EOFError, ZeroDivisionError):
        return Recording(0.0, f"{path.name} is no WAV file")
    if shape not in PLAYABLE:
        channels, bits, rate = shape
        return Recording(duration_s, f"{path.name} has {channels} channels, {bits} bits, {rate} Hz")
    return Recording(duration_s)
