"""Fixtures of the unit tests."""

from tests.vss_command import here

__all__ = ["here"]
