"""The log: no people in it, and never the end of a campaign."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

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


def test_days_and_times_are_kept() -> None:
    why = "contacts were made until 2026-11-29 13:21:45 UTC; on 2026-11-29 2125550123 was one"
    said = without_people(None, "info", {"reason": why})["reason"]
    assert said == "contacts were made until 2026-11-29 13:21:45 UTC; on 2026-11-29 <number> was one"


def test_what_a_person_typed_is_cleaned_inside_the_details_of_an_event() -> None:
    about = {
        "campaign": "q2",
        "because": "ann@example.com wrote",
        "cases": ["+12125550100", {"to": "+12125550100"}],
        "n": 3,
    }
    assert without_people(None, "info", {"event": "outbox", "about": about})["about"] == {
        "campaign": "q2",
        "because": "<address> wrote",
        "cases": ["<number>", {"to": "<number>"}],
        "n": 3,
    }


@pytest.mark.parametrize("form", ["text", "json"])
def test_each_line_in_the_journal_begins_with_its_level(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, form: str
) -> None:
    journal = tmp_path / "journal"
    with journal.open("w") as stream:
        about = os.fstat(stream.fileno())
        monkeypatch.setattr("sys.stderr", stream)
        monkeypatch.setenv("JOURNAL_STREAM", f"{about.st_dev}:{about.st_ino}")
        log = configure(form, "info")  # type: ignore[arg-type]
        log.info("daemon.ready")
        log.warning("high", text="x")
        try:
            raise ValueError("of several lines")
        except ValueError:
            log.exception("low")
    lines = journal.read_text().splitlines()
    assert [line[:3] for line in lines[:3]] == ["<6>", "<4>", "<3>"]
    assert {line[:3] for line in lines[3:]} <= {"<3>"}
    assert form == "json" or lines[0] == "<6>[info] daemon.ready"


@pytest.mark.parametrize("stream", ["", "0:1", "nonsense"])
def test_where_stderr_is_not_the_journal_lines_have_their_time(monkeypatch: pytest.MonkeyPatch, stream: str) -> None:
    written = io.StringIO()
    monkeypatch.setattr("sys.stderr", written)
    monkeypatch.setenv("JOURNAL_STREAM", stream)
    configure("text", "info").info("daemon.ready")
    assert written.getvalue().startswith("2")
