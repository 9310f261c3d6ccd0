"""Chaos on real parts: a fault strikes a busy world, and everything is reckoned up afterwards."""
