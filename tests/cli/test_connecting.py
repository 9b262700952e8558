"""`source connect` asks for the keys that the plugin declares: secrets unseen, a file by its path, nothing twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer

from fluentsd.cli import connecting
from fluentsd.cli.runner import Shell
from fluentsd.verbs import Refused

WAYS = {
    "salesforce": [
        {"title": "client credentials", "keys": [
            {"name": "client_id", "help": "the app", "secret": False, "file": False},
            {"name": "client_secret", "help": "the app", "secret": True, "file": False},
        ]},
        {"title": "JWT bearer", "keys": [
            {"name": "client_id", "help": "the app", "secret": False, "file": False},
            {"name": "private_key", "help": "PEM", "secret": False, "file": True},
        ]},
    ],
}  # fmt: skip


class Daemon:
    """Answers the two verbs, and keeps what it was given."""

    def __init__(self, connected: str = "") -> None:
        self.connected, self.given = connected, dict[str, Any]()

    async def perform(self, verb: str, arguments: dict[str, Any]) -> dict[str, Any]:
        if verb == "source offers":
            plugins = [{"plugin": name, "sign_ins": ways} for name, ways in WAYS.items()]
            return {"plugins": plugins, "connected": self.connected}
        self.given = arguments
        return {"source": arguments["source"], "plugin": "", "findings": [], "reloads": True, "problem": ""}


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> Daemon:
    import trio

    one = Daemon()
    monkeypatch.setattr(connecting, "with_client", lambda _, work: trio.run(work, one))
    return one


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> tuple[list[str], list[bool]]:
    """What the person types next, and whether each was hidden."""
    lines, hidden = list[str](), list[bool]()

    def prompt(_: str, *, hide_input: bool = False, **more: Any) -> str:
        hidden.append(hide_input)
        return lines.pop(0)

    monkeypatch.setattr(typer, "prompt", prompt)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    return lines, hidden


class Context:
    def __init__(self) -> None:
        self.obj = Shell(None)


def connect(**given: Any) -> None:
    connecting.connect(Context(), source="acme", **given)  # type: ignore[arg-type]


def test_a_plugin_and_a_way_are_chosen_and_secrets_are_not_shown(daemon: Daemon, typed: Any) -> None:
    lines, hidden = typed
    lines += ["7", "salesforce", "1", "abc", " hush "]
    connect()
    assert daemon.given == {
        "source": "acme", "plugin": "salesforce", "keys": {"client_id": "abc", "client_secret": "hush"},
    }  # fmt: skip
    assert hidden == [False, False, False, False, True]


def test_a_key_in_a_file_is_asked_by_its_path(daemon: Daemon, typed: Any, tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text("-----BEGIN PRIVATE KEY-----\n")
    typed[0].extend(["JWT bearer", "abc", str(tmp_path / "key.pem")])
    connect(plugin="salesforce")
    assert daemon.given["keys"]["private_key"] == "-----BEGIN PRIVATE KEY-----\n"


def test_a_known_source_keeps_its_plugin(daemon: Daemon, typed: Any) -> None:
    daemon.connected = "salesforce"
    typed[0].extend(["1", "abc", "hush"])
    connect()
    assert daemon.given["plugin"] == "salesforce"


def test_keys_of_a_file_are_not_asked_for(daemon: Daemon, typed: Any, tmp_path: Path) -> None:
    (tmp_path / "keys.toml").write_text(
        'plugin = "salesforce"\nclient_id = "abc"\nclient_secret = "hush"\nrate = "1/second"\n'
    )
    connect(keys=tmp_path / "keys.toml")
    assert daemon.given["keys"] == {"client_id": "abc", "client_secret": "hush", "rate": "1/second"}
    assert typed[1] == []


def test_without_a_terminal_it_says_how_to_give_the_keys(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    with pytest.raises(Refused, match="--keys FILE with client_id and client_secret, or client_id and private_key"):
        connect(plugin="salesforce")
    assert not daemon.given
