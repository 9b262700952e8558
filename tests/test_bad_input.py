"""Broken campaign files, configurations and lists of people: each gets one clear message, and nothing is changed.

Everything is typed into the shell, as by a user, in an installation that has been used. "Nothing" is checked from
outside: every byte of every file of the installation before and after, and every name beside the broken file.
"""

# ruff: noqa: E501 - one case a line reads best

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from fluentsd.cli.app import build
from fluentsd.store.tables import SCHEMA_VERSION

SETTINGS = """
[database]
path = "fluentsd.db"
[daemon]
grace = "20 s"
[log]
format = "text"
[channel.phone]
plugin = "sandbox"
[channel.sms]
plugin = "sandbox"
pace = "10/second"
[channel.email]
plugin = "email"
host = "127.0.0.1"
tls = "none"
from = "fair@example.com"
"""
CAMPAIGN = """
name = "Spring fair"
ref = "fair"

[window]
days = ["mon", "tue"]
hours = "09:00-17:00"
timezone = "contact"
fallback_timezone = "America/New_York"
blackout = ["us-federal-holidays"]

[[step]]
id = "call"
channel = "phone"
agent = "sales"
retry = { busy = "30 min", limit = 2 }

[[step]]
id = "text"
channel = "sms"
after = "1 day"
text = "Hi {{ first_name | default: 'there' }}"

[exit]
on = ["answered", "opted_out"]

[limits]
budget = "200 USD/day"
pace = "20/hour"
"""
PROGRAM = build()


class Installation:
    """A used installation, and a folder beside it for broken files."""

    def __init__(self, folder: Path) -> None:
        self.home, self.desk = folder / "home", folder / "desk"
        self.desk.mkdir(parents=True)
        self.home.mkdir()
        (self.home / "fluentsd.toml").write_text(SETTINGS)
        for name, content in (("good.toml", CAMPAIGN), ("good.csv", "First Name,To Number\nEcho,+12125550111\n")):
            (self.desk / name).write_text(content)
        self.types("campaign", "apply", str(self.desk / "good.toml"), status=0)
        self.types("contacts", "import", str(self.desk / "good.csv"), "--campaign", "fair", status=0)

    def types(self, *words: str, status: int = 1, config: Path | None = None) -> str:
        """One command; returns its standard error."""
        typed = ["--config", str(config or self.home / "fluentsd.toml"), *words]
        result = CliRunner().invoke(PROGRAM, typed)
        assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
        assert result.exit_code == status, result.output
        assert (result.stdout == "") == (status != 0)
        assert "Traceback" not in result.stderr
        return result.stderr

    def refuses(self, *words: str, config: Path | None = None) -> str:
        """The message of a command that changes nothing."""
        before = self.contents()
        message = self.types(*words, config=config)
        assert self.contents() == before
        return message

    def contents(self) -> dict[str, str]:
        """Every byte of every file. SQLite leaves an empty log beside a file that it has read, until the next orderly end,
        and the lock's file names its last holder; neither holds personal data."""
        return {
            str(path): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in [*self.home.rglob("*"), *self.desk.rglob("*")]
            if path.is_file() and not path.name.endswith(("-shm", "-wal", ".lock"))
        }

    def given(self, name: str, content: str | bytes) -> Path:
        """A broken file in the folder."""
        path = self.desk / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return Installation(tmp_path_factory.mktemp("used"))


@pytest.fixture
def installation(used: Installation) -> Iterator[Installation]:
    """The same installation for all tests, because none changes it; only the folder of broken files is cleared."""
    kept = {path.name for path in used.desk.iterdir()}
    yield used
    for path in used.desk.iterdir():
        if path.name not in kept:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def swapped(text: str, swaps: tuple[str, ...]) -> str:
    """The text with each (old, new) of the pairs replaced; all must occur."""
    for this, that in zip(swaps[::2], swaps[1::2], strict=True):
        assert this in text
        text = text.replace(this, that, 1)
    return text


# ── campaign files ───────────────────────────────────────────────────────────────────────────────────────────────

_ZONE = '"America/New_York"'
_TEXT = "text = \"Hi {{ first_name | default: 'there' }}\"\n"
_HOURS = 'hours = "09:00-17:00"\n'
_BLACKOUT = '["us-federal-holidays"]'

