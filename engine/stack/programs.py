"""The programs the stack runs, wherever they come from: the host or a private tree."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from engine.stack.report import StackFailure


class Part(StrEnum):
    """A part that can be provisioned on its own."""

    ASTERISK = "asterisk"
    POSTGRES = "postgres"
    REDIS = "redis"
    SIPP = "sipp"
    ESPEAK = "espeak"


# The oldest version that serves. Asterisk before 22.10.1 deadlocks under ARI load (asterisk issues 1907, 1928,
# 1946, 1962); PostgreSQL 15 and Redis 6.2 are what the SQL and the Lua scripts are written for.
OLDEST: Mapping[Part, tuple[int, ...]] = {
    Part.ASTERISK: (22, 10, 1),
    Part.POSTGRES: (15,),
    Part.REDIS: (6, 2),
    Part.SIPP: (3, 6),
    Part.ESPEAK: (1, 50),
}


@dataclass(frozen=True, slots=True)
class Program:
    """How to start one program: the first words of its command line and what its environment needs in addition."""

    argv_prefix: tuple[str, ...]
    env: Mapping[str, str]
    version: str

    @property
    def words(self) -> tuple[str, ...]:
        """The first words of a command line that brings the environment's additions along."""
        if not self.env:
            return self.argv_prefix
        return ("env", *(f"{name}={value}" for name, value in self.env.items()), *self.argv_prefix)

    def environment(self) -> dict[str, str]:
        """Our own environment with this program's additions."""
        return {**os.environ, **self.env}


@dataclass(frozen=True, slots=True)
class Programs:
    """What `provision` found or fetched. `asterisk_tree` is the private tree's root, None for the host's Asterisk."""

    found: Mapping[str, Program] = field(default_factory=dict)
    asterisk_tree: Path | None = None

    @property
    def asterisk(self) -> Program:
        return self._get("asterisk")

    @property
    def postgres(self) -> Program:
        return self._get("postgres")

    @property
    def initdb(self) -> Program:
        return self._get("initdb")

    @property
    def redis_server(self) -> Program:
        return self._get("redis_server")

    @property
    def sipp(self) -> Program:
        return self._get("sipp")

    @property
    def espeak(self) -> Program:
        return self._get("espeak")

    @property
    def espeak_or_none(self) -> Program | None:
        """The synthesiser, where it was asked for."""
        return self.found.get("espeak")

    def _get(self, name: str) -> Program:
        program = self.found.get(name)
        if program is None:
            raise StackFailure(name, f"{name} was not provisioned", advice="Provision its part before starting it.")
        return program


def version_of(argv: tuple[str, ...], env: Mapping[str, str]) -> str | None:
    """The first dotted number a program's version option prints, or None if it does not run."""
    try:
        done = subprocess.run(
            argv, capture_output=True, text=True, errors="replace", timeout=30, check=False, env={**os.environ, **env}
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"(\d+(?:\.\d+)+)", done.stdout + done.stderr)
    return found.group(1) if found else None


def new_enough(part: Part, version: str | None) -> bool:
    """Whether a version serves; numbers are compared as far as the oldest one goes."""
    if version is None:
        return False
    oldest = OLDEST[part]
    return tuple(int(number) for number in version.split("."))[: len(oldest)] >= oldest


# which file each program is, and how it tells its version
EXECUTABLES: Mapping[Part, Mapping[str, tuple[str, str]]] = {
    Part.ASTERISK: {"asterisk": ("asterisk", "-V")},
    Part.POSTGRES: {"postgres": ("postgres", "-V"), "initdb": ("initdb", "-V")},
    Part.REDIS: {"redis_server": ("redis-server", "--version")},
    Part.SIPP: {"sipp": ("sipp", "-v")},
    Part.ESPEAK: {"espeak": ("espeak-ng", "--version")},
}


def on_host(part: Part) -> dict[str, Program] | None:
    """The host's own programs of a part, if all are there and new enough."""
    best: dict[str, Program] | None = None
    best_version: tuple[int, ...] = ()
    for directory in _host_directories(part):
        programs = {}
        for name, (file, option) in EXECUTABLES[part].items():
            path = shutil.which(file, path=directory)
            version = version_of((path, option), {}) if path else None
            if path and version and new_enough(part, version):
                programs[name] = Program((path,), {}, version)
        if len(programs) == len(EXECUTABLES[part]):
            numbers = tuple(int(n) for n in next(iter(programs.values())).version.split("."))
            if numbers > best_version:
                best, best_version = programs, numbers
    return best


def _host_directories(part: Part) -> list[str]:
    # servers lie outside a plain user's PATH, and Debian's PostgreSQL outside everyone's
    directories = [*os.environ.get("PATH", "").split(os.pathsep), "/usr/sbin", "/usr/bin"]
    if part is Part.POSTGRES:
        directories += [str(path) for path in Path("/usr/lib/postgresql").glob("*/bin")]
    return list(dict.fromkeys(filter(None, directories)))
