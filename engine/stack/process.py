"""Starting and stopping servers so that only our own are ever touched and a killed owner leaves nothing.

Every child is recorded as pid plus start time (and boot): a pid alone may by now belong to someone else. Children ask
the kernel for a signal when their owner dies (PR_SET_PDEATHSIG, Linux), so even SIGKILL of the owner ends them. The
kernel means the *thread* that started them: start them from one that lives on.
"""

from __future__ import annotations

import asyncio
import json
import os
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from engine.stack.home import ServiceUser
from engine.stack.report import StackFailure, log_tail

POLL_S = 0.02
KILL_WAIT_S = 5.0
EXEC_WAIT_S = 2.0


@dataclass(frozen=True, slots=True)
class ProcessRecord:
    """Who a process is: a pid is unique only together with its start (clock ticks since boot) and the boot."""

    name: str
    pid: int
    start_ticks: int
    boot_id: str
    stop_signal: int = int(signal.SIGTERM)

    def alive(self) -> bool:
        """Whether exactly this process still runs (a zombie does not)."""
        return self.boot_id == boot_id() and start_ticks(self.pid) == self.start_ticks

    def send(self, number: int) -> bool:
        """Signals exactly this process; False if it is gone. A pidfd closes the race with reuse of the pid."""
        try:
            descriptor = os.pidfd_open(self.pid)
        except OSError:
            return False
        try:
            if not self.alive():
                return False
            signal.pidfd_send_signal(descriptor, number)
            return True
        except ProcessLookupError:
            return False
        finally:
            os.close(descriptor)

    def wait_gone(self, timeout_s: float) -> bool:
        """Blocks until the process has ended, at most `timeout_s`."""
        try:
            descriptor = os.pidfd_open(self.pid)
        except OSError:
            return True
        try:
            if not self.alive():
                return True
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            return bool(poll.poll(timeout_s * 1000))
        finally:
            os.close(descriptor)

    def write(self, path: Path) -> None:
        """Writes the record whole, readable by the owner only."""
        beside = path.with_name(path.name + ".new")
        beside.unlink(missing_ok=True)
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(asdict(self), file)
        beside.rename(path)

    @staticmethod
    def read(path: Path) -> ProcessRecord | None:
        """The record of a file, or None if there is none or it is damaged."""
        try:
            return ProcessRecord(**json.loads(path.read_text()))
        except (OSError, ValueError, TypeError):
            return None


def boot_id() -> str:
    """Which boot of the machine this is."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def start_ticks(pid: int) -> int | None:
    """When a process started, in clock ticks since boot; None if there is none or it is a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()  # the name in parentheses may hold anything
    return None if fields[0] in {"Z", "X"} else int(fields[19])


def record_of(name: str, pid: int, stop_signal: int = signal.SIGTERM) -> ProcessRecord:
    """The record of a process that runs now."""
    return ProcessRecord(name, pid, start_ticks(pid) or 0, boot_id(), int(stop_signal))