#: what is swapped in the good file → every mistake that is named, where, and how it is written right.
CAMPAIGNS: dict[str, tuple[tuple[str, ...], list[str]]] = {
    "an unknown key": (("budget =", "budgett ="), ["limits.budgett", "is not a known key", "'budget'"]),
    "an unknown table": (("[limits]", "[limit]"), ["limit: is not a known key", "'limits'"]),
    "an unknown key with nothing near": (("after =", "colour = 'x'\nafter ="), ["step[2] (text).colour", "known: id"]),
    "hours that no clock shows": (('"09:00-17:00"', '"9-25"'), ["window.hours", '"9-25" is not a time of day', "24:00"]),
    "hours that mean two things": (('"09:00-17:00"', '"9-5"'), ["window.hours", "is ambiguous", '"9am-5pm"']),
    "hours by a day that is none": ((_HOURS, 'hours = { monday = "09:00-17:00" }\n'), ["hours.monday", "'mon'"]),
    "hours and days that disagree": ((_HOURS, 'hours = { sat = "9am-1pm" }\n'), ["window: days and hours", "leave days"]),
    "no hours": ((_HOURS, ""), ["window.hours: is missing"]),
    "no window": (("[window]\n", "", 'days = ["mon", "tue"]\n' + _HOURS, "", 'timezone = "contact"\n', "",
                   f"fallback_timezone = {_ZONE}\nblackout = {_BLACKOUT}\n", ""), ["window: is missing"]),
    "a day spelled out": (('"mon"', '"monday"'), ["window.days[1]", "'monday' is not one of 'mon'", "did you mean 'mon'"]),
    "days as a range": (('["mon", "tue"]', '"mon-fri"'), ["window.days", "'mon-fri' should be a list", '["mon", "tue"']),
    "no day at all": (('["mon", "tue"]', "[]"), ["window: days is empty", "no contact would ever be possible"]),
    "a zone that is none": ((_ZONE, '"EST5"'), ["window.fallback_timezone", "unknown time zone 'EST5'", "'EST'"]),
    "a zone by its city": ((_ZONE, '"New York"'), ["window.fallback_timezone", "'America/New_York'"]),
    "no zone for the unknown": ((f"fallback_timezone = {_ZONE}\n", ""), ["fallback_timezone is missing", '= "hold"']),
    "a blackout misspelt": ((_BLACKOUT, '["us-federal-holliday"]'), ["window.blackout[1]", "'us-federal-holidays'"]),
    "a blackout in another country's way": ((_BLACKOUT, '["24.12.2026"]'), ["blackout[1]", "write it like 2026-12-24"]),
    "a blackout that is a year": ((_BLACKOUT, "[2026]"), ["window.blackout[1]: 2026 is neither a date like"]),
    "a blackout with a time of day": ((_BLACKOUT, "[2026-12-24T10:00:00]"), ["blackout[1]", "date alone, like 2026-12-24"]),
    "a blackout that is no list": ((_BLACKOUT, '"us-federal-holidays"'), ["window.blackout", "should be a list"]),
    "a day that is not in the calendar": ((_BLACKOUT, "[2026-02-30]"), ["line 10", "no such date"]),
    "a date said twice": ((_BLACKOUT, '[2026-12-24]\noverride = [{ date = 2026-12-24, hours = "9am-1pm" }]'),
                          ["window: 2026-12-24 appears twice in override and blackout; keep one"]),
    "no steps": (('[[step]]\nid = "call"\nchannel = "phone"\nagent = "sales"\nretry = { busy = "30 min", limit = 2 }\n', "",
                  '[[step]]\nid = "text"\nchannel = "sms"\nafter = "1 day"\n' + _TEXT, ""), ["step: is missing"]),
    "an empty list of steps": (('[[step]]\nid = "call"\nchannel = "phone"\nagent = "sales"\nretry = { busy = "30 min", limit = 2 }\n', "",
                  '[[step]]\nid = "text"\nchannel = "sms"\nafter = "1 day"\n' + _TEXT, "", 'name =', 'step = []\nname ='), ["step: is empty"]),
    "one bracket too few": (('[[step]]\nid = "call"', '[step]\nid = "call"'), ["'[[step]]'", "appears twice", "two brackets"]),
    "steps": (("[[step]]", "[[steps]]", "[[step]]", "[[steps]]"), ["steps: is not a known key", "did you mean 'step'"]),
    "a step's id used twice": (('id = "text"', 'id = "call"'), ["two steps have the id 'call'", "its own id"]),
    "a step without an id": (('id = "text"\n', ""), ["step[2].id: is missing"]),
    "a step's id with a space": (('id = "text"', 'id = "Second Call"'), ["step[2] (Second Call).id", "like 'second-call'"]),
    "a channel that is none": (('"sms"', '"fax"'), ["step[2] (text).channel", "'fax' is not one of 'phone', 'sms' or 'email'"]),
    "a text message without text": ((_TEXT, ""), ["step[2] (text)", "by sms needs text", 'text = "…"']),
    "a call that has words instead of an agent": (('agent = "sales"', 'text = "hi"'), ["step[1] (call)", "needs agent and has no text"]),
    "liquid that is not closed": (("{{ first_name | default: 'there' }}", "{{ first_name "), ["step[2] (text)", "not valid liquid"]),
    "a condition with one = too few": (('after = "1 day"', "when = \"last.outcome = 'busy'\""), ["(text).when", "compare with =="]),
    "a delay misspelt": (('"1 day"', '"1 dya"'), ["step[2] (text).after", "'dya' is not a unit of time", "days or weeks"]),
    "a delay that is a number": (('"1 day"', "1"), ["step[2] (text).after", "'1' is not a delay", '"1 day"']),
    "a delay of a lifetime": (('"1 day"', '"9999 days"'), ["step[2] (text).after", "longer than ten years"]),
    "a budget without a currency": (('"200 USD/day"', '"200"'), ["limits.budget", 'write it like "200 USD/day"']),
    "a budget of nothing": (('"200 USD/day"', '"0 USD/day"'), ["limits.budget", "is not a budget"]),
    "a pace without a time": (('"20/hour"', "20"), ["limits.pace", "'20' is not a rate", '"20/hour"']),
    "a pace of nothing": (('"20/hour"', '"0/hour"'), ["limits.pace", "pause the campaign instead"]),
    "a retry that names no outcome": (('busy = "30 min", ', ""), ["step[1] (call).retry: names no outcome", 'no_answer = "2 hours"']),
    "a retry after what is no outcome": (("busy =", "bussy ="), ["step[1] (call).retry.bussy", "did you mean 'busy'"]),
    "a retry without end": (("limit = 2", "limit = 1000"), ["step[1] (call).retry.limit", "1000", "20"]),
    "exits without the opt-out": ((', "opted_out"]', "]"), ["exit: on must contain 'opted_out'"]),
    "an exit misspelt": (('"opted_out"', '"optout"'), ["exit.on[2]", "did you mean 'opted_out'"]),
    "a caller ID as people write it": (("[limits]", '[numbers]\nnumbers = ["212 555 0123"]\n[limits]'), ["numbers.numbers[1]", '"+12125550123"']),
    "a moment before nothing": (('after = "1 day"', 'before = "1 day"'), ["step[2]", 'of = "appointment_at"']),
    "a moment before and after": (('after = "1 day"', 'after = "1 day"\nbefore = "2 days"\nof = "visit"'), ["either before or after, not both"]),
    "a field as people write it": (('after = "1 day"', 'before = "1 day"\nof = "Visit date"'), ["step[2]", '"appointment_at"']),
    "a gap that is none": (("[limits]", '[limits]\ngap = "often"'), ["limits.gap", "is not a delay"]),
    "a way to resume that is none": (("[limits]", '[limits]\non_resume = "flood"'), ["limits.on_resume", "drip"]),
    "a way to come again that is none": (('on = ["answered"', 'reenter = "sometimes"\non = ["answered"'), ["exit.reenter", "after 90 days"]),
    "a goal that is no condition": (('on = ["answered"', 'goal = "stage ="\non = ["answered"'), ["exit.goal"]),
    "a rule that is none": (("[limits]", '[law]\nwaive = [{ rule = "TX.hour", because = "our counsel said so", by = "x" }]\n[limits]'), ["law.waive[1].rule", "TX.hours"]),
    "a rule waived without a reason": (("[limits]", '[law]\nwaive = [{ rule = "TX.hours", because = "ok", by = "x" }]\n[limits]'), ["law.waive[1].because", "in a full sentence"]),
    "a priority beyond the scale": (('name = "Spring fair"', 'name = "Spring fair"\npriority = 101'), ["priority", "100"]),
    "a cost by a channel that is none": (("[limits]", "[limits]\ncost = { fax = 1 }"), ["limits.cost.fax", "known: phone, sms, email"]),
    "a ref with capitals": (('"fair"', '"Spring Fair"'), ["ref: 'Spring Fair'", "write it like 'spring-fair'"]),
    "no name": (('name = "Spring fair"\n', ""), ["name: is missing"]),
    "an empty name": (('"Spring fair"', '""'), ["name: is empty"]),
    "a name that is too long": (('"Spring fair"', f'"{"x" * 121}"'), ["name: is too long: at most 120"]),
    "a name that is a number": (('"Spring fair"', "7"), ["name: 7 should be text in quotes"]),
    "a name said twice": (('ref = "fair"', 'name = "Summer fair"'), ["line 3", "appears twice; keep one"]),
    "text without quotes": (('"Spring fair"', "Spring fair"), ["line 2", "write text between straight quotes"]),
    "text in a word processor's quotes": (('"Spring fair"', "“Spring fair”"), ["line 2", "straight quotes"]),
    "a quote that is not closed": (('"Spring fair"', '"Spring fair'), ["line 2", "a quote is not closed"]),
    "a bracket that is not closed": (("[window]", "[window"), ["line 5", "expected ']'"]),
    "a colon instead of =": (("name =", "name:"), ["line 2", 'write name = "…", with = instead of :']),
}  # fmt: skip


