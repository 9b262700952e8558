"""The shell's command line: its help, wrong usage, and what cannot be done."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from fluentsd.cli.runner import run_program
from fluentsd.verbs.catalogue import VERBS
from tests.cli.shell import Person

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
                assert (f"--{param.flag}" if param.option else param.name.upper()) in shown
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
