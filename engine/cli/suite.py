"""`vss test`: run the test suite."""

from __future__ import annotations

import importlib.util
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any
from xml.etree import ElementTree

import typer

from engine.cli.answer import FAILURE, INTERRUPTED, NOT_READY, OK, USAGE, Answer, AsJson, give
from engine.cli.menu import passing
from engine.errors import Unavailable

MARKS = {
    "fast": "not pg and not redis and not speech and not live and not long",
    "normal": "not long",
    "full": "",
}
# pytest's exit codes; 3 is also what tests/conftest.py ends with when a service cannot be had
EXITS = {0: OK, 1: FAILURE, 2: INTERRUPTED, 3: NOT_READY, 4: USAGE, 5: FAILURE}
CHECKOUT = Path(__file__).resolve().parents[2]


def suite(
    context: typer.Context,
    fast: Annotated[bool, typer.Option("--fast", help="Only what needs no real service.")] = False,
    full: Annotated[bool, typer.Option("--full", help="All of it, the long ones too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run the tests; what is missing of Asterisk, PostgreSQL, Redis, SIPp and espeak-ng is fetched and started first.

    Further arguments go to pytest, such as `-k trunk` or a file.
    """
    if fast and full:
        raise typer.BadParameter("--fast and --full exclude each other")
    mode = "fast" if fast else "full" if full else "normal"
    give(as_json, lambda: _run(mode, context.args, as_json))


commands = passing(suite)


def command_line(mode: str, arguments: list[str], report: Path) -> list[str]:
    """What is run. Live tests measure time and want the machine for themselves, so only --fast runs in parallel."""
    words = [sys.executable, "-m", "pytest", f"--junitxml={report}"]
    if MARKS[mode] and "-m" not in arguments:
        words += ["-m", MARKS[mode]]
    if mode == "fast" and "-n" not in arguments and importlib.util.find_spec("xdist"):
        words += ["-n", "auto"]
    return [*words, *arguments]


def _run(mode: str, arguments: list[str], as_json: bool) -> Answer:
    if importlib.util.find_spec("pytest") is None:
        raise Unavailable("pytest", "this environment has no test tools; run ./vss test, which makes one that has")
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="vss-test-") as place:
        report = Path(place) / "report.xml"
        words = command_line(mode, arguments, report)
        code = _pytest(words, as_json)
        counts = counted(report)
    data = {"ok": code == 0, "mode": mode, "run_s": round(time.monotonic() - began, 1), **counts}
    return Answer(data, exit_code=EXITS.get(code, FAILURE))


def _pytest(words: list[str], as_json: bool) -> int:
    """Run it in the checkout. Ctrl-C reaches it too (same terminal), and SIGTERM is handed on as one: it ends what it
    started, and tells what it has."""
    ours = signal.signal(signal.SIGINT, signal.default_int_handler)  # where it is ignored, pytest would ignore it too
    child = subprocess.Popen(words, cwd=CHECKOUT, stdout=sys.stderr if as_json else None)
    before = signal.signal(signal.SIGTERM, lambda number, frame: child.send_signal(signal.SIGINT))
    try:
        while True:
            try:
                return child.wait()
            except KeyboardInterrupt:
                continue
    finally:
        signal.signal(signal.SIGTERM, before)
        signal.signal(signal.SIGINT, ours)


def counted(report: Path) -> dict[str, Any]:
    """Counts and the names of failures, from pytest's own report; zeros when it wrote none."""
    counts: dict[str, Any] = {"passed": 0, "failed": 0, "errors": 0, "failures": []}
    if not report.is_file():
        return counts
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        kinds = {child.tag for child in case}
        if "failure" in kinds or "error" in kinds:
            counts["failed" if "failure" in kinds else "errors"] += 1
            counts["failures"].append(f"{case.get('classname')}.{case.get('name')}")
        elif "skipped" not in kinds:
            counts["passed"] += 1
    return counts
