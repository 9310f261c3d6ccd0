"""`vss down`: ends what is on record, spares everything else, and an instance has one owner."""

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from engine.stack.down import RECORDS, clear, down, instances, owned
from engine.stack.process import record_of
from engine.stack.report import StackFailure


@pytest.fixture
def instance(tmp_path: Path) -> Path:
    directory = tmp_path / "run" / "demo"
    (directory / RECORDS).mkdir(parents=True)
    (directory / "log").mkdir()
    return directory


def test_down_ends_processes_left_behind_and_keeps_logs(tmp_path: Path, instance: Path) -> None:
    (instance / "log/asterisk.log").write_text("why it failed")
    (instance / "postgres").mkdir()
    with subprocess.Popen(["sleep", "60"]) as left:
        record_of("sleep", left.pid).write(instance / RECORDS / "sleep.json")
        assert [found.name for found in instances(tmp_path)[0].running] == ["sleep"]
        stopped = down(tmp_path)
    assert [(entry.instance, entry.process, entry.pid, entry.how) for entry in stopped] == [
        ("demo", "sleep", left.pid, "asked")
    ]
    assert not (instance / "postgres").exists()
    assert (instance / "log/asterisk.log.old").read_text() == "why it failed"
    assert down(tmp_path) == []


def test_down_spares_a_process_that_got_the_pid_later(tmp_path: Path, instance: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as foreign:
        ours = record_of("sleep", foreign.pid)
        replace(ours, start_ticks=ours.start_ticks - 1).write(instance / RECORDS / "sleep.json")
        assert down(tmp_path) == []
        assert foreign.poll() is None
        foreign.kill()


def test_down_ends_the_owner_first(tmp_path: Path, instance: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as owner, subprocess.Popen(["sleep", "60"]) as child:
        record_of("owner", owner.pid).write(tmp_path / "run/demo.owner.json")
        record_of("sleep", child.pid).write(instance / RECORDS / "sleep.json")
        assert instances(tmp_path)[0].owner_pid == owner.pid
        assert [entry.process for entry in down(tmp_path)] == ["owner", "sleep"]
    assert not (tmp_path / "run/demo.owner.json").exists()


def test_down_never_ends_its_own_process(tmp_path: Path, instance: Path) -> None:
    with owned(instance):
        assert instances(tmp_path)[0].owner_pid == os.getpid()
        assert down(tmp_path) == []


def test_instance_has_one_owner(instance: Path) -> None:
    with (
        owned(instance),
        pytest.raises(StackFailure, match=f"already running by process {os.getpid()}"),
        owned(instance),
    ):
        pass
    with owned(instance):
        pass


def test_down_without_any_instance_does_nothing(tmp_path: Path) -> None:
    assert down(tmp_path) == []
    assert instances(tmp_path) == []


def test_clear_keeps_the_ports_for_next_time(instance: Path) -> None:
    (instance / "ports.json").write_text("{}")
    clear(instance)
    assert (instance / "ports.json").exists()
