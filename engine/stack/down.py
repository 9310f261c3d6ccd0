"""Ends instances and what a killed owner left behind: only processes whose pid, start time and boot are on record."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from engine.stack.process import ProcessRecord, record_of
from engine.stack.report import StackFailure

RECORDS = "processes"
OWNER_GRACE_S = 20.0
CHILD_GRACE_S = 15.0
KILL_WAIT_S = 5.0
_KEPT = {"log", "ports.json"}


@dataclass(frozen=True, slots=True)
class Stopped:
    """One process that was ended, and whether it went when asked."""

    instance: str
    process: str
    pid: int
    how: Literal["asked", "killed"]


@dataclass(frozen=True, slots=True)
class Instance:
    """An instance as found on disk."""

    name: str
    owner_pid: int | None
    running: tuple[ProcessRecord, ...]


def instances(home: Path) -> list[Instance]:
    """Every instance that has a directory, with its live owner and processes."""
    found = []
    for directory in sorted(path for path in (home / "run").glob("*") if path.is_dir()):
        owner = ProcessRecord.read(_owner_path(directory))
        found.append(
            Instance(directory.name, owner.pid if owner and owner.alive() else None, tuple(_running(directory)))
        )
    return found


def down(home: Path) -> list[Stopped]:
    """Ends every instance of this state directory and removes what it kept, except logs; blocking.

    The owner (`vss demo --keep`, for example) is asked first and stops its servers itself; then what is left is ended.
    """
    stopped = []
    for instance in instances(home):
        directory = home / "run" / instance.name
        owner = ProcessRecord.read(_owner_path(directory))
        if owner and owner.pid != os.getpid() and owner.alive():
            stopped.append(_end(instance.name, owner, OWNER_GRACE_S))
        stopped += clear(directory)
        _owner_path(directory).unlink(missing_ok=True)
    return stopped


def clear(directory: Path) -> list[Stopped]:
    """Ends the recorded processes of an instance without an owner, and empties its directory except logs and ports."""
    stopped = [_end(directory.name, record, CHILD_GRACE_S) for record in _running(directory)]
    for path in directory.glob("*"):
        if path.is_dir() and path.name not in _KEPT:
            shutil.rmtree(path, ignore_errors=True)
    for log in (directory / "log").glob("*.log"):
        log.replace(log.with_suffix(".log.old"))
    return stopped


@contextmanager
def owned(directory: Path) -> Iterator[None]:
    """Holds an instance: a lock that the kernel frees if we die, and a record by which `down` finds us."""
    with _lock_path(directory).open("w") as guard:
        try:
            fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = ProcessRecord.read(_owner_path(directory))
            who = f" by process {owner.pid}" if owner else ""
            raise StackFailure(
                directory.name, f"this instance is already running{who}", advice="End it with ./vss down."
            ) from error
        record_of("owner", os.getpid()).write(_owner_path(directory))
        try:
            yield
        finally:
            _owner_path(directory).unlink(missing_ok=True)


def _running(directory: Path) -> Iterator[ProcessRecord]:
    for path in sorted((directory / RECORDS).glob("*.json")):
        record = ProcessRecord.read(path)
        if record and record.alive():
            yield record


def _end(instance: str, record: ProcessRecord, grace_s: float) -> Stopped:
    record.send(record.stop_signal)
    record.send(signal.SIGCONT)
    if record.wait_gone(grace_s):
        return Stopped(instance, record.name, record.pid, "asked")
    record.send(signal.SIGKILL)
    record.wait_gone(KILL_WAIT_S)
    return Stopped(instance, record.name, record.pid, "killed")


def _owner_path(directory: Path) -> Path:
    return directory.with_name(directory.name + ".owner.json")


def _lock_path(directory: Path) -> Path:
    return directory.with_name(directory.name + ".lock")
