"""CPU time of processes as the kernel counts it (Linux, /proc/<pid>/stat)."""

from __future__ import annotations

import os
from pathlib import Path

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_PPID, _UTIME, _STIME, _CUTIME, _CSTIME = 1, 11, 12, 13, 14
"""Fields after the name, counted from the state (proc(5) calls it field 3)."""


def process_s(pid: int) -> float:
    """Seconds a process has used, all its threads. Raises FileNotFoundError when it is gone."""
    fields = _fields(pid)
    return (int(fields[_UTIME]) + int(fields[_STIME])) * _TICK_S


def family_s(pid: int) -> float:
    """Seconds a process and its children have used, those that ended included: a PostgreSQL with all its backends."""
    own = _fields(pid)
    ticks = sum(int(own[field]) for field in (_UTIME, _STIME, _CUTIME, _CSTIME))
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = _fields(int(entry.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[_PPID]) == pid:
            ticks += int(fields[_UTIME]) + int(fields[_STIME])
    return ticks * _TICK_S


def _fields(pid: int) -> list[str]:
    # the name in parentheses may hold anything
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
