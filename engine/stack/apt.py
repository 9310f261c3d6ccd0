"""Reads packages with the host's own apt, into private directories: no root, nothing changed on the host.

apt gets private lists, cache and state; of the host it uses the sources, keys, credentials and network settings.
Signatures are checked by apt; every .deb's SHA-256 is checked against the signed index and kept beside the file.
Host hooks (APT::Update::Post-Invoke and the like) do not run: they would change the host.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.stack.command import run
from engine.stack.report import StackFailure

APT_TIMEOUT_S = 600.0
NO_APT = (
    "This machine has no apt to fetch packages with. Install PostgreSQL >= 15, redis-server >= 6.2, sipp >= 3.6 and "
    "Asterisk >= 22.10.1 yourself, or use docker: docker compose --profile core up"
)
APT_ADVICE = (
    "Check that `apt-get update` works on this machine (sources, proxy, network) and run this again; "
    "what is already downloaded is kept."
)
DEBIAN_KEYS = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


@dataclass(frozen=True, slots=True)
class Package:
    """One entry of a package index: the candidate version and what it needs."""

    name: str
    version: str
    depends: tuple[tuple[str, ...], ...]
    sha256: str
    size: int


class Apt:
    """A private apt. `suite` None reads the host's own sources, else that suite of Debian from the host's mirror."""

    def __init__(self, directory: Path, log: Path, suite: str | None = None) -> None:
        self._directory = directory
        self._log = log
        self._suite = suite
        self.environment = {"APT_CONFIG": str(directory / "apt.conf"), "LC_ALL": "C"}
        self._updated = False

    def update(self) -> None:
        """Downloads the package lists, once per object.

        A failing third-party source of the host only shows in the log: what counts is whether packages are found.
        """
        if self._updated:
            return
        if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
            raise StackFailure("package lists", "apt-get or dpkg-deb is missing", advice=NO_APT)
        self._configure()
        try:
            self._apt("package lists", "apt-get", "-q", "update")
        except StackFailure:
            if not any((self._directory / "state/lists").glob("*Packages*")):
                raise
        self._updated = True

    def show(self, names: Sequence[str]) -> list[Package]:
        """The candidates of the named packages; names that no index knows are left out."""
        if not names:
            return []
        try:
            text = self._apt("package index", "apt-cache", "show", "--no-all-versions", *names)
        except StackFailure:
            # apt-cache exits 100 when one name is unknown (a virtual package): ask one by one.
            if len(names) == 1:
                return []
            return [package for name in names for package in self.show([name])]
        return [_parse(stanza) for stanza in text.split("\n\n") if stanza.strip()]

    def closure(self, seeds: Iterable[str], leave_out: re.Pattern[str], present: frozenset[str]) -> list[Package]:
        """The seeds and what they need, except what matches `leave_out` or is `present` on the host.

        An own walk over Depends instead of apt's resolver: sid is at times uninstallable as a whole, and a host with
        held or broken packages still can run a private copy. Of alternatives the first one known is taken.
        """
        self.update()
        seed_names = tuple(seeds)
        found: dict[str, Package] = {}
        wanted = list(seed_names)
        seen = set(wanted)
        while wanted:
            found.update((package.name, package) for package in self.show(wanted))
            wanted = []
            for package in list(found.values()):
                for alternatives in package.depends:
                    if any(name in seen or name in present or leave_out.search(name) for name in alternatives):
                        continue
                    seen.update(alternatives[:1])
                    wanted.append(alternatives[0])
        missing = [name for name in seed_names if name not in found]
        if missing:
            where = self._suite or "this machine's package sources"
            raise StackFailure("package index", f"{', '.join(missing)} not found in {where}", advice=APT_ADVICE)
        return list(found.values())

    def download(self, packages: Sequence[Package], target: Path) -> None:
        """Downloads the .debs into `target` and writes SHA256SUMS; a sum that is not the index's is refused."""
        target.mkdir(parents=True, exist_ok=True)
        names = [f"{package.name}={package.version}" for package in packages]
        self._apt("download", "apt-get", "-q", "download", *names, cwd=target)
        sums = {_sha256(path): path.name for path in sorted(target.glob("*.deb"))}
        lost = [package.name for package in packages if package.sha256 not in sums]
        if lost:
            raise StackFailure("download", f"checksum differs from the signed index: {', '.join(lost)}")
        (target / "SHA256SUMS").write_text("".join(f"{digest}  {name}\n" for digest, name in sums.items()))

    def clean(self) -> None:
        """Removes lists and cache (tens of MB); the .debs stay."""
        shutil.rmtree(self._directory, ignore_errors=True)
        self._updated = False

    def _apt(self, step: str, *argv: str, cwd: Path | None = None) -> str:
        return run(step, argv, log=self._log, timeout_s=APT_TIMEOUT_S, env=self.environment, advice=APT_ADVICE, cwd=cwd)

    def _debian_mirror(self) -> str:
        """The address of Debian's main archive; VSS_DEBIAN_MIRROR overrides what the host's apt says.

        A host whose lists are empty (a fresh container) does not know which of its sources is Debian: then its
        sources are read privately first.
        """
        chosen = os.environ.get("VSS_DEBIAN_MIRROR") or _known_mirror(self._log, {})
        if not chosen:
            host = Apt(self._directory / "host", self._log)
            host.update()
            chosen = _known_mirror(self._log, host.environment)
        if not chosen:
            raise StackFailure(
                "mirror",
                "this machine's apt has no source for Debian's main archive, from which Asterisk 22 comes",
                advice="Set VSS_DEBIAN_MIRROR to a Debian mirror, install Asterisk >= 22.10.1, or use docker compose.",
            )
        return chosen

    def _configure(self) -> None:
        private = self._directory
        for name in ("etc/parts", "state/lists/partial", "cache/archives/partial"):
            (private / name).mkdir(parents=True, exist_ok=True)
        (private / "state/status").touch()
        lines = [
            *_host_network_settings(self._log),
            f'Dir::Etc::parts "{private}/etc/parts";',
            'Dir::Etc::main "main-unused";',
            f'Dir::State "{private}/state";',
            f'Dir::State::status "{private}/state/status";',
            f'Dir::Cache "{private}/cache";',
            f'Dir::Log "{private}";',
            'Acquire::Languages "none";',
            'Acquire::Retries "3";',
            'Acquire::http::Timeout "30";',
            'Acquire::https::Timeout "30";',
            'APT::Sandbox::User "";',
        ]
        if self._suite:
            (private / "etc/sources.list").write_text(
                f"deb [signed-by={DEBIAN_KEYS}] {self._debian_mirror()} {self._suite} main\n"
            )
            lines += [
                f'Dir::Etc::sourcelist "{private}/etc/sources.list";',
                'Dir::Etc::sourceparts "/dev/null";',
                f'Dir::Etc::preferences "{private}/etc/preferences";',
                f'Dir::Etc::preferencesparts "{private}/etc/parts";',
                # The index of an unreleased suite can be past its date on a mirror; signatures stay checked.
                'Acquire::Check-Valid-Until "false";',
            ]
        (private / "apt.conf").write_text("\n".join(lines) + "\n")


