"""Segments of the pacing journal: whole, in order, and each the beginning of something that can be repeated."""

from __future__ import annotations

from engine.fakes.journal import FakeJournal
from engine.fakes.metrics import FakeMetrics
from engine.runtime.transcript import Transcript


class StoppedClock:
    """A time that stands still."""

    def now(self) -> float:
        return 1_790_000_000.0


def transcript(journal: FakeJournal, metrics: FakeMetrics, segment_max: int = 1000) -> Transcript:
    return Transcript("sales", journal, StoppedClock(), metrics, segment_max=segment_max)


def test_segment_that_is_long_enough_ends_after_whole_lines_and_the_next_has_a_later_name() -> None:
    journal = FakeJournal()
    lines = transcript(journal, FakeMetrics(), segment_max=10)
    for text in ("one\n", "two\n", "three\n", "four\n"):
        if lines.ended:
            lines.begin()
            lines.write("begin\n")
        lines.write(text)
        lines.flush()
    assert list(journal.segments.values()) == ["begin\none\ntwo\n", "begin\nthree\n", "begin\nfour\n"]
    names = [name for _, name in journal.segments]
    assert names == sorted(set(names))


def test_segment_with_a_gap_gets_nothing_more() -> None:
    journal, metrics = FakeJournal(), FakeMetrics()
    lines = transcript(journal, metrics)
    lines.begin()
    lines.write("a\n")
    lines.flush()
    journal.refusals = 1
    lines.write("b\n")
    lines.flush()
    assert lines.ended
    lines.write("c\n")
    lines.flush()
    lines.begin()
    lines.write("d\n")
    lines.flush()
    assert list(journal.segments.values()) == ["a\n", "d\n"]
    assert metrics.of("vss_bounds_reached_total", bound="pacing_journal") == 1
