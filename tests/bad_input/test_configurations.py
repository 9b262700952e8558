"""Broken configurations, databases that cannot be used, and sockets that cannot be opened."""

# ruff: noqa: E501 - one case a line reads best

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from fluentsd.store.tables import SCHEMA_VERSION
from tests.bad_input.installation import SETTINGS, Installation, swapped

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


def test_there_are_enough_of_them() -> None:
    assert len(CONFIGS) + len(DATABASES) >= 14
