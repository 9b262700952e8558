"""The daemon's side of the control socket.

The user's name and groups come from the kernel, never from the request; `Access` gives the role. Connections are
isolated: an error in one is answered and logged there, and affects neither the others nor the daemon.
"""

from __future__ import annotations

import grp
import json
import os
import socket
import stat
import struct
import traceback
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import trio

from fluentsd.engine.runtime import Runtime
from fluentsd.fronts.access import Access, User, look_up
from fluentsd.fronts.control.protocol import (
    LINE_AT_MOST,
    ControlProblem,
    LineReader,
    SocketTaken,
    TooLong,
    check_length,
    reply,
)
from fluentsd.unavailable import StoreUnavailable, damage_of
from fluentsd.verbs import Call, Refused
from fluentsd.verbs.execute import execute


async def serve(
    runtime: Runtime,
    path: Path,
    access: Access = Access(),  # noqa: B008 - a frozen value
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve at `path` until cancelled, then remove the socket. `ControlProblem` if it cannot be opened."""
    listener = await _listen(path, access.group)
    mine = _inode(path)
    try:
        async with trio.open_nursery() as nursery:
            await nursery.start(trio.serve_listeners, _Server(runtime, access).serve_connection, [listener])
            task_status.started()
    finally:
        if _inode(path) == mine:  # else another daemon has replaced the socket
            _remove(path)


def _inode(path: Path) -> int | None:
    try:
        return path.lstat().st_ino
    except OSError:
        return None


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()


async def _listen(path: Path, group: str | None) -> trio.SocketListener:
    check_length(path)
    await _clear(path)
    sock = socket.socket(socket.AF_UNIX)
    before = os.umask(0o177)  # no other user may connect, not even between bind and chmod
    try:
        sock.bind(str(path))
        if group is not None:
            _open_to(path, group)
        sock.listen(128)
    except ControlProblem:
        sock.close()
        raise
    except OSError as why:
        sock.close()
        raise ControlProblem(
            f"the control socket {path} cannot be opened ({why.strerror}); create its folder, or set another path: "
            "[daemon] socket in fluentsd.toml"
        ) from why
    finally:
        os.umask(before)
    return trio.SocketListener(trio.socket.from_stdlib_socket(sock))


def _open_to(path: Path, group: str) -> None:
    """Let the members of a group connect; what they may do is their role."""
    try:
        os.chown(path, -1, grp.getgrnam(group).gr_gid)
    except KeyError:
        _remove(path)
        raise ControlProblem(f"there is no group {group}; correct [daemon] socket_group in fluentsd.toml") from None
    except PermissionError as why:
        _remove(path)
        raise ControlProblem(
            f"the control socket cannot be given to the group {group} ({why.strerror}); make the daemon's user a "
            "member of it, or correct [daemon] socket_group in fluentsd.toml"
        ) from why
    path.chmod(0o660)


async def _clear(path: Path) -> None:
    """Remove the socket of a dead daemon, and nothing else."""
    if _inode(path) is None:
        return  # no file there, or bind reports the problem
    if not stat.S_ISSOCK(os.lstat(path).st_mode):
        raise ControlProblem(f"{path} is not a socket, but the control socket needs this path; move the file away")
    try:
        await (await trio.open_unix_socket(str(path))).aclose()
    except ConnectionRefusedError:
        _remove(path)
    except OSError as why:
        raise ControlProblem(f"{path} is another user's socket ({why.strerror}); set another path") from why
    else:
        raise SocketTaken(f"another fluentsd answers at {path}; stop it first, or set another socket for this one")


@dataclass(frozen=True, slots=True)
class _Request:
    verb: str
    arguments: Mapping[str, Any]
    request_id: str | None
    revision: int | None


class _Server:
    """Serves connections, each one isolated from the others."""

    def __init__(self, runtime: Runtime, access: Access) -> None:
        self.runtime, self.access = runtime, access

    async def serve_connection(self, stream: trio.SocketStream) -> None:
        try:
            async with stream:
                user, lines = await _peer(stream), LineReader(stream, LINE_AT_MOST)
                while (line := await lines.next_line()) is not None:
                    await stream.send_all(await self._answer(user, line))
        except (trio.BrokenResourceError, TooLong):
            pass  # the client is gone; its last verb has run or not, and the audit log shows which
        except Exception as why:  # noqa: BLE001 - the guard at the edge of each connection
            self._log("control.connection", why)

    async def _answer(self, user: User, line: bytes) -> bytes:
        verb, role = "", self.access.role_of(user)
        try:
            request = _request(line)
            verb = request.verb
            if role is None:
                raise Refused(
                    f"{user.name} has no role here; nothing was changed. An admin can give one: [roles] in "
                    f'fluentsd.toml, for example viewer = ["{user.name}"], and a restart of the daemon'
                )
            call = Call(user.name, self.runtime.clock.now(), request.request_id, request.revision, role=role)
            answer = await execute(self.runtime, verb, request.arguments, call)
            return reply({"ok": True, "answer": answer})
        except Refused as why:
            suggestion = why.suggestion and asdict(why.suggestion)
            return reply({"ok": False, "refused": str(why), "suggestion": suggestion})
        except (_NotARequest, StoreUnavailable) as why:
            return reply({"ok": False, "error": str(why)})
        except Exception as why:  # noqa: BLE001 - the guard at the edge of each verb
            self._log("control.verb", why, verb=verb, actor=user.name)
            said = damage_of(why) or f"{type(why).__name__}: {why} (a bug in fluentsd; its log has the place)"
            return reply({"ok": False, "error": said})

    def _log(self, event: str, why: Exception, **about: Any) -> None:
        """Log the place of an error, never its message, which may hold personal data."""
        frames = traceback.extract_tb(why.__traceback__)[-4:]
        where = " < ".join(f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in reversed(frames))
        self.runtime.log.error(event, error=type(why).__name__, where=where, **about)


async def _peer(stream: trio.SocketStream) -> User:
    """The connected user, from the kernel."""
    size = struct.calcsize("3i")
    _, uid, gid = struct.unpack("3i", stream.socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    return await trio.to_thread.run_sync(look_up, uid, gid)


class _NotARequest(Exception):
    """The line cannot be read as a request."""


def _request(line: bytes) -> _Request:
    try:
        request = json.loads(line)
    except (ValueError, RecursionError) as why:
        raise _NotARequest(f"the request is not JSON: {why}") from None
    kinds: dict[str, tuple[type, ...]] = {
        "verb": (str,), "arguments": (dict,), "request_id": (str, type(None)), "revision": (int, type(None)),
    }  # fmt: skip
    if not isinstance(request, dict) or "verb" not in request:
        raise _NotARequest('a request is an object with "verb" and optionally "arguments", "request_id" and "revision"')
    wrong = [key for key, kind in kinds.items() if key in request and not isinstance(request[key], kind)]
    if wrong:
        raise _NotARequest(f"wrong type in the request: {', '.join(wrong)}")
    return _Request(request["verb"], request.get("arguments", {}), request.get("request_id"), request.get("revision"))
