"""Packages: what is needed is found without apt's resolver, and nothing unverified is unpacked."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from engine.stack import apt
from engine.stack.apt import Apt, Package
from engine.stack.report import StackFailure

STANZA = """\
Package: sip-tester
Version: 1:3.6.1-1+b2
Pre-Depends: dpkg (>= 1.17)
Depends: libc6 (>= 2.34), libgsl27 (>= 2.7.1), libpcap0.8:any | libpcap-compat, debconf
Size: 237948
SHA256: 00aa
Description: tests SIP
 Depends: not this one
"""


def _package(name: str, *depends: str, sha256: str = "") -> Package:
    return Package(name, "1", tuple(tuple(relation.split("|")) for relation in depends), sha256, 1)


class Index(Apt):
    """An apt whose index is a list of packages."""

    def __init__(self, directory: Path, packages: Sequence[Package]) -> None:
        super().__init__(directory, directory / "log")
        self._index = {package.name: package for package in packages}
        self.asked: list[str] = []

    def update(self) -> None:
        self._updated = True

    def show(self, names: Sequence[str]) -> list[Package]:
        self.asked += names
        return [self._index[name] for name in names if name in self._index]


def test_stanza_is_read_with_alternatives_and_without_its_description() -> None:
    package = apt._parse(STANZA)
    assert (package.name, package.version, package.size) == ("sip-tester", "1:3.6.1-1+b2", 237948)
    assert package.depends == (("dpkg",), ("libc6",), ("libgsl27",), ("libpcap0.8", "libpcap-compat"), ("debconf",))


def test_closure_follows_needs_but_not_what_is_left_out_or_present(tmp_path: Path) -> None:
    index = Index(
        tmp_path,
        [
            _package("server", "libone", "debconf", "libthere", "libtwo|libother"),
            _package("libone", "libdeep"),
            _package("libdeep", "server"),
            _package("libtwo"),
            _package("debconf", "perl"),
            _package("libthere", "libhidden"),
        ],
    )
    found = index.closure(["server"], re.compile(r"^debconf$"), frozenset({"libthere"}))
    assert sorted(package.name for package in found) == ["libdeep", "libone", "libtwo", "server"]
    assert "perl" not in index.asked
    assert len(index.asked) == len(set(index.asked))


def test_need_met_by_a_present_alternative_is_not_fetched(tmp_path: Path) -> None:
    index = Index(tmp_path, [_package("server", "libnew|libold"), _package("libnew")])
    found = index.closure(["server"], re.compile("^$"), frozenset({"libold"}))
    assert [package.name for package in found] == ["server"]


def test_unknown_package_names_itself_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StackFailure, match="server not found") as failure:
        Index(tmp_path, []).closure(["server"], re.compile("^$"), frozenset())
    assert "apt-get update" in failure.value.advice


class Downloading(Apt):
    """An apt whose download writes a given content."""

    content = b"a package"

    def _apt(self, step: str, *argv: str, cwd: Path | None = None) -> str:
        assert cwd is not None
        (cwd / "server_1_all.deb").write_bytes(self.content)
        return ""


def test_package_that_differs_from_the_signed_index_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StackFailure, match="checksum differs from the signed index: server"):
        Downloading(tmp_path, tmp_path / "log").download([_package("server", sha256="00")], tmp_path / "debs")
    assert not apt.sums_hold(tmp_path / "debs")


def test_kept_packages_are_checked_again(tmp_path: Path) -> None:
    digest = hashlib.sha256(Downloading.content).hexdigest()
    debs = tmp_path / "debs"
    Downloading(tmp_path, tmp_path / "log").download([_package("server", sha256=digest)], debs)
    assert apt.sums_hold(debs)
    (debs / "server_1_all.deb").write_bytes(b"a packagE")
    assert not apt.sums_hold(debs)
    (debs / "server_1_all.deb").unlink()
    assert not apt.sums_hold(debs)
    assert not apt.sums_hold(tmp_path / "nowhere")


def test_machine_without_apt_is_told_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StackFailure) as failure:
        Apt(tmp_path / "apt", tmp_path / "log").update()
    assert "PostgreSQL >= 15" in failure.value.advice
    assert "docker compose" in failure.value.advice


ROWS = [
    "Packages|main|stable|http://third.example/|Third",
    "Translations|main|bookworm|http://wrong.example/|Debian",
    "Packages|main|bookworm-updates|http://updates.example/|Debian",
    "Packages|main|bookworm|http://mirror.example/debian/|Debian",
]


class Host:
    """Stands for the programs apt-get and apt-config of a host with or without package lists."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, rows: list[str], lists: bool) -> None:
        self._rows = rows
        self._lists = lists
        self.updates = 0
        monkeypatch.delenv("VSS_DEBIAN_MIRROR", raising=False)
        monkeypatch.setattr(apt, "run", self._run)

    def _run(self, step: str, argv: Sequence[str], *, env: Mapping[str, str], **options: object) -> str:
        self.updates += "update" in argv
        if "indextargets" not in argv:
            return ""
        known = self._lists or "APT_CONFIG" in env
        return "\n".join(self._rows if known else ["Packages|main|$(CODENAME)|http://third.example/|$(ORIGIN)"])


def _source_of_sid(tmp_path: Path) -> str:
    Apt(tmp_path / "apt", tmp_path / "log", "sid").update()
    return (tmp_path / "apt/etc/sources.list").read_text().split()[2]


@pytest.mark.parametrize(("lists", "updates"), [(True, 1), (False, 2)])
def test_mirror_is_the_hosts_main_archive_of_debian(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lists: bool, updates: int
) -> None:
    host = Host(monkeypatch, ROWS, lists)
    assert _source_of_sid(tmp_path) == "http://mirror.example/debian/"
    assert host.updates == updates


def test_host_without_debian_is_told_to_name_a_mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Host(monkeypatch, ROWS[:1], lists=True)
    with pytest.raises(StackFailure, match="no source for Debian's main archive") as failure:
        _source_of_sid(tmp_path)
    assert "VSS_DEBIAN_MIRROR" in failure.value.advice
    monkeypatch.setenv("VSS_DEBIAN_MIRROR", "http://chosen.example/debian")
    assert _source_of_sid(tmp_path) == "http://chosen.example/debian"
