"""tests/gacs_bad: broken scripts, each of which names at its top the problems it has, no more and no less."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from engine.flow.gate import check_text
from tests.gacs import SITE

FILES = sorted((Path(__file__).parents[1] / "gacs_bad").glob("*.yaml"))


def expected(path: Path) -> list[str]:
    first = path.read_text().splitlines()[0]
    assert first.startswith("# codes: ")
    return first.removeprefix("# codes: ").split()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_broken_script_has_just_these_problems(path: Path) -> None:
    problems = check_text(path.read_text(), site=SITE)
    assert Counter(problem.code for problem in problems) == Counter(expected(path))


def test_every_check_has_at_least_five_broken_scripts() -> None:
    checks = Counter(check for path in FILES for check in {code[1:3] for code in expected(path)})
    assert len(FILES) >= 80
    assert {f"{check:02}" for check in range(1, 13)} == set(checks)
    assert min(checks.values()) >= 5
