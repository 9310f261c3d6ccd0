"""Hearing a tone, and telling music from it."""

from __future__ import annotations

import io
import math
import socket
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.stack.sound import FRAME_SAMPLES, SAMPLE_RATE_HZ, Ear, Sound, decode, encode, tone_frame
from engine.stack.tone_server import LogFollower, ToneServer
from engine.stack.tone_stream import ToneStream
from engine.stack.tones import fold

EAR = Ear(1000)
SILENCE = b"\xff" * FRAME_SAMPLES


def wave(*parts: tuple[float, float], start: int = 0) -> bytes:
    """A frame of several (hertz, amplitude)."""
    time = (np.arange(FRAME_SAMPLES) + start) / SAMPLE_RATE_HZ
    samples = sum(amplitude * np.sin(2 * math.pi * hertz * time) for hertz, amplitude in parts)
    return encode(np.asarray(samples, dtype=np.float32))


def rtp(payload: bytes, number: int = 0, kind: int = 0) -> bytes:
    return bytes([0x80, kind]) + number.to_bytes(2, "big") + (number * 160).to_bytes(4, "big") + b"ssrc" + payload


MUSIC = wave((440, 4000), (660, 3000), (880, 2500))


@given(st.binary(min_size=1, max_size=200))
def test_mu_law_survives_a_round_trip_but_for_the_sign_of_zero(codes: bytes) -> None:
    assert encode(decode(codes)) == codes.replace(b"\x7f", b"\xff") or encode(decode(codes)) == codes.replace(
        b"\xff", b"\x7f"
    )


def test_mu_law_table_is_g711s() -> None:
    # ITU-T G.711, table 2a: the ends of the range and the smallest steps
    assert decode(bytes([0x80, 0x00, 0xFF, 0xFE, 0x7E])).tolist() == [32124.0, -32124.0, 0.0, 8.0, -8.0]


@given(st.integers(0, 7999), st.floats(200, 30000))
def test_the_tone_is_heard_at_any_phase_and_loudness(start: int, amplitude: float) -> None:
    assert EAR.hear(wave((1000, amplitude), start=start)) is Sound.TONE


@pytest.mark.parametrize("hertz", [350, 440, 480, 620, 697, 941, 1209, 1400, 2000])
def test_other_tones_are_something_else(hertz: int) -> None:
    assert EAR.hear(wave((hertz, 8000))) is Sound.OTHER


def test_music_noise_and_silence_are_told_apart() -> None:
    noise = np.random.default_rng(1).normal(0, 3000, FRAME_SAMPLES).astype(np.float32)
    assert EAR.hear(MUSIC) is Sound.OTHER
    assert EAR.hear(encode(noise)) is Sound.OTHER
    assert EAR.hear(SILENCE) is Sound.SILENCE
    assert EAR.hear(b"\x7f" * FRAME_SAMPLES) is Sound.SILENCE


def test_a_repeated_frame_is_an_unbroken_tone() -> None:
    twice = decode(tone_frame(1400) * 2)
    assert np.array_equal(twice[:FRAME_SAMPLES], twice[FRAME_SAMPLES:])
    assert Ear(1400).hear(tone_frame(1400)) is Sound.TONE


@pytest.mark.parametrize("hertz", [0, 1001, 4000, -50])
def test_only_whole_bins_are_accepted(hertz: int) -> None:
    with pytest.raises(ValueError, match="multiple"):
        tone_frame(hertz)


def heard(stream: ToneStream, frames: list[bytes], start_ms: float = 0.0) -> list[tuple[Sound | None, float]]:
    changes = [
        stream.hear(rtp(payload, number), EAR, start_ms + 20.0 * number) for number, payload in enumerate(frames)
    ]
    return [(change.sound, change.at_ms) for change in changes if change is not None]


def test_one_mixed_frame_is_no_music() -> None:
    stream = ToneStream("c", "n", 1, 0.0)
    tone = tone_frame(1000)
    mixed = MUSIC[:80] + tone[80:]
    assert heard(stream, [SILENCE] * 5 + [mixed] + [tone] * 5) == [(Sound.SILENCE, 0.0), (Sound.TONE, 120.0)]


