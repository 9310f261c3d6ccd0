"""docs/pacing.md: the example runs as it stands and prints what the page says."""

from __future__ import annotations

import contextlib
import io
import re

from engine.cli.menu import ENTRIES
from engine.dialer.jurisdiction import names
from engine.stack.home import CHECKOUT

PAGE = (CHECKOUT / "docs/pacing.md").read_text()


def test_example_runs_and_prints_what_the_page_says() -> None:
    code, printed = (re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)[0] for kind in ("python", "text"))
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(code, "docs/pacing.md", "exec"), {})
    assert out.getvalue() == printed


def test_page_names_every_jurisdiction_and_the_command() -> None:
    assert all(name in PAGE for name in names())
    assert "pacing" in ENTRIES
