"""Runs one short-lived program with a time limit and keeps what it said."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from engine.stack.report import StackFailure, log_tail


def run(
    step: str,
    argv: Sequence[str | Path],
    *,
    log: Path,
    timeout_s: float,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    advice: str = "",
    uid_gid: tuple[int, int] | None = None,
) -> str:
    """Runs a program, appends its output to `log` and returns its stdout.

    Raises StackFailure with the log's end when the program is missing, exits non-zero or exceeds `timeout_s`.
    `uid_gid` (root only) runs it as that user with no supplementary groups.
    """
    words = [str(word) for word in argv]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as sink:
        print("$", " ".join(words), file=sink, flush=True)
        try:
            done = subprocess.run(
                words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=sink,
                timeout=timeout_s,
                env={**os.environ, **(env or {})},
                cwd=cwd,
                check=False,
                text=True,
                errors="replace",
                user=uid_gid[0] if uid_gid else None,
                group=uid_gid[1] if uid_gid else None,
                extra_groups=[] if uid_gid else None,
            )
        except FileNotFoundError as error:
            raise StackFailure(step, f"{words[0]} is not on this machine", advice=advice) from error
        except subprocess.TimeoutExpired as error:
            message = f"{words[0]} did not finish in {timeout_s:.0f} s"
            raise StackFailure(step, message, log=log_tail(log), advice=advice) from error
        sink.write(done.stdout)
    if done.returncode != 0:
        message = f"{words[0]} exited with {done.returncode} (whole log: {log})"
        raise StackFailure(step, message, log=log_tail(log), advice=advice)
    return done.stdout
