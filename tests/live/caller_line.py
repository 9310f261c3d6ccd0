"""People who call a script, or are called by one: they press keys where it stands, and everything they hear is kept."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.adapters.speech.espeak import EspeakSpeech
from engine.adapters.speech.sound import parse_wav
from engine.demo.world import callers_port
from engine.fakes.metrics import FakeMetrics
from engine.stack.callers import CallerHabits, callers_with_ears
from engine.stack.tones import ToneEnd
from tests.live.conftest import Site

ALIKE = 0.85
"""Of what was heard and what was to be said, where they fit best; another sentence has less than 0.4."""
_serial = itertools.count(1)
Samples = npt.NDArray[np.float64]


@dataclass(slots=True)
class Line:
    """One caller: `number` is their own, `key` what their media go by."""

    site: Site
    number: str
    key: str
    end: ToneEnd
    kept: Path
    in_band: bool = False
    """Keys are tones in the sound."""

    async def run(self) -> dict[str, Any]:
        """The run of this caller, as the API shows it."""
        items: list[dict[str, Any]] = (await self.site.world.api.get("/runs"))["items"]
        return items[-1] if items else {}

    async def until_node(self, *nodes: str, limit_s: float = 40.0) -> str:
        """Wait until the script stands at one of these nodes."""
        for _ in range(int(limit_s / 0.05)):
            node = str((await self.run()).get("node", ""))
            if node in nodes:
                return node
            await asyncio.sleep(0.05)
        raise AssertionError(f"the script did not come to {nodes}: {await self.run()}")

    async def press(self, node: str, keys: str, after_s: float = 0.0) -> None:
        """Press keys at a node, so long after it came there."""
        await self.until_node(node)
        await asyncio.sleep(after_s)
        self.end.press(self.key, keys, in_band=self.in_band)

    async def over(self, version: str, limit_s: float = 60.0) -> dict[str, Any]:
        """The newest run of a version (its hash), once it is over and its call is written."""
        for _ in range(int(limit_s / 0.1)):
            async with self.site.world.database.connection() as connection:
                row = await connection.fetchrow(
                    "SELECT r.*, c.result FROM gacs_runs r JOIN gacs_scripts s USING (script_id) JOIN calls c USING"
                    " (call_id) WHERE s.content_hash = $1 AND r.ended_at IS NOT NULL AND c.ended_at IS NOT NULL"
                    " ORDER BY r.started_at DESC LIMIT 1",
                    version,
                )
            if row is not None:
                return dict(row)
            await asyncio.sleep(0.1)
        raise AssertionError(f"the run did not end: {await self.run()}")

    def heard(self) -> Samples:
        """Everything that was heard."""
        data = np.frombuffer((self.kept / f"{self.key.lstrip('+')}.ulaw").read_bytes(), np.uint8)
        return _linear(data)


@asynccontextmanager
async def calling(site: Site, did: str, *, stay_s: float = 60.0, in_band: bool = False) -> AsyncIterator[Line]:
    """Call a number that runs a script; whoever is still on the line at the end hangs up."""
    serial = next(_serial)
    number, key = f"+1415555{3000 + serial}", f"+1415556{3000 + serial}"
    stack = site.world.stack
    kept = stack.directory / "kept"
    kept.mkdir(exist_ok=True)
    async with callers_with_ears(
        stack,
        [(number, key)],
        label=f"caller-{serial}",
        port=callers_port(stack),
        tone_port=stack.ports.sipp[11],
        habits=CallerHabits(stay_ms=int(stay_s * 1000), in_band=in_band),
        account=did,
        keep=kept,
    ) as (_, end):
        yield Line(site, number, key, end, kept, in_band)


async def said(site: Site, text: str, language: str) -> tuple[Path, Samples]:
    """The sound of a text, as the engine's voice made it."""
    stack = site.world.stack
    assert stack.programs.espeak_or_none is not None
    directory = Path(stack.asterisk.site.directory) / "sounds" / "speech"
    async with EspeakSpeech(stack.programs.espeak_or_none.words, directory, FakeMetrics()) as speech:
        (media,) = await speech.prepare(text, language)
    path = Path(media.removeprefix("sound:")).with_suffix(".wav")
    _, samples = parse_wav(path.read_bytes())
    return path, samples.astype(np.float64)


async def heard_in_order(site: Site, line: Line, texts: Sequence[str], language: str) -> list[tuple[int, int]]:
    """See that the texts were heard whole, one after the other; where each of them is, in samples."""
    whole = line.heard()
    places: list[tuple[int, int]] = []
    start = 0
    for text in texts:
        _, sound = await said(site, text, language)
        at, alike = best_fit(whole[start:], sound)
        assert alike >= ALIKE, f"not heard (likeness {alike:.2f}): {text}"
        places.append((start + at, start + at + len(sound)))
        start += at + len(sound) // 2
    return places


def best_fit(whole: Samples, part: Samples) -> tuple[int, float]:
    """Where a sound fits best in another one, and how alike they are there (0 to 1)."""
    if len(whole) < len(part):
        return 0, 0.0
    size = 1 << (len(whole) + len(part)).bit_length()
    product = np.fft.irfft(np.fft.rfft(whole, size) * np.conj(np.fft.rfft(part, size)), size)
    places = len(whole) - len(part) + 1
    energy = np.cumsum(np.concatenate([[0.0], whole**2]))
    around = energy[len(part) :] - energy[: len(energy) - len(part)]
    likeness = product[:places] / (np.sqrt(np.maximum(around[:places], 1e-9)) * np.linalg.norm(part) + 1e-9)
    at = int(np.argmax(likeness))
    return at, float(likeness[at])


def _linear(data: npt.NDArray[np.uint8]) -> Samples:
    """G.711 mu-law to samples between -1 and 1."""
    code = ~data.astype(np.int64) & 0xFF
    magnitude = (((code & 0x0F) << 3) + 0x84 << ((code >> 4) & 7)) - 0x84
    return np.where(code & 0x80, -magnitude, magnitude) / 32768.0
