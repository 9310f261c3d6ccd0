"""AudioSocket: what is heard on a leg, told by audio taps: beeps, silence, and streams to voice bots."""

from .door import Door
from .ear import AudioSocketEar

__all__ = ["AudioSocketEar", "Door"]
