"""Asterisk's channel event log (CEL), as cel_custom writes it: one JSON object a line."""

from engine.adapters.cel.log import CelLog, NoChannelLog

__all__ = ["CelLog", "NoChannelLog"]
