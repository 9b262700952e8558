"""The control socket: how a shell's verb reaches a running daemon, and how it learns that there is none.

A Unix socket (mode 0600) that speaks lines of JSON: `{"verb", "arguments", "request_id", "revision"}` is answered by
`{"ok": true, "answer"}`, `{"ok": false, "refused"}` (the verb says why not; nothing was changed) or `{"ok": false,
"error"}` (the request, the database or the daemon is at fault). A connection may ask many times, one after the other.
Who asks is not said but known: the kernel names the peer. Each connection stands alone: what breaks in one is answered
there and logged, and reaches neither the others nor the daemon.
"""

from __future__ import annotations

import json
import os
import pwd
import socket
import stat
import struct
import traceback
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trio

from fluentsd.engine.runtime import Runtime
from fluentsd.unavailable import StoreUnavailable
from fluentsd.verbs import Call, Refused, catalogue

#: The longest line a request may be; a batch of an import is the largest there is.
LINE_AT_MOST = 8 * 1024 * 1024
#: The kernel's limit on a socket's path: sun_path without its final zero, in bytes.
PATH_AT_MOST = 107
_CHUNK = 65_536


class ControlProblem(Exception):
    """The control socket cannot be opened or used; the message says why and what to do."""


class SocketTaken(ControlProblem):
    """Another daemon answers at this socket."""


class NoDaemon(ControlProblem):
    """Nobody answers at the socket: no daemon runs, and nothing was done."""


class NotAllowed(ControlProblem):
    """The socket is another user's; a daemon may be running."""


class Unanswered(ControlProblem):
    """The daemon went away before it answered: the verb may have been carried out. The same request id asks safely."""


class DaemonFailed(ControlProblem):
    """The daemon could not carry out the verb, and that is not the caller's fault; its log says more."""


# ── the daemon's side ────────────────────────────────────────────────────────────────────────────────────────────


