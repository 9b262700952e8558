"""What both sides of the control socket know: limits, lines, and errors with a message for the user."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import trio

from fluentsd.verbs.answers import PROTOCOL

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


def check_length(path: Path) -> None:
    """Raise `ControlProblem` for a path that is too long for a socket."""
    length = len(os.fsencode(path))
    if length > PATH_AT_MOST:
        raise ControlProblem(
            f"the control socket's path has {length} bytes; the limit is {PATH_AT_MOST}: {path}. "
            "Set a shorter one: [daemon] socket in fluentsd.toml"
        )


def reply(message: Mapping[str, Any]) -> bytes:
    return encode({**message, "protocol": PROTOCOL})


def encode(message: Mapping[str, Any]) -> bytes:
    return json.dumps(message, separators=(",", ":"), default=_as_object).encode() + b"\n"


def _as_object(value: object) -> dict[str, Any]:
    """A dataclass as an object; the people of a batch are many, and `asdict` would copy each value."""
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: getattr(value, one.name) for one in fields(value)}
    raise TypeError(f"{type(value).__name__} is no value of JSON")


class TooLong(Exception):
    """A line is longer than the limit."""


class LineReader:
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
                    reply({"ok": False, "error": f"the line is longer than {self._at_most} bytes"})
                )
                raise TooLong
            more = await self._stream.receive_some(_CHUNK)
            if not more:
                return None
            self._kept += more
        line = bytes(self._kept[:end])
        del self._kept[: end + 1]
        return line
