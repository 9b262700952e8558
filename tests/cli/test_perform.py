"""The verbs of a campaign's life, typed without a daemon."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from fluentsd.cli.screen import Screen
from fluentsd.cli.views import show
from tests.cli.shell import CAMPAIGN, Person, daemon


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


@pytest.mark.slow
def test_start_pause_resume_stop_reopen(launched: Person) -> None:
    for verb, state in [
        ("start", "active"), ("pause", "paused"), ("resume", "active"), ("stop", "stopped"), ("reopen", "paused"),
    ]:  # fmt: skip
        assert launched.gets("campaign", verb, "fair").out.startswith(f"fair is {state}\n")
        assert launched.asks("campaign", "status", "fair")["state"] == state
    acts = [row[2] for row in launched.gets("log", "fair").rows[1:]]
    assert acts == [
        "reopened fair", "stopped fair", "resumed fair", "paused fair", "started fair",
        "recorded consent for fair", "imported people into fair", "began an import into fair", "made or changed fair",
    ]  # fmt: skip
    kept = launched.asks("log", "fair")["entries"]
    assert [one["verb"] for one in kept][:3] == ["reopen", "stop", "resume"]


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
