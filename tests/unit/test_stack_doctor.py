"""`vss doctor`: says what is wrong and what to do, changes nothing."""

import subprocess
from pathlib import Path

import pytest

from engine.stack import doctor
from engine.stack.doctor import Check, examine
from engine.stack.down import RECORDS
from engine.stack.process import record_of


def _named(checks: list[Check], name: str) -> Check:
    return next(check for check in checks if check.name == name)


@pytest.fixture(autouse=True)
def host_without_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "on_host", lambda part: None)


def test_what_fails_has_advice_and_nothing_is_made(tmp_path: Path) -> None:
    checks = examine(tmp_path / "state")
    assert {"python", "apt", "disk", "ports", "asterisk", "postgres", "redis", "sipp", "espeak"} <= {
        c.name for c in checks
    }
    assert all(check.ok or check.advice for check in checks)
    assert list(tmp_path.iterdir()) == []


def test_path_too_long_for_a_socket_is_found(tmp_path: Path) -> None:
    check = _named(examine(tmp_path / ("x" * 100)), "state directory")
    assert not check.ok
    assert "short path" in check.advice


def test_changed_package_is_found(tmp_path: Path) -> None:
    (tmp_path / "tree/redis").mkdir(parents=True)
    (tmp_path / "tree/redis/ok.json").write_text('{"version": "7.0.15"}')
    (tmp_path / "debs/redis").mkdir(parents=True)
    (tmp_path / "debs/redis/a.deb").write_bytes(b"changed")
    (tmp_path / "debs/redis/SHA256SUMS").write_text(f"{'0' * 64}  a.deb\n")
    check = _named(examine(tmp_path), "redis")
    assert not check.ok
    assert str(tmp_path / "debs/redis") in check.advice


def test_processes_left_behind_are_found(tmp_path: Path) -> None:
    records = tmp_path / "run/demo" / RECORDS
    records.mkdir(parents=True)
    with subprocess.Popen(["sleep", "60"]) as left:
        record_of("asterisk", left.pid).write(records / "asterisk.json")
        check = _named(examine(tmp_path), "instance demo")
        left.kill()
    assert not check.ok
    assert "asterisk" in check.detail
    assert "vss down" in check.advice


def test_machine_without_apt_and_programs_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.stack.doctor.shutil.which", lambda name: None)
    checks = examine(tmp_path)
    assert not _named(checks, "apt").ok
    assert "docker compose" in _named(checks, "asterisk").advice
