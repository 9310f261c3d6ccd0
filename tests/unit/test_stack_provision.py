"""Provisioning: whole or not at all, once, and only versions that serve."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from engine.stack import apt, provision
from engine.stack.programs import OLDEST, Part, Programs, new_enough, on_host, version_of
from engine.stack.report import SilentReport, StackFailure


class Mirror:
    """Stands for apt: downloads one .deb whose unpacking gives a redis-server of `version`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.version = "7.0.15"
        self.downloads = 0
        self.unpackings = 0
        self.breaks_while_unpacking = False
        monkeypatch.setattr(apt.Apt, "closure", lambda *args: [])
        monkeypatch.setattr(apt.Apt, "download", self._download)
        monkeypatch.setattr(apt, "extract", self._extract)
        monkeypatch.setenv("VSS_PRIVATE", "1")

    def _download(self, packages: Sequence[apt.Package], target: Path) -> None:
        self.downloads += 1
        target.mkdir(parents=True, exist_ok=True)
        (target / "redis_1_all.deb").write_bytes(b"deb")
        (target / "SHA256SUMS").write_text(f"{apt._sha256(target / 'redis_1_all.deb')}  redis_1_all.deb\n")

    def _extract(self, debs: Path, root: Path, log: Path) -> None:
        self.unpackings += 1
        program = root / "usr/bin/redis-server"
        program.parent.mkdir(parents=True)
        program.write_text(f"#!/bin/sh\necho Redis server v={self.version}\n")
        program.chmod(0o755)
        if self.breaks_while_unpacking:
            raise StackFailure("unpack", "the disk is full")


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> Mirror:
    return Mirror(monkeypatch)


def _provision(home: Path) -> Programs:
    return provision.provision(home, [Part.REDIS], SilentReport())


def test_second_run_downloads_and_unpacks_nothing(tmp_path: Path, mirror: Mirror) -> None:
    first = _provision(tmp_path)
    assert first.redis_server.version == "7.0.15"
    assert _provision(tmp_path) == first
    assert (mirror.downloads, mirror.unpackings) == (1, 1)


def test_interrupted_unpacking_is_repeated_from_the_kept_packages(tmp_path: Path, mirror: Mirror) -> None:
    mirror.breaks_while_unpacking = True
    with pytest.raises(StackFailure, match="disk is full"):
        _provision(tmp_path)
    assert provision.fetched_version(tmp_path, Part.REDIS) is None
    mirror.breaks_while_unpacking = False
    assert _provision(tmp_path).redis_server.version == "7.0.15"
    assert mirror.downloads == 1


def test_changed_package_is_fetched_again_when_the_tree_is_made_anew(tmp_path: Path, mirror: Mirror) -> None:
    _provision(tmp_path)
    (tmp_path / "debs/redis/redis_1_all.deb").write_bytes(b"another")
    assert provision.sums_hold(tmp_path, Part.REDIS) is False
    (tmp_path / "tree/redis/ok.json").unlink()
    _provision(tmp_path)
    assert mirror.downloads == 2
    assert provision.sums_hold(tmp_path, Part.REDIS) is True


def test_fetched_program_that_is_too_old_is_refused_and_not_kept(tmp_path: Path, mirror: Mirror) -> None:
    mirror.version = "6.0.16"
    with pytest.raises(StackFailure, match=r"too old: 6\.0\.16"):
        _provision(tmp_path)
    assert provision.fetched_version(tmp_path, Part.REDIS) is None


def test_program_that_was_not_provisioned_is_named(tmp_path: Path, mirror: Mirror) -> None:
    with pytest.raises(StackFailure, match="asterisk was not provisioned"):
        _ = _provision(tmp_path).asterisk


@pytest.mark.parametrize(
    ("part", "version", "serves"),
    [
        (Part.ASTERISK, "22.10.1", True),
        (Part.ASTERISK, "22.10.0", False),
        (Part.ASTERISK, "22.9.9", False),
        (Part.ASTERISK, "23.0.0", True),
        (Part.ASTERISK, "20.19.0", False),
        (Part.POSTGRES, "15.18", True),
        (Part.POSTGRES, "14.20", False),
        (Part.REDIS, "6.2.0", True),
        (Part.REDIS, "6.0.16", False),
        (Part.SIPP, "3.6.1", True),
        (Part.SIPP, None, False),
    ],
)
def test_version_serves_from_the_oldest_one_on(part: Part, version: str | None, serves: bool) -> None:
    assert new_enough(part, version) is serves


def test_every_part_has_an_oldest_version_and_a_source() -> None:
    assert set(OLDEST) == set(Part) == set(provision.SOURCES)


def test_version_is_the_first_dotted_number(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\necho 'SIPp v3.6.1-TLS built 1 (PostgreSQL) 99.1' >&2; exit 99\n")
    program.chmod(0o755)
    assert version_of((str(program),), {}) == "3.6.1"
    assert version_of((str(tmp_path / "missing"),), {}) is None


def test_newest_of_the_hosts_programs_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for version in ("7.0.1", "7.10.0", "5.0.0"):
        (tmp_path / version).mkdir()
        program = tmp_path / version / "redis-server"
        program.write_text(f"#!/bin/sh\necho Redis server v={version}\n")
        program.chmod(0o755)
    monkeypatch.setattr(
        "engine.stack.programs._host_directories", lambda part: sorted(str(path) for path in tmp_path.iterdir())
    )
    found = on_host(Part.REDIS)
    assert found is not None
    assert found["redis_server"].version == "7.10.0"


def test_stems_left_out_of_asterisk_keep_what_its_modules_load() -> None:
    needed = [
        "libjansson4",
        "libedit2",
        "libsrtp2-1",
        "libopus0",
        "libssl3t64",
        "libxml2-16",
        "libsqlite3-0",
        "libc6",
        "libjwt2",
        "libodbc2",
        "libxslt1.1",
        "libgsm1",
        "libspeex1",
        "libuuid1",
        "liburiparser1",
    ]
    assert [name for name in needed if provision.ASTERISK_LEAVE_OUT.search(name)] == []
