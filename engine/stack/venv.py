"""Makes the virtual environment from a hash-pinned lock, also where pip, ensurepip or python3-venv is missing.

    python3 -m engine.stack.venv --root CHECKOUT --lock requirements.lock --venv DIR --home STATE

Runs with the host's Python before anything of ours is installed: standard library only. Where the index is, the
host's own pip configuration says.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import shutil
import sys
import tempfile
from pathlib import Path

from engine.stack import apt
from engine.stack.command import run
from engine.stack.report import PlainReport, StackFailure

PIP_TIMEOUT_S = 900.0
SYSTEM_WHEELS = Path("/usr/share/python-wheels")
PIP_ADVICE = (
    "Check that `pip download wheel` works on this machine (index, proxy, certificates: pip config list) "
    "and run this again."
)


def find_pip(target: Path, home: Path, log: Path) -> list[str]:
    """The words that run a pip which installs into the environment `target`; the host is not changed.

    In this order: the host's pip (>= 22.3 has --python), the wheel inside ensurepip, Debian's wheel directory, and
    last the package python3-pip-whl, downloaded and unpacked into the state directory. A wheel is run in place by
    the environment's own Python.
    """
    found = _host_pip(log)
    if found:
        return [*found, "--python", str(target / "bin/python")]
    python = str(target / "bin/python")
    for directory in (_ensurepip_wheels(), SYSTEM_WHEELS, home / "pip"):
        wheels = sorted(directory.glob("pip-*.whl")) if directory else []
        if wheels:
            return [python, f"{wheels[-1]}/pip"]
    return [python, f"{_fetched_pip(home, log)}/pip"]


def _host_pip(log: Path) -> list[str]:
    words = [sys.executable, "-m", "pip"]
    try:
        version = run("pip", [*words, "--version"], log=log, timeout_s=60, env={"PYTHONPATH": ""}).split()[1]
        return words if tuple(int(part) for part in version.split(".")[:2]) >= (22, 3) else []
    except (StackFailure, ValueError, IndexError):
        return []


def _ensurepip_wheels() -> Path | None:
    try:
        import ensurepip
    except ImportError:
        return None
    # Debian without python3-venv can leave an empty package behind, which imports but has no file.
    return Path(ensurepip.__file__).parent / "_bundled" if ensurepip.__file__ else None


def _fetched_pip(home: Path, log: Path) -> Path:
    """Debian's pip wheel from the package python3-pip-whl."""
    private = apt.Apt(home / "apt-pip", log)
    private.update()
    packages = private.show(["python3-pip-whl"])
    if not packages:
        raise StackFailure(
            "pip",
            "neither pip nor the package python3-pip-whl is to be had",
            advice="Install pip (Debian: apt-get install python3-pip), or use docker compose.",
        )
    with tempfile.TemporaryDirectory(dir=home) as scratch:
        private.download(packages, Path(scratch) / "debs")
        apt.extract(Path(scratch) / "debs", Path(scratch) / "root", log)
        shutil.copytree(Path(scratch) / "root/usr/share/python-wheels", home / "pip", dirs_exist_ok=True)
    private.clean()
    wheels = sorted((home / "pip").glob("pip-*.whl"))
    if not wheels:
        raise StackFailure("pip", "the package python3-pip-whl holds no pip wheel", advice=apt.APT_ADVICE)
    return wheels[-1]


def make(root: Path, lock: Path, target: Path, home: Path, report: PlainReport) -> None:
    """Builds the environment anew and stamps it last, so that an interrupted build is never taken for a whole one."""
    log = home / "log" / f"{target.name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("")
    with report.step(f"Python environment ({target.name})") as step:
        shutil.rmtree(target, ignore_errors=True)
        # The real file, not a shim or a link that an upgrade of the host would move to another version.
        executable = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
        run(
            "venv",
            [executable, "-m", "venv", "--without-pip", target],
            log=log,
            timeout_s=120,
            env={"PYTHONPATH": ""},
            advice="Install python3-venv.",
        )
        step.detail = f"Python {sys.version.split()[0]}"
    with report.step("pip") as step:
        pip = find_pip(target, home, log)
        step.detail = pip[1] if pip[1] != "-m" else "the host's"
    with report.step(f"packages from {lock.name}") as step:
        # The lock is complete, so nothing is resolved; and Python compiles what is imported when it is imported,
        # which saves a third of the time.
        run(
            "packages",
            [
                *pip,
                "install",
                "--require-hashes",
                "--no-deps",
                "--no-compile",
                "--no-input",
                "--disable-pip-version-check",
                "-r",
                lock,
            ],
            log=log,
            timeout_s=PIP_TIMEOUT_S,
            advice=PIP_ADVICE,
            env={"PYTHONPATH": "", "PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0"},
        )
        step.detail = f"{sum(1 for line in lock.read_text().splitlines() if '==' in line)} pinned by hash"
    _add_checkout(target, root)
    stamp = target / ".stamp.new"
    stamp.write_text(f"{root}\n{lock.read_text()}")
    stamp.rename(target / ".stamp")


def _add_checkout(target: Path, root: Path) -> None:
    """Puts the checkout on the environment's path, so that `engine` is found from any working directory."""
    for packages in (target / "lib").glob("python3.*/site-packages"):
        (packages / "vss-engine.pth").write_text(f"{root}\n")


def stamped(root: Path, lock: Path, target: Path) -> bool:
    """Whether the environment is whole and made from this lock for this checkout (what the `vss` script compares)."""
    try:
        return (target / "bin/python").exists() and (target / ".stamp").read_text() == f"{root}\n{lock.read_text()}"
    except OSError:
        return False


def main() -> int:
    """Makes the environment unless another process has just done so; exit code 3 when it cannot be made."""
    parser = argparse.ArgumentParser()
    for name in ("--root", "--venv", "--home"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--lock", required=True)
    options = parser.parse_args()
    report = PlainReport()
    lock = options.root / options.lock
    try:
        options.home.mkdir(parents=True, exist_ok=True)
        with (options.home / "venv.lock").open("w") as guard:
            fcntl.flock(guard, fcntl.LOCK_EX)
            if not stamped(options.root, lock, options.venv):
                make(options.root, lock, options.venv, options.home, report)
    except StackFailure:
        return 3
    except PermissionError as error:
        report.note(f"cannot write {error.filename}: set VSS_HOME to a directory that you may write")
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