@pytest.mark.parametrize(("swaps", "parts"), CAMPAIGNS.values(), ids=CAMPAIGNS.keys())
def test_a_broken_campaign_file(installation: Installation, swaps: tuple[str, ...], parts: list[str]) -> None:
    path = installation.given("bad.toml", swapped(CAMPAIGN, swaps))
    message = installation.refuses("campaign", "apply", str(path))
    assert message.startswith(str(path))
    assert "nothing was changed" in message
    assert "2 mistakes" not in message
    for part in parts:
        assert part in message


#: a file that is something else → what is said of it
NO_CAMPAIGNS: dict[str, tuple[bytes, list[str]]] = {
    "empty": (b"", ["is empty", "fluentsd campaign new FILE"]),
    "only blank lines": (b"\n \n\n", ["is empty", "fluentsd campaign new FILE"]),
    "UTF-16": (CAMPAIGN.encode("utf-16"), ["is UTF-16 text; save it as UTF-8"]),
    "Latin-1": (CAMPAIGN.replace("fair", "Frühling", 1).encode("latin-1"), ["is not UTF-8 text (line 2)"]),
    "a workbook": (b"PK\x03\x04\x14\x00\x06\x00", ["is not a text file"]),
    "a PDF": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", ["is not UTF-8 text"]),
    "a list of people": (b"First Name,To Number\nEcho,+12125550111\n", ["a list of people", "contacts import FILE"]),
    "JSON": (b'{"name": "Spring fair"}\n', ["line 1", "looks like JSON", "TOML"]),
    "YAML": (b"name: Spring fair\nwindow:\n  hours: 9-5\n", ["line 1", "with = instead of :"]),
    "brackets without end": (b"name = " + b"[" * 5000, ["nested too deeply"]),
    "digits without end": (b"name = " + b"1" * 5000, ["nested too deeply"]),
    "a novel": (b"# and so on\n" * 100_000, ["is larger than 1 MiB"]),
}


