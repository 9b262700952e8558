"""The control socket: the daemon's server for verbs, and the shell's client.

A Unix socket (mode 0600, or 0660 with a group) with one JSON object per line. The request `{"verb", "arguments",
"request_id", "revision"}` is answered by `{"ok": true, "answer"}`, `{"ok": false, "refused", "suggestion"}` (the verb's
reason, and the verb that helps; nothing was changed) or `{"ok": false, "error"}` (a fault of the request, the database
or the daemon), each with the number of the `protocol`. A connection may send many requests, one after the other. The
user's name and groups come from the kernel, never from the request; `Access` gives the role. Connections are isolated:
an error in one is answered and logged there, and affects neither the others nor the daemon.
"""

from __future__ import annotations

import grp
import json
import os
import socket
import stat
import struct
import traceback
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import trio

from fluentsd.engine.runtime import Runtime
from fluentsd.fronts.access import Access, User, look_up
from fluentsd.unavailable import StoreUnavailable
from fluentsd.verbs import Call, Refused, Suggestion
from fluentsd.verbs.answers import PROTOCOL
from fluentsd.verbs.execute import execute

#: Bytes in the longest request; a batch of an import is the largest one.
LINE_AT_MOST = 8 * 1024 * 1024
#: The kernel's limit on a socket's path: sun_path without its final zero, in bytes.
PATH_AT_MOST = 107
_CHUNK = 65_536


class ControlProblem(Exception):
    """The control socket cannot be opened or used; the message gives the cause and the fix."""


class SocketTaken(ControlProblem):
    """Another daemon answers at this socket."""


class NoDaemon(ControlProblem):
    """No daemon answers at the socket; nothing was done."""


class NotAllowed(ControlProblem):
    """The socket belongs to another user; a daemon may be running."""


class Unanswered(ControlProblem):
    """The daemon stopped before it answered; the verb may have run. A repeat with the same request id is safe."""


class DaemonFailed(ControlProblem):
    """The daemon could not run the verb, by no fault of the caller; its log has the details."""


# ── the daemon's side ────────────────────────────────────────────────────────────────────────────────────────────


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


def check_length(path: Path) -> None:
    """Raise `ControlProblem` for a path that is too long for a socket."""
    length = len(os.fsencode(path))
    if length > PATH_AT_MOST:
        raise ControlProblem(
            f"the control socket's path has {length} bytes; the limit is {PATH_AT_MOST}: {path}. "
            "Set a shorter one: [daemon] socket in fluentsd.toml"
        )


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
                user, lines = await _peer(stream), _LineReader(stream, LINE_AT_MOST)
                while (line := await lines.next_line()) is not None:
                    await stream.send_all(await self._answer(user, line))
        except (trio.BrokenResourceError, _TooLong):
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
            return _reply({"ok": True, "answer": answer})
        except Refused as why:
            suggestion = why.suggestion and asdict(why.suggestion)
            return _reply({"ok": False, "refused": str(why), "suggestion": suggestion})
        except (_NotARequest, StoreUnavailable) as why:
            return _reply({"ok": False, "error": str(why)})
        except Exception as why:  # noqa: BLE001 - the guard at the edge of each verb
            self._log("control.verb", why, verb=verb, actor=user.name)
            return _reply(
                {"ok": False, "error": f"{type(why).__name__}: {why} (a bug in fluentsd; its log has the place)"}
            )

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


def _reply(message: Mapping[str, Any]) -> bytes:
    return _encode({**message, "protocol": PROTOCOL})


def _encode(message: Mapping[str, Any]) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


class _TooLong(Exception):
    """A line is longer than the limit."""


