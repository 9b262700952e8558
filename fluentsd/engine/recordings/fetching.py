"""Recordings of calls, fetched from the provider into the folder. The database names each file (`content`, kind
"recording"); what must not live here: their deletion (`erasing`)."""

from __future__ import annotations

import os
import secrets
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import trio

from fluentsd.api import FetchesRecordings, Rejected, Unavailable, trouble
from fluentsd.engine.recordings.erasing import run_in_thread, sweep
from fluentsd.engine.recordings.folder import OURS, PART
from fluentsd.store import recordings

if TYPE_CHECKING:
    from fluentsd.engine.runtime import Runtime

#: Seconds for one recording to arrive, and its most bytes: about four hours.
FETCHED_WITHIN, BYTES_AT_MOST = 300.0, 256 << 20
_ENDINGS = {"audio/mpeg": "mp3", "audio/mp3": "mp3", "audio/wav": "wav", "audio/x-wav": "wav"}


class _Part:
    """A file that is being written; it gets its name when it is whole. `run_in_thread` runs a function in a thread."""

    def __init__(self, folder: Path, stem: str, run_in_thread: Callable[..., Awaitable[Any]]) -> None:
        self.run_in_thread = run_in_thread
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._stem = folder / stem
        self._file = open(os.open(f"{self._stem}{PART}", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")  # noqa: SIM115 - closed by `finish` or `drop`
        self._size = 0

    async def write(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > BYTES_AT_MOST:
            raise Rejected("the recording is too long to be kept")
        await self.run_in_thread(self._file.write, data)

    def finish(self, ending: str) -> str:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        whole = Path(f"{self._stem}.{ending}")
        os.rename(f"{self._stem}{PART}", whole)
        return whole.name

    def drop(self) -> None:
        self._file.close()
        Path(f"{self._stem}{PART}").unlink(missing_ok=True)


async def fetch(runtime: Runtime, attempt_id: str) -> None:
    """The task of one recording: fetch it with the channel's credentials, and name it in the database. Done when it is
    ours already, or when its person was erased. Raises `Unavailable` and `NeedsHuman`, to be asked again."""
    kept, state = runtime.recordings, runtime.channels.get("phone")
    found = await runtime.store.read(recordings.latest, attempt_id)
    if found is None or found.text.startswith(OURS) or kept.folder is None:
        return
    if state is None or state.abilities.fetches is None:
        return
    stem = secrets.token_hex(16)
    kept.arriving.add(stem)
    try:
        part = _Part(kept.folder, stem, partial(run_in_thread, runtime))
        name = await _arrive(state.abilities.fetches, part, found.text)
        is_named = await runtime.store.run(recordings.rename, found.id, found.text, OURS + name)
    except Rejected as why:
        runtime.log.warning("recording.refused", attempt=attempt_id, reason=str(why))
        return
    except (OSError, trio.TooSlowError) as why:
        raise Unavailable(f"the recording did not arrive ({trouble(why)})", 30.0) from why
    finally:
        kept.arriving.discard(stem)
    if not is_named:
        await sweep(runtime)  # the person was erased meanwhile


async def _arrive(channel: FetchesRecordings, part: _Part, url: str) -> str:
    """Write one recording; the name of its file."""
    try:
        with trio.fail_after(FETCHED_WITHIN):
            kind = await channel.fetch_recording(url, part.write)
        if (ending := _ENDINGS.get(kind.partition(";")[0].strip().lower())) is None:
            raise Rejected(f"the provider sent {kind[:60]!r} instead of a recording")
        name: str = await part.run_in_thread(part.finish, ending)
        return name
    finally:
        part.drop()