async def serve(runtime: Runtime, path: Path, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
    """Answer at `path` until cancelled; then the socket is gone. `ControlProblem` when it cannot be opened."""
    listener = await _listen(path)
    mine = _inode(path)
    try:
        async with trio.open_nursery() as nursery:
            await nursery.start(trio.serve_listeners, _Desk(runtime).attend, [listener])
            task_status.started()
    finally:
        if _inode(path) == mine:  # else another daemon has taken the place
            _remove(path)


def _inode(path: Path) -> int | None:
    try:
        return path.lstat().st_ino
    except OSError:
        return None


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()


async def _listen(path: Path) -> trio.SocketListener:
    check_length(path)
    await _clear(path)
    sock = socket.socket(socket.AF_UNIX)
    before = os.umask(0o177)  # nobody else may connect, not even between bind and chmod
    try:
        sock.bind(str(path))
        sock.listen(128)
    except OSError as why:
        sock.close()
        raise ControlProblem(
            f"the control socket {path} cannot be opened ({why.strerror}); make its folder, or name another: "
            "[daemon] socket in fluentsd.toml"
        ) from why
    finally:
        os.umask(before)
    return trio.SocketListener(trio.socket.from_stdlib_socket(sock))


def check_length(path: Path) -> None:
    """Refuse a path that no socket can have; raises `ControlProblem`."""
    length = len(os.fsencode(path))
    if length > PATH_AT_MOST:
        raise ControlProblem(
            f"the control socket's path has {length} bytes, and a socket's can have {PATH_AT_MOST} at most: {path}. "
            "Name a shorter one: [daemon] socket in fluentsd.toml"
        )


async def _clear(path: Path) -> None:
    """Remove a socket that a dead daemon left; nothing else."""
    if _inode(path) is None:
        return  # nothing there, or bind says what is wrong
    if not stat.S_ISSOCK(os.lstat(path).st_mode):
        raise ControlProblem(f"{path} is in the control socket's place and is not a socket; move it away")
    try:
        await (await trio.open_unix_socket(str(path))).aclose()
    except ConnectionRefusedError:
        _remove(path)
    except OSError as why:
        raise ControlProblem(f"{path} is another user's socket ({why.strerror}); name another one") from why
    else:
        raise SocketTaken(f"another fluentsd answers at {path}; stop it first, or name another socket for this one")


@dataclass(frozen=True, slots=True)
class _Request:
    verb: str
    arguments: Mapping[str, Any]
    request_id: str | None
    revision: int | None


class _Desk:
    """Attends to connections, each on its own."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime

    async def attend(self, stream: trio.SocketStream) -> None:
        try:
            async with stream:
                actor, lines = await _peer(stream), _Lines(stream, LINE_AT_MOST)
                while (line := await lines.next_line()) is not None:
                    await stream.send_all(await self._answer(actor, line))
        except (trio.BrokenResourceError, _TooLong):
            pass  # it went away; what it asked for last was done or not, and that is written down
        except Exception as why:  # noqa: BLE001 - the guard at the edge of each connection
            self._log("control.connection", why)

    async def _answer(self, actor: str, line: bytes) -> bytes:
        verb = ""
        try:
            request = _request(line)
            verb = request.verb
            call = Call(actor, self.runtime.clock.now(), request.request_id, request.revision)
            answer = await catalogue.perform(self.runtime, verb, request.arguments, call)
            return _pack({"ok": True, "answer": answer})
        except Refused as why:
            return _pack({"ok": False, "refused": str(why)})
        except (_NotARequest, StoreUnavailable) as why:
            return _pack({"ok": False, "error": str(why)})
        except Exception as why:  # noqa: BLE001 - the guard at the edge of each verb
            self._log("control.verb", why, verb=verb, actor=actor)
            return _pack(
                {"ok": False, "error": f"{type(why).__name__}: {why} (a fault in fluentsd; its log says where)"}
            )

    def _log(self, event: str, why: Exception, **about: Any) -> None:
        """Where it broke, not what was in it: a message may hold what a person said."""
        frames = traceback.extract_tb(why.__traceback__)[-4:]
        where = " < ".join(f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in reversed(frames))
        self.runtime.log.error(event, error=type(why).__name__, where=where, **about)


async def _peer(stream: trio.SocketStream) -> str:
    """The name of the user at the other end, as the kernel knows it."""
    size = struct.calcsize("3i")
    _, uid, _ = struct.unpack("3i", stream.socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    try:
        return (await trio.to_thread.run_sync(pwd.getpwuid, uid)).pw_name  # a directory server may be asked
    except KeyError:
        return f"uid {uid}"


class _NotARequest(Exception):
    """The line cannot be read as a request."""


def _request(line: bytes) -> _Request:
    try:
        said = json.loads(line)
    except (ValueError, RecursionError) as why:
        raise _NotARequest(f"the request is not JSON: {why}") from None
    kinds: dict[str, tuple[type, ...]] = {
        "verb": (str,), "arguments": (dict,), "request_id": (str, type(None)), "revision": (int, type(None)),
    }  # fmt: skip
    if not isinstance(said, dict) or "verb" not in said:
        raise _NotARequest('a request is an object with "verb", and may have "arguments", "request_id" and "revision"')
    wrong = [key for key, kind in kinds.items() if key in said and not isinstance(said[key], kind)]
    if wrong:
        raise _NotARequest(f"of the wrong kind in the request: {', '.join(wrong)}")
    return _Request(said["verb"], said.get("arguments", {}), said.get("request_id"), said.get("revision"))


def _pack(said: Mapping[str, Any]) -> bytes:
    return json.dumps(said, separators=(",", ":")).encode() + b"\n"


class _TooLong(Exception):
    """A line goes on past the limit."""


class _Lines:
    """Cuts a stream into lines. `at_most` bounds what is kept in memory; None trusts the other side."""

    def __init__(self, stream: trio.SocketStream, at_most: int | None) -> None:
        self._stream, self._at_most = stream, at_most
        self._kept = bytearray()

    async def next_line(self) -> bytes | None:
        """The next whole line; None when the other side has ended, also in the middle of one."""
        looked = 0
        while (end := self._kept.find(b"\n", looked)) < 0:
            looked = len(self._kept)
            if self._at_most is not None and looked > self._at_most:
                await self._stream.send_all(
                    _pack({"ok": False, "error": f"the line is longer than {self._at_most} bytes"})
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
    """A conversation with a running daemon; made by `connect`."""

    def __init__(self, stream: trio.SocketStream, path: Path) -> None:
        self._stream, self._path = stream, path
        self._lines = _Lines(stream, None)
        self._turn = trio.Lock()

    async def ask(
        self,
        verb: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        request_id: str | None = None,
        revision: int | None = None,
    ) -> dict[str, Any]:
        """The verb's answer. Raises `Refused`, `DaemonFailed` or `Unanswered`; one that is cancelled ends the
        conversation, as its answer would be taken for the next one's."""
        line = _pack({"verb": verb, "arguments": dict(arguments or {}), "request_id": request_id, "revision": revision})
        if len(line) > LINE_AT_MOST:
            raise ControlProblem(f"{verb}: {len(line)} bytes are too many for one request; at most {LINE_AT_MOST}")
        async with self._turn:
            try:
                await self._stream.send_all(line)
                said = await self._lines.next_line()
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                said = None
            except trio.Cancelled:
                await trio.aclose_forcefully(self._stream)
                raise
        return self._read(verb, said)

    def _read(self, verb: str, said: bytes | None) -> dict[str, Any]:
        if said is None:
            raise Unanswered(
                f"the daemon at {self._path} went away before it answered {verb!r}: it may have been done. "
                "Look before you repeat it"
            )
        answer = json.loads(said)
        if "refused" in answer:
            raise Refused(answer["refused"])
        if not answer["ok"]:
            raise DaemonFailed(answer["error"])
        found: dict[str, Any] = answer["answer"]
        return found


@asynccontextmanager
async def connect(path: Path) -> AsyncIterator[ControlClient]:
    """Speak to the daemon at `path`; `NoDaemon` when nobody answers there, `NotAllowed` when it is not ours to ask."""
    check_length(path)
    try:
        stream = await trio.open_unix_socket(str(path))
    except PermissionError as why:
        raise NotAllowed(f"{path} is another user's; run this as the user that the daemon runs as, or as root") from why
    except OSError as why:
        raise NoDaemon(f"no daemon answers at {path} ({why.strerror}); start it: fluentsd run") from why
    async with stream:
        yield ControlClient(stream, path)
