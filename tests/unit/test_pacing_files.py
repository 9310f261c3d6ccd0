"""The journal of pacing decisions on disk: bounded, in order, and never in the way."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.adapters.pacing_journal import PacingFiles


def test_segments_are_files_of_their_pool_in_the_order_of_what_was_told(tmp_path: Path) -> None:
    with PacingFiles(tmp_path) as files:
        for segment, text in (("1", "a\n"), ("1", "b\n"), ("2", "c\n")):
            assert files.append("sales", segment, text)
        assert files.append("support", "1", "d\n")
    found = {str(path.relative_to(tmp_path)): path.read_text() for path in tmp_path.rglob("*.jsonl")}
    assert found == {"sales/1.jsonl": "a\nb\n", "sales/2.jsonl": "c\n", "support/1.jsonl": "d\n"}


def test_only_the_newest_segments_are_kept(tmp_path: Path) -> None:
    with PacingFiles(tmp_path, segments_max=3) as files:
        for segment in range(100, 110):
            files.append("sales", str(segment), "x\n")
    assert sorted(path.name for path in (tmp_path / "sales").iterdir()) == ["107.jsonl", "108.jsonl", "109.jsonl"]


def test_what_the_disk_cannot_follow_is_refused_and_not_kept_in_memory(tmp_path: Path) -> None:
    files = PacingFiles(tmp_path, waiting_max_chars=10)
    assert files.append("sales", "1", "12345678")
    assert not files.append("sales", "1", "9abc")
    with files:
        pass
    assert (tmp_path / "sales/1.jsonl").read_text() == "12345678"
    assert files.append("sales", "1", "9abc")


def test_directory_that_cannot_be_written_costs_the_journal_and_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "sales").write_text("a file, not a folder")
    with PacingFiles(tmp_path) as files:
        assert files.append("sales", "1", "x\n")
        assert files.append("support", "1", "y\n")
    assert (tmp_path / "support/1.jsonl").read_text() == "y\n"
