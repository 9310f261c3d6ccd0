"""Finds or fetches the programs of the stack.

A host's program is used if it is new enough; else its packages, with what they need and the host lacks, are fetched
with the host's apt and unpacked into `<home>/tree/<part>` (the .debs stay in `<home>/debs/<part>`). Asterisk comes
from Debian sid, since no release carries 22, with its own C library and dynamic loader. VSS_PRIVATE=1 fetches
everything, as on a host that has nothing. A tree appears whole (renamed into place) or not at all.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engine.stack import apt
from engine.stack.programs import EXECUTABLES, Part, Program, Programs, new_enough, on_host, version_of
from engine.stack.report import Report, StackFailure

# What a private program never needs of its packages' dependencies: install-time tools, the host's C library (its
# loader is the host's), PostgreSQL's wrapper scripts and its JIT compiler (off by configuration; 100 MB).
HOST_LEAVE_OUT = re.compile(
    r"^(libc6|libc-bin|locales|locales-all|tzdata|debconf.*|cdebconf|adduser|passwd|perl.*|libperl.*|lib.*-perl|"
    r"init-system-helpers|lsb-base|sysvinit-utils|netbase|dpkg|ucf|ssl-cert|openssl|logrotate|"
    r"postgresql-common.*|postgresql-client-common|libllvm.*|libz3.*|libjs-.*)$"
)
# Dependencies of Asterisk modules that the configuration never loads, by stem, so that a new soname changes nothing.
ASTERISK_LEAVE_OUT = re.compile(
    r"^(adduser|debconf.*|passwd|perl.*|libperl.*|init-system-helpers|lsb-base|gcc-.*-base|libc-gconv.*|"
    r"asterisk-core-sounds-en$|asterisk-voicemail.*|libcodec2.*|libcurl.*|libglib.*|libgmime.*|libical.*|libiksemel.*|"
    r"libjack.*|liblua.*|libneon.*|libportaudio.*|libpq.*|libradcli.*|libresample.*|libsnmp.*|libspandsp.*|libsybdb.*|"
    r"libunbound.*|libvorbis.*|libopencore.*|libvo-.*|libsensors.*|libasound.*|libselinux.*|readline-common|"
    r"openssl-provider.*|libtiff.*|libjpeg.*|libcorosync.*|libcpg.*|libcfg.*|libbluetooth.*|libldap.*|libicu.*|"
    r"libpri.*|libss7.*|libopenr2.*|libtonezone.*|dahdi.*|libc-client.*|libcap-ng.*|libaudit.*|tzdata|"
    r"libgcrypt.*|libgpg-error.*|libpam.*|libavcodec.*|libavformat.*|libav.*|libsw.*|libSDL.*|libsdl.*|libx11.*)$"
)

# Where the packages' libraries lie; the last holds a private library of PulseAudio's, which espeak-ng links.
LIBRARIES = ("usr/lib/*-linux-gnu*", "lib/*-linux-gnu*", "usr/lib/*-linux-gnu*/pulseaudio")


@dataclass(frozen=True, slots=True)
class Source:
    """Which packages make a part. `suite` None is the host's own release."""

    seeds: tuple[str, ...]
    suite: str | None
    leave_out: re.Pattern[str]


SOURCES = {
    Part.ASTERISK: Source(
        ("asterisk", "asterisk-modules", "asterisk-config", "asterisk-core-sounds-en-gsm", "asterisk-moh-opsound-gsm"),
        "sid",
        ASTERISK_LEAVE_OUT,
    ),
    Part.POSTGRES: Source(("postgresql",), None, HOST_LEAVE_OUT),
    Part.REDIS: Source(("redis-server",), None, HOST_LEAVE_OUT),
    Part.SIPP: Source(("sip-tester",), None, HOST_LEAVE_OUT),
    Part.ESPEAK: Source(("espeak-ng",), None, HOST_LEAVE_OUT),
}


def provision(home: Path, parts: Iterable[Part], report: Report) -> Programs:
    """Finds or fetches the parts; blocking. Raises StackFailure with what to do when one is not to be had."""
    _make_readable(home)
    found: dict[str, Program] = {}
    fetched: list[apt.Apt] = []
    with _alone(home):
        host_apt: apt.Apt | None = None
        for part in dict.fromkeys(parts):
            with report.step(f"{part} program") as step:
                programs = None if _private_wanted() else on_host(part)
                if programs is not None:
                    step.detail = f"the host's {_version(programs)}"
                else:
                    if not _whole(home, part):
                        log = home / "log/provision.log"
                        if SOURCES[part].suite is None:
                            host_apt = host_apt or apt.Apt(home / "apt-host", log)
                            source = host_apt
                        else:
                            source = apt.Apt(home / f"apt-{SOURCES[part].suite}", log, SOURCES[part].suite)
                        fetched.append(source)
                        _fetch(home, part, source, log)
                    programs = _in_tree(home, part)
                    step.detail = f"private {_version(programs)}, {_sizes(home, part)}"
                found.update(programs)
        for source in fetched:
            source.clean()
    tree = _root(home, Part.ASTERISK)
    private = "asterisk" in found and str(tree) in found["asterisk"].argv_prefix[0]
    return Programs(found, tree if private else None)


def sums_hold(home: Path, part: Part) -> bool | None:
    """Whether the kept .debs of a part are unchanged; None if the part has none (the host's program is used)."""
    debs = _debs(home, part)
    return apt.sums_hold(debs) if debs.is_dir() else None


