"""The protocol of the control socket between different releases."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest
import trio

from fluentsd.fronts.control.client import connect
from fluentsd.fronts.control.protocol import DaemonFailed
from fluentsd.verbs import Refused
from tests.fronts.control.raw_client import raw


async def answered_by(path: Path, nursery: trio.Nursery, reply: bytes) -> Any:
    """The answer to `campaign list` of a daemon that sends these bytes."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(1)

    async def daemon(stream: trio.SocketStream) -> None:
        async with stream:
            await stream.receive_some(65536)
            await stream.send_all(reply + b"\n")

    listeners = [trio.SocketListener(trio.socket.from_stdlib_socket(listener))]
    await nursery.start(trio.serve_listeners, daemon, listeners)
    async with connect(path) as client:
        return await client.ask("campaign list")


@pytest.mark.parametrize(
    "reply",
    [
        {"ok": True, "answer": {"campaigns": []}},  # before there was a protocol number
        {"ok": True, "answer": {"campaigns": []}, "protocol": 1, "weather": "fine"},
    ],
)
async def test_a_daemon_of_another_release_is_understood(
    path: Path, nursery: trio.Nursery, reply: dict[str, Any]
) -> None:
    assert await answered_by(path, nursery, json.dumps(reply).encode()) == {"campaigns": []}


@pytest.mark.parametrize(
    "reply",
    [
        b'{"ok": true, "answer": {"campaigns": []}, "protocol": 99}',
        b'{"ok": true, "answer": [], "protocol": 1}',
        b'{"answers": {}, "protocol": 2}',
        b"[]",
        b"HTTP/1.1 400 Bad Request",
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
async def test_a_reply_that_cannot_be_read_is_one_sentence(path: Path, nursery: trio.Nursery, reply: bytes) -> None:
    with pytest.raises(DaemonFailed, match="another release than this shell") as caught:
        await answered_by(path, nursery, reply)
    assert "\n" not in str(caught.value)


async def test_a_refusal_of_a_newer_daemon_is_still_a_refusal(path: Path, nursery: trio.Nursery) -> None:
    reply = {"ok": False, "refused": "not today", "suggestion": ["a list"], "protocol": 99}
    with pytest.raises(Refused, match="not today") as caught:
        await answered_by(path, nursery, json.dumps(reply).encode())
    assert caught.value.suggestion is None


async def test_a_newer_shell_is_refused_by_name(served: Path) -> None:
    """Its verbs and parameters are unknown here; unknown keys of the request are ignored."""
    verb, parameter, key = await raw(
        served,
        b'{"verb": "campaign dance"}\n',
        b'{"verb": "campaign list", "arguments": {"colour": "red"}}\n',
        b'{"verb": "campaign list", "protocol": 99, "colour": "red"}\n',
    )
    assert verb["refused"] == "there is no verb 'campaign dance'"
    assert parameter["refused"] == "campaign list: no such parameter: colour"
    assert (key["ok"], key["protocol"]) == (True, 1)