def installed(log: Path) -> frozenset[str]:
    """The names of the packages installed on the host."""
    if not shutil.which("dpkg-query"):
        return frozenset()
    text = run(
        "installed packages", ["dpkg-query", "-W", "-f", "${db:Status-Abbrev} ${Package}\n"], log=log, timeout_s=60
    )
    return frozenset(line.split()[1] for line in text.splitlines() if line.startswith("ii "))


def _known_mirror(log: Path, env: Mapping[str, str]) -> str | None:
    """The address of Debian's main archive as an apt knows it from the lists it has downloaded, if any."""
    fields = "$(CREATED_BY)|$(COMPONENT)|$(CODENAME)|$(REPO_URI)|$(ORIGIN)"
    text = run(
        "mirror", ["apt-get", "indextargets", "--format", fields], log=log, timeout_s=60, env={"LC_ALL": "C", **env}
    )
    rows = [line.split("|") for line in text.splitlines()]
    for created_by, component, codename, uri, origin in (row for row in rows if len(row) == 5):
        if (created_by, component, origin) == ("Packages", "main", "Debian") and "-" not in codename:
            return uri
    return None


def sums_hold(directory: Path) -> bool:
    """Whether SHA256SUMS is there and every file in it is unchanged."""
    try:
        lines = (directory / "SHA256SUMS").read_text().splitlines()
        return bool(lines) and all(
            _sha256(directory / name) == digest for digest, _, name in (line.partition("  ") for line in lines)
        )
    except OSError:
        return False


def extract(debs: Path, root: Path, log: Path) -> None:
    """Unpacks every .deb of a directory into a new tree."""
    for deb in sorted(debs.glob("*.deb")):
        run("unpack", ["dpkg-deb", "-x", deb, root], log=log, timeout_s=120, advice="Is the disk full?")


def _host_network_settings(log: Path) -> list[str]:
    """Proxy, certificates and the like from the host's apt.conf; only Acquire::, without index targets."""
    text = run("apt settings", ["apt-config", "dump", "Acquire"], log=log, timeout_s=60, env={"LC_ALL": "C"})
    unwanted = re.compile(r"Acquire(::IndexTargets|::Languages|::Changelogs|::Retries| )|.*::Timeout ")
    return [line for line in text.splitlines() if line.startswith("Acquire::") and not unwanted.match(line)]


def _parse(stanza: str) -> Package:
    fields = dict(line.split(": ", 1) for line in stanza.splitlines() if ": " in line and not line.startswith(" "))
    relations = ", ".join(filter(None, (fields.get("Pre-Depends"), fields.get("Depends"))))
    depends = tuple(
        tuple(re.split(r"[ (:]", alternative.strip(), maxsplit=1)[0] for alternative in relation.split("|"))
        for relation in relations.split(",")
        if relation.strip()
    )
    return Package(fields["Package"], fields["Version"], depends, fields["SHA256"], int(fields["Size"]))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
