"""The high-water mark's file: what cannot be read or written is said, and tried again."""

from __future__ import annotations

from pathlib import Path

import pytest

from fluentsd.store.db.high_water import HighWaterMark, Mark, UnreadableMark


def test_a_mark_that_cannot_be_written_again_is_tried_again(tmp_path: Path) -> None:
    mark, folder = HighWaterMark(tmp_path / "marks"), tmp_path / "marks"
    mark.open(Mark("00000000000000aa", 1, 0, "here"))
    folder.rename(tmp_path / "away")
    folder.write_text("in the way")
    for _ in range(2):
        with pytest.raises(OSError, match="marks"):
            mark.advance(2, 5)
    folder.unlink()
    mark.advance(2, 5)
    mark.close()
    assert HighWaterMark(folder).find("00000000000000aa") == Mark("00000000000000aa", 2, 5, "here")


def test_a_mark_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "fluentsd-00000000000000aa.mark").write_text("hello")
    with pytest.raises(UnreadableMark, match="00000000000000aa"):
        HighWaterMark(tmp_path).find("00000000000000aa")
