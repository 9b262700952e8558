"""Recordings over the web front: whole and in parts, by a link that is signed and expires."""

from __future__ import annotations

from pathlib import Path

import pytest

from fluentsd.engine.recordings.folder import Recordings
from fluentsd.fronts.web import recordings as listening
from tests.fronts.web.front import Front

NAME = "a" * 32 + ".mp3"
WORDS = bytes(range(256)) * 20


async def test_a_recording_is_heard_whole_and_in_parts(
    front: Front, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / NAME).write_bytes(WORDS)
    kept = front.stage.runtime.recordings = Recordings(tmp_path, "https://calls.example")
    link = kept.link(NAME, front.stage.clock.now())
    assert link is not None
    path = link.removeprefix("https://calls.example")
    got = await front.client.get(path)
    assert (got.status_code, got.content, got.headers["content-type"]) == (200, WORDS, "audio/mpeg")
    assert (got.headers["accept-ranges"], got.headers["referrer-policy"]) == ("bytes", "no-referrer")
    assert "no-store" in got.headers["cache-control"]
    head = await front.client.head(path)
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(WORDS)))
    for wanted, part in {"bytes=0-9": WORDS[:10], "bytes=5000-": WORDS[5000:], "bytes=-20": WORDS[-20:]}.items():
        got = await front.client.get(path, headers={"range": wanted})
        assert (got.status_code, got.content) == (206, part)
        first = WORDS.index(part) if wanted == "bytes=0-9" else len(WORDS) - len(part)
        assert got.headers["content-range"] == f"bytes {first}-{first + len(part) - 1}/{len(WORDS)}"
    for wanted in ("bytes=9999999-", "bytes=7-3", "bytes=-", "lines=1-2", "bytes=0-1,5-6", "bytes=-0"):
        got = await front.client.get(path, headers={"range": wanted})
        assert (got.status_code, got.headers["content-range"]) == (416, f"bytes */{len(WORDS)}"), wanted
    monkeypatch.setattr(listening, "PORTION", 100)
    monkeypatch.setattr(listening, "WHOLE_AT_MOST", 1000)
    for headers in ({"range": "bytes=50-"}, {}):
        got = await front.client.get(path, headers=headers)
        start = 50 if headers else 0
        assert (got.status_code, got.content) == (206, WORDS[start : start + 100])


async def test_a_forged_an_expired_and_an_orphaned_link_look_alike(front: Front, tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(WORDS)
    kept, now = Recordings(tmp_path, "https://calls.example"), front.stage.clock.now()
    front.stage.runtime.recordings = kept
    tokens = [kept.sign(NAME, now), Recordings(tmp_path / "other").sign(NAME, now * 2),
              kept.sign("b" * 32 + ".mp3", now * 2), "x", "..%2f..%2fetc", kept.sign(NAME, now * 2)[:-2]]  # fmt: skip
    answers = [await front.client.get(f"/r/{token}") for token in tokens]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers[:4]}) == 1
    assert (await front.client.post(f"/r/{tokens[0]}")).status_code == 405
