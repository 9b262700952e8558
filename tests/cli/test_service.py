"""`fluentsd run`: its exit status says whether a supervisor should try again."""

from __future__ import annotations

import signal
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fluentsd.cli.runner import Shell
from fluentsd.cli.service import MEND_FIRST, run_daemon
from tests.processes import run_program

CHANNEL = '[channel.sms]\nplugin = "noop"\nkind = "sms"\n'


@pytest.fixture(autouse=True)
def _hup() -> Iterator[None]:
    before = signal.getsignal(signal.SIGHUP)
    yield
    signal.signal(signal.SIGHUP, before)


def status_of(folder: Path, text: str | None) -> int | str | None:
    """The exit status of a daemon with this file that cannot start."""
    file = folder / "fluentsd.toml"
    if text is not None:
        file.write_text(CHANNEL + text)
    with pytest.raises(SystemExit) as end:
        run_daemon(Shell(file))
    return end.value.code


def free_port() -> socket.socket:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    return listener


@pytest.mark.parametrize(
    "text", [None, "[log]\nlevel = 'noisy'\n", "[daemon]\ngrace = 'credential:none'\n", "[channel.sms.odd]\n"]
)
def test_a_mistake_in_the_settings_waits_for_a_person(tmp_path: Path, text: str | None) -> None:
    assert status_of(tmp_path, text) == MEND_FIRST


@pytest.mark.parametrize("content", ["a newer fluentsd", "another program", "no database"])
def test_a_database_that_cannot_be_used_waits_for_a_person(tmp_path: Path, content: str) -> None:
    file = tmp_path / "fluentsd.db"
    if content == "no database":
        file.write_bytes(b"x" * 8192)
    else:
        name = "alembic_version" if content == "a newer fluentsd" else "books"
        with closing(sqlite3.connect(file)) as conn, conn:
            conn.execute("CREATE TABLE meta (key TEXT, value TEXT)")
            conn.execute(f"CREATE TABLE {name} (version_num TEXT)")
            conn.execute(f"INSERT INTO {name} VALUES ('9999')")
    assert status_of(tmp_path, "") == MEND_FIRST


def test_a_server_that_is_away_is_tried_again(tmp_path: Path) -> None:
    """In a process of its own: the tests share what SQLAlchemy learns of a server at its first connection."""
    with free_port() as nobody:
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
        file = tmp_path / "fluentsd.toml"
        file.write_text(f'{CHANNEL}[database]\nurl = "postgresql://someone@{address}/x"\n')
        done = run_program("-c", str(file), "run", folder=tmp_path)
    assert (done.returncode, "cannot be reached" in done.stderr) == (1, True)


def test_a_port_that_is_in_use_is_tried_again(tmp_path: Path) -> None:
    with free_port() as other:
        other.listen()
        assert status_of(tmp_path, f'[http]\nlisten = "127.0.0.1:{other.getsockname()[1]}"\n') == 1
