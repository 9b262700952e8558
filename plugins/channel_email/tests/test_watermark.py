"""How far an inbox has been read survives a restart, and never a change of inbox."""

from __future__ import annotations

import stat

from fluentsd_channel_email.watermark import DAY, WatermarkFile

AT = 1_767_625_200_000_000


def test_what_was_written_is_read_by_the_same_inbox_only(tmp_path):
    file = WatermarkFile(str(tmp_path))
    mark = file.read("a", AT).read_up_to(7, 42)
    file.write(mark)
    assert WatermarkFile(str(tmp_path)).read("a", AT + DAY) == mark
    assert WatermarkFile(str(tmp_path)).read("b", AT + DAY).uid == 0


def test_a_fresh_watermark_looks_back_a_day(tmp_path):
    assert WatermarkFile(str(tmp_path)).read("a", AT).since_at == AT - DAY
    assert WatermarkFile(str(tmp_path)).read("a", 0).since_at == 0


def test_only_the_daemons_user_can_read_it_and_nothing_is_left_beside_it(tmp_path):
    file = WatermarkFile(str(tmp_path / "not made yet"))
    file.write(file.read("a", AT))
    (only,) = (tmp_path / "not made yet").iterdir()
    assert stat.S_IMODE(only.stat().st_mode) == 0o600
