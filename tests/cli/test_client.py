"""The shell with a running daemon."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.shell import CAMPAIGN, SAID, Person, daemon, until


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
