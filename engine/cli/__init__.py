"""The command line `vss`: people's and scripts' way to set up and drive an engine.

Exit codes: 0 done, 1 failure, 2 wrong usage, 3 a part is not ready, 4 configuration, 130 interrupted.
"""

from __future__ import annotations

import sys

from engine.cli.menu import run


def main() -> None:
    """Entry point."""
    sys.exit(run(sys.argv[1:]))