@pytest.mark.parametrize(("content", "parts"), NO_CAMPAIGNS.values(), ids=NO_CAMPAIGNS.keys())
def test_something_else_in_the_campaign_files_place(
    installation: Installation, content: bytes, parts: list[str]
) -> None:
    path = installation.given("bad.toml", content)
    message = installation.refuses("campaign", "apply", str(path))
    assert message.startswith(str(path))
    assert message.count("\n") == 1
    assert "nothing was changed" in message
    for part in parts:
        assert part in message


@pytest.mark.parametrize(
    ("name", "part"),
    [("nope.toml", "there is no file"), (".", "cannot be read: it is a folder"), ("/dev/null", "it is not a file")],
)
def test_a_campaign_file_that_is_no_file(installation: Installation, name: str, part: str) -> None:
    message = installation.refuses("campaign", "apply", str(installation.desk / name))
    assert part in message
    assert message.count("\n") == 1


def test_all_mistakes_of_a_campaign_file_are_listed_together_in_its_order(installation: Installation) -> None:
    swaps = ('"09:00-17:00"', '"9-25"', '"1 day"', '"1 dya"', '"20/hour"', '"20"', 'name = "Spring fair"', "nmae = 1")
    path = installation.given("bad.toml", swapped(CAMPAIGN, swaps))
    heading, *lines = installation.refuses("campaign", "apply", str(path)).splitlines()
    assert heading == f"{path}: 4 mistakes; nothing was changed"
    assert [line.split(":")[0].strip() for line in lines] == [
        "window.hours", "step[2] (text).after", "limits.pace", "nmae",
    ]  # fmt: skip


