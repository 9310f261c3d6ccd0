"""Speech: words become sound files that Asterisk plays as they are (espeak-ng as a process of its own)."""

from .espeak import EspeakSpeech, NoSpeech
from .voices import ShelfVoices

__all__ = ["EspeakSpeech", "NoSpeech", "ShelfVoices"]
