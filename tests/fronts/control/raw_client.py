"""A client of the control socket that sends bytes as they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import trio


async def raw(path: Path, *lines: bytes) -> list[dict[str, Any]]:
    """The answers to these bytes, until the daemon closes or as many answers as lines have arrived."""
    async with await trio.open_unix_socket(str(path)) as stream:
        await stream.send_all(b"".join(lines))
        received = b""
        while received.count(b"\n") < len(lines):
            more = await stream.receive_some(65536)
            if not more:
                break
            received += more
    return [json.loads(line) for line in received.splitlines()]
