"""Processes: only ours are touched, none outlives its owner, none resists for ever."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from engine.stack import process
from engine.stack.home import CHECKOUT
from engine.stack.process import ProcessRecord, record_of
from engine.stack.report import StackFailure

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('on', flush=True); time.sleep(60)"
OWNER = """
import os, signal, sys
from pathlib import Path
from engine.stack import process
place = Path(sys.argv[1])
child = process.start("child", ["sleep", "60"], log=place / "child.log", records=place)
os.kill(os.getpid(), signal.SIGKILL)
"""


def _start(place: Path, *argv: str) -> process.ManagedProcess:
    return process.start("child", argv, log=place / "child.log", records=place)


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


async def test_process_ends_when_asked_and_its_record_goes(tmp_path: Path) -> None:
    child = _start(tmp_path, "sleep", "60")
    record = ProcessRecord.read(tmp_path / "child.json")
    assert record is not None
    assert record.alive()
    assert await child.stop(grace_s=10) == -signal.SIGTERM
    assert not record.alive()
    assert not (tmp_path / "child.json").exists()
    assert await child.stop(grace_s=10) == -signal.SIGTERM


async def test_process_that_ignores_the_request_is_killed(tmp_path: Path) -> None:
    child = _start(tmp_path, sys.executable, "-c", STUBBORN)

    async def listening() -> bool:
        return (tmp_path / "child.log").read_text().startswith("on")

    await process.until(child, listening, 30)
    assert await child.stop(grace_s=0.1) == -signal.SIGKILL


async def test_process_that_is_suspended_still_ends(tmp_path: Path) -> None:
    child = _start(tmp_path, "sleep", "60")
    child.signal(signal.SIGSTOP)

    async def suspended() -> bool:
        # a request that comes before the stop would be seen
        return _state(child.pid) == "T"

    await process.until(child, suspended, 30)
    assert await child.stop(grace_s=10) == -signal.SIGTERM


async def test_process_that_dies_while_starting_shows_its_log(tmp_path: Path) -> None:
    child = _start(tmp_path, "sh", "-c", "echo cannot open the thing; exit 7")

    async def never() -> bool:
        return False

    with pytest.raises(StackFailure) as failure:
        await process.until(child, never, 30, "look there")
    assert "7" in failure.value.message
    assert "cannot open the thing" in failure.value.log
    assert failure.value.advice == "look there"


async def test_process_that_is_never_ready_is_given_up(tmp_path: Path) -> None:
    child = _start(tmp_path, "sleep", "60")

    async def never() -> bool:
        return False

    with pytest.raises(StackFailure, match="not ready"):
        await process.until(child, never, 0.0)
    await child.stop(grace_s=10)


def test_missing_program_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_die_with_us", lambda number: ())
    with pytest.raises(StackFailure, match="/nonexistent/program"):
        _start(tmp_path, "/nonexistent/program")


def test_children_die_with_a_killed_owner(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", OWNER, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        check=False,
        timeout=60,
    )
    assert done.returncode == -signal.SIGKILL
    record = ProcessRecord.read(tmp_path / "child.json")
    assert record is not None
    assert record.wait_gone(timeout_s=30)


def test_reused_pid_is_not_taken_for_our_process() -> None:
    with subprocess.Popen(["sleep", "60"]) as foreign:
        ours = record_of("sleep", foreign.pid)
        try:
            assert ours.alive()
            for other in (replace(ours, start_ticks=ours.start_ticks - 1), replace(ours, boot_id="another boot")):
                assert not other.alive()
                assert not other.send(signal.SIGKILL)
                assert other.wait_gone(timeout_s=0)
            assert foreign.poll() is None
        finally:
            foreign.kill()


def test_zombie_is_not_alive() -> None:
    child = subprocess.Popen(["true"])
    record = record_of("true", child.pid)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not record.alive()
    child.wait()


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"name": "x", "pid": 1}'])
def test_damaged_record_is_no_process(tmp_path: Path, content: str) -> None:
    (tmp_path / "x.json").write_text(content)
    assert ProcessRecord.read(tmp_path / "x.json") is None


async def test_started_program_has_replaced_what_arms_it_against_our_death(tmp_path: Path) -> None:
    for _ in range(20):
        child = _start(tmp_path, "sleep", "60")
        program = _program(child.pid)
        await child.stop(grace_s=10)
        assert program.name in {"sleep", "coreutils", "busybox"}


def _program(pid: int) -> Path:
    return Path(f"/proc/{pid}/exe").readlink()
