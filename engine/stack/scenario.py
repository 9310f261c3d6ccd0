"""A SIPp scenario of /sipp in an instance: what it is told, where it logs, and whether it listens yet."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from engine.stack.ports import LOOPBACK, Ports
from engine.stack.process import until
from engine.stack.report import StackFailure
from engine.stack.sipp import SippProcess

SCENARIOS = Path(__file__).resolve().parents[2] / "sipp"
_LISTEN_TIMEOUT_S = 10.0
_CALLS_LOG = "calls.log"


class SippHost(Protocol):
    """What starts SIPp for us: an open Stack."""

    @property
    def ports(self) -> Ports: ...

    @property
    def directory(self) -> Path: ...

    def start_sipp(self, name: str, args: Sequence[str], *, life_s: float = ...) -> SippProcess: ...


@dataclass(frozen=True, slots=True)
class Scenario:
    """What to run: a file of /sipp by its name, the UDP port it uses, and whom it calls (None: it only answers).

    `variables` become the scenario's global variables (`-set`), `keys` its `[key]` words; `options` go to SIPp as they
    are; `rows` is the text of its `[field]` file; `log` is where it logs its calls (None: calls.log of SIPp's own
    directory).
    """

    name: str
    port: int
    remote_port: int | None = None
    variables: Mapping[str, str | int] = field(default_factory=dict)
    keys: Mapping[str, str | int] = field(default_factory=dict)
    options: Sequence[str] = ()
    rows: str = ""
    log: Path | None = None

    @property
    def file(self) -> Path:
        """The scenario's file."""
        return SCENARIOS / f"{self.name}.xml"

    def arguments(self) -> list[str]:
        """SIPp's command line; its errors go to errors.log of its working directory."""
        words = ["-sf", str(self.file), "-i", LOOPBACK, "-p", str(self.port), "-aa"]
        # the screen it draws even without a terminal, once a minute
        words += ["-f", "60"]
        words += ["-trace_logs", "-log_file", str(self.log or _CALLS_LOG), "-trace_err", "-error_file", "errors.log"]
        for name, value in self.variables.items():
            words += ["-set", name, str(value)]
        for name, value in self.keys.items():
            words += ["-key", name, str(value)]
        words += self.options
        if self.rows:
            words += ["-inf", "rows.csv"]
        if self.remote_port is not None:
            words.append(f"{LOOPBACK}:{self.remote_port}")
        return words


class Running:
    """A started scenario. `log` is what it logs of its calls (calllog.py reads it)."""

    def __init__(self, sipp: SippProcess, scenario: Scenario) -> None:
        self.sipp = sipp
        self.scenario = scenario
        self.log = scenario.log or sipp.directory / _CALLS_LOG
        self.errors = sipp.directory / "errors.log"

    @property
    def pid(self) -> int:
        """SIPp's process."""
        return self.sipp.process.pid

    @property
    def is_running(self) -> bool:
        """Whether SIPp has not ended."""
        return self.sipp.process.returncode is None

    async def finish(self, timeout_s: float) -> int:
        """Wait for a caller's own end; 0: all its calls went as the scenario says. Raises TimeoutError."""
        return await self.sipp.wait(timeout_s)

    async def stop(self) -> None:
        """End it now; its open calls get no BYE."""
        await self.sipp.stop()


async def start(host: SippHost, scenario: Scenario, label: str, life_s: float) -> Running:
    """Start a scenario; one that only answers is returned when its port is bound. Raises StackFailure."""
    if not _is_free(scenario.port):
        raise StackFailure(label, f"UDP port {scenario.port} is taken", advice="Run ./vss down and try again.")
    running = Running(_start(host, scenario, label, life_s), scenario)
    if scenario.remote_port is None:

        async def bound() -> bool:
            return not _is_free(scenario.port)

        await until(running.sipp.process, bound, _LISTEN_TIMEOUT_S)
    else:
        await asyncio.sleep(0)
    return running


def _start(host: SippHost, scenario: Scenario, label: str, life_s: float) -> SippProcess:
    arguments = scenario.arguments()
    if scenario.rows:
        rows = host.directory / f"{label}.csv"
        rows.touch(mode=0o600)
        rows.write_text(scenario.rows, encoding="utf-8")
        arguments[arguments.index("rows.csv")] = str(rows)
    return host.start_sipp(label, arguments, life_s=life_s)


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