# ── configurations ───────────────────────────────────────────────────────────────────────────────────────────────

_GRACE = 'grace = "20 s"'
_HOST = 'host = "127.0.0.1"'
_PHONE = '[channel.phone]\nplugin = "sandbox"'
_PATH = 'path = "fluentsd.db"'

CONFIGS: dict[str, tuple[tuple[str, ...], list[str]]] = {
    "an unknown key": (("grace =", "grce ="), ["daemon.grce", "did you mean 'grace'"]),
    "an unknown table": (("[log]", "[logg]"), ["logg: is not a known key", "did you mean 'log'"]),
    "a channel that is none": (("[channel.phone]", "[channel.fax]"), ["channel.fax", "known: phone, sms, email"]),
    "a plugin that is not installed": ((_PHONE, '[channel.phone]\nplugin = "sandbx"'),
                                       ["channel.phone.plugin", "no channel plugin is called 'sandbx'", "sandbox"]),
    "a channel without a plugin": ((_PHONE, "[channel.phone]"), ["channel.phone.plugin: is missing"]),
    "a plugin's key that it does not know": ((_PHONE, _PHONE + "\nsedd = 1"), ["channel.phone.sedd", "did you mean 'seed'"]),
    "a plugin's value that it refuses": (('"none"', '"maybe"'), ["channel.email.tls", '"starttls", "tls" or "none"']),
    "a sender without an @": (('"fair@example.com"', '"example.com"'), ["channel.email.from", "has no @"]),
    "a grace without a unit": ((_GRACE, 'grace = "20"'), ["daemon.grace", "write it like \"30 s\""]),
    "a grace that is a number": ((_GRACE, "grace = 20"), ["daemon.grace: 20 should be text in quotes"]),
    "a grace of days": ((_GRACE, 'grace = "1 day"'), ["daemon.grace", "counts days"]),
    "a pace without a time": (('"10/second"', '"20"'), ["channel.sms.pace", "'20' is not a rate", '"20/hour"']),
    "a concurrency in words": (('pace = "10/second"', 'concurrency = "many"'), ["channel.sms.concurrency", "a whole number"]),
    "a log format that is none": (('"text"', '"xml"'), ["log.format: 'xml' is not one of 'text' or 'json'"]),
    "a place to listen that is none": (("[log]", '[http]\nlisten = "8464"\n[log]'), ["http.listen", '"127.0.0.1:8464"']),
    "a public address with a path": (("[log]", '[http]\npublic_url = "https://x.example/hooks"\n[log]'), ["http.public_url", "has a path or query"]),
    "a proxy that is no address": (("[log]", '[http]\ntrusted_proxies = ["nginx"]\n[log]'), ["http.trusted_proxies", '"10.0.0.0/8"']),
    "a gap of days in words": (("[log]", '[limits]\ngap = "1 day"\n[log]'), ["limits.gap", "counts days"]),
    "a limit without a time": (("[log]", '[limits]\nper_contact = "3"\n[log]'), ["limits.per_contact", "is not a rate"]),
    "a share that is a number": (("[log]", "[breakers]\nemail_bounces = 5\n[log]"), ["breakers.email_bounces: 5 should be text in quotes"]),
    "a share without its sign": (("[log]", '[breakers]\nfailures = "40"\n[log]'), ["breakers.failures", "'40' is not a share", '"5%"', '"off"']),
    "a breaker that is none": (("[log]", '[breakers]\nemail_bounce = "5%"\n[log]'), ["breakers.email_bounce", "email_bounces"]),
    "a notify address that is none": (("[log]", '[notify]\nurl = "example.com"\n[log]'), ["notify.url", "https://"]),
    "a variable that is not set": ((_HOST, 'host = "env:NO_SUCH_HOST"'), ["channel.email.host", "NO_SUCH_HOST is not set"]),
    "a secret's file that is not there": ((_HOST, 'host = "file:nope"'), ["channel.email.host", "No such file"]),
    "a credential outside systemd": ((_HOST, 'host = "credential:x"'), ["$CREDENTIALS_DIRECTORY", "LoadCredential"]),
    "two databases": ((_PATH, _PATH + '\nurl = "sqlite:///x.db"'), ["database: has both path and url; keep one"]),
    "a database of another make": ((_PATH, 'url = "mysql://x/y"'), ["database", "postgresql://user@host/name"]),
    "a database in a folder that is missing": ((_PATH, 'path = "nope/f.db"'), ["database.path", "does not exist; create it"]),
    "a bracket that is not closed": (("[daemon]", "[daemon"), ["is not TOML: line 4", "']'"]),
    "text without quotes": ((_GRACE, "grace = 20 s"), ["is not TOML: line 5", "'grace = 20 s'"]),
    "a table said twice": (("[log]", "[daemon]\n[log]"), ["is not TOML: line 6", "appears twice; keep one"]),
}  # fmt: skip


