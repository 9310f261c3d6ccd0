"""FastAGI: the dialplan asks where an inbound call should go, and gets channel variables back."""

from engine.adapters.fastagi.routing import CallerDirectory
from engine.adapters.fastagi.server import FastAgiServer

__all__ = ["CallerDirectory", "FastAgiServer"]
