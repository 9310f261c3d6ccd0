"""How long a node takes at most, in seconds of the script's own time (pure). Talking people do not count.

Prompts are estimated, slowly: CHARACTERS_PER_S of text, VALUE_S for every value in it, AUDIO_S for a recording whose
length is not known here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from .model import Flow
from .nodes.centre import Amd, Callback, Consent, Disposition, DncAdd, Queue, VoicemailDrop
from .nodes.control import Dial, Transfer
from .nodes.entry import Collect, Gather, Menu
from .nodes.media import DtmfSend, Music, Pause, Play, Record
from .nodes.outside import Lookup, Stream, Webhook
from .nodes.verb import Verb
from .prompt import Audio, Silence, Sound, Speech, Tone, sounds
from .site import Site
from .template import Slot

CHARACTERS_PER_S = 10.0
VALUE_S = 4.0
AUDIO_S = 10.0
STORE_S = 2.0
"""So long a node with an outside effect waits for the database."""
RETRY_PAUSE_S = 1.0
Lengths: TypeAlias = Mapping[str, float]
"""Seconds of each prompt, in the locale in which it is longest."""


def prompt_lengths(flow: Flow, site: Site) -> Lengths:
    """How long each prompt is."""
    return {
        name: max((sum(_length(sound, site) for sound in sounds(said)) for said in prompt.values()), default=0.0)
        for name, prompt in flow.prompts.items()
    }


def _length(sound: Sound, site: Site) -> float:
    match sound:
        case Speech(text=template):
            said = (VALUE_S if isinstance(part, Slot) else len(part) / CHARACTERS_PER_S for part in template.parts)
            return 0.5 + sum(said)
        case Audio(audio=name):
            known = (site.audio or {}).get(name)
            return AUDIO_S if known is None else known.duration_s
        case Tone():
            return sound.for_s
        case Silence():
            return sound.silence_s


def longest_s(action: Verb, lengths: Lengths) -> float:
    """The most that a visit of a node takes; a `call` takes what its subflow does, which is not counted here."""

    def length(*names: str | None) -> float:
        return max((lengths.get(name, 0.0) for name in names if name is not None), default=0.0)

    match action:
        case Play():
            return length(action.prompt)
        case Pause() | Music():
            return action.for_s
        case Record():
            return action.max_s + 1
        case DtmfSend():
            return 32 * (0.1 + action.gap_ms / 1000)
        case Gather():
            one = length(*action.prompt.names) + action.timeout_s + (action.max - 1) * action.inter_digit_s
            return (action.retries + 1) * one
        case Collect():
            one = length(*action.prompt.names) + action.timeout_s + (action.max - 1) * action.inter_digit_s
            confirmed = 0.0 if action.confirm is None else length(action.confirm) + action.timeout_s
            return (action.retries + 1) * (one + confirmed)
        case Menu():
            return (action.retries + 1) * (length(*action.prompt.names) + action.timeout_s)
        case Consent():
            return (action.retries + 1) * (length(*action.prompt.names) + action.timeout_s) + STORE_S
        case Queue():
            return action.max_wait_s
        case Dial():
            confirm = action.confirm
            return action.timeout_s + (0.0 if confirm is None else length(confirm.prompt) + confirm.timeout_s)
        case Transfer():
            return action.timeout_s + length(action.whisper)
        case Amd():
            return action.timeout_s
        case VoicemailDrop():
            return action.wait_s + length(action.prompt)
        case Callback() | Disposition() | DncAdd():
            return STORE_S
        case Webhook():
            return (action.retries + 1) * action.timeout_s + action.retries * RETRY_PAUSE_S
        case Lookup():
            return action.timeout_s
        case Stream():
            return action.max_s + action.connect_timeout_s
    return 0.0
