"""Agents: their machine, and the pool that serves calls with them (pure)."""