def fetched_version(home: Path, part: Part) -> str | None:
    """The version of a part's private copy, or None if there is none."""
    try:
        return str(json.loads((_tree(home, part) / "ok.json").read_text())["version"])
    except (OSError, ValueError, KeyError):
        return None


def fetched_programs(home: Path, part: Part) -> dict[str, Program] | None:
    """The programs of a part's private copy, or None if there is none. Raises StackFailure for a broken one."""
    return _in_tree(home, part) if _whole(home, part) else None


def _fetch(home: Path, part: Part, source: apt.Apt, log: Path) -> None:
    debs, tree = _debs(home, part), _tree(home, part)
    log.parent.mkdir(parents=True, exist_ok=True)
    if not apt.sums_hold(debs):
        shutil.rmtree(debs, ignore_errors=True)
        present = frozenset[str]()
        if SOURCES[part].suite is None and not _private_wanted():
            present = apt.installed(log)
        packages = source.closure(SOURCES[part].seeds, SOURCES[part].leave_out, present)
        source.download(packages, debs)
    new = tree.with_name(f".{tree.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    (new / "root").mkdir(parents=True)
    apt.extract(debs, new / "root", log)
    new.chmod(0o755)
    (new / "root").chmod(0o755)
    if part is Part.ASTERISK:
        _finish_asterisk(new / "root")
    shutil.rmtree(tree, ignore_errors=True)
    new.rename(tree)
    programs = _in_tree(home, part)
    record = {"version": _version(programs), "sums": (debs / "SHA256SUMS").read_text().splitlines()}
    beside = tree / "ok.json.new"
    beside.write_text(json.dumps(record, indent=1) + "\n")
    beside.rename(tree / "ok.json")


def _finish_asterisk(root: Path) -> None:
    """Gives Asterisk the language directory it looks for, and removes links that lead outside the tree."""
    sounds = root / "usr/share/asterisk/sounds"
    for dangling in ("recordings", "priv-callerintros", "custom"):
        if (sounds / dangling).is_symlink():
            (sounds / dangling).unlink()
    if not (sounds / "en").exists():
        (sounds / "en").symlink_to("en_US_f_Allison")


def _in_tree(home: Path, part: Part) -> dict[str, Program]:
    """The programs of a fetched part, each started once to see that nothing is missing."""
    root = _root(home, part)
    libraries = os.pathsep.join(
        str(path) for pattern in LIBRARIES for path in sorted(root.glob(pattern)) if path.is_dir()
    )
    programs = {}
    for name, (file, option) in EXECUTABLES[part].items():
        path = next((p for p in _places(root) if (p / file).exists()), None)
        if path is None:
            raise StackFailure(part, f"the fetched packages hold no {file}", advice=apt.APT_ADVICE)
        if part is Part.ASTERISK:
            argv, env = _own_loader(root, path / file), {}
        else:
            argv, env = (str(path / file),), {"LD_LIBRARY_PATH": libraries}
            if part is Part.ESPEAK:
                env["ESPEAK_DATA_PATH"] = str(next(root.glob("usr/lib/*/espeak-ng-data"), root).parent)
        version = version_of((*argv, option), env)
        if not new_enough(part, version) or version is None:
            raise StackFailure(
                part,
                f"the fetched {file} {'does not start' if version is None else f'is too old: {version}'}",
                advice=f"Look at {home}/log/provision.log; remove {home}/debs/{part} to fetch it again.",
            )
        programs[name] = Program(argv, env, version)
    return programs


def _own_loader(root: Path, program: Path) -> tuple[str, ...]:
    """A program of a newer release runs with that release's loader and C library, both inside the tree."""
    loader = next(iter(sorted(root.glob("usr/lib/*/ld-linux-*.so.*"))), None)
    if loader is None:
        raise StackFailure(Part.ASTERISK, "the fetched packages hold no dynamic loader", advice=apt.APT_ADVICE)
    libraries = f"{loader.parent}{os.pathsep}{loader.parent / 'asterisk'}"
    return (str(loader), "--library-path", libraries, str(program))


def _places(root: Path) -> list[Path]:
    return [*sorted(root.glob("usr/lib/postgresql/*/bin"), reverse=True), root / "usr/sbin", root / "usr/bin"]


def _whole(home: Path, part: Part) -> bool:
    return (_tree(home, part) / "ok.json").is_file()


def _sizes(home: Path, part: Part) -> str:
    debs = sum(path.stat().st_size for path in _debs(home, part).glob("*.deb"))
    return f"{debs / 1e6:.0f} MB of packages"


def _version(programs: dict[str, Program]) -> str:
    return next(iter(programs.values())).version


def _tree(home: Path, part: Part) -> Path:
    return home / "tree" / part


def _root(home: Path, part: Part) -> Path:
    return _tree(home, part) / "root"


def _debs(home: Path, part: Part) -> Path:
    return home / "debs" / part


def _private_wanted() -> bool:
    return os.environ.get("VSS_PRIVATE", "") not in {"", "0"}


def _make_readable(home: Path) -> None:
    """Servers run as another user when we are root, so the way to their files must be open whatever the umask."""
    for directory in (home, home / "tree", home / "log", home / "debs"):
        directory.mkdir(parents=True, exist_ok=True)
        directory.chmod(0o755)


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """One provisioning at a time per state directory; the kernel frees the lock of a process that died."""
    with (home / "provision.lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        yield
