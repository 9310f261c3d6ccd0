"""The shelf: sound files by what they say, in a directory that Asterisk reads too.

`<directory>/<voice>/<hash>.wav`, and beside it the same as .ulaw and .alaw, of which Asterisk takes the one that it
need not convert. A file appears whole (renamed into place); the WAV comes last and says that the others are there.
The same words are found again after a restart; what was not asked for in KEPT_S makes room when the shelf is full.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from engine.errors import Unavailable
from engine.ports import Metrics

from .sound import RATE_HZ, Samples, a_law, mu_law, wav_file

TEXTS_MAX = 2000
"""About 1 MB a text at the longest, 100 kB as a rule."""
KEPT_S = 24 * 3600.0
LOOK_EVERY = 100
"""A shelf that gives away is looked over once in so many new texts: counting 20,000 files takes a while."""
MADE_BY = 1
"""Raise it when the same words would sound different: the old files are not found any more."""
SHORTEST_BYTES = RATE_HZ // 5
"""A G.711 file of less than 0.2 s says nothing: it was cut off."""
SUFFIXES = (".ulaw", ".alaw", ".wav")
SCHEME = "sound:"


class Shelf:
    """Files of what was spoken. Its methods block for as long as a disk does."""

    def __init__(
        self, directory: Path, metrics: Metrics, *, texts_max: int = TEXTS_MAX, gives_away: bool = False
    ) -> None:
        """`gives_away`: a full shelf makes room with what was not asked for longest, however lately that was."""
        self._directory = directory
        self._metrics = metrics
        self._texts_max = texts_max
        self._gives_away = gives_away
        self._put = 0

    def stem(self, voice: str, manner: str, text: str) -> Path:
        """Where these words in this voice belong, without suffix. `manner` is whatever else changes the sound."""
        words = "\n".join((str(MADE_BY), manner, text)).encode()
        return self._directory / voice / hashlib.sha256(words).hexdigest()[:32]

    def holds(self, stem: Path) -> bool:
        """Whether all files are there and none was cut off."""
        try:
            return all(stem.with_suffix(suffix).stat().st_size >= SHORTEST_BYTES for suffix in SUFFIXES)
        except OSError:
            return False

    def touch(self, stem: Path) -> None:
        """Somebody uses it: it stays for another KEPT_S."""
        with_times = stem.with_suffix(SUFFIXES[-1])
        try:
            os.utime(with_times)
        except OSError:  # gone, or another user's: then nobody of ours removes it either
            return

    def put(self, stem: Path, samples: Samples) -> None:
        """Write the sound. Raises Unavailable(`speech`) when the disk refuses or the shelf is full."""
        contents: Mapping[str, bytes] = {
            ".ulaw": mu_law(samples), ".alaw": a_law(samples), ".wav": wav_file(samples)
        }  # fmt: skip
        try:
            self._make_room()
            self._open(stem.parent)
            for suffix in SUFFIXES:
                _write_whole(stem.with_suffix(suffix), contents[suffix])
        except OSError as error:
            where = f"{error.filename or stem.parent}: {error.strerror}"
            raise Unavailable("speech", f"the sound cannot be written ({where}); see VSS_SOUNDS_DIR") from error

    def owns(self, stem: Path) -> bool:
        """Whether a file is one of this shelf's."""
        return self._directory in stem.parents

    def playable(self, media: str) -> bool:
        """Whether a media URI of this shelf can be played; one of anybody else's is not ours to judge."""
        stem = Path(media.removeprefix(SCHEME))
        return not self.owns(stem) or self.holds(stem)

    def _open(self, directory: Path) -> None:
        """Make a directory that Asterisk, another user perhaps, can read whatever our umask."""
        for place in (self._directory, directory):
            if not place.is_dir():
                place.mkdir(parents=True)
                place.chmod(0o755)

    def _make_room(self) -> None:
        self._put += 1
        if self._gives_away and self._put % LOOK_EVERY != 1:
            return
        found = list(self._directory.glob("*/*.wav"))
        if len(found) < self._texts_max:
            return
        self._metrics.count("vss_bounds_reached_total", bound="speech_texts")
        used = sorted((path.stat().st_mtime, path) for path in found)
        old = [path for at, path in used if at < time.time() - KEPT_S]
        if not old and self._gives_away:
            old = [path for _, path in used[: len(used) // 4]]
        for path in old:
            for suffix in SUFFIXES:
                path.with_suffix(suffix).unlink(missing_ok=True)
        if not old:
            raise Unavailable("speech", f"{self._directory} holds {len(found)} texts, all used since yesterday")


def _write_whole(path: Path, content: bytes) -> None:
    """Write beside and rename, so that nobody ever plays half of it."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    beside = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        beside.chmod(0o644)
        beside.rename(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
