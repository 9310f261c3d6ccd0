"""Looks at the machine and says what stands in the way of the stack, and what to do about it."""

from __future__ import annotations

import os
import resource
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.stack import ports, provision
from engine.stack.apt import NO_APT
from engine.stack.down import instances
from engine.stack.home import service_user
from engine.stack.programs import Part, on_host
from engine.stack.report import StackFailure

DISK_NEEDED_BYTES = 2_000_000_000
OPEN_FILES_NEEDED = 4096
ZONE_PROBE = Path("/usr/share/zoneinfo/Europe/Berlin")
NEEDED_PARTS = (Part.ASTERISK, Part.POSTGRES, Part.REDIS, Part.SIPP, Part.ESPEAK)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at; `advice` is empty when it is all right."""

    name: str
    ok: bool
    detail: str
    advice: str = ""


def examine(home: Path) -> list[Check]:
    """All checks in order; changes nothing and needs no network."""
    return [
        _python(),
        _apt(),
        _home(home),
        _disk(home),
        _open_files(),
        _zones(),
        _user(),
        _ports(),
        *(_part(home, part) for part in NEEDED_PARTS),
        *_instances(home),
    ]


def _python() -> Check:
    version = ".".join(str(number) for number in sys.version_info[:3])
    return Check("python", sys.version_info >= (3, 11), version)


def _apt() -> Check:
    found = bool(shutil.which("apt-get") and shutil.which("dpkg-deb"))
    return Check("apt", found, "the host's own" if found else "none", "" if found else NO_APT)


def _home(home: Path) -> Check:
    existing = next(path for path in (home, *home.parents) if path.exists())
    writable = os.access(existing, os.W_OK | os.X_OK)
    socket = home / "run/bench/asterisk/run/asterisk.ctl"
    short = len(os.fsencode(socket)) <= 107
    advice = "" if writable else "Set VSS_HOME to a directory that you may write."
    if not short:
        advice = "Set VSS_HOME to a directory with a short path: Unix sockets allow 107 bytes."
    return Check("state directory", writable and short, str(home), advice)


def _disk(home: Path) -> Check:
    existing = next(path for path in (home, *home.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    ok = free >= DISK_NEEDED_BYTES
    return Check(
        "disk", ok, f"{free / 1e9:.1f} GB free", "" if ok else "Free at least 2 GB, or set VSS_HOME elsewhere."
    )


def _open_files() -> Check:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    ok = hard in {resource.RLIM_INFINITY, -1} or hard >= OPEN_FILES_NEEDED
    return Check("open files", ok, f"at most {hard}", "" if ok else "Raise it: ulimit -Hn 4096 or more.")


def _zones() -> Check:
    # Debian's PostgreSQL reads the host's time zones, and calling windows are in the lead's local time
    ok = ZONE_PROBE.exists()
    return Check("time zones", ok, str(ZONE_PROBE.parents[1]), "" if ok else "Install tzdata: apt-get install tzdata")


def _user() -> Check:
    try:
        user = service_user()
    except StackFailure as error:
        return Check("user", False, error.message, error.advice)
    return Check("user", True, f"servers run as {user.name}")


def _ports() -> Check:
    try:
        base = ports.free_base()
    except StackFailure as error:
        return Check("ports", False, error.message, error.advice)
    return Check("ports", True, f"127.0.0.1:{base}-{base + ports.BLOCK_SIZE - 1} is free")


def _part(home: Path, part: Part) -> Check:
    private = provision.fetched_version(home, part)
    if private:
        if provision.sums_hold(home, part):
            return Check(part, True, f"private {private}, checksums hold")
        advice = f"Remove {home}/debs/{part} and {home}/tree/{part}; the next start fetches it again."
        return Check(part, False, f"private {private}, but its packages have changed on disk", advice)
    found = on_host(part)
    if found:
        return Check(part, True, f"the host's {next(iter(found.values())).version}")
    if shutil.which("apt-get"):
        return Check(part, True, "will be fetched on first use")
    return Check(part, False, "missing", NO_APT)


def _instances(home: Path) -> Iterator[Check]:
    for instance in instances(home):
        if instance.owner_pid:
            yield Check(f"instance {instance.name}", True, f"running, owned by process {instance.owner_pid}")
        elif instance.running:
            names = ", ".join(record.name for record in instance.running)
            yield Check(f"instance {instance.name}", False, f"left behind: {names}", "End them with ./vss down.")
