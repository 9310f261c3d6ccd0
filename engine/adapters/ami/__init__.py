"""AMI: observes registrations and channel counts. Nothing here can start, move or end a call."""

from engine.adapters.ami.action import ForbiddenAction
from engine.adapters.ami.observer import AmiObserver

__all__ = ["AmiObserver", "ForbiddenAction"]
