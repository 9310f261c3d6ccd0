"""What words a caller heard: pocketsphinx with the sentences that there could be."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pocketsphinx import Decoder

WIDE = {"beam": 1e-120, "wbeam": 1e-100, "pbeam": 1e-120, "lw": 2.0}
"""A synthesiser's voice is far from the people that the model knows: look at everything."""
QUIET_S = 0.5


def words(text: str) -> str:
    """A sentence as the recogniser writes it."""
    return " ".join(re.sub(r"[^a-z' ]", " ", text.lower().replace("-", " ")).split())


def recognised(samples: npt.NDArray[np.float64], sentences: Sequence[str], directory: Path) -> str:
    """Which of the sentences is heard in samples at 8 kHz; empty: none of them."""
    grammar = directory / "sentences.jsgf"
    grammar.write_text(f"#JSGF V1.0;\ngrammar g;\npublic <s> = {' | '.join(map(words, sentences))};\n")
    times = np.arange(2 * len(samples)) / 2
    doubled = np.interp(times, np.arange(len(samples)), samples) * 30000
    quiet = np.zeros(int(16000 * QUIET_S))
    noise = np.random.default_rng(1).normal(0, 8, len(doubled) + 2 * len(quiet))
    sound = np.concatenate([quiet, doubled, quiet]) + noise
    decoder = Decoder(samprate=16000, loglevel="FATAL", jsgf=str(grammar), **WIDE)
    decoder.start_utt()
    decoder.process_raw(np.clip(sound, -32768, 32767).astype("<i2").tobytes(), full_utt=True)
    decoder.end_utt()
    found = decoder.hyp()
    return "" if found is None else str(found.hypstr)
