"""The shell as a user types it: every verb, with and without a daemon, in a pipe, on a terminal, right and wrong."""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import json
import os
import pty
import select
import shutil
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from fluentsd.cli.app import build
from fluentsd.cli.runner import run_program
from fluentsd.cli.screen import Screen
from fluentsd.cli.views import show
from fluentsd.domain.campaign import read_campaign
from fluentsd.domain.campaign_values import DAYS
from fluentsd.verbs import presets
from fluentsd.verbs.catalogue import VERBS
from fluentsd.verbs.diff import differences

SETTINGS = """
[channel.phone]
plugin = "sandbox"
ring = "0.01 s"
talk = "0.01 s"
outcomes = { voicemail = 1 }
[channel.sms]
plugin = "sandbox"
delivery = "0.01 s"
outcomes = { delivered = 1 }
"""
#: Open at all hours and at once over: what a test can wait for.
CAMPAIGN = """
name = "Spring fair"
ref = "fair"

[window]
days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
hours = "00:00-24:00"
fallback_timezone = "America/New_York"
blackout = [1999-12-24]
override = [{ date = 1999-12-31, hours = "9am-5pm" }]

[[step]]
id = "call"
channel = "phone"
agent = "sales"

[[step]]
id = "text"
channel = "sms"
text = "Hi {{ first_name }}, about {{ interest }}"

[law]
waive = [
    { rule = "US.hours", because = "a test runs at any hour", by = "the tests" },
    { rule = "NY.hours", because = "a test runs at any hour", by = "the tests" },
    { rule = "GA.auto-hours", because = "a test runs at any hour", by = "the tests" },
]
"""
#: What is said of the people's consent.
SAID = ("--basis", "written", "--given", "2026-11-01", "--scope", "phone,sms", "--by", "Front desk")
#: As a fair's lead scanner leaves it: semicolons, a quoted line break, a person twice, nobody at all.
PEOPLE = (
    "First Name;To Number;Interest;E-mail\r\n"
    'Echo;(212) 555-0111;"a roof\nor two";echo@example.com\r\n'
    "Kilo;call me;a porch;\r\n"
    "ECHO;+1 212 555 0111;a roof;\r\n"
    "Lima;303-555-0112;a heat pump;lima@example.com\r\n"
)


the_program = cache(build)


class Typed:
    """The result of one command."""

    def __init__(self, result: Any) -> None:
        self.status: int = result.exit_code
        self.out: str = result.stdout
        self.err: str = result.stderr
        error = result.exception
        assert error is None or isinstance(error, SystemExit), repr(error)
        assert "Traceback" not in self.out + self.err

    @property
    def rows(self) -> list[list[str]]:
        """Tab-separated records."""
        return [line.split("\t") for line in self.out.splitlines()]


class Person:
    """A user at a shell, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def types(self, *words: str, given: bytes | None = None) -> Typed:
        return Typed(CliRunner().invoke(the_program(), list(words), input=given))

    def gets(self, *words: str, given: bytes | None = None) -> Typed:
        """A command that succeeds and prints to standard output alone."""
        typed = self.types(*words, given=given)
        assert (typed.status, typed.err) == (0, ""), typed.err or typed.out
        return typed

    def asks(self, *words: str) -> Any:
        """The same answer as JSON."""
        return json.loads(self.gets(*words, "--json").out)

    def is_refused(self, *words: str, status: int = 1) -> str:
        """A command that fails: nothing on standard output, the reason on standard error."""
        typed = self.types(*words)
        assert (typed.status, typed.out) == (status, ""), typed.out
        return typed.err.strip()

    def figures(self) -> list[int]:
        status = self.asks("campaign", "status", "fair")
        return [status[key] for key in ("total", "queued", "active", "errored", "exited", "completed")]


def settled(folder: Path, patch: pytest.MonkeyPatch) -> Person:
    """A user in a folder with the files of a campaign."""
    patch.chdir(folder)
    patch.delenv("FLUENTSD_CONFIG", raising=False)
    (folder / "fluentsd.toml").write_text(SETTINGS)
    (folder / "fair.toml").write_text(CAMPAIGN)
    (folder / "people.csv").write_bytes(PEOPLE.encode("utf-8-sig"))
    return Person(folder)


@pytest.fixture
def person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Person:
    return settled(tmp_path, monkeypatch)


@pytest.fixture(scope="module")
def campaign_with_people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation with a draft and two people, made once."""
    folder = tmp_path_factory.mktemp("launched")
    with pytest.MonkeyPatch.context() as patch:
        person = settled(folder, patch)
        person.gets("campaign", "apply", "fair.toml")
        person.gets("contacts", "import", "people.csv", "--campaign", "fair")
        person.gets("contacts", "attest", "--campaign", "fair", *SAID)
    return folder