def test_sixty_milliseconds_of_music_are_noticed_even_late_in_a_call() -> None:
    stream = ToneStream("c", "n", 1, 0.0)
    tone = tone_frame(1000)
    for length in range(3, 12):
        frames = [tone] * (400 + length) + [MUSIC] * 5 + [tone] * 10
        changes = heard(ToneStream("c", "n", 1, 0.0), frames)
        assert (Sound.OTHER, (400 + length) * 20.0) in changes
    assert heard(stream, [tone] * 10) == [(Sound.TONE, 0.0)]


def test_packets_that_stop_are_noticed_once() -> None:
    stream = ToneStream("c", "n", 1, 0.0)
    heard(stream, [tone_frame(1000)] * 5)
    assert stream.notice_quiet(200.0) is None
    change = stream.notice_quiet(400.0)
    assert change is not None
    assert (change.sound, change.at_ms) == (Sound.NOTHING, 80.0)
    assert stream.notice_quiet(600.0) is None


@given(st.binary(max_size=40))
def test_any_datagram_is_survived(packet: bytes) -> None:
    ToneStream("c", "n", 1, 0.0).hear(packet, EAR, 1.0)


def test_pressed_digits_are_heard_by_another_stream() -> None:
    sender = ToneStream("a", "n", 1, 0.0)
    receiver = ToneStream("b", "n", 2, 0.0)
    sender.press("1*#x9")
    digits = ""
    for tick in range(80):
        packet = sender.next_packet(tone_frame(1000))
        change = receiver.hear(packet, EAR, tick * 20.0)
        digits += change.digit if change is not None else ""
    assert digits == "1*#9"


def test_records_are_folded_from_what_was_written() -> None:
    lines = [
        '{"open": "c", "number": "7001", "port": 20000, "at_ms": 0}',
        '{"call": "c", "sound": "other", "at_ms": 100}',
        '{"call": "c", "sound": "tone", "at_ms": 300}',
        '{"call": "c", "digit": "5", "at_ms": 400}',
        '{"call": "c", "sound": "nothing", "at_ms": 900}',
        '{"close": "c", "at_ms": 1000, "frames": 40}',
    ]
    [record] = fold(lines)
    assert record.tone_heard
    assert record.digits == "5"
    assert record.first_ms(Sound.TONE) == 300
    assert record.first_ms(Sound.TONE, start_ms=950) is None
    assert record.lasting_ms(Sound.OTHER, 0, 1000) == 200
    assert record.lasting_ms(Sound.TONE, 500, 800) == 300
    assert record.closed_ms == 1000


def test_a_muted_stream_sends_silence_until_it_speaks_again() -> None:
    sender, hearer = ToneStream("a", "1", 1, 0.0), Ear(1000)
    heard = []
    for muted in (False, True, False):
        sender.muted = muted
        heard.append(hearer.hear(sender.next_packet(tone_frame(1000))[12:]))
    assert heard == [Sound.TONE, Sound.SILENCE, Sound.TONE]


def test_what_asterisk_says_before_sipp_writes_of_the_answer_is_heard(tmp_path: Path) -> None:
    log, out = tmp_path / "calls.log", io.StringIO()
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asterisk,
    ):
        for sock in (ours, asterisk):
            sock.bind(("127.0.0.1", 0))
        ours.setblocking(False)
        server = ToneServer(ours, LogFollower(log), 1000, 1400, out, keep=tmp_path)
        log.write_text(logged("invite", "number=+12025550199 rtp="))
        for number in range(5):
            asterisk.sendto(rtp(bytes([number]) * FRAME_SAMPLES, number), ours.getsockname())
        server.run(0.2)
        with log.open("a") as more:
            more.write(logged("answer", f"rtp={asterisk.getsockname()[1]}"))
        server.run(0.2)
        asterisk.sendto(rtp(bytes([5]) * FRAME_SAMPLES, 5), ours.getsockname())
        server.run(0.2)
    kept = (tmp_path / "12025550199.ulaw").read_bytes()
    assert kept == b"".join(bytes([number]) * FRAME_SAMPLES for number in range(6))


def logged(event: str, rest: str) -> str:
    now = time.time()
    local = time.strftime("%Y-%m-%d\t%H:%M:%S", time.localtime(now))
    fraction = f"{now % 1:.6f}"[1:]
    return f"{event} n=1.000000 call=a {rest} at={local}{fraction}\t{int(now)}{fraction}\n"