@pytest.mark.parametrize(("swaps", "parts"), CONFIGS.values(), ids=CONFIGS.keys())
@pytest.mark.parametrize("words", [["campaign", "list"], ["run"]], ids=["a verb", "run"])
def test_a_broken_configuration(
    installation: Installation, swaps: tuple[str, ...], parts: list[str], words: list[str]
) -> None:
    path = installation.home / "bad.toml"
    path.write_text(swapped(SETTINGS, swaps))
    try:
        message = installation.refuses(*words, config=path)
    finally:
        path.unlink()
    assert f"{path}: 1 mistake; nothing was changed" in message
    for part in parts:
        assert part in message


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (SETTINGS.encode("utf-16"), "is not UTF-8 (line 1); save it as UTF-8"),
        (SETTINGS.encode() + b"# \xfc", "is not UTF-8 (line 18)"),
        (b"PK\x03\x04\x14\x00", "is not TOML"),
        (b"a = " + b"[" * 5000, "nested too deeply"),
        (b"First Name,To Number\nEcho,+12125550111\n", "looks like a list of people"),
    ],
    ids=["UTF-16", "Latin-1", "a workbook", "brackets without end", "a list of people"],
)
def test_something_else_in_the_configurations_place(installation: Installation, content: bytes, part: str) -> None:
    path = installation.given("bad.toml", content)
    heading, line = installation.refuses("campaign", "list", config=path).splitlines()
    assert heading == f"{path}: 1 mistake; nothing was changed"
    assert part in line


def test_all_mistakes_of_a_configuration_are_listed_together(installation: Installation) -> None:
    swaps = (_GRACE, 'grace = "20"', '"text"', '"xml"', _HOST, 'host = "env:NO_SUCH_HOST"')
    path = installation.given("bad.toml", swapped(SETTINGS, swaps))
    heading, *lines = installation.refuses("campaign", "list", config=path).splitlines()
    assert heading == f"{path}: 3 mistakes; nothing was changed"
    assert [line.split(":")[0].strip() for line in lines] == ["channel.email.host", "daemon.grace", "log.format"]


def _another_programs(path: Path) -> None:
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("CREATE TABLE customers (id)")


def _newer(path: Path) -> None:
    shutil.copy(path.with_name("fluentsd.db"), path)
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("UPDATE alembic_version SET version_num = '0099'")
        conn.commit()


def _damaged(path: Path) -> None:
    content = bytearray(path.with_name("fluentsd.db").read_bytes())
    content[4096:] = b"\xaa" * (len(content) - 4096)
    path.write_bytes(content)


