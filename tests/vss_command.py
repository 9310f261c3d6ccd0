"""Runs `vss` as a person or a script does: a process of its own, its output and exit code."""

from __future__ import annotations

import asyncio
import io
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from referencing import Registry, Resource

from engine.cli.menu import run
from engine.stack.home import CHECKOUT

LIMIT_S = 90.0
SCHEMAS = CHECKOUT / "docs/json"


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str

    def json(self, schema: str) -> dict[str, Any]:
        """The one object on stdout, checked against docs/json/<schema>.schema.json."""
        lines = self.out.splitlines()
        assert len(lines) == 1, self
        data: dict[str, Any] = json.loads(lines[0])
        check(data, schema)
        return data


def check(data: Mapping[str, Any], schema: str) -> None:
    """Raise ValidationError unless the object is as its schema says."""
    found = {path.name: json.loads(path.read_text()) for path in SCHEMAS.glob("*.schema.json")}
    registry: Registry[Any] = Registry().with_resources(
        (name, Resource.from_contents(content)) for name, content in found.items()
    )
    jsonschema.Draft202012Validator(found[f"{schema}.schema.json"], registry=registry).validate(data)


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Our environment with these VSS_* settings only (and the state directory's)."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("VSS_") or name == "VSS_HOME"}
    search = os.pathsep.join(filter(None, (str(CHECKOUT), os.environ.get("PYTHONPATH"))))
    return {**plain, "VSS_DOTENV": "", "PYTHONPATH": search, **settings}


async def vss(
    *arguments: str, settings: Mapping[str, str] | None = None, stdin: str = "", cwd: Path | None = None
) -> Ran:
    """Run a command to its end."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "engine.cli", *arguments,
        env=environment(settings or {}), cwd=cwd,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(LIMIT_S):
            out, err = await child.communicate(stdin.encode())
    except TimeoutError:
        child.kill()
        await child.wait()
        raise
    assert child.returncode is not None
    return Ran(child.returncode, out.decode(), err.decode())


class Here:
    """Runs `vss` inside the test's own process: many times faster, the same code from the command line on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        for name in [name for name in os.environ if name.startswith("VSS_") and name != "VSS_HOME"]:
            monkeypatch.delenv(name)
        self.set(VSS_DOTENV="")

    def set(self, **settings: str) -> None:
        """Set VSS_* variables."""
        for name, value in settings.items():
            self._monkeypatch.setenv(name, value)

    def run(self, *arguments: str, stdin: str = "") -> Ran:
        """Run a command to its end."""
        self._monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        self._capsys.readouterr()
        code = run(list(arguments))
        captured = self._capsys.readouterr()
        return Ran(code, captured.out, captured.err)


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Here:
    """`vss` in this process, without any setting."""
    return Here(monkeypatch, capsys)
