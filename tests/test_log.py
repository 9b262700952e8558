"""The log: no people in it, and never the end of a campaign."""

from __future__ import annotations

import io
import json

import pytest

from fluentsd.log import configure, without_people


def test_numbers_and_addresses_are_cut_and_ids_are_kept() -> None:
    said = without_people(
        None, "info", {"event": "to +1 (212) 555-0100 or ann@example.com", "attempt": "019c2a3b4c5d1234567890"}
    )
    assert said == {"event": "to <number> or <address>", "attempt": "019c2a3b4c5d1234567890"}


def test_json_is_one_object_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    configure("json", "info").info("campaign.completed", campaign="q2", why="a@example.com")
    configure("json", "info").debug("unseen")
    line = json.loads(stream.getvalue())
    assert (line["event"], line["campaign"], line["why"], line["level"]) == (
        "campaign.completed",
        "q2",
        "<address>",
        "info",
    )


def test_a_broken_stderr_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    log = configure("text", "info")
    stream.close()
    log.info("anything")
