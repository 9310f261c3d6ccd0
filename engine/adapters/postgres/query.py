"""The named SQL statements of this package: one file each under queries/, its first line says what it is for."""

from __future__ import annotations

from functools import cache
from pathlib import Path

_QUERIES = Path(__file__).with_name("queries")


@cache
def query(name: str) -> str:
    """Return the statement in queries/<name>.sql."""
    return (_QUERIES / f"{name}.sql").read_text(encoding="utf-8")
