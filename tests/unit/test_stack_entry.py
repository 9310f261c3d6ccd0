"""The `vss` script and the environment it makes: built once, stamped last, found from anywhere."""

import os
import shutil
import subprocess
from contextlib import nullcontext
from pathlib import Path

import pytest

from engine.stack import home, venv
from engine.stack.home import CHECKOUT
from engine.stack.report import SilentReport, StackFailure

# stands for the Python that builds: a file beside it counts the builds
BUILDER = """#!/bin/sh
case $1 in -c) exit 0 ;; esac
echo build >> "$COUNT"
"""
BUILT = '#!/bin/sh\necho "$VSS_HOME|$*"\n'


class Entry:
    """A checkout with only the script and its locks, and an environment made of stand-ins."""

    def __init__(self, place: Path) -> None:
        self.root = place / "check out"
        self.root.mkdir()
        shutil.copy(CHECKOUT / "vss", self.root / "vss")
        for lock in ("requirements.lock", "requirements-dev.lock"):
            (self.root / lock).write_text(f"# {lock}\n")
        self.count = place / "count"
        self.builder = place / "builder"
        self._program(self.builder, BUILDER)
        self.home = place / "state"

    def stamp(self, name: str, lock: str) -> None:
        self._program(self.home / name / "bin/python", BUILT)
        (self.home / name / ".stamp").write_text(f"{self.root}\n{(self.root / lock).read_text()}")

    def run(self, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
        settings = {
            **os.environ,
            "VSS_HOME": str(self.home),
            "VSS_PYTHON": str(self.builder),
            "COUNT": str(self.count),
            **env,
        }
        return subprocess.run(
            [self.root / "vss", *args], env=settings, cwd="/", text=True, capture_output=True, check=False, timeout=60
        )

    @property
    def builds(self) -> int:
        return len(self.count.read_text().splitlines()) if self.count.exists() else 0

    @staticmethod
    def _program(path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)


@pytest.fixture
def entry(tmp_path: Path) -> Entry:
    return Entry(tmp_path)


def test_stamped_environment_is_used_without_building(entry: Entry) -> None:
    entry.stamp("venv", "requirements.lock")
    done = entry.run("status", "--json", "two words")
    assert done.stdout == f"{entry.home}|-P -m engine.cli status --json two words\n"
    assert entry.builds == 0


@pytest.mark.parametrize("command", ["test", "bench", "python"])
def test_tests_and_benches_use_the_development_environment(entry: Entry, command: str) -> None:
    entry.stamp("venv-dev", "requirements-dev.lock")
    done = entry.run(command, "-x")
    assert done.returncode == 0
    assert done.stdout.strip().endswith("|-x" if command == "python" else f"|-P -m engine.cli {command} -x")
    assert entry.builds == 0


def test_changed_lock_moved_checkout_or_missing_python_builds_anew(entry: Entry) -> None:
    entry.stamp("venv", "requirements.lock")
    (entry.root / "requirements.lock").write_text("# newer\n")
    entry.run("status")
    assert entry.builds == 1
    entry.stamp("venv", "requirements.lock")
    entry.root = entry.root.rename(entry.root.with_name("moved"))
    entry.run("status")
    assert entry.builds == 2
    entry.stamp("venv", "requirements.lock")
    (entry.home / "venv/bin/python").unlink()
    entry.run("status")
    assert entry.builds == 3


def test_script_and_engine_agree_where_state_lies(entry: Entry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VSS_HOME", raising=False)
    expected = home.state_home(entry.root)
    assert expected.name.startswith("check out-" if os.geteuid() == 0 else ".vss")
    # the failing build shows which directory the script chose: it is the builder's last argument
    entry._program(entry.builder, '#!/bin/sh\n[ "$1" = -c ] || { echo "$@"; exit 3; }\n')
    settings = {key: value for key, value in os.environ.items() if key != "VSS_HOME"}
    done = subprocess.run(
        [entry.root / "vss", "status"],
        env={**settings, "VSS_PYTHON": str(entry.builder)},
        text=True,
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.stdout.strip().endswith(f"--home {expected}")
    assert done.returncode == 3


def test_machine_without_a_new_enough_python_is_told_so(entry: Entry) -> None:
    tools = entry.root.parent / "tools"
    for name in ("python3", "python3.13", "python3.12", "python3.11"):
        entry._program(tools / name, "#!/bin/sh\nexit 1\n")
    script = (entry.root / "vss").read_text().replace("/usr/bin/python3;", "/nonexistent;")
    (entry.root / "vss").write_text(script)
    done = entry.run("status", VSS_PYTHON="", PATH=f"{tools}:/usr/bin:/bin")
    assert done.returncode == 3
    assert "Python 3.11" in done.stderr
    assert "docker compose" in done.stderr


@pytest.mark.parametrize("network", [True, False])
def test_environment_is_stamped_only_when_it_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, network: bool
) -> None:
    lock, target = tmp_path / "lock", tmp_path / "venv"
    lock.write_text("nothing==1 --hash=sha256:00\n")

    def fake(step: str, *args: object, **options: object) -> str:
        if step == "packages" and not network:
            raise StackFailure(step, "no network")
        (target / "bin").mkdir(parents=True, exist_ok=True)
        (target / "bin/python").touch()
        return "pip 23.0 from"

    monkeypatch.setattr(venv, "run", fake)
    with nullcontext() if network else pytest.raises(StackFailure, match="no network"):
        venv.make(tmp_path, lock, target, tmp_path / "home", SilentReport())
    assert venv.stamped(tmp_path, lock, target) is network


def test_pip_is_taken_from_the_host_then_from_a_wheel_then_from_a_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, wheels = tmp_path / "venv", tmp_path / "wheels"
    wheels.mkdir()
    monkeypatch.setattr(venv, "_host_pip", lambda log: ["host", "-m", "pip"])
    assert venv.find_pip(target, tmp_path, tmp_path / "log") == [
        "host",
        "-m",
        "pip",
        "--python",
        str(target / "bin/python"),
    ]
    monkeypatch.setattr(venv, "_host_pip", lambda log: [])
    monkeypatch.setattr(venv, "_ensurepip_wheels", lambda: wheels)
    monkeypatch.setattr(venv, "SYSTEM_WHEELS", tmp_path / "none")
    monkeypatch.setattr(venv, "_fetched_pip", lambda home, log: Path("/fetched/pip-1.whl"))
    assert venv.find_pip(target, tmp_path, tmp_path / "log") == [str(target / "bin/python"), "/fetched/pip-1.whl/pip"]
    (wheels / "pip-23.whl").touch()
    assert venv.find_pip(target, tmp_path, tmp_path / "log") == [str(target / "bin/python"), f"{wheels}/pip-23.whl/pip"]


def test_locks_pin_every_package_by_hash_and_name_no_index() -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (CHECKOUT / name).read_text()
        assert "://" not in text
        requirements = text.replace("\\\n", " ").splitlines()
        assert len(requirements) > 20
        assert all("==" in line and "--hash=sha256:" in line for line in requirements)
