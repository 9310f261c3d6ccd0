"""The spool's files: torn, damaged, full, locked, and left by a process that was killed while it wrote."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import stat
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from engine.adapters.spool import FileSpools
from engine.adapters.spool.disk import Disk
from engine.adapters.spool.lines import HEADER, OtherVersion, line, read
from engine.errors import Unavailable
from engine.fakes.metrics import FakeMetrics
from engine.ids import CallId
from engine.ports import OptOut


def opt_out(n: int, width: int = 0) -> OptOut:
    return OptOut(f"+1202555{n:04}" + "0" * width, CallId(f"c{n}"), float(n))


class BrittleDisk(Disk):
    """A disk that has `room` bytes left, and whose syncs fail on demand."""

    def __init__(self) -> None:
        self.room = 1 << 30
        self.sync_fails = False
        self.cut_fails = False
        self.answers_after_s = 0.0
        self.unsynced = False

    def write(self, file: int, data: bytes) -> int:
        time.sleep(self.answers_after_s)
        if self.room == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = super().write(file, data[: self.room])
        self.room -= taken
        self.unsynced = True
        return taken

    def sync(self, file: int) -> None:
        if self.sync_fails:
            raise OSError(errno.EIO, "Input/output error")
        super().sync(file)
        self.unsynced = False

    def cut(self, file: int, length: int) -> None:
        if self.cut_fails:
            raise OSError(errno.EIO, "Input/output error")
        super().cut(file, length)


@asynccontextmanager
async def an_engine(
    directory: Path, epoch: int, metrics: FakeMetrics | None = None, **options: object
) -> AsyncIterator[FileSpools]:
    async with FileSpools(directory, epoch, metrics or FakeMetrics(), **options) as spools:  # type: ignore[arg-type]
        yield spools


def files_in(directory: Path, pattern: str = "*.spool") -> list[Path]:
    return sorted(directory.glob(pattern))


async def left_in(directory: Path, metrics: FakeMetrics, *, clear: bool = False) -> list[OptOut]:
    """What the next engine finds, and forgets if asked to."""
    async with an_engine(directory, 99, metrics) as spools:
        spool = spools.of("opt_outs", OptOut)
        found = list(await spool.load())
        if clear:
            await spool.clear()
        return found


async def written(directory: Path, count: int) -> Path:
    """A spool's file with so many records."""
    async with an_engine(directory, 1) as spools:
        await spools.of("opt_outs", OptOut).append([opt_out(n) for n in range(count)])
    (path,) = files_in(directory)
    return path


def damage(metrics: FakeMetrics, kind: str) -> int:
    return metrics.of("vss_spool_damage_total", spool="opt_outs", kind=kind)


# --- the format


def test_file_cut_at_any_byte_gives_back_the_whole_records_before_it() -> None:
    payloads = [b"one", b"", b"three \xe2\x98\x8e", b"4" * 50]
    data = HEADER + b"".join(line(n, payload) for n, payload in enumerate(payloads, 1))
    ends = [len(HEADER)]
    for n, payload in enumerate(payloads, 1):
        ends.append(ends[-1] + len(line(n, payload)))
    for length in range(len(data) + 1):
        contents = read(data[:length])
        whole = sum(end <= length for end in ends) - 1
        assert list(contents.payloads) == payloads[: max(0, whole)]
        assert contents.damaged == 0
        assert (contents.torn > 0) == (length not in {0, *ends})


def test_no_single_broken_byte_goes_unnoticed_or_costs_more_than_the_record_and_its_neighbour() -> None:
    payloads = [b"payload %d" % n for n in range(5)]
    data = HEADER + b"".join(line(n, payload) for n, payload in enumerate(payloads, 1))
    for place in range(len(data)):
        for bit in (0, 1, 3, 7):
            broken = bytearray(data)
            broken[place] ^= 1 << bit
            try:
                contents = read(bytes(broken))
            except OtherVersion:
                assert place < len(HEADER)
                continue
            assert contents.damaged or contents.torn, place
            assert len(contents.payloads) >= (len(payloads) if place < len(HEADER) - 1 else len(payloads) - 2)
            assert set(contents.payloads) <= set(payloads)


