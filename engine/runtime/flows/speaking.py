"""The performer of what the caller hears: answering, prompts, music, keys pressed for a machine at the other end.

A prompt becomes media first (a task of the run; prompts prepared before are there at once) and is played then, in the
order of the prompts. A key that stops it (`Cancel`) stops it in Asterisk at once, or it is never begun.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from engine.call import commands as asterisk
from engine.call import events as calls
from engine.call.model import Phase
from engine.errors import Rejected, Unavailable
from engine.flow.run.commands import AnswerCall, Command, RunCommand, Say, SendKeys, StartMusic, StopMusic
from engine.flow.run.events import CommandFailed, Done, PlaybackEnded
from engine.ids import PlaybackId
from engine.ports import Metrics
from engine.run_ports import RunId, Voices

from .performer import LiveRun, Performing
from .sounding import media_of

log = structlog.get_logger()

GONE_GRACE_S = 1.0
"""A sound that fails because its caller hangs up is told some milliseconds before the hang-up itself."""
NOBODY_KNOWS = frozenset({calls.Failure.NOT_SENT, calls.Failure.TIMED_OUT})
"""The socket is away: the run hears of it when it is back, and says its prompt again."""


@dataclass(slots=True)
class _Sound:
    """A prompt of a run, from the wish to its end."""

    say: Say
    asked_at: float
    stop_making: Callable[[], None] = lambda: None
    media: tuple[str, ...] | None = None
    """None: it is being made."""
    playing: bool = False


class Speaking(Performing):
    """Implements Performer."""

    COMMANDS: tuple[type[Command], ...] = (AnswerCall, Say, StartMusic, StopMusic, SendKeys)

    def __init__(self, voices: Voices, metrics: Metrics) -> None:
        self._voices = voices
        self._metrics = metrics
        self._sounds: dict[RunId, dict[str, _Sound]] = {}
        """By playback, in the order in which they are to be heard."""
        self._music: set[RunId] = set()

    def perform(self, run: LiveRun, command: RunCommand) -> None:
        match command:
            case AnswerCall():
                self._answer(run, command)
            case Say():
                self._say(run, command)
            case StartMusic(name=name):
                self._music.add(run.id)
                run.send(asterisk.StartMusic(run.channel, name))
            case StopMusic():
                self._music.discard(run.id)
                run.send(asterisk.StopMusic(run.channel))
            case SendKeys():
                self._send_keys(run, command)

    def cancel(self, run: LiveRun, request: str) -> None:
        sound = self._sounds.get(run.id, {}).get(request)
        if sound is not None:
            self._drop(run, sound)
            self._play_next(run)
        elif _is_playback(run, request):  # an engine before us began it
            run.send(asterisk.StopPlay(PlaybackId(request)), _ignored)

    def heard(self, run: LiveRun, event: calls.CallEvent) -> None:
        if not isinstance(event, calls.PlaybackEnded) or not event.playback.startswith(f"{run.id}:"):
            return
        sound = self._sounds.get(run.id, {}).get(event.playback)
        if event.failed:
            run.later(GONE_GRACE_S, lambda: self._ended(run, event.playback, sound, ok=False))
        else:
            self._ended(run, event.playback, sound, ok=True)

    def hush(self, run: LiveRun) -> None:
        """The caller's leg is about to be joined with others: its sounds and its music stop, and count as heard."""
        for sound in tuple(self._sounds.get(run.id, {}).values()):
            self._drop(run, sound)
            run.tell(PlaybackEnded(at=run.now(), request=sound.say.playback))
        if run.id in self._music:
            self._music.discard(run.id)
            run.send(asterisk.StopMusic(run.channel), _ignored)

    def over(self, run: LiveRun) -> None:
        leg_there = run.call.phase is not Phase.ENDED
        for sound in tuple(self._sounds.get(run.id, {}).values()):
            self._drop(run, sound, stop=leg_there)
        if run.id in self._music and leg_there:
            run.send(asterisk.StopMusic(run.channel), _ignored)
        self._music.discard(run.id)
        self._sounds.pop(run.id, None)

    # --- answering

    def _answer(self, run: LiveRun, command: AnswerCall) -> None:
        def failed(failure: calls.CommandFailed) -> None:
            if failure.failure is calls.Failure.REFUSED:
                run.tell(CommandFailed(at=run.now(), request=command.request))

        run.send(asterisk.Answer(run.channel), failed)
        # Asterisk tells nobody that it answered; what is asked of the leg from now on happens after it.
        run.tell(Done(at=run.now(), request=command.request))

    def _send_keys(self, run: LiveRun, command: SendKeys) -> None:
        """The keys are in no log, whatever becomes of them."""

        def failed(failure: calls.CommandFailed) -> None:
            run.tell(CommandFailed(at=run.now(), request=command.request))

        run.send(asterisk.SendDigits(run.channel, command.keys, command.gap_ms), failed)

    # --- prompts

    def _say(self, run: LiveRun, say: Say) -> None:
        sounds = self._sounds.setdefault(run.id, {})
        if say.playback in sounds:
            return
        sound = sounds[say.playback] = _Sound(say, run.now())
        if not say.sounds:
            sound.media = ()
            self._play_next(run)
        else:
            sound.stop_making = run.spawn(self._make(run, sound), f"prompt {say.playback}")

    async def _make(self, run: LiveRun, sound: _Sound) -> None:
        say = sound.say
        try:
            media = await media_of(self._voices, say.sounds, say.locale, passing=say.sensitive)
        except (Rejected, Unavailable) as error:
            log.warning("prompt_unspoken", run=run.id, prompt=say.prompt, locale=say.locale, reason=str(error))
            self._ended(run, say.playback, sound, ok=False)
            return
        if self._sounds.get(run.id, {}).get(say.playback) is not sound:
            # it was cancelled in the very moment in which it was ready
            self._forget(say, media)
            return
        sound.media = media
        self._play_next(run)

    def _play_next(self, run: LiveRun) -> None:
        """Play what is ready, as far as nothing before it is still being made."""
        for sound in tuple(self._sounds.get(run.id, {}).values()):
            if sound.media is None:
                return
            if sound.media == ():
                self._ended(run, sound.say.playback, sound, ok=True)
            elif not sound.playing:
                sound.playing = True
                self._metrics.observe("vss_prompt_wait_seconds", max(0.0, run.now() - sound.asked_at))
                self._play(run, sound, sound.media)

    def _play(self, run: LiveRun, sound: _Sound, media: tuple[str, ...]) -> None:
        playback = PlaybackId(sound.say.playback)

        def failed(failure: calls.CommandFailed) -> None:
            if failure.failure in NOBODY_KNOWS:
                return
            delay_s = GONE_GRACE_S if failure.failure is calls.Failure.GONE else 0.0
            run.later(delay_s, lambda: self._ended(run, playback, sound, ok=False))

        run.send(asterisk.Play(run.channel, playback, media), failed)

    def _ended(self, run: LiveRun, playback: str, sound: _Sound | None, *, ok: bool) -> None:
        """A playback is over; one without `sound` was begun by an engine before us."""
        if sound is not None:
            if self._sounds.get(run.id, {}).get(playback) is not sound:
                return
            del self._sounds[run.id][playback]
            self._forget(sound.say, sound.media)
        run.tell(PlaybackEnded(at=run.now(), request=playback, ok=ok))
        self._play_next(run)

    def _drop(self, run: LiveRun, sound: _Sound, *, stop: bool = True) -> None:
        """Nobody is to hear it any more."""
        self._sounds.get(run.id, {}).pop(sound.say.playback, None)
        sound.stop_making()
        if sound.playing and stop:
            run.send(asterisk.StopPlay(PlaybackId(sound.say.playback)), _ignored)
        self._forget(sound.say, sound.media)

    def _forget(self, say: Say, media: tuple[str, ...] | None) -> None:
        if say.sensitive and media:
            self._voices.forget(media)


def _ignored(failure: calls.CommandFailed) -> None:
    """It is over already."""


def _is_playback(run: LiveRun, request: str) -> bool:
    """Whether the name is one that a run gives its sounds: `<run>:<node>:<visit>:<serial>`, `<run>:apology`."""
    head, _, rest = request.partition(f"{run.id}:")
    return not head and (rest == "apology" or rest.count(":") == 2)
