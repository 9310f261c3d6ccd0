"""Outcomes: what became of an attempt (pure)."""