DATABASES: dict[str, tuple[Any, list[str]]] = {
    "a letter": (lambda path: path.write_text("Dear all, this is not a database"), ["is not a SQLite database", "own"]),
    "another program's": (_another_programs, ["belongs to another program (it has customers)", "of its own"]),
    "a newer schema": (
        _newer,
        [f"has schema 99; this fluentsd knows schema {SCHEMA_VERSION}", "Install the fluentsd that upgraded it"],
    ),
    "damaged": (_damaged, ["the database is damaged", "newest copy from the backups folder"]),
    "a folder": (Path.mkdir, ["cannot be used: Is a directory"]),
}


@pytest.mark.parametrize(("make", "parts"), DATABASES.values(), ids=DATABASES.keys())
@pytest.mark.parametrize("words", [["campaign", "list"], ["run"]], ids=["a verb", "run"])
def test_a_database_that_cannot_be_used(
    installation: Installation, make: Any, parts: list[str], words: list[str]
) -> None:
    path, config = installation.home / "bad.db", installation.home / "bad.toml"
    make(path)
    config.write_text(swapped(SETTINGS, (_PATH, 'path = "bad.db"')))
    (installation.home / "bad.db.lock").touch()
    try:
        message = installation.refuses(*words, config=config)
    finally:
        for trace in installation.home.glob("bad.*"):
            trace.rmdir() if trace.is_dir() else trace.unlink()
    assert "othing was changed" in message
    assert message.count("\n") == 1
    for part in parts:
        assert part in message


@pytest.mark.parametrize("words", [["campaign", "list"], ["run"]], ids=["a verb", "run"])
def test_a_socket_whose_path_is_too_long(installation: Installation, words: list[str]) -> None:
    path = installation.given("bad.toml", swapped(SETTINGS, (_GRACE, f'socket = "{"x" * 110}"')))
    message = installation.types(*words, config=path)
    assert "the limit is 107" in message
    assert message.rstrip().endswith("Set a shorter one: [daemon] socket in fluentsd.toml")


# ── lists of people ──────────────────────────────────────────────────────────────────────────────────────────────

_HEAD, _ROW = "First Name,To Number\n", "Echo,+12125550111\n"
_SAVE = "save it as CSV (UTF-8)"

#: content, further words, what is said
PEOPLE: dict[str, tuple[str | bytes, list[str], list[str]]] = {
    "empty": ("", [], ["is empty", "Export the list again"]),
    "only blank lines": ("\n \r\n\n", [], ["is empty"]),
    "only a header": (_HEAD, [], ["has a header and no rows"]),
    "a header and blank rows": (_HEAD + ",\n ,\n", [], ["has a header and no rows"]),
    "a workbook": (b"PK\x03\x04" + b"\0" * 60, [], ["an Excel workbook or a zip archive, not CSV", _SAVE]),
    "an old workbook": (b"\xd0\xcf\x11\xe0" + b"\0" * 60, [], ["an old Excel workbook", _SAVE]),
    "a PDF": (b"%PDF-1.7\n", [], ["is a PDF, not CSV", _SAVE]),
    "a gzip archive": (b"\x1f\x8b\x08\x00", [], ["is a gzip archive"]),
    "a picture": (b"\x89PNG\r\n\x1a\n", [], ["is an image"]),
    "a web page": ("<!DOCTYPE html><html><table>", [], ["is a web page", _SAVE]),
    "JSON": ('[{"phone": "+12125550111"}]', [], ["is JSON"]),
    "a vCard": ("BEGIN:VCARD\nFN:Echo\n", [], ["is a vCard"]),
    "no text at all": (bytes(range(256)) * 20, [], ["is not text"]),
    "UTF-16 cut in its header": ("First Name,To N".encode("utf-16")[:-1], [], ["has a header and no rows"]),
    "no column with numbers": ("First Name,E-mail\nEcho,echo@example.com\n", [], ["No column holds phone numbers", '--map phone="To Number"']),
    "a letter": ("To whom it may concern,\nI am writing to you.\n", [], ["No column holds phone numbers"]),
    "a campaign file": (CAMPAIGN, [], ["No column holds phone numbers"]),
    "ten thousand columns": (",".join(f"c{n}" for n in range(10_000)) + "\n" + "1," * 9_999 + "1\n", [], ["10,000 columns; 2,000 are allowed", "delimiter"]),
    "a line without end": ("x" * (5 << 20), [], ["line 1", "a line of more than 4 MB"]),
    "a quote in the header that is not closed": ('"First Name,To Number\n' + _ROW, [], ["at line 1", "never closed"]),
    "every row broken": (_HEAD + "Kilo,call me\nLima,123\nPapa,\n", [], ["has 3 rows, and none is valid", "1 × To Number: no number", "line 2"]),
    "one row, and broken": (_HEAD + '"Echo,+12125550111\n', [], ["has 1 row", "a quote is opened and never closed"]),
    "a column by a name that is none": (_HEAD + _ROW, ["--map", "phone=Mobile"], ['No column is called "Mobile"', '"To Number"']),
    "a meaning that is none": (_HEAD + _ROW, ["--map", "fone=To Number"], ['"fone" is not a mapping target', "phone, email, first_name"]),
    "the wrong column": (_HEAD + _ROW, ["--map", "phone=First Name"], ["none is valid", "First Name: no number"]),
    "an encoding that is none": (_HEAD + _ROW, ["--encoding", "utf-99"], ['no encoding "utf-99"', "leave it out"]),
    "the wrong encoding": (_HEAD + _ROW, ["--encoding", "utf-16"], ["is not utf-16", "Leave the encoding out"]),
    "a delimiter of two": (_HEAD + _ROW, ["--delimiter", "::"], ["A delimiter is one character"]),
    "the wrong delimiter": (_HEAD + _ROW, ["--delimiter", ";"], ["No column holds phone numbers"]),
    "refused rows over the file itself": (_HEAD + _ROW, ["--rejects", "bad.csv"], ["would overwrite the file that is read"]),
    "refused rows into nowhere": (_HEAD + _ROW, ["--rejects", "nope/x.csv"], ["cannot be written", "writable folder for the rejects"]),
    "a campaign that is none": (_HEAD + _ROW, ["--campaign", "fiar"], ["no campaign is called 'fiar'; did you mean fair?"]),
}  # fmt: skip


