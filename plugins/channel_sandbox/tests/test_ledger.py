"""The ledger survives kills, tears and restarts, and counts the real contacts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from fluentsd_channel_sandbox import Entry, Ledger, LedgerProblem, read_ledger
from fluentsd_channel_sandbox.ledger import entry_of

from fluentsd.api import Attempt, Message

KILLED = """
import os, signal, sys
from pathlib import Path
from fluentsd.api import Attempt, Message
from fluentsd_channel_sandbox.ledger import Ledger, entry_of
ledger = Ledger(Path(sys.argv[1]))
for n in range(50):
    ledger.write(entry_of(Message("sms", f"+1415555{n:04d}"), Attempt(f"t{n}", "sms", "", 0), n))
os.kill(os.getpid(), signal.SIGKILL)
"""


def entry(token, *, why="", to="+14155550001") -> Entry:
    return entry_of(Message("sms", to, text="Hi"), Attempt(token, "sms", to, 0, step="first"), 5, why)


@pytest.mark.slow
def test_every_line_survives_a_kill(tmp_path):
    path = tmp_path / "ledger.jsonl"
    ended = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert len(read_ledger(path).accepted) == 50


def test_what_is_written_is_read_again(tmp_path):
    path = tmp_path / "deep" / "ledger.jsonl"
    ledger = Ledger(path)
    written = [entry("a"), entry("b", why="refuse"), entry("a")]
    for one in written:
        ledger.write(one)
    ledger.cancel("a", 9)
    ledger.delivered(7)
    ledger.close()
    reading = read_ledger(path)
    assert reading.entries == written
    assert (reading.per_token(), reading.duplicates) == ({"a": 2}, 1)
    assert reading.per_try() == {("+14155550001", "first", 1): 2}
    assert (reading.cancelled, reading.delivered_until()) == ({"a": 9}, [7, 7, 7])
    again = Ledger(path)
    assert (again.accepted("a"), again.accepted("b"), again.accepted("c")) == (2, 0, 0)


def test_a_request_after_a_delivery_line_is_undelivered_even_with_the_clock_set_back(tmp_path):
    ledger = Ledger(tmp_path / "ledger.jsonl")
    for token, delivered_until_at in (("a", 50), ("b", 30), ("c", 0)):
        ledger.write(entry(token))
        if delivered_until_at:
            ledger.delivered(delivered_until_at)
    ledger.close()
    assert read_ledger(tmp_path / "ledger.jsonl").delivered_until() == [50, 30, 0]


def test_a_torn_line_is_skipped_and_does_not_spoil_the_next(tmp_path):
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(entry("a").line() + entry("b").line()[:-20])
    ledger = Ledger(path)
    ledger.write(entry("c"))
    ledger.close()
    assert [one.token for one in read_ledger(path).entries] == ["a", "c"]


def test_a_file_that_is_no_ledger_is_named(tmp_path):
    path = tmp_path / "ledger.jsonl"
    path.write_text('{"hello": "world"}\n')
    with pytest.raises(LedgerProblem, match="line 1 is not a line of a sandbox ledger"):
        read_ledger(path)


def test_a_ledger_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(LedgerProblem, match="cannot be read: Is a directory"):
        read_ledger(tmp_path)


def test_a_missing_ledger_is_an_empty_one(tmp_path):
    assert read_ledger(tmp_path / "none.jsonl").entries == []


def test_a_full_disk_is_an_error_and_the_next_line_stands_alone(tmp_path, monkeypatch):
    path = tmp_path / "ledger.jsonl"
    ledger = Ledger(path)
    ledger.write(entry("a"))
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:10]))
    with pytest.raises(OSError, match="only part of a line"):
        ledger.write(entry("b"))
    monkeypatch.undo()
    assert ledger.accepted("b") == 0
    ledger.write(entry("c"))
    ledger.close()
    assert [one.token for one in read_ledger(path).entries] == ["a", "c"]
