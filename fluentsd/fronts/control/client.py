"""The shell's side of the control socket."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio

from fluentsd.fronts.control.protocol import (
    LINE_AT_MOST,
    ControlProblem,
    DaemonFailed,
    LineReader,
    NoDaemon,
    NotAllowed,
    Unanswered,
    check_length,
    encode,
)
from fluentsd.verbs import Refused, Suggestion
from fluentsd.verbs.answers import PROTOCOL


class ControlClient:
    """Sends verbs to a running daemon; made by `connect`."""

    def __init__(self, stream: trio.SocketStream, path: Path) -> None:
        self._stream, self._path = stream, path
        self._lines = LineReader(stream, None)
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
        line = encode(
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