class ManagedProcess:
    """A child of ours. `stop` is the only way it should end; `failure` says why it ended otherwise."""

    def __init__(
        self, name: str, popen: subprocess.Popen[bytes], log: Path, record_path: Path, stop_signal: int
    ) -> None:
        self.name = name
        self.log = log
        self.record = record_of(name, popen.pid, stop_signal)
        self._popen = popen
        self._record_path = record_path
        self.record.write(record_path)

    @property
    def pid(self) -> int:
        """The process id; valid until `stop` has returned."""
        return self._popen.pid

    @property
    def returncode(self) -> int | None:
        """None while it runs; negative: ended by that signal."""
        return self._popen.poll()

    def signal(self, number: int) -> None:
        """Sends a signal, for example SIGSTOP and SIGKILL in fault tests; a process that is gone is left alone."""
        if self.returncode is None:
            self._popen.send_signal(number)

    async def wait(self, timeout_s: float) -> int:
        """Waits for its end; raises TimeoutError after `timeout_s`."""
        if self.returncode is None:
            loop, ended = asyncio.get_running_loop(), asyncio.Event()
            # valid although it may end at any moment: our child stays a zombie until we poll it
            descriptor = os.pidfd_open(self.pid)
            loop.add_reader(descriptor, ended.set)
            try:
                async with asyncio.timeout(timeout_s):
                    await ended.wait()
            finally:
                loop.remove_reader(descriptor)
                os.close(descriptor)
        self._record_path.unlink(missing_ok=True)
        return self._popen.wait(timeout=KILL_WAIT_S)

    async def stop(self, grace_s: float) -> int:
        """Asks it to end, waits `grace_s`, then kills it; returns the exit code. Safe to call twice."""
        self.signal(self.record.stop_signal)
        # a stopped process (SIGSTOP in a fault test) would never see the request
        self.signal(signal.SIGCONT)
        try:
            return await self.wait(grace_s)
        except TimeoutError:
            self.signal(signal.SIGKILL)
            return await self.wait(KILL_WAIT_S)

    def failure(self, message: str, advice: str = "") -> StackFailure:
        """The failure to raise for this process, with the end of its log."""
        code = self.returncode
        ended = "" if code is None else f" (it ended with {code})"
        return StackFailure(
            self.name, f"{message}{ended}; whole log: {self.log}", log=log_tail(self.log), advice=advice
        )


def start(
    name: str,
    argv: Sequence[str],
    *,
    log: Path,
    records: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    user: ServiceUser | None = None,
    stop_signal: int = signal.SIGTERM,
) -> ManagedProcess:
    """Starts a program in its own session, output appended to `log`, as `user` if we are root.

    `stop_signal` is also what the kernel sends it when we die.
    """
    switch = user is not None and user.switch
    with log.open("ab") as sink:
        try:
            popen = subprocess.Popen(
                [*_die_with_us(int(stop_signal)), *argv],
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                env=dict(env) if env is not None else None,
                cwd=cwd,
                start_new_session=True,
                user=user.uid if user is not None and switch else None,
                group=user.gid if user is not None and switch else None,
                extra_groups=[] if switch else None,
            )
        except OSError as error:
            raise StackFailure(name, f"cannot start {argv[0]}: {error.strerror}") from error
    _wait_for_promise(popen.pid)
    return ManagedProcess(name, popen, log, records / f"{name}.json", int(stop_signal))


def _die_with_us(number: int) -> tuple[str, ...]:
    """setpriv asks the kernel for the signal and becomes the program, so the pid stays; without util-linux, nothing.

    Not Popen's preexec_fn, which runs Python between fork and exec and can deadlock when there are threads.
    """
    setpriv = shutil.which("setpriv")
    return (
        (setpriv, f"--pdeathsig={signal.Signals(number).name.removeprefix('SIG')}", "--no-new-privs") if setpriv else ()
    )


def _wait_for_promise(pid: int) -> None:
    """Waits the few milliseconds until setpriv has become the program: until then our death would go unnoticed."""
    setpriv = shutil.which("setpriv")
    deadline = time.monotonic() + EXEC_WAIT_S
    try:
        while setpriv and os.readlink(f"/proc/{pid}/exe") == os.path.realpath(setpriv):
            if time.monotonic() > deadline:
                return
            time.sleep(0.001)
    except OSError:
        return  # it has ended already; whoever waits for it will tell


async def until(what: ManagedProcess, ready: Callable[[], Awaitable[bool]], timeout_s: float, advice: str = "") -> None:
    """Asks `ready` every 20 ms until it says yes; each question must have its own time limit.

    Raises StackFailure when the process ends meanwhile or `timeout_s` passes.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout_s
    while not await ready():
        if what.returncode is not None:
            raise what.failure("it ended while starting", advice)
        if loop.time() > deadline:
            raise what.failure(f"it was not ready after {timeout_s:.0f} s", advice)
        await asyncio.sleep(POLL_S)