def test_record_of_two_lines_is_refused() -> None:
    with pytest.raises(ValueError, match="one line"):
        line(1, b"a\nb")


def test_whole_record_that_is_missing_in_the_middle_is_noticed() -> None:
    assert read(HEADER + line(1, b"a") + line(3, b"c")).damaged == 1


# --- damage on disk


async def test_file_cut_anywhere_in_its_last_records_is_used_up_to_there_and_told(tmp_path: Path) -> None:
    path = await written(tmp_path, 4)
    data = path.read_bytes()
    second = len(b"".join(data.splitlines(keepends=True)[:3]))
    for length in range(second, len(data)):
        path.write_bytes(data[:length])
        metrics = FakeMetrics()
        found = await left_in(tmp_path, metrics)
        assert found == [opt_out(n) for n in range(data[:length].count(b"\n") - 1)]
        assert damage(metrics, "torn") == (not data[:length].endswith(b"\n"))


@pytest.mark.parametrize("record", [0, 1, 3])
async def test_corrupt_record_is_told_and_its_file_put_aside_once_the_others_are_used(
    tmp_path: Path, record: int
) -> None:
    path = await written(tmp_path, 4)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[record + 1] = lines[record + 1].replace(b"+1202", b"+1203")
    broken = b"".join(lines)
    path.write_bytes(broken)
    for _ in range(2):  # an engine that dies before it has written them finds them again
        metrics = FakeMetrics()
        assert await left_in(tmp_path, metrics) == [opt_out(n) for n in range(4) if n != record]
        assert damage(metrics, "damaged") == 1
    await left_in(tmp_path, FakeMetrics(), clear=True)
    (aside,) = files_in(tmp_path, "*.damaged-1")
    assert aside.read_bytes() == broken
    metrics = FakeMetrics()
    async with an_engine(tmp_path, 5, metrics) as spools:
        assert spools.damaged == metrics.gauges["vss_spool_damaged_files"] == 1
    assert await left_in(tmp_path, FakeMetrics()) == []


async def test_record_of_a_kind_that_nobody_knows_is_put_aside(tmp_path: Path) -> None:
    path = await written(tmp_path, 1)
    path.write_bytes(path.read_bytes() + line(2, b'["Unheard", {}]') + line(3, b'["OptOut", {"number": 7}]'))
    metrics = FakeMetrics()
    assert await left_in(tmp_path, metrics, clear=True) == [opt_out(0)]
    assert damage(metrics, "unknown") == 2
    assert [file.name[-9:] for file in files_in(tmp_path, "*")] == ["damaged-1"]


async def test_file_of_another_version_stays_where_it_is(tmp_path: Path) -> None:
    path = tmp_path / "opt_outs-0000000001-0001.spool"
    path.write_bytes(b"vss-spool 2\nwhatever\n")
    metrics = FakeMetrics()
    assert await left_in(tmp_path, metrics, clear=True) == []
    assert damage(metrics, "version") == 1
    assert path.exists()


async def test_file_that_cannot_be_read_holds_up_none_of_the_others(tmp_path: Path) -> None:
    await written(tmp_path, 2)
    (tmp_path / "opt_outs-0000000000-0001.spool").symlink_to("/nowhere/at/all")
    metrics = FakeMetrics()
    assert await left_in(tmp_path, metrics) == [opt_out(0), opt_out(1)]
    assert damage(metrics, "unreadable") == 1


async def test_files_are_private(tmp_path: Path) -> None:
    path = await written(tmp_path / "run" / "spool", 1)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


# --- a disk that fails


