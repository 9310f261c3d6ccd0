"""A raw recording becomes a WAV file that the standard library can read."""

from __future__ import annotations

import hashlib
import struct
import wave
from pathlib import Path

import pytest

from engine.adapters.recordings import to_wav


def test_raw_recording_gets_its_header_and_the_raw_file_goes(tmp_path: Path) -> None:
    raw = tmp_path / "call.raw"
    raw.write_bytes(b"".join(struct.pack("<hh", n, -n) for n in range(8000)))
    found = to_wav(raw)
    assert not raw.exists()
    with wave.open(str(found.path)) as played:
        assert (played.getnchannels(), played.getsampwidth(), played.getframerate()) == (2, 2, 8000)
        assert played.readframes(2) == struct.pack("<hhhh", 0, 0, 1, -1)
    assert found.duration_ms == 1000
    assert found.sha256 == hashlib.sha256(found.path.read_bytes()).hexdigest()
    assert to_wav(raw) == found, "doing it again must change nothing"


def test_missing_recording_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"call\.wav"):
        to_wav(tmp_path / "call.raw")
