"""How the shell prints: JSON, lines in a pipe, tables and colours on a terminal."""

from __future__ import annotations

import datetime as dt
import os
import pty
import select
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from fluentsd.verbs.catalogue import VERBS
from tests.cli.shell import WORDS, Person
from tests.processes import start


@pytest.mark.slow
def test_every_answer_is_valid_json_when_asked(launched: Person) -> None:
    later = (dt.datetime.now().astimezone() + dt.timedelta(days=2)).strftime("%Y-%m-%dT%H:%M")
    typed = [
        "campaign apply fair.toml", "campaign export fair", "campaign list", "campaign show fair",
        "campaign status fair", "campaign report fair", "campaign check fair", "forecast fair", "campaign why fair",
        "campaign enroll fair --source people.csv --dry-run",
        "campaign people fair", "campaign replies fair", "campaign leads fair", "campaign test fair --to +12125550199",
        "suppression add +12125550177 --because asked", "suppression list", "suppression why +12125550177",
        "suppression remove +12125550177 --because mistyped_number",
        "suppression add +12125550178 --because mistyped", "suppression undo +12125550178 --because mistyped_number",
        "contacts attest people.csv --basis written --given 2026-11-01 --scope phone,sms --by me",
        f"campaign schedule fair {later}", "campaign start fair", f"campaign callback fair lima {later}",
        "campaign upgrade fair --dry-run", "campaign remove fair lima --because gone",
        "campaign pause fair --because lunch", "campaign resume fair", "campaign errors fair", "campaign stop fair",
        "campaign reopen fair", "campaign copy fair b", "campaign archive b", "campaign unarchive b",
        "campaign owner fair kim",
        "contacts find lima", "contacts reread --dry-run",
        "contacts why lima", "contacts timeline lima", "contacts import people.csv",
        "contacts import people.csv --preview", "calls", "history", "unknown list",
        "templates apply words.toml", "templates list", "templates show hello",
        "templates preview hello --person lima", "templates remove hello",
        "agents apply voices.toml", "agents list", "agents show ava", "agents remove ava",
        "numbers add +12125550123 --tag a", "numbers list", "numbers untag +12125550123 --tag a",
        "numbers inbound +12125550123 --announce",
        "numbers rest +12125550123", "numbers remove +12125550123", "holds", "log", "outbox list",
        "source list", "sync status",
        "state", "plugins", "check", "campaign new",
        "campaign new n.toml", "init i.toml",
        "suppression import people.csv --because bought",
        "contacts reread --dry-run", "contacts export lima", "contacts erase lima --because asked",
    ]  # fmt: skip
    (launched.folder / "words.toml").write_text(WORDS.replace("html_file = ", "html = "))
    (launched.folder / "voices.toml").write_text('[[agent]]\nname = "ava"\ncompany = "Acme"\nprompt = "Sell."\n')
    for line in typed:
        assert isinstance(launched.asks(*line.split()), dict), line
    needs_a_reason = {
        "campaign answer",
        "campaign unhandle",  # needs a reply that is handled: fronts/slack/test_replies
        "campaign complete",
        "campaign retry",
        "campaign dismiss",
        "release",
        "numbers sync",
        "unknown retry",
        "unknown dismiss",
        "outbox retry",
        "outbox drop",
        "campaign approve",  # needs two approvers
        "reload",
        "contacts resume",  # needs a person who has called us: engine/calls
        "contacts take-over",  # holds a person: verbs/test_takeover
        "listen",  # needs a recording: verbs/test_leads
        "campaign analyse",  # needs a call whose analysis has failed: engine/after_calls
    }  # seen with a daemon, below
    needs_a_reason |= {"source connect", "source disconnect"}  # need a CRM: tests/test_connecting.py
    needs_a_reason |= {f"source {word}" for word in ("segments", "fields", "check")}  # seen with a source: engine/sync
    needs_a_reason |= {f"sync {word}" for word in ("now", "hold", "release")}
    shown = {line for line in VERBS if any(f"{t} ".startswith(f"{line} ") for t in typed)}
    assert {name for name, verb in VERBS.items() if not verb.hidden} - shown == needs_a_reason


def test_in_a_pipe_records_are_lines_and_cells_are_split_at_tabs(launched: Person) -> None:
    launched.gets("campaign", "owner", "fair", "a\tb\nc\x1b[31m")
    typed = launched.gets("campaign", "list")
    assert "\x1b" not in typed.out
    assert [len(row) for row in typed.rows] == [9, 9]  # it has not started, so there is no column for it
    assert typed.rows[1][8] == "a b ⏎ c [31m"


def on_a_terminal(folder: Path, *words: str) -> str:
    """The output of a command on a terminal of a hundred columns."""
    ours, theirs = pty.openpty()
    with closing(os.fdopen(ours, "rb", buffering=0)) as screen, closing(os.fdopen(theirs, "wb", buffering=0)):
        terminal = {"output": Path(os.ttyname(theirs)), "TERM": "xterm-256color", "COLUMNS": "100", "NO_COLOR": ""}
        process = start("tests.processes:program", *words, folder=folder, **terminal)
        sent, has_ended = b"", False
        while not has_ended:
            has_ended = process.poll() is not None  # what it has printed until then is read below
            while select.select([screen], [], [], 0.02)[0]:
                sent += screen.read(65_536)
        assert process.wait() == 0, sent.decode()
    return sent.decode()


@pytest.mark.slow
def test_on_a_terminal_there_are_tables_colours_and_a_progress_bar(launched: Person) -> None:
    listed = on_a_terminal(launched.folder, "campaign", "list")
    assert "\x1b[" in listed
    assert "━" in listed or "─" in listed
    assert "\t" not in listed
    assert "importing" in on_a_terminal(launched.folder, "contacts", "import", "people.csv")
    assert "importing" not in on_a_terminal(launched.folder, "contacts", "import", "people.csv", "--json")


@pytest.mark.slow
def test_a_reader_that_has_seen_enough_is_no_error(launched: Person) -> None:
    command = f"{sys.executable} -m fluentsd campaign show fair | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], cwd=launched.folder, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("fair is draft\n")
    assert done.stderr == ""


@pytest.mark.slow
def test_a_terminal_without_the_letters_ends_no_command(launched: Person) -> None:
    env = os.environ | {"PYTHONIOENCODING": "ascii"}
    launched.gets("campaign", "owner", "fair", "Zoë")
    command = [sys.executable, "-m", "fluentsd", "campaign", "list"]
    done = subprocess.run(command, cwd=launched.folder, env=env, capture_output=True, text=True, check=True)
    assert "Zo?" in done.stdout