async def test_disk_that_is_full_in_the_middle_of_a_record_loses_nothing_that_was_kept(tmp_path: Path) -> None:
    for room in range(0, 130, 7):
        directory = tmp_path / str(room)
        disk, metrics = BrittleDisk(), FakeMetrics()
        async with an_engine(directory, 1, metrics, disk=disk) as spools:
            spool = spools.of("opt_outs", OptOut)
            await spool.append([opt_out(1)])
            disk.room = room
            with pytest.raises(Unavailable, match="No space left"):
                await spool.append([opt_out(n) for n in range(2, 5)])
            assert spools.fault is not None
            assert "No space left" in spools.fault
            assert metrics.of("vss_spool_failures_total") == 1
            disk.room = 1 << 30
            await spool.append([opt_out(n) for n in range(2, 5)])
            assert spools.fault is None
        after = FakeMetrics()
        assert await left_in(directory, after) == [opt_out(n) for n in range(1, 5)]
        assert not after.counted["vss_spool_damage_total"]


async def test_nothing_is_said_to_be_kept_before_it_is_synced(tmp_path: Path) -> None:
    disk = BrittleDisk()
    async with an_engine(tmp_path, 1, disk=disk) as spools:
        spool = spools.of("opt_outs", OptOut)
        for n in range(3):
            await spool.append([opt_out(n)])
            assert not disk.unsynced


async def test_after_a_sync_that_failed_another_file_is_begun(tmp_path: Path) -> None:
    disk = BrittleDisk()
    async with an_engine(tmp_path, 1, disk=disk) as spools:
        spool = spools.of("opt_outs", OptOut)
        await spool.append([opt_out(1)])
        disk.sync_fails = True
        for _ in range(3):
            with pytest.raises(Unavailable, match="Input/output"):
                await spool.append([opt_out(2)])
        disk.sync_fails = False
        await spool.append([opt_out(2), opt_out(3)])
        assert len(files_in(tmp_path)) == 2  # what only failed leaves no files
    found = await left_in(tmp_path, FakeMetrics())
    assert list(dict.fromkeys(found)) == [opt_out(1), opt_out(2), opt_out(3)]


async def test_half_a_record_that_cannot_be_taken_back_is_left_behind_in_its_file(tmp_path: Path) -> None:
    disk = BrittleDisk()
    async with an_engine(tmp_path, 1, disk=disk) as spools:
        spool = spools.of("opt_outs", OptOut)
        await spool.append([opt_out(1)])
        disk.room, disk.cut_fails = 20, True
        with pytest.raises(Unavailable):
            await spool.append([opt_out(2)])
        disk.room = 1 << 30
        await spool.append([opt_out(2)])
    metrics = FakeMetrics()
    assert await left_in(tmp_path, metrics) == [opt_out(1), opt_out(2)]
    assert damage(metrics, "torn") == 1


async def test_spool_that_has_its_full_size_says_so_and_keeps_what_it_has(tmp_path: Path) -> None:
    metrics = FakeMetrics()
    async with an_engine(tmp_path, 1, metrics, size_max=200) as spools:
        spool = spools.of("opt_outs", OptOut)
        await spool.append([opt_out(1)])
        with pytest.raises(Unavailable, match="more than 200 bytes"):
            await spool.append([opt_out(2, width=200)])
        assert metrics.of("vss_bounds_reached_total", bound="spool_size") == 1
    assert await left_in(tmp_path, FakeMetrics()) == [opt_out(1)]


async def test_disk_that_does_not_answer_holds_nobody_up_and_the_loop_goes_on(tmp_path: Path) -> None:
    disk, metrics = BrittleDisk(), FakeMetrics()
    async with an_engine(tmp_path, 1, metrics, disk=disk, answer_limit_s=0.2) as spools:
        spool = spools.of("opt_outs", OptOut)
        disk.answers_after_s = 0.5
        with pytest.raises(Unavailable, match="did not answer"):
            await spool.append([opt_out(1)])
        assert metrics.of("vss_bounds_reached_total", bound="spool_disk") == 1
        disk.answers_after_s = 0.0
        await asyncio.sleep(1.0)
        await spool.append([opt_out(1)])
    assert set(await left_in(tmp_path, FakeMetrics())) == {opt_out(1)}


