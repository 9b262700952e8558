"""The recordings of calls at /r/{token}: a signed link that expires opens one file, and nothing else.

A request for a range is answered with at most `PORTION` bytes of it, so that a slow listener holds no answer for long;
players go on by themselves. Nothing tells a forged link from one that has expired.
"""

from __future__ import annotations

import re
from pathlib import Path

import trio
from starlette.requests import Request
from starlette.responses import Response

from fluentsd.engine.runtime import Runtime
from fluentsd.fronts.web.middleware import answer

#: The most bytes of one answer to a request for a range, and of a whole file that is sent at once.
PORTION, WHOLE_AT_MOST = 1 << 20, 64 << 20
_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")
_TYPES = {".mp3": "audio/mpeg", ".wav": "audio/wav"}
_HEADERS = {"accept-ranges": "bytes", "content-disposition": "inline", "x-robots-tag": "noindex, nofollow"}


class Listening:
    """The handler of /r/{token}."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def play(self, request: Request) -> Response:
        """GET or HEAD: the file, or a part of it."""
        kept = self._runtime.recordings
        name = kept.read(request.path_params["token"], self._runtime.clock.now())
        file = kept.path(name) if name is not None else None
        if file is None:
            return answer(
                404, "this link is not valid, or it has expired; ask for a new one: fluentsd calls --attempt ID"
            )
        size, kind = (await trio.to_thread.run_sync(file.stat)).st_size, _TYPES[file.suffix]
        wanted = request.headers.get("range", "")
        if not wanted and size <= WHOLE_AT_MOST:
            return Response(await _part(file, 0, size), 200, _HEADERS, kind)
        span = _span(wanted or "bytes=0-", size)
        if span is None:
            return Response(status_code=416, headers=_HEADERS | {"content-range": f"bytes */{size}"})
        first, last = span
        headers = _HEADERS | {"content-range": f"bytes {first}-{last}/{size}"}
        return Response(await _part(file, first, last - first + 1), 206, headers, kind)


async def _part(file: Path, start: int, length: int) -> bytes:
    def read() -> bytes:
        with file.open("rb") as opened:
            opened.seek(start)
            return opened.read(length)

    return await trio.to_thread.run_sync(read)


def _span(wanted: str, size: int) -> tuple[int, int] | None:
    """The first and the last byte of a range, bounded; None when it lies outside the file or is not understood."""
    found = _RANGE.fullmatch(wanted.strip())
    if found is None or not (found[1] or found[2]) or not size:
        return None
    if found[1]:
        first, last = int(found[1]), int(found[2]) if found[2] else size - 1
    else:
        first, last = max(0, size - int(found[2])), size - 1
    last = min(last, size - 1, first + PORTION - 1)
    return (first, last) if first <= last else None
