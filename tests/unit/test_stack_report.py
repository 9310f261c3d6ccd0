"""Steps say their name and time; a failing one shows the end of its log and what to do."""

import io
from pathlib import Path

import pytest

from engine.stack.command import run
from engine.stack.report import LOG_TAIL_LINES, PlainReport, StackFailure, log_tail


def test_finished_step_is_one_line_with_name_time_and_detail() -> None:
    out = io.StringIO()
    report = PlainReport(out)
    with report.step("PostgreSQL") as step:
        step.detail = "15.18"
    (line,) = out.getvalue().splitlines()
    assert line.split() == ["PostgreSQL", "0.0", "s", "15.18"]
    assert [name for name, _ in report.timings] == ["PostgreSQL"]


def test_failing_step_shows_reason_log_and_advice_and_passes_the_failure_on() -> None:
    out = io.StringIO()
    log = "\n".join(f"line {number}" for number in range(100))
    failure = StackFailure("asterisk", "it ended", log=log, advice="free the port")
    with pytest.raises(StackFailure) as raised, PlainReport(out).step("Asterisk"):
        raise failure
    assert raised.value is failure
    text = out.getvalue()
    assert "FAILED Asterisk" in text
    assert "it ended" in text
    assert "-> free the port" in text
    assert "line 99" in text
    assert text.count("| line") == LOG_TAIL_LINES


def test_log_tail_is_bounded_and_missing_log_is_empty(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("x" * 100_000 + "\nlast\n")
    assert log_tail(log).splitlines()[-1] == "last"
    assert len(log_tail(log)) <= 16384
    assert log_tail(tmp_path / "missing") == ""


def test_program_that_fails_hangs_or_is_missing_gives_a_failure_with_advice(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with pytest.raises(StackFailure, match="exited with 3") as failed:
        run("x", ["sh", "-c", "echo because >&2; exit 3"], log=log, timeout_s=30, advice="do this")
    assert "because" in failed.value.log
    assert failed.value.advice == "do this"
    with pytest.raises(StackFailure, match="did not finish"):
        run("x", ["sleep", "30"], log=log, timeout_s=0.05)
    with pytest.raises(StackFailure, match="not on this machine"):
        run("x", ["/nonexistent"], log=log, timeout_s=1)
    assert run("x", ["echo", "hello"], log=log, timeout_s=30) == "hello\n"
