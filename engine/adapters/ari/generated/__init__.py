"""Typed operations, models and events of ARI. Written by tools/generate_ari.py; change that, not this."""
