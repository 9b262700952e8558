"""The import of a million messy people from a CSV file into a campaign, compared with a simple import.

fluentsd runs `contacts import FILE --campaign REF` in processes of its own, without a daemon, on a SQLite file; its
memory is the resident memory of all its processes together, sampled fifty times a second. The simple import reads the
file with `csv` and each number with `phonenumbers.parse`, and inserts one row per person in one transaction. It finds
no duplicates, determines no place and enrolls no one. It reads the first rows of the same file, once before and once
after the import: a machine that others use gives a process of a second more than one of a minute.
"""

from __future__ import annotations

import csv
import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import messy
import phonenumbers
from rows import BenchFailed, Row

PEOPLE = 1_000_000
SAMPLE = 100_000
MEMORY_MIB, RATIO = 250.0, 1.0
LOOK_EVERY_S = 0.02
CONFIG = """\
[database]
path = "{folder}/fluentsd.db"
[daemon]
socket = "{folder}/control"
[channel.sms]
plugin = "noop"
"""
CAMPAIGN = """\
name = "Bench"
ref = "bench"
[window]
days = ["mon", "tue", "wed", "thu", "fri"]
hours = "09:00-12:00, 13:00-19:00"
timezone = "contact"
fallback_timezone = "America/New_York"
[[step]]
id = "first"
channel = "sms"
text = "Hello {{ first_name }}"
"""


def importing(folder: Path) -> list[Row]:
    """One import of a million people, between two simple imports of a sample."""
    with tempfile.TemporaryDirectory(dir=folder) as own:
        home = Path(own)
        fates = messy.write(home / "people.csv", PEOPLE)
        naive_s = naive_seconds(home / "people.csv")
        (home / "fluentsd.toml").write_text(CONFIG.format(folder=home), encoding="utf-8")
        (home / "campaign.toml").write_text(CAMPAIGN, encoding="utf-8")
        _command(home, "campaign", "apply", "campaign.toml")
        seconds, peak, answer = _measured(home)
        naive_s += naive_seconds(home / "people.csv")
        check(answer, fates, home / "fluentsd.db")
        size = (home / "people.csv").stat().st_size
    rate, naive = PEOPLE / seconds, 2 * SAMPLE / naive_s
    note = f"{PEOPLE:,} rows of {size >> 20} MiB: {fates['new']:,} people, {fates['duplicates']:,} duplicates, "
    note += f"{fates['rejected']:,} refused; enrolled, SQLite, durable"
    note += "; the simple import: csv + phonenumbers.parse + one INSERT a row, one transaction, "
    note += f"the first {SAMPLE:,} rows, twice"
    whole = {"seconds": round(seconds, 1), "naive_seconds_for_all": round(PEOPLE / naive, 1)}
    return [
        Row("import memory", peak, None, "MiB", None, MEMORY_MIB, "at most", "the peak of all its processes together"),
        Row(
            "import rate",
            round(rate),
            round(naive),
            "rows/s",
            round(rate / naive, 2),
            RATIO,
            note=note,
            extra=whole,
        ),
    ]


def naive_seconds(file: Path) -> float:
    """The time of the simple import of a sample."""
    with tempfile.TemporaryDirectory(dir=file.parent) as own, closing(sqlite3.connect(Path(own) / "naive.db")) as conn:
        conn.execute("CREATE TABLE person (phone TEXT, email TEXT, first TEXT, last TEXT, fields TEXT)")
        conn.execute("PRAGMA journal_mode=WAL")
        conn.execute("PRAGMA synchronous=FULL")
        began, read = time.perf_counter(), 0
        with file.open(encoding="utf-8-sig", newline="") as text, conn:
            for row in csv.DictReader(text):
                read += 1
                try:
                    number = phonenumbers.parse(row["Mobile Phone"].strip("' "), "US")
                except phonenumbers.NumberParseException:
                    number = None
                if number is not None and phonenumbers.is_valid_number(number):
                    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
                    values = (e164, row["Email"].lower(), row["First Name"], row["Last Name"], json.dumps(row))
                    conn.execute("INSERT INTO person VALUES (?, ?, ?, ?, ?)", values)
                if read == SAMPLE:
                    break
        return time.perf_counter() - began


def _command(home: Path, *words: str) -> str:
    done = subprocess.run([*_FLUENTSD, *words], cwd=home, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchFailed(f"fluentsd {' '.join(words)} ended with {done.returncode}:\n{done.stderr}")
    return done.stdout


_FLUENTSD = (sys.executable, "-m", "fluentsd")
_IMPORT = ("contacts", "import", "people.csv", "--campaign", "bench", "--json")


def _measured(home: Path) -> tuple[float, float, dict[str, Any]]:
    """Seconds from start to end, MiB at the peak, and the answer of the import."""
    with (home / "answer").open("wb") as out, (home / "errors").open("wb") as errors:
        began = time.perf_counter()
        process = subprocess.Popen([*_FLUENTSD, *_IMPORT], cwd=home, stdout=out, stderr=errors)
        peak = 0.0
        while process.poll() is None:
            peak = max(peak, resident_mib(process.pid))
            time.sleep(LOOK_EVERY_S)
        seconds = time.perf_counter() - began
    if process.returncode:
        raise BenchFailed(f"the import ended with {process.returncode}:\n{(home / 'errors').read_text()}")
    return seconds, round(peak, 1), json.loads((home / "answer").read_text(encoding="utf-8"))


def resident_mib(pid: int) -> float:
    """The resident memory of a process and its children; shared pages count for each."""
    total = 0.0
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
        total = next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")), 0) / 1024
        for task in Path(f"/proc/{pid}/task").iterdir():
            total += sum(resident_mib(int(child)) for child in (task / "children").read_text().split())
    except (FileNotFoundError, ProcessLookupError):
        pass  # the process has just ended
    return total


def check(answer: Mapping[str, Any], fates: Counter[str], database: Path) -> None:
    """Fail unless the import's counts are those of the file and every person is queued."""
    counts = {name: answer[name] for name in ("new", "duplicates", "rejected", "enrolled")}
    if counts != {**fates, "enrolled": fates["new"]}:
        raise BenchFailed(f"the import reports {counts}, but the file holds {dict(fates)}")
    with closing(sqlite3.connect(database)) as conn:
        for table in ("contact", "record", "enrollment", "waiting"):
            (count,) = conn.execute(f"SELECT count(*) FROM {table}").fetchone()
            if count != fates["new"]:
                raise BenchFailed(f"{count} rows in {table} for {fates['new']} people")
