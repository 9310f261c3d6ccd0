"""Spools on disk: each engine writes files of its own, and takes over those whose writer is dead.

A file is `<name>-<epoch>-<number>.spool`. Its writer holds a lock on it (flock), so an engine that starts while the one
before it still lives leaves it alone. A file is never written again once a write or a sync of it has failed: what the
disk holds of it then is not known, and a new file is. All work on the disk is done by one thread.
"""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Generic, ParamSpec, TypeVar

import structlog

from engine.errors import Unavailable
from engine.ports import Metrics

from .codec import Codec
from .disk import Disk
from .lines import HEADER, OtherVersion, line, read

T = TypeVar("T")
P = ParamSpec("P")
SIZE_MAX = 256 * 1024 * 1024
"""Bytes that one spool writes at most between two times that it is emptied."""
ANSWER_LIMIT_S = 10.0
PROBE_S = 30.0

log = structlog.get_logger()


class FileSpools:
    """Implements the Spools port. Use as a context: inside of it the disk is looked at every half minute."""

    def __init__(
        self, directory: Path, epoch: int, metrics: Metrics, *, disk: Disk | None = None, size_max: int = SIZE_MAX,
        answer_limit_s: float = ANSWER_LIMIT_S,
    ) -> None:  # fmt: skip
        self.directory = directory
        self.epoch = epoch
        self.metrics = metrics
        self.disk = disk or Disk()
        self.size_max = size_max
        self._answer_limit_s = answer_limit_s
        self._thread = ThreadPoolExecutor(1, "spool")
        self._probing: asyncio.Task[None] | None = None
        self._faults: dict[str, str] = {}
        self._damaged = 0
        self._given: list[Callable[[], None]] = []

    @property
    def fault(self) -> str | None:
        """Why the disk took something not the last time; None: it took everything."""
        return next(iter(self._faults.values()), None)

    @property
    def damaged(self) -> int:
        """How many damaged files lie beside the others, as the disk was last looked at."""
        return self._damaged

    def of(self, name: str, *kinds: type[T]) -> FileSpool[T]:
        """The spool of this name, for items of these kinds."""
        spool = FileSpool(self, name, Codec(*kinds))
        self._given.append(spool.close)
        return spool

    async def __aenter__(self) -> FileSpools:
        await self._probe()
        self._probing = asyncio.create_task(self._keep_probing(), name="spool_probe")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._probing is not None:
            self._probing.cancel()
            await asyncio.gather(self._probing, return_exceptions=True)
        with suppress(Unavailable):
            await self.work("close", self._close)
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _close(self) -> None:
        for close in self._given:
            close()

    async def work(self, whose: str, task: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Have the thread do something for a spool. Raises Unavailable(`spool`)."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._answer_limit_s):
                done = await loop.run_in_executor(self._thread, lambda: task(*args, **kwargs))
        except TimeoutError:
            self.metrics.count("vss_bounds_reached_total", bound="spool_disk")
            raise self._failed(whose, f"the disk did not answer within {self._answer_limit_s:g} s") from None
        except OSError as error:
            if error.errno == errno.EFBIG:
                self.metrics.count("vss_bounds_reached_total", bound="spool_size")
            raise self._failed(whose, f"{error.strerror or error} ({self.directory})") from error
        if self._faults.pop(whose, None) is not None:
            log.warning("spool_well_again", spool=whose)
        return done

    def _failed(self, whose: str, reason: str) -> Unavailable:
        self.metrics.count("vss_spool_failures_total")
        if self._faults.get(whose) != reason:
            log.error(
                "spool_failed", spool=whose, reason=reason, consequence="what waits for PostgreSQL is in memory only"
            )
        self._faults[whose] = reason
        return Unavailable("spool", reason)

    async def _keep_probing(self) -> None:
        while True:
            await asyncio.sleep(PROBE_S)
            await self._probe()

    async def _probe(self) -> None:
        """A disk that takes nothing is told before it is needed."""
        try:
            self._damaged = await self.work("probe", self._try)
        except Unavailable:
            return
        self.metrics.gauge("vss_spool_damaged_files", self._damaged)

    def _try(self) -> int:
        """Write something; returns how many damaged files are there."""
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self.directory / f"probe-{os.getpid()}"
        path.unlink(missing_ok=True)
        file = self.disk.create(path)
        try:
            write_all(self.disk, file, HEADER)
            self.disk.sync(file)
        finally:
            self.disk.close(file)
            path.unlink(missing_ok=True)
        return sum(1 for _ in self.directory.glob("*.damaged-*"))


def write_all(disk: Disk, file: int, data: bytes) -> None:
    """A disk that is nearly full takes a part first, and says so at the next one."""
    rest = memoryview(data)
    while rest:
        rest = rest[disk.write(file, bytes(rest)) :]


@dataclass(frozen=True, slots=True)
class _Left:
    """A file that an engine before this one left."""

    path: Path
    file: int
    damaged: bool


class FileSpool(Generic[T]):
    """Implements the Spool port; made by FileSpools."""

    def __init__(self, spools: FileSpools, name: str, codec: Codec[T]) -> None:
        self._spools = spools
        self._disk = spools.disk
        self._name = name
        self._codec = codec
        # only the thread looks at what follows
        self._left: list[_Left] = []
        self._own: list[Path] = []
        self._file: int | None = None
        self._serial = 0
        self._length = 0

    async def load(self) -> Sequence[T]:
        """What engines before this one left, in order. Raises Unavailable."""
        return await self._spools.work(self._name, self._load)

    async def append(self, items: Sequence[T]) -> None:
        """Keep items after those that are kept; they are on the disk when it returns. Raises Unavailable."""
        lines = [encoded for item in items if (encoded := self._encoded(item)) is not None]
        if lines:
            began = perf_counter()
            await self._spools.work(self._name, self._append, lines)
            self._spools.metrics.observe("vss_spool_seconds", perf_counter() - began)

    async def clear(self) -> None:
        """Forget what was loaded and appended. Raises Unavailable."""
        await self._spools.work(self._name, self._clear)

    def _encoded(self, item: T) -> bytes | None:
        try:
            return self._codec.encode(item)
        except ValueError:
            log.exception("not_spooled", spool=self._name, item=repr(item)[:2000])
            self._damage("unencodable")
            return None

    def _damage(self, kind: str, amount: int = 1) -> None:
        self._spools.metrics.count("vss_spool_damage_total", amount, spool=self._name, kind=kind)

    # --- on the thread

    def _load(self) -> Sequence[T]:
        self._let_go()
        items: list[T] = []
        for path in sorted(self._spools.directory.glob(f"{self._name}-*.spool")):
            try:
                items.extend(self._taken(path))
            except BlockingIOError:
                log.warning("spool_of_a_living_engine", file=str(path))
            except OtherVersion as version:
                log.error("spool_of_another_version", file=str(path), version=str(version))
                self._damage("version")
            except OSError as error:
                log.error("spool_unreadable", file=str(path), reason=str(error))
                self._damage("unreadable")
        return items

    def _taken(self, path: Path) -> Sequence[T]:
        file = self._disk.take(path)
        try:
            contents = read(self._disk.read(file))
        except BaseException:
            self._disk.close(file)
            raise
        items: list[T] = []
        undecodable = 0
        for payload in contents.payloads:
            try:
                items.append(self._codec.decode(payload))
            except ValueError as error:
                undecodable += 1
                log.error("spool_record_unknown", file=str(path), reason=str(error))
        for kind, found in (("torn", int(contents.torn > 0)), ("damaged", contents.damaged), ("unknown", undecodable)):
            if found:
                log.error("spool_damaged", file=str(path), kind=kind, records=found, whole=len(items))
                self._damage(kind, found)
        self._left.append(_Left(path, file, contents.damaged + undecodable > 0))
        return items

    def _append(self, payloads: Sequence[bytes]) -> None:
        if self._file is None:
            self._file = self._begin()
        data = b"".join(line(self._serial + n, payload) for n, payload in enumerate(payloads, 1))
        if self._length + len(data) > self._spools.size_max:
            raise OSError(errno.EFBIG, f"more than {self._spools.size_max} bytes wait in the spool {self._name}")
        try:
            write_all(self._disk, self._file, data)
        except OSError:
            self._undo(self._file)
            raise
        try:
            self._disk.sync(self._file)
        except OSError:
            self._give_up(self._file)
            raise
        self._serial += len(payloads)
        self._length += len(data)

    def _begin(self) -> int:
        """A new file, whose name survives too."""
        directory = self._spools.directory
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        number = 1
        while True:
            path = directory / f"{self._name}-{self._spools.epoch:010}-{number:04}.spool"
            try:
                file = self._disk.create(path)
                break
            except FileExistsError:
                number += 1
        self._own.append(path)
        self._length = 0
        try:
            write_all(self._disk, file, HEADER)
            self._disk.sync_names(directory)
        except OSError:
            self._give_up(file)
            raise
        self._serial, self._length = 0, len(HEADER)
        return file

    def _undo(self, file: int) -> None:
        """Take half a record back, so that the next one begins a line."""
        try:
            self._disk.cut(file, self._length)
        except OSError:
            self._give_up(file)

    def _give_up(self, file: int) -> None:
        """After a sync that failed the kernel may believe that it is clean: only a new file can be trusted."""
        self._disk.close(file)
        self._file = None
        if self._length <= len(HEADER):  # nothing in it was ever kept
            self._own.pop().unlink(missing_ok=True)

    def _clear(self) -> None:
        if self._file is not None:
            self._disk.close(self._file)
            self._file = None
        for path in self._own:
            path.unlink(missing_ok=True)
        gone = bool(self._own or self._left)
        self._own = []
        for left in self._left:
            if left.damaged:
                aside = _unused(left.path)
                left.path.rename(aside)
                log.error("spool_put_aside", file=str(aside))
            else:
                left.path.unlink(missing_ok=True)
        self._let_go()
        if gone:
            self._disk.sync_names(self._spools.directory)

    def close(self) -> None:
        """Leave the files to the next engine."""
        if self._file is not None:
            self._disk.close(self._file)
            self._file = None
        self._let_go()

    def _let_go(self) -> None:
        for left in self._left:
            self._disk.close(left.file)
        self._left = []


def _unused(path: Path) -> Path:
    """Where a damaged file is kept for people to look at."""
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    return aside