@pytest.mark.parametrize(("content", "words", "parts"), PEOPLE.values(), ids=PEOPLE.keys())
def test_a_broken_list_of_people(
    installation: Installation,
    content: str | bytes,
    words: list[str],
    parts: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(installation.desk)
    installation.given("bad.csv", content)
    message = installation.refuses("contacts", "import", "bad.csv", "--campaign", "fair", *words)
    assert message.count("\n") == 1
    assert "Nothing was imported." in message or "--campaign" in words
    for part in parts:
        assert part in message


@pytest.mark.parametrize(
    ("name", "part"),
    [("nope.csv", "There is no file"), (".", "is a directory"), ("/dev/null", "is not a regular file")],
)
def test_a_list_of_people_that_is_no_file(installation: Installation, name: str, part: str) -> None:
    message = installation.refuses("contacts", "import", str(installation.desk / name), "--campaign", "fair")
    assert part in message
    assert "Nothing was imported." in message
    assert message.count("\n") == 1


@pytest.mark.slow
def test_a_list_of_more_broken_rows_than_memory_should_hold_names_the_file_they_are_in(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fluentsd.engine.ingest.file_import.KEPT_AT_MOST", 100)
    path = installation.given("bad.csv", _HEAD + "Kilo,call me\n" * 300)
    figures = {name: content for name, content in installation.contents().items() if "/home/" in name}
    message = installation.types("contacts", "import", str(path), "--campaign", "fair")
    assert "300 rows, and none is valid: 300 × To Number: no number" in message
    assert str(installation.desk / "bad.rejects.csv") in message
    assert {name: content for name, content in installation.contents().items() if "/home/" in name} == figures


def test_a_row_that_is_broken_harms_only_itself(installation: Installation) -> None:
    """The other side of the rule: valid rows are imported."""
    path = installation.given("half.csv", _HEAD + 'Kilo,call me\nEcho,+12125550111\n"Papa,+14045550113\n')
    installation.types("contacts", "import", str(path), "--campaign", "fair", status=0)
    rejects = path.with_name("half.rejects.csv").read_text("utf-8-sig").splitlines()
    assert [line.split(",")[0] for line in rejects] == ["line", "2", "4"]


def test_there_are_enough_of_them() -> None:
    tables = (CAMPAIGNS, NO_CAMPAIGNS), (CONFIGS, DATABASES), (PEOPLE,)
    assert all(sum(map(len, table)) >= 14 for table in tables)
