"""The short way to the control socket agrees with the settings, or leaves the answer to them."""

from __future__ import annotations

from pathlib import Path

import pytest

from fluentsd.config import load
from fluentsd.settings_file import socket_of

CHANNEL = '\n[channel.sms]\nplugin = "sandbox"\n'


@pytest.mark.parametrize(
    ("text", "environ"),
    [
        ("", {}),
        ('[database]\npath = "data/x.db"', {}),
        ('[database]\npath = "/var/lib/fluentsd/x.db"', {}),
        ('[database]\nurl = "postgresql://u:p@h/d"', {}),
        ('[daemon]\nsocket = "run/s.sock"', {}),
        ('[daemon]\nsocket = "/run/fluentsd/s.sock"\n[database]\npath = "x.db"', {}),
        ("", {"FLUENTSD_DAEMON__SOCKET": "/tmp/e.sock"}),
        ('[database]\npath = "a.db"', {"FLUENTSD_DATABASE__PATH": "/b/a.db"}),
        ('[daemon]\nsocket = "a"', {"FLUENTSD_DAEMON__SOCKET": "b"}),
    ],
)
def test_the_short_way_finds_the_socket_of_the_settings(tmp_path: Path, text: str, environ: dict[str, str]) -> None:
    file = tmp_path / "fluentsd.toml"
    file.write_text(text + CHANNEL, "utf-8")
    assert socket_of(file, environ) == load(file, environ).socket


@pytest.mark.parametrize(
    "text",
    [
        '[database]\nurl = "sqlite:///x.db"', '[database]\nurl = "env:DATABASE"', '[daemon]\nsocket = "file:where"',
        "[daemon]\nsocket = 3", "daemon = 3", "[database", '[database]\nurl = "postgresql://h/d"\npath = "x.db"',
    ],
)  # fmt: skip
def test_what_is_unusual_is_left_to_the_settings(tmp_path: Path, text: str) -> None:
    file = tmp_path / "fluentsd.toml"
    file.write_text(text, "utf-8")
    assert socket_of(file, {}) is None


def test_a_file_that_is_not_there_or_not_text_is_left_to_the_settings(tmp_path: Path) -> None:
    assert socket_of(tmp_path / "fluentsd.toml", {}) is None
    (tmp_path / "fluentsd.toml").write_bytes(b"\xff\xfe\x00")
    assert socket_of(tmp_path / "fluentsd.toml", {}) is None
