"""The file of the control socket: nobody there, another daemon's, or something else in its place."""

# ruff: noqa: ASYNC240 - a test's own small files

from __future__ import annotations

import socket
import stat
from pathlib import Path

import pytest
import trio

from fluentsd.engine.runtime import Runtime
from fluentsd.fronts.control.client import connect
from fluentsd.fronts.control.protocol import ControlProblem, NoDaemon, NotAllowed, SocketTaken
from fluentsd.fronts.control.server import serve


async def test_the_socket_is_its_owners_alone_and_gone_afterwards(runtime: Runtime, path: Path) -> None:
    async with trio.open_nursery() as nursery:
        await nursery.start(serve, runtime, path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        nursery.cancel_scope.cancel()
    assert not path.exists()


async def test_without_a_daemon_the_shell_learns_so_at_once(path: Path) -> None:
    with pytest.raises(NoDaemon, match="fluentsd run"):
        async with connect(path):
            pass
    leave_stale(path)
    with pytest.raises(NoDaemon, match="Connection refused"):
        async with connect(path):
            pass


def leave_stale(path: Path) -> None:
    """The socket of a daemon that was killed."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))


async def test_another_users_socket_is_not_taken_for_no_daemon(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(_: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(trio, "open_unix_socket", refuse)
    with pytest.raises(NotAllowed, match="belongs to another user"):
        async with connect(path):
            pass


async def test_a_dead_daemons_socket_is_replaced(runtime: Runtime, path: Path, nursery: trio.Nursery) -> None:
    leave_stale(path)
    await nursery.start(serve, runtime, path)
    async with connect(path) as client:
        assert (await client.ask("echo", {"words": "on"}))["words"] == "on"


def cause(group: BaseException) -> BaseException:
    while isinstance(group, BaseExceptionGroup):
        [group] = group.exceptions
    return group


async def start(runtime: Runtime, path: Path) -> ControlProblem:
    """The error that keeps the socket from opening."""
    with pytest.raises(BaseException) as caught:
        async with trio.open_nursery() as nursery:
            await nursery.start(serve, runtime, path)
    found = cause(caught.value)
    assert isinstance(found, ControlProblem)
    return found


async def test_a_living_daemons_socket_is_left_to_it(runtime: Runtime, served: Path) -> None:
    assert isinstance(await start(runtime, served), SocketTaken)
    async with connect(served) as client:
        assert (await client.ask("echo", {"words": "on"}))["words"] == "on"


async def test_a_file_in_the_sockets_place_is_left_alone(runtime: Runtime, path: Path) -> None:
    path.write_text("precious")
    assert "not a socket" in str(await start(runtime, path))
    assert path.read_text() == "precious"


async def test_a_path_too_long_for_a_socket_says_so(runtime: Runtime, tmp_path: Path) -> None:
    long = tmp_path / ("x" * 120)
    assert "the limit is 107" in str(await start(runtime, long))
    with pytest.raises(ControlProblem, match="the limit is 107"):
        async with connect(long):
            pass


async def test_a_folder_that_is_not_there_says_so(runtime: Runtime, path: Path) -> None:
    assert "No such file or directory" in str(await start(runtime, path.parent / "none" / "s"))


async def test_a_socket_that_another_daemon_took_over_is_not_removed(runtime: Runtime, path: Path) -> None:
    async with trio.open_nursery() as nursery:
        await nursery.start(serve, runtime, path)
        path.unlink()
        leave_stale(path)
        nursery.cancel_scope.cancel()
    assert path.exists()
