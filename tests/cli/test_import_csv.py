"""An import from the shell: a long file read by a subprocess gives the same database as one read in the process."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from fluentsd.cli import importing
from fluentsd.cli.app import build
from fluentsd.engine.ingest import import_process
from tests.processes import start

pytestmark = pytest.mark.slow

SETTINGS = '[database]\npath = "people.db"\n[daemon]\nsocket = "control"\n[channel.sms]\nplugin = "noop"\n'
CAMPAIGN = """
name = "Fair"
ref = "fair"
[window]
days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
hours = "00:00-24:00"
fallback_timezone = "America/New_York"
[[step]]
id = "text"
channel = "sms"
text = "Hi {{ first_name }}"
"""
TABLES = {
    "contact": "id, zones, zone_basis, states, conflict, consent, language",
    "point": "id, kind, value",
    "contact_point": "contact_id, point_id, position",
    "record": "id, source_id, key, contact_id, fields",
    "enrollment": "id, campaign_id, contact_id, entry, state, step, version_id",
    "waiting": "lane_id, rank, enrollment_id",
    "counter": "campaign_id, state, count",
}


def messy(folder: Path, rows: int) -> Path:
    """Number formats, invalid cells, duplicates near and far, shared mailboxes, an unclosed quote."""
    lines = ["First name,Phone,E-mail,State"]
    for n in range(rows):
        number = n if n % 11 else n // 2
        phone = (f"(212) 55{number % 10}-{number // 10:04d}", f"1-415-55{number % 10}-{number // 10:04d} x9", "call me")
        name = n // 3 if n % 13 == 0 else number
        mail = n if n % 13 and n % 17 else n // 3
        lines.append(f"P{name},{phone[n % 7 % 3]},p{mail}@example.com,{'NY' if n % 2 else ''}")
    lines.insert(rows // 2, 'Lost,"212 555 9999,,')
    path = folder / "people.csv"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def installed(folder: Path) -> Path:
    folder.mkdir()
    (folder / "fluentsd.toml").write_text(SETTINGS.replace('"people.db"', f'"{folder}/people.db"'), "utf-8")
    (folder / "fair.toml").write_text(CAMPAIGN, "utf-8")
    return folder


def typed(folder: Path, *words: str) -> Any:
    result = CliRunner().invoke(build(), ["--config", str(folder / "fluentsd.toml"), *words])
    assert result.exit_code == 0, result.output
    return result.stdout


def imported(folder: Path, file: Path) -> dict[str, Any]:
    typed(folder, "campaign", "apply", str(folder / "fair.toml"))
    return json.loads(
        typed(
            folder, "contacts", "import", str(file), "--campaign", "fair", "--json", "--rejects", str(folder / "no.csv")
        )
    )


def written(folder: Path) -> dict[str, list[Any]]:
    with closing(sqlite3.connect(folder / "people.db")) as conn:
        return {
            table: conn.execute(f"SELECT {columns} FROM {table} ORDER BY 1, 2, 3").fetchall()
            for table, columns in TABLES.items()
        }


@pytest.mark.parametrize("rows", [40, 9000])
def test_both_ways_end_in_the_same_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    file = messy(tmp_path, rows)
    here, there = installed(tmp_path / "here"), installed(tmp_path / "there")
    answer = imported(here, file)
    monkeypatch.setattr(importing, "SUBPROCESS_FROM", 0)
    monkeypatch.setattr(importing, "_freeze_gc", lambda: None)  # this process goes on
    apart_told = imported(there, file)
    assert {**apart_told, "rejects_file": ""} == {**answer, "rejects_file": ""}
    assert answer["duplicates"] > 0
    assert answer["rejected"] > 0
    assert answer["enrolled"] == answer["new"] == len(written(here)["contact"])
    assert written(there) == written(here)
    assert (there / "no.csv").read_text("utf-8") == (here / "no.csv").read_text("utf-8")


def test_when_the_reader_is_killed_it_is_said_who_was_taken_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, file = installed(tmp_path / "home"), messy(tmp_path, 60_000)
    typed(folder, "campaign", "apply", str(folder / "fair.toml"))
    started, begin = [], import_process._start
    monkeypatch.setattr(import_process, "_start", lambda opened: started.append(begin(opened)) or started[-1])
    monkeypatch.setattr(importing, "SUBPROCESS_FROM", 0)
    monkeypatch.setattr(importing, "_freeze_gc", lambda: None)
    take = importing.VerbIngest.take

    async def take_and_kill(self: Any, *given: Any, **more: Any) -> Any:
        counts = await take(self, *given, **more)
        started[0].kill()
        return counts

    monkeypatch.setattr(importing.VerbIngest, "take", take_and_kill)
    words = ["--config", str(folder / "fluentsd.toml"), "contacts", "import", str(file), "--campaign", "fair"]
    result = CliRunner().invoke(build(), words)
    assert result.exit_code == 1
    taken = len(written(folder)["contact"])
    assert 0 < taken < 40_000
    assert "was ended by SIGKILL" in result.stderr
    assert f"{taken} people were imported before that" in result.stderr
    assert "nobody is imported twice" in result.stderr
    assert result.stderr.count("\n") == 1


def test_an_interrupt_leaves_whole_batches_and_no_process(tmp_path: Path) -> None:
    folder, file = installed(tmp_path / "home"), messy(tmp_path, 20_000)
    typed(folder, "campaign", "apply", str(folder / "fair.toml"))
    words = ("--config", str(folder / "fluentsd.toml"), "contacts", "import", str(file), "--campaign", "fair")
    printed = tmp_path / "printed"
    process = start("tests.cli.importing_child:run", *words, output=printed, folder=folder)
    patience = threading.Timer(60, process.kill)
    patience.start()
    try:
        while process.poll() is None and not taken(folder):
            time.sleep(0.02)
        assert process.poll() is None, "the import ended before its first batch was seen"
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: everybody in the group gets it
        status = process.wait()
    finally:
        patience.cancel()
    assert status == 130, printed.read_text()
    assert "Traceback" not in printed.read_text()
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
    rows = written(folder)
    assert len(rows["contact"]) == len(rows["enrollment"]) == len(rows["waiting"]) == rows["counter"][0][2]


def taken(folder: Path) -> int:
    with closing(sqlite3.connect(f"file:{folder}/people.db?mode=ro", uri=True)) as conn:
        return int(conn.execute("SELECT count(*) FROM contact").fetchone()[0])
