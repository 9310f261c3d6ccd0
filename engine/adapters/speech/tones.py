"""Tones of the telephone network and silence, as sound (pure, numpy)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from engine.flow.prompt import ToneName

from .sound import RATE_HZ, Samples

Country = Literal["us", "ru", "gb"]
EDGE_S = 0.005
"""A tone that begins or ends at once clicks."""
TONE_RMS = 0.1
"""As loud as speech is: -20 dB of full scale (ITU-T E.180 wants -10 dBm0 +- 5)."""
BEEP_HZ = 1000.0


@dataclass(frozen=True, slots=True)
class _Cadence:
    """Frequencies, and how long they sound and are silent in turn; no `off_s`: without a pause."""

    hz: tuple[float, ...]
    on_s: float = 0.0
    off_s: float = 0.0


# ITU-T E.180 Supplement 2 (2003), as Asterisk's indications.conf has them
_TONES: Mapping[Country, Mapping[ToneName, _Cadence]] = {
    "us": {
        ToneName.DIAL: _Cadence((350.0, 440.0)),
        ToneName.RING: _Cadence((440.0, 480.0), 2.0, 4.0),
        ToneName.BUSY: _Cadence((480.0, 620.0), 0.5, 0.5),
        ToneName.CONGESTION: _Cadence((480.0, 620.0), 0.25, 0.25),
    },
    "ru": {
        ToneName.DIAL: _Cadence((425.0,)),
        ToneName.RING: _Cadence((425.0,), 1.0, 4.0),
        ToneName.BUSY: _Cadence((425.0,), 0.35, 0.35),
        ToneName.CONGESTION: _Cadence((425.0,), 0.175, 0.175),
    },
    "gb": {
        ToneName.DIAL: _Cadence((350.0, 440.0)),
        ToneName.RING: _Cadence((400.0, 450.0), 0.4, 0.2),
        ToneName.BUSY: _Cadence((400.0,), 0.375, 0.375),
        ToneName.CONGESTION: _Cadence((400.0,), 0.4, 0.35),
    },
}


def tone(name: ToneName, for_s: float, country: Country) -> Samples:
    """The tone as the country's network has it; a beep is the same everywhere."""
    times = np.arange(round(for_s * RATE_HZ)) / RATE_HZ
    cadence = _Cadence((BEEP_HZ,)) if name is ToneName.BEEP else _TONES[country][name]
    waves = sum(np.sin(2 * np.pi * hz * times) for hz in cadence.hz)
    loud = TONE_RMS * np.sqrt(2 / len(cadence.hz))
    found: Samples = (waves * loud * _envelope(times, for_s, cadence)).astype(np.float32)
    return found


def silence(for_s: float) -> Samples:
    """Nothing to hear."""
    return np.zeros(round(for_s * RATE_HZ), np.float32)


def _envelope(times: npt.NDArray[np.float64], for_s: float, cadence: _Cadence) -> npt.NDArray[np.float64]:
    """1 where it sounds, 0 where it does not, with soft edges."""
    period_s = cadence.on_s + cadence.off_s if cadence.off_s else for_s
    on_s = cadence.on_s if cadence.off_s else for_s
    within = np.mod(times, period_s)
    left = np.minimum(np.minimum(within, on_s - within), for_s - times)
    found: npt.NDArray[np.float64] = np.clip(left / EDGE_S, 0.0, 1.0)
    return found