class _LineReader:
    """Splits a stream into lines. `at_most` bounds the bytes of an unfinished line; None sets no bound."""

    def __init__(self, stream: trio.SocketStream, at_most: int | None) -> None:
        self._stream, self._at_most = stream, at_most
        self._kept = bytearray()

    async def next_line(self) -> bytes | None:
        """The next whole line; None once the peer has closed, also in the middle of a line."""
        looked = 0
        while (end := self._kept.find(b"\n", looked)) < 0:
            looked = len(self._kept)
            if self._at_most is not None and looked > self._at_most:
                await self._stream.send_all(
                    _reply({"ok": False, "error": f"the line is longer than {self._at_most} bytes"})
                )
                raise _TooLong
            more = await self._stream.receive_some(_CHUNK)
            if not more:
                return None
            self._kept += more
        line = bytes(self._kept[:end])
        del self._kept[: end + 1]
        return line


# ── the shell's side ─────────────────────────────────────────────────────────────────────────────────────────────


class ControlClient:
    """Sends verbs to a running daemon; made by `connect`."""

    def __init__(self, stream: trio.SocketStream, path: Path) -> None:
        self._stream, self._path = stream, path
        self._lines = _LineReader(stream, None)
        self._turn = trio.Lock()

    async def ask(
        self,
        verb: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        request_id: str | None = None,
        revision: int | None = None,
    ) -> dict[str, Any]:
        """The verb's answer. Raises `Refused`, `DaemonFailed` or `Unanswered`. A cancellation closes the connection,
        because a late answer would be read as the answer to the next request."""
        line = _encode(
            {"verb": verb, "arguments": dict(arguments or {}), "request_id": request_id, "revision": revision}
        )
        if len(line) > LINE_AT_MOST:
            raise ControlProblem(f"{verb}: the request has {len(line)} bytes; the limit is {LINE_AT_MOST}")
        async with self._turn:
            try:
                await self._stream.send_all(line)
                reply = await self._lines.next_line()
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                reply = None
            except trio.Cancelled:
                await trio.aclose_forcefully(self._stream)
                raise
        return self._answer(verb, reply)

    def _answer(self, verb: str, reply: bytes | None) -> dict[str, Any]:
        if reply is None:
            raise Unanswered(
                f"the daemon at {self._path} stopped before it answered {verb!r}, which may have run. "
                "Check before you repeat it"
            )
        return _answer_of(verb, reply)


def _answer_of(verb: str, reply: bytes) -> dict[str, Any]:
    """The answer in a reply. Raises `Refused` or `DaemonFailed`; a reply of another release that cannot be read is one
    clear sentence."""
    try:
        read = json.loads(reply)
    except (ValueError, RecursionError):
        read = None
    protocol = read.get("protocol", PROTOCOL) if isinstance(read, dict) else 0
    match read:
        case {"ok": True, "answer": dict(answer)} if protocol <= PROTOCOL:
            return answer
        case {"refused": str(why)}:
            match read.get("suggestion"):
                case {"verb": str(name), "arguments": dict(arguments)}:
                    raise Refused(why, Suggestion(name, arguments))
            raise Refused(why)
        case {"ok": False, "error": str(why)}:
            raise DaemonFailed(why)
    raise DaemonFailed(
        f"the daemon is another release than this shell, which cannot read its answer to {verb} (protocol {protocol}, "
        f"here {PROTOCOL}); {verb} may have run. Use the same release for both, and restart the daemon after an upgrade"
    )


@asynccontextmanager
async def connect(path: Path) -> AsyncIterator[ControlClient]:
    """Connect to the daemon at `path`; `NoDaemon` if none answers there, `NotAllowed` if it is another user's."""
    check_length(path)
    try:
        stream = await trio.open_unix_socket(str(path))
    except PermissionError as why:
        raise NotAllowed(
            f"{path} belongs to another user; run this as the daemon's user or as root, or let an admin open it to a "
            "group of yours: [daemon] socket_group in fluentsd.toml"
        ) from why
    except OSError as why:
        raise NoDaemon(f"no daemon answers at {path} ({why.strerror}); start it: fluentsd run") from why
    async with stream:
        yield ControlClient(stream, path)