@pytest.fixture
def launched(person: Person, campaign_with_people: Path) -> Person:
    """A user with a copy of that installation."""
    shutil.copytree(campaign_with_people, person.folder, dirs_exist_ok=True)
    return person


@contextmanager
def daemon(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """`fluentsd run` as a supervisor starts it: entered once it is ready, left once it has ended without an error."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        address = str(folder / "notify")
        supervisor.bind(address)
        supervisor.settimeout(20)
        command = [sys.executable, "-m", "fluentsd", "--config", str(folder / "fluentsd.toml"), "run"]
        env = os.environ | {"NOTIFY_SOCKET": address}
        with subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True) as process:
            try:
                while b"READY=1" not in supervisor.recv(4096):
                    pass
                yield process
            finally:
                process.terminate()
                _, errors = process.communicate(timeout=20)
            assert process.returncode == 0, errors
            assert "Traceback" not in errors


def until(person: Person, is_so: Callable[[], bool]) -> None:
    """Poll until true; a command of the shell takes longer than a sleep would."""
    give_up_at = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < give_up_at, person.gets("campaign", "status", "fair").out


# ── what there is ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
def test_every_verb_is_in_the_help_with_its_text_and_its_parameters(person: Person) -> None:
    for verb in VERBS.values():
        group, _, word = verb.name.rpartition(" ")
        listed = person.gets(*group.split(), "--help").out
        if verb.hidden:
            assert f"\n  {word} " not in listed
            continue
        assert word in listed
        shown = " ".join(person.gets(*verb.name.split(), "--help").out.split())
        assert verb.help[1:] in shown
        for param in verb.params:
            if param.kind != "data":
                assert param.help in shown
                assert (f"--{param.name.replace('_', '-')}" if param.option else param.name.upper()) in shown
        assert "--json" in shown


@pytest.mark.parametrize("command", ["init", "run", "check", "demo", "plugins", "campaign new", "contacts import"])
def test_commands_about_this_machine_are_in_the_help_too(person: Person, command: str) -> None:
    group, _, word = command.rpartition(" ")
    assert word in person.gets(*group.split(), "--help").out
    assert "--help" in person.gets(*command.split(), "-h").out


def test_without_a_word_the_help_is_shown_and_the_usage_was_wrong(person: Person) -> None:
    for words in ([], ["campaign"], ["contacts"], ["numbers"]):
        typed = person.types(*words)
        assert typed.status == 2
        assert "Commands:" in typed.out + typed.err


# ── the first minutes ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
def test_init_check_new_apply(person: Person) -> None:
    (person.folder / "fluentsd.toml").unlink()
    assert "next: fluentsd check" in person.gets("init").out
    before = sorted(os.listdir())
    checked = person.gets("check")
    assert 'plugin = "sandbox"' in checked.out
    assert "FAIL" not in checked.out
    assert sorted(os.listdir()) == before
    for pattern in presets.names():
        text = person.gets("campaign", "new", "--pattern", pattern).out
        person.gets("campaign", "new", f"{pattern}.toml", "--pattern", pattern)
        assert tomllib.loads(Path(f"{pattern}.toml").read_text()) == tomllib.loads(text) | {"ref": pattern}
        assert "is a new draft" in person.gets("campaign", "apply", f"{pattern}.toml").out
    assert len(person.gets("campaign", "list").rows) == 1 + len(presets.names())


def test_init_and_new_want_a_file_not_a_folder(person: Person) -> None:
    for command in (["init", "."], ["init", ".", "--force"], ["campaign", "new", "/tmp"]):
        assert "is a folder; give the name of a file in it" in person.is_refused(*command)


def test_init_and_new_overwrite_only_when_told_to(person: Person) -> None:
    for command in (["init", "fluentsd.toml"], ["campaign", "new", "fair.toml"]):
        assert "exists already" in person.is_refused(*command)
        assert Path(command[-1]).read_text() in (SETTINGS, CAMPAIGN)
        assert person.asks(*command, "--force") == {"wrote": command[-1]}
        assert Path(command[-1]).read_text() not in (SETTINGS, CAMPAIGN)


def test_check_says_what_is_wrong_and_fails(person: Person) -> None:
    with Path("fluentsd.toml").open("a") as file:
        file.write('[channel.email]\nplugin = "emial"\n')
    typed = person.types("check")
    assert typed.status == 1
    assert "FAIL channel.email.plugin: no channel plugin is called 'emial'" in typed.out
    found = json.loads(person.types("check", "--json").out)
    assert set(found) == {"settings", "findings"}
    assert [finding["ok"] for finding in found["findings"]].count(False) == 1


def test_plugins_are_listed(person: Person) -> None:
    assert ["sandbox", "channel", "sandbox"] in person.gets("plugins").rows
    assert {"channel": "sandbox", "plugin": "sandbox"} in person.asks("plugins")["channels"]


# ── a campaign's life without a daemon ───────────────────────────────────────────────────────────────────────────


def test_a_dry_run_shows_what_would_change_and_changes_nothing(person: Person) -> None:
    assert (
        "would be a new draft (dry run: nothing was changed)"
        in person.gets("campaign", "apply", "fair.toml", "--dry-run").out
    )
    assert "no campaigns yet" in person.gets("campaign", "list").out
    person.gets("campaign", "apply", "fair.toml")
    changed = CAMPAIGN.replace("[[step]]", '[limits]\npace = "20/hour"\n[[step]]', 1).encode()
    shown = person.gets("campaign", "apply", "-", "--dry-run", given=changed)
    assert ["limits.pace", "null", '"20/hour"', "everybody, at once"] in shown.rows
    assert "nothing was changed" in person.gets("campaign", "apply", "fair.toml").out
    assert person.gets("campaign", "apply", "-", given=changed).rows[1:] == shown.rows[1:]


def test_a_messy_file_is_taken_in_and_what_was_refused_is_kept_with_its_reason(person: Person) -> None:
    person.gets("campaign", "apply", "fair.toml")
    before = sorted(os.listdir())
    preview = person.gets("contacts", "import", "people.csv", "--preview")
    assert ["To Number", "phone", "name", "(212) 555-0111"] in preview.rows
    assert sorted(os.listdir()) == before
    typed = person.gets("contacts", "import", "people.csv", "--campaign", "fair")
    assert ["4", "2", "0", "1", "1", "2"] in typed.rows
    assert "1 × To Number: no number" in typed.out
    assert typed.out.endswith("next: fluentsd campaign check fair\n")
    rejects = Path("people.rejects.csv").read_text("utf-8-sig").splitlines()
    assert rejects[0] == "line,reason,First Name,To Number,Interest,E-mail"
    assert [line.split(",")[:2] for line in rejects[1:]] == [
        ["4", "To Number: no number"],
        ["5", "the same person as an earlier row"],
    ]
    again = person.asks("contacts", "import", "people.csv", "--campaign", "fair")
    assert (again["new"], again["updated"], again["enrolled"]) == (0, 2, 0)
    assert person.figures() == [2, 2, 0, 0, 0, 0]


def test_a_column_is_mapped_by_hand_and_refused_rows_go_where_they_are_wanted(person: Person) -> None:
    Path("odd.csv").write_text("wer;was\n0301234567;x\nnobody;y\n")
    person.gets("contacts", "import", "odd.csv", "--map", "phone=wer", "--region", "Germany", "--rejects", "no.csv")
    assert person.asks("contacts", "find", "+4930")["people"][0]["points"] == ["+49301234567"]
    assert "nobody" in Path("no.csv").read_text()
    assert not Path("odd.rejects.csv").exists()


@pytest.mark.slow
def test_start_pause_resume_stop_reopen(launched: Person) -> None:
    for verb, state in [
        ("start", "active"), ("pause", "paused"), ("resume", "active"), ("stop", "stopped"), ("reopen", "paused"),
    ]:  # fmt: skip
        assert launched.gets("campaign", verb, "fair").out.startswith(f"fair is {state}\n")
        assert launched.asks("campaign", "status", "fair")["state"] == state
    acts = [row[2] for row in launched.gets("log", "fair").rows[1:]]
    assert acts == ["reopen", "stop", "resume", "pause", "start", "attest", "imported", "import", "apply"]


def test_schedule_and_take_it_back(launched: Person) -> None:
    moment = dt.datetime.now().astimezone().replace(microsecond=0) + dt.timedelta(days=3)
    scheduled = launched.asks("campaign", "schedule", "fair", moment.isoformat())
    assert scheduled["starts_at"] == round(moment.timestamp() * 1_000_000)
    assert scheduled["state"] == "scheduled"
    said = launched.gets("campaign", "schedule", "fair", moment.strftime("%Y-%m-%dT09:00")).out
    assert f"it starts on {moment:%a %b %-d %Y}, 09:00 E" in said
    assert "(America/New_York)" in said
    assert f"it starts on {moment:%a %b %-d %Y}, 09:00 E" in launched.gets("campaign", "status", "fair").out
    paused = launched.gets("campaign", "pause", "fair").out
    assert paused.startswith(f"fair is draft\nits start on {moment:%a %b %-d %Y}, 09:00 E")
    assert "is off" in paused


def test_copy_owner_archive(launched: Person) -> None:
    assert launched.gets("campaign", "copy", "fair", "fair-2").out == "fair-2 is a new draft without people\n"
    assert launched.gets("campaign", "owner", "fair-2", "kim").out == "fair-2 now belongs to kim\n"
    assert "fair-2 is archived" in launched.gets("campaign", "archive", "fair-2").out
    assert [row[0] for row in launched.gets("campaign", "list").rows[1:]] == ["fair"]
    assert [row[0] for row in launched.gets("campaign", "list", "--archived").rows[1:]] == ["fair-2", "fair"]


def test_figures_funnel_and_errors(launched: Person) -> None:
    assert "no one in fair is in error" in launched.gets("campaign", "errors", "fair").out
    assert ["call", "2", "0"] in launched.gets("campaign", "report", "fair").rows
    assert launched.gets("campaign", "status", "fair").rows[2][:6] == ["2", "2", "0", "0", "0", "0"]
    assert 'ref = "fair"' in launched.gets("campaign", "show", "fair").out


def test_people_calls_log_holds(launched: Person) -> None:
    [_, found] = launched.gets("contacts", "find", "lima").rows
    assert found == ["Lima", "+13035550112, lima@example.com", "America/Denver", "number", "fair: queued at call"]
    assert launched.gets("contacts", "find", "nobody at all").out == "no one found\n"
    for words in (["calls"], ["calls", "fair"]):
        assert launched.gets(*words).out == "no attempts\n"
    assert launched.gets("unknown", "list", "fair").out == "no attempt needs a decision\n"
    assert "fair has no unknown attempt" in launched.is_refused("unknown", "retry", "fair")
    assert launched.gets("holds").out == "nothing is held\n"
    assert launched.gets("state").out.splitlines()[0] == "in_flight: phone 0, sms 0"
    assert len(launched.gets("log", "--most", "1").rows) == 2


def test_numbers(person: Person) -> None:
    assert "no caller IDs" in person.gets("numbers", "list").out
    person.gets("numbers", "add", "(212) 555-0123", "--tag", "sales", "--tag", "east", "--pace", "20/hour")
    person.gets("numbers", "add", "+12125550124", "--label", "old")
    person.gets("numbers", "untag", "+12125550123", "--tag", "east")
    person.gets("numbers", "remove", "+12125550124")
    assert person.gets("numbers", "list").rows[1:] == [["+12125550123", "sales", "20/hour", "0"]]
    assert "add them yourself" in person.is_refused("numbers", "sync")


def test_a_sync_of_numbers_says_what_came_and_what_did_not(capsys: pytest.CaptureFixture[str]) -> None:
    a, b, c, d = (f"+1212555019{n}" for n in range(4))
    new = {"number": a, "label": "Fair", "tags": ["x"], "carries": ["phone", "sms"]}
    answer = {
        "added": [new], "known": [], "missing": [b], "retired": [c], "left_out": [{"number": d, "why": "is a fax"}],
        "tagged": 1, "failed": {"sms": "no login"}, "dry_run": True,
        "counts": {"added": 1, "known": 0, "missing": 1, "retired": 1, "left_out": 1},
    }  # fmt: skip
    show(Screen(), "numbers sync", answer)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("\t") for line in lines[:4]] == [
        ["Added", "Known", "Missing", "Left out"], ["1", "0", "1", "1"],
        ["New", "Label", "Tags", "Carries"], [a, "Fair", "x", "phone, sms"],
    ]  # fmt: skip
    assert [line.rpartition(": ")[2] for line in lines[4:]] == [
        "1", b, c, f"{d} is a fax", "no login", "nothing was changed"
    ]  # fmt: skip


WORDS = """
[[template]]
name = "hello"
channel = "sms"
text = "Hi {{ first_name }}, see you"
[[template]]
name = "offer"
channel = "email"
subject = "For {{ first_name }}"
html_file = "offer.html"
"""


@pytest.mark.slow
def test_templates_come_from_a_file_and_long_words_from_files_beside_it(launched: Person) -> None:
    file = launched.folder / "words.toml"
    file.write_text(WORDS)
    assert "there is no file" in launched.is_refused("templates", "apply", "words.toml")
    (launched.folder / "offer.html").write_text("<p>Dear {{ first_name }},</p>\n")
    message = launched.gets("templates", "apply", "words.toml", "--dry-run").out
    assert "hello is new, by sms (dry run: nothing was changed)" in message
    assert "no templates; create one" in launched.gets("templates", "list").out
    assert "offer is new, by email" in launched.gets("templates", "apply", "words.toml").out
    printed = launched.gets("templates", "show", "offer").out
    assert tomllib.loads(printed)["template"][0]["html"] == "<p>Dear {{ first_name }},</p>\n"
    (launched.folder / "again.toml").write_text(printed)
    assert "offer is the same as the file" in launched.gets("templates", "apply", "again.toml").out
    file.write_text(WORDS.replace("see you", "bye"))
    assert "hello is version 2 now: text changed" in launched.gets("templates", "apply", "words.toml").out
    assert [row[:3] for row in launched.gets("templates", "list").rows[1:]] == [
        ["hello", "sms", "2"], ["offer", "email", "1"],
    ]  # fmt: skip
    assert "bye" in launched.gets("templates", "preview", "hello", "--person", "lima").out
    assert "did you mean hello?" in launched.is_refused("templates", "remove", "helo")
    assert "hello is archived" in launched.gets("templates", "remove", "hello").out


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is empty; write [[template]]"),
        ("[[template]]\nname = 1", "template[1]"),
        ("name = 'x'\n[window]\nhours = '9-5'\n[[step]]\nid = 'a'\n", "fluentsd campaign apply"),
        ("[[template]", "is not a template file"),
    ],
)
def test_a_file_that_holds_no_templates_is_refused(launched: Person, text: str, why: str) -> None:
    (launched.folder / "words.toml").write_text(text)
    message = launched.is_refused("templates", "apply", "words.toml")
    assert why in message
    assert "nothing was changed" in message


def test_what_became_of_attempts_to_decide_about_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    left = [{"attempt": "a1", "person": "+12125550123", "step": "text", "why": "the next step, two, has begun"}]
    show(Screen(), "unknown retry", {"ref": "fair", "people": 1, "state": "active", "left_alone": left})
    show(Screen(), "unknown dismiss", {"ref": "fair", "people": 2, "state": "active"})
    assert capsys.readouterr().out.splitlines() == [
        "queued again: 1 person; fair is active",
        "not queued: +12125550123 at text: the next step, two, has begun",
        "dismissed: 2 of fair count as made and are hidden",
    ]


@pytest.mark.slow
def test_who_acts_has_one_name_with_and_without_a_daemon(launched: Person) -> None:
    with daemon(launched.folder):
        launched.gets("campaign", "owner", "fair", "kim")
    assert len({row[1] for row in launched.gets("log").rows[1:]}) == 1


# ── one answer, several looks ────────────────────────────────────────────────────────────────────────────────────


def test_the_people_of_a_campaign_go_to_a_file_that_a_mistake_leaves_alone(launched: Person) -> None:
    launched.gets("campaign", "people", "fair", "--csv", "out.csv")
    header, *rows = Path("out.csv").read_text("utf-8-sig").splitlines()
    assert header.startswith("id,name,phones,emails,state,reason")
    assert ["Echo" in rows[0], "Lima" in rows[1], len(rows)] == [True, True, 2]
    assert "no campaign" in launched.is_refused("campaign", "people", "fare", "--csv", "out.csv")
    assert Path("out.csv").read_text("utf-8-sig").splitlines() == [header, *rows]
    assert "out.csv" not in launched.gets("campaign", "people", "fair", "--csv", "-").out
    assert len(launched.gets("campaign", "people", "fair", "--most", "1").rows) == 3  # the last line says how to go on
    assert "queued" in launched.is_refused("campaign", "people", "fair", "--state", "waiting")


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


@pytest.mark.slow
def test_somebody_is_told_what_is_held_of_them_and_forgotten(launched: Person) -> None:
    summary = json.loads(launched.gets("contacts", "export", "lima").out)
    assert [point["value"] for point in summary["points"]] == ["+13035550112", "lima@example.com"]
    message = launched.gets("contacts", "erase", "lima", "--because", "asked by letter").out
    assert "erased (numbers and addresses: 2, records: 1" in message
    assert "no contact matches 'lima'" in launched.is_refused("contacts", "export", "lima")
    key = launched.folder / "fluentsd.key"
    assert key.stat().st_mode & 0o777 == 0o600
    assert launched.asks("contacts", "import", "people.csv", "--campaign", "fair")["enrolled"] == 0
    key.unlink()
    assert "Restore the file" in launched.is_refused("campaign", "list")


def test_in_a_pipe_records_are_lines_and_cells_are_split_at_tabs(launched: Person) -> None:
    launched.gets("campaign", "owner", "fair", "a\tb\nc\x1b[31m")
    typed = launched.gets("campaign", "list")
    assert "\x1b" not in typed.out
    assert [len(row) for row in typed.rows] == [9, 9]  # it has not started, so there is no column for it
    assert typed.rows[1][8] == "a b ⏎ c [31m"


def on_a_terminal(folder: Path, *words: str) -> str:
    """The output of a command on a terminal of a hundred columns."""
    ours, theirs = pty.openpty()
    env = os.environ | {"TERM": "xterm-256color", "COLUMNS": "100"}
    env.pop("NO_COLOR", None)
    command = [sys.executable, "-m", "fluentsd", *words]
    with closing(os.fdopen(ours, "rb", buffering=0)) as screen:
        process = subprocess.Popen(command, cwd=folder, env=env, stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        sent = b""
        while select.select([screen], [], [], 20)[0]:
            try:
                sent += screen.read(65_536)
            except OSError:  # the last one on the other side has left
                break
        assert process.wait(20) == 0, sent.decode()
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


# ── with a daemon ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
def test_a_campaign_runs_while_the_shell_steers_it(launched: Person) -> None:
    person = launched
    with Path("people.csv").open("a") as file:
        file.write("Papa;+1 404 555 0113;;\r\n")  # no interest: the text to them cannot be made
    with daemon(person.folder) as process:
        assert "daemon: running" in person.gets("check").out
        assert person.asks("state")["channels"] == ["phone", "sms"]
        dated = CAMPAIGN.replace("1999-12-24", "1999-12-24, 1999-12-25").encode()
        assert "fair: 1 change\n" in person.gets("campaign", "apply", "-", given=dated).out
        person.gets("campaign", "start", "fair")
        assert person.asks("contacts", "import", "people.csv", "--campaign", "fair")["enrolled"] == 1
        person.gets("contacts", "attest", "people.csv", *SAID)
        until(person, lambda: person.asks("campaign", "status", "fair")["state"] == "completed")
        assert person.figures() == [3, 0, 0, 1, 0, 2]
        calls = person.asks("calls", "fair")["calls"]
        assert sorted((c["step"], c["outcome"]) for c in calls if c["step"] == "call") == [("call", "voicemail")] * 3
        assert len(person.gets("calls", "fair", "--outcome", "voicemail", "--person", "+13035550112").rows) == 2
        assert ["text", "0", "2"] in [row[:3] for row in person.gets("campaign", "report", "fair").rows]
        assert person.gets("campaign", "export", "fair").out
        assert process.poll() is None
    assert person.figures() == [3, 0, 0, 1, 0, 2]


@pytest.mark.slow
def test_people_in_error_are_put_back_or_taken_out_and_counted_once(launched: Person) -> None:
    person = launched
    Path("more.csv").write_text("First Name,To Number\nPapa,+1 404 555 0113\n")  # no interest: no text can be made
    with daemon(person.folder):
        person.gets("campaign", "start", "fair")
        person.gets("contacts", "import", "more.csv", "--campaign", "fair")
        person.gets("contacts", "attest", "more.csv", *SAID)
        until(person, lambda: person.asks("campaign", "status", "fair")["state"] == "completed")
        errors = person.gets("campaign", "errors", "fair")
        assert "interest" in errors.rows[1][1]
        assert errors.rows[1][2] == "1"
        assert "queued again: 1 person; fair is active" in person.gets("campaign", "retry", "fair", "--cause", "1").out
        until(person, lambda: person.asks("campaign", "status", "fair")["errored"] == 1)
        assert person.asks("campaign", "dismiss", "fair")["people"] == 1
        until(person, lambda: person.asks("campaign", "status", "fair")["state"] == "completed")
        assert person.figures() == [3, 0, 0, 0, 1, 2]


@pytest.mark.slow
def test_what_a_daemon_refuses_it_refuses_in_the_same_words(launched: Person) -> None:
    typed = (
        ["campaign", "pause", "fair"], ["campaign", "start", "fiar"], ["campaign", "copy", "fair", "A B"],
        ["campaign", "schedule", "fair", "soon"], ["numbers", "add", "123"], ["contacts", "find", "x"],
        ["calls", "--outcome", "lost"], ["release", "channel", "sms"], ["campaign", "retry", "fair"],
        ["campaign", "complete", "fair"],
    )  # fmt: skip
    without = [launched.is_refused(*words) for words in typed]
    with daemon(launched.folder):
        assert [launched.is_refused(*words) for words in typed] == without
        assert "another fluentsd (process" in launched.is_refused("run")


@pytest.mark.slow
def test_a_shell_without_the_daemons_secrets_steers_the_daemon_all_the_same(person: Person) -> None:
    Path("secrets").mkdir()
    Path("secrets/hook").write_text("https://127.0.0.1:1/hook")
    with Path("fluentsd.toml").open("a") as file:
        file.write('[notify]\nurl = "file:secrets/hook"\n')
    with daemon(person.folder):
        Path("secrets/hook").unlink()
        assert "no campaigns yet" in person.gets("campaign", "list").out
    assert "notify.url: file:secrets/hook cannot be read" in person.is_refused("campaign", "list")


# ── a file there and back ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
def test_what_is_exported_says_what_was_applied(person: Person) -> None:
    fancy = CAMPAIGN.replace("[[step]]", '[limits]\nbudget = "200 USD/day"\ncost = { phone = 0.5 }\n[[step]]', 1)
    fancy = fancy.replace('"00:00-24:00"', '{ mon = "9am-5pm", sat = "22:00-02:00" }').replace(
        'days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]\n', ""
    )
    for text in (CAMPAIGN, fancy):
        person.gets("campaign", "apply", "-", given=text.encode())
        exported = person.gets("campaign", "export", "fair").out.encode()
        assert (
            person.gets("campaign", "apply", "-", given=exported).out.splitlines()[-1]
            == "fair is the same as the file; nothing was changed"
        )
        assert person.asks("campaign", "apply", "fair.toml", "--dry-run")["changes"] == [] or text is fancy


_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="{}%"), min_size=1, max_size=30).filter(str.strip)
_DATE = st.dates(dt.date(1999, 1, 1), dt.date(2100, 1, 1))
_HOURS = st.sampled_from(["09:00-17:00", "9am-noon, 1pm-5pm".replace("noon", "12pm"), "22:00-02:00", "00:00-24:00"])
_STEP = st.one_of(
    st.fixed_dictionaries({"channel": st.just("phone"), "agent": _TEXT}, optional={"hours": _HOURS}),
    st.fixed_dictionaries({"channel": st.just("sms"), "text": _TEXT}, optional={"after": st.just("24 hours")}),
    st.fixed_dictionaries({"channel": st.just("email"), "subject": _TEXT, "html": _TEXT}),
)


@st.composite
def campaign_files(draw: st.DrawFn) -> dict[str, Any]:
    """Files as people might write them."""
    dates = draw(st.lists(_DATE, unique=True, max_size=4))
    days = draw(st.lists(st.sampled_from(DAYS), unique=True, min_size=1))
    window: dict[str, Any] = {"fallback_timezone": "Europe/Berlin", "blackout": ["us-federal-holidays", *dates[:2]]}
    window["override"] = [{"date": day, "hours": draw(_HOURS)} for day in dates[2:]]
    if draw(st.booleans()):
        window |= {"days": days, "hours": draw(_HOURS)}
    else:
        window["hours"] = {day: draw(_HOURS) for day in days}
    steps = [{"id": f"s{i}"} | step for i, step in enumerate(draw(st.lists(_STEP, min_size=1, max_size=4)))]
    return {"name": draw(_TEXT), "description": draw(_TEXT), "window": window, "step": steps}


@pytest.mark.slow
@given(campaign_files())
def test_any_file_comes_back_as_it_was(file: dict[str, Any]) -> None:
    spec = read_campaign(file)
    answer = {"file": spec.model_dump(mode="json", exclude_defaults=True)}
    with contextlib.redirect_stdout(io.StringIO()) as out:
        show(Screen(), "campaign export", answer)
    assert differences(spec, read_campaign(tomllib.loads(out.getvalue()))) == []


# ── typed wrongly ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("typed", "part"),
    [
        ("campain list", "No such command 'campain'. Did you mean 'campaign'?"),
        ("campaign lst", "No such command 'lst'. Did you mean 'list'"),
        ("pause fair", "No such command 'pause'. Did you mean campaign pause?"),
        ("import people.csv", "No such command 'import'. Did you mean contacts import or suppression import?"),
        ("campaign start", "Missing argument 'REF'"),
        ("campaign copy fair", "Missing argument 'NEW_REF'"),
        ("campaign start fair now", "unexpected extra argument"),
        ("campaign list --jsn", "No such option: --jsn (Possible options: --json)"),
        ("calls --most many", "--most"),
        ("numbers untag +12125550123", "Missing option '--tag'"),
        ("campaign new x.toml --pattern cal", "there is no pattern 'cal'; there are: appointment-reminder"),
        ("contacts import people.csv --map phone", "should look like --map phone="),
        ("contacts import people.csv --region XX", "'XX' is not a country"),
        ("demo --speed slow", '--speed is "fast" or "real"'),
        ("demo --people 3", "--people"),
    ],
)
def test_wrong_usage_is_status_two_and_one_sentence(person: Person, typed: str, part: str) -> None:
    before = sorted(os.listdir())
    message = person.is_refused(*typed.split(), status=2)
    assert part in message
    assert sorted(os.listdir()) == before


@pytest.mark.parametrize(
    ("typed", "part"),
    [
        ("campaign start fiar", "no campaign is called 'fiar'; did you mean fair?"),
        ("campaign status x", "no campaign is called 'x'; there are: fair"),
        ("campaign pause fair", "cannot pause a campaign that is draft; possible now: schedule, start"),
        ("campaign resume fair", "cannot resume a campaign that is draft"),
        ("campaign complete fair", "2 people are queued and 0 active in fair"),
        ("campaign schedule fair soon", "'soon' is not a moment; write it like"),
        ("campaign schedule fair 2020-01-01T09:00", "Wed Jan 1 2020, 09:00 America/New_York is in the past; nothing"),
        ("campaign copy fair fair", "a campaign called 'fair' exists already"),
        ("campaign copy fair Fair", "'Fair' may have only lower-case letters, digits, - and _"),
        ("campaign retry fair", "nobody in fair is in error"),
        ("campaign apply nope.toml", "there is no file nope.toml; nothing was changed"),
        ("contacts import nope.csv", 'There is no file "nope.csv"'),
        ("contacts import people.csv --campaign fiar", "did you mean fair?"),
        ("contacts find x", "at least two characters"),
        ("calls fiar", "did you mean fair?"),
        ("calls --outcome lost", "outcome 'lost' is not one of answered, voicemail"),
        ("calls --person +12125559999", "no contact matches"),
        ("numbers add 555", "'555' is not a phone number"),
        ("numbers add +12125550123 --pace fast", "'fast' is not a rate; write it like \"20/hour\""),
        ("numbers remove +12125550123", "+12125550123 is not a caller ID"),
        ("release channel sms", "channel sms has no hold; see those that are open: fluentsd holds"),
        ("--config nope.toml campaign list", "nope.toml (from --config) is not a file"),
    ],
)
def test_what_cannot_be_done_is_status_one_and_says_how_to_go_on(launched: Person, typed: str, part: str) -> None:
    before = launched.asks("log"), launched.asks("campaign", "list"), sorted(os.listdir())
    assert part in launched.is_refused(*typed.split())
    assert (launched.asks("log"), launched.asks("campaign", "list"), sorted(os.listdir())) == before


def test_the_old_name_of_a_group_works_and_says_its_new_name(person: Person) -> None:
    typed = person.types("stop-list", "add", "+12125550177", "--because", "asked", "--json")
    assert typed.status == 0
    assert json.loads(typed.out)["point"] == "+12125550177"
    assert typed.err == "`stop-list` is now `suppression`; the old word goes away in the next release\n"
    assert [entry["value"] for entry in person.asks("suppression", "list")["entries"]] == ["+12125550177"]
    assert "stop-list" not in person.gets("--help").out


def test_the_suppression_list_goes_to_a_file_and_comes_back(person: Person) -> None:
    person.gets("suppression", "add", "+12125550177", "--because", "asked")
    person.gets("suppression", "export", "list.csv")
    rows = Path("list.csv").read_text("utf-8-sig").splitlines()
    assert rows[0] == "value,kind,channel,reason,by,at,evidence"
    assert rows[1].startswith("'+12125550177,phone,*,")  # inert: a spreadsheet would read the plus as a formula
    again = person.gets("suppression", "import", "list.csv", "--because", "from the other system").out
    assert again.startswith("0 added, 1 already on the suppression list\n")


def test_a_second_start_is_refused_and_says_what_is_possible(launched: Person) -> None:
    launched.gets("campaign", "start", "fair")
    message = launched.is_refused("campaign", "start", "fair")
    assert message == "cannot start a campaign that is active; possible now: complete, pause, stop"


def test_an_unfinished_campaign_is_not_started_and_everything_it_lacks_is_said_at_once(person: Person) -> None:
    mail = '[numbers]\ntags = ["sales"]\n[[step]]\nid = "mail"\nchannel = "email"\nsubject = "x"\ntext = "x"\n'
    person.gets("campaign", "apply", "-", given=(CAMPAIGN + mail).encode())
    message = person.is_refused("campaign", "start", "fair")
    assert message.startswith("fair cannot start; nothing was changed\n")
    for part in ("nobody is enrolled", "no channel serves email", "no caller ID has a tag of sales"):
        assert part in message


def test_a_fault_of_ours_is_a_sentence_and_shows_its_place_when_asked(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks() -> None:
        raise ZeroDivisionError("division by zero")

    with pytest.raises(SystemExit) as left:
        run_program(breaks)
    assert left.value.code == 1
    message = capsys.readouterr().err
    assert message.startswith("ZeroDivisionError: division by zero\nThis is a bug in fluentsd, not in your command")
    monkeypatch.setenv("FLUENTSD_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError):
        run_program(breaks)


@pytest.mark.slow
def test_a_daemon_that_cannot_start_says_why_in_one_line(person: Person) -> None:
    Path("fluentsd.sock").write_text("not a socket")
    message = person.is_refused("run")
    assert message.endswith("fluentsd.sock is not a socket, but the control socket needs this path; move the file away")
