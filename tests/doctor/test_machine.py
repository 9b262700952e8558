"""What `fluentsd check` finds out about the machine, the daemon's socket and other users of the database."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from fluentsd.clock import SimClock
from tests.doctor.findings import SANDBOX, Write, bad, findings, held, prepared
from tests.engine.stage import MONDAY


@pytest.mark.parametrize(
    ("at", "part"),
    [
        ("1970-01-01T00:10:00", "clock: 1970-01-01 00:10:00 UTC → the time zone data is from 20"),
        ("2085-06-01T00:00:00", "set the clock"),
        ("2029-06-01T00:00:00", "which is old → pip install --upgrade tzdata"),
    ],
)
async def test_a_wrong_clock_and_old_zones_are_told_apart(write: Write, at: str, part: str) -> None:
    import datetime as dt

    instant = round(dt.datetime.fromisoformat(f"{at}+00:00").timestamp() * 1_000_000)
    [line] = bad(await findings(write(), clock=SimClock(instant)))
    assert part in line


async def test_a_clock_that_went_back_is_seen_by_what_is_in_the_database(write: Write) -> None:
    settings = write()
    await prepared(settings, ("numbers add", {"number": "+12125550123"}))
    [line] = bad(await findings(settings, clock=SimClock(MONDAY - 86_400_000_000)))
    assert line.startswith("clock: the last entry in the database is from 2026-03-02 15:00 UTC, which is in the future")


@pytest.mark.parametrize(
    ("text", "mode", "is_open"),
    [
        ('[channel.sms]\nplugin = "sandbox"\n[notify]\nurl = "https://x.example"\nsecret = "s"\n', 0o644, True),
        ('[channel.sms]\nplugin = "sandbox"\n[notify]\nurl = "https://x.example"\nsecret = "s"\n', 0o640, False),
        ('[channel.sms]\nplugin = "sandbox"\n[notify]\nurl = "https://x.example"\nsecret = "env:S"\n', 0o644, False),
        ('[notify]\nurl = "https://u:p@x.example"\n[channel.sms]\nplugin = "sandbox"\n', 0o644, True),
        (SANDBOX, 0o644, False),
    ],
)
async def test_a_secret_that_everybody_may_read_is_found(write: Write, text: str, mode: int, is_open: bool) -> None:
    settings = write(text, S="s")
    settings.path.chmod(mode)
    found = bad(await findings(settings))
    assert ["holds a secret → chmod o-r" in line for line in found] == [True] * is_open


async def test_a_full_disk_is_told_before_it_is_full(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fluentsd.doctor.machine.FREE_AT_LEAST", 1 << 60)
    [line] = bad(await findings(write()))
    assert line.startswith("disk: ")
    assert line.endswith("free some space; a full disk stops every campaign")


async def test_folders_that_are_not_there_or_not_folders_are_named(write: Write, tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    [line] = bad(await findings(write(f'[database]\npath = "data/f.db"\n{SANDBOX}')))
    assert (
        line == f"disk: the folder {tmp_path}/data does not exist → mkdir -p {tmp_path}/data, or correct database.path"
    )
    [line] = bad(await findings(write(f'[daemon]\nbackups = "plain/copies"\n{SANDBOX}')))
    assert line.startswith(f"backups: {tmp_path}/plain is not a folder → ")
    assert not (tmp_path / "data").exists()


async def test_a_socket_whose_path_is_too_long_is_told_before_the_daemon_fails_on_it(write: Write) -> None:
    [line] = bad(await findings(write(f'[daemon]\nsocket = "{"x" * 110}"\n{SANDBOX}')))
    assert "the limit is 107" in line


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lists its locks")
async def test_somebody_who_works_with_the_database_unseen_is_named(write: Write, tmp_path: Path) -> None:
    settings = write()
    with held(tmp_path / "fluentsd.db.lock"):
        [line] = bad(await findings(settings))
    assert f"process {os.getpid()} uses {tmp_path}/fluentsd.db but does not answer" in line
    assert bad(await findings(settings)) == []