async def test_disk_that_takes_nothing_is_told_before_it_is_needed(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("a file in the way")
    async with an_engine(tmp_path / "spool", 1) as spools:
        assert spools.fault is not None
    async with an_engine(tmp_path / "other", 1) as spools:
        assert spools.fault is None
        assert not files_in(tmp_path / "other", "*")


# --- processes


async def test_file_of_an_engine_that_lives_is_left_alone(tmp_path: Path) -> None:
    async with an_engine(tmp_path, 1) as old:
        await old.of("opt_outs", OptOut).append([opt_out(1)])
        async with an_engine(tmp_path, 2) as new:
            spool = new.of("opt_outs", OptOut)
            assert list(await spool.load()) == []
            await spool.append([opt_out(2)])
            await spool.clear()
    assert await left_in(tmp_path, FakeMetrics()) == [opt_out(1)]


WRITER = """
import asyncio, sys
from pathlib import Path
from engine.adapters.spool import FileSpools
from engine.fakes.metrics import FakeMetrics
from engine.ids import CallId
from engine.ports import OptOut

async def main():
    async with FileSpools(Path(sys.argv[1]), 1, FakeMetrics()) as spools:
        spool = spools.of("opt_outs", OptOut)
        for n in range(0, 1_000_000, 10):
            await spool.append([OptOut(f"+1202555{m:04}", CallId(f"c{m}"), float(m)) for m in range(n, n + 10)])
            print(n + 10, flush=True)

asyncio.run(main())
"""


async def test_all_that_a_killed_process_was_told_to_be_kept_is_found_again(tmp_path: Path) -> None:
    for number, lives_s in enumerate((0.02, 0.11, 0.23)):
        directory = tmp_path / str(number)
        writer = await asyncio.create_subprocess_exec(
            sys.executable, "-c", WRITER, str(directory), stdout=asyncio.subprocess.PIPE
        )
        assert writer.stdout is not None
        told = await asyncio.wait_for(writer.stdout.readline(), 60)
        await asyncio.sleep(lives_s)
        writer.send_signal(signal.SIGKILL)
        told = (await writer.stdout.read()).splitlines(keepends=True)[-1:] or [told]
        assert await writer.wait() == -signal.SIGKILL
        kept = int(told[0])
        found = await left_in(directory, FakeMetrics())
        assert found == [opt_out(n) for n in range(len(found))]
        assert len(found) >= kept


LIMITED = """
import asyncio, resource, sys
from pathlib import Path
from engine.adapters.spool import FileSpools
from engine.errors import Unavailable
from engine.fakes.metrics import FakeMetrics
from engine.ids import CallId
from engine.ports import OptOut

async def main():
    async with FileSpools(Path(sys.argv[1]), 1, FakeMetrics()) as spools:
        spool = spools.of("opt_outs", OptOut)
        resource.setrlimit(resource.RLIMIT_FSIZE, (5000, resource.RLIM_INFINITY))
        kept = 0
        group = lambda: [OptOut(f"+1202555{m:04}", CallId(f"c{m}"), float(m)) for m in range(kept, kept + 7)]
        while True:
            try:
                await spool.append(group())
            except Unavailable:
                break
            kept += 7
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        await spool.append(group())
        print(kept + 7)

asyncio.run(main())
"""


async def test_kernel_that_takes_only_a_part_of_a_group_loses_nothing(tmp_path: Path) -> None:
    writer = await asyncio.create_subprocess_exec(
        sys.executable, "-c", LIMITED, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    out, _ = await asyncio.wait_for(writer.communicate(), 60)
    kept = int(out.splitlines()[-1])
    assert kept > 14
    metrics = FakeMetrics()
    assert await left_in(tmp_path, metrics) == [opt_out(n) for n in range(kept)]
    assert not metrics.counted["vss_spool_damage_total"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_real_disk_that_is_full_raises_at_the_seam() -> None:
    file = os.open("/dev/full", os.O_WRONLY)
    try:
        with pytest.raises(OSError, match="No space"):
            Disk().write(file, b"x")
    finally:
        os.close(file)
