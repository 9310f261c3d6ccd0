"""Trunks: capacity and the meaning of their causes (pure)."""
