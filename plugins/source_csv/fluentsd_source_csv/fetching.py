"""Fetches files whole: from an https address with ETag and Last-Modified, or from disk.

The last contents of each file are kept in the plugin's folder, so that a walk goes on over a restart and `changes` can
compare. A download that ends early is an error.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import trio

from fluentsd.api import Meaning, NeedsHuman, Tools, Unavailable, retry_after
from fluentsd_source_csv.rows import Rows, digest_of, read_rows
from fluentsd_source_csv.settings import Settings

TIMEOUT = httpx.Timeout(30.0, connect=5.0)
REDIRECTS = 5
#: Contents that are kept of each file.
KEPT = 4
#: How long a file on disk has been left alone when it counts as written, in microseconds.
SETTLED = 10_000_000


@dataclass(slots=True)
class Known:
    """What is known of one file: its stamps, its digest, when it was last asked for, and the opt-outs that its headings
    ever told."""

    stamps: dict[str, str]
    digest: str
    asked_at: int
    opt_outs: frozenset[Meaning] = frozenset()


class Fetching:
    """The files of one source."""

    def __init__(self, settings: Settings, tools: Tools) -> None:
        self._settings, self._tools = settings, tools
        self._folder = Path(tools.folder) / "contents"
        self._known: dict[str, Known] = {}
        self._parsed: dict[str, Rows] = {}
        self.requests = 0

    def names(self) -> dict[str, str]:
        """The place of each file by its name: those of the settings, then those of the folder."""
        found = dict(self._settings.files)
        if self._settings.folder:
            for file in sorted(Path(self._settings.folder).glob("*.[cC][sS][vV]")):
                if not file.is_dir():
                    found.setdefault(file.stem, str(file))
        return found

    async def latest(self, name: str) -> Rows:
        """The rows of a file now; raises `LookupError`, `Unavailable` or `NeedsHuman`."""
        place = self.names().get(name)
        if place is None:
            raise LookupError(f"there is no file {name!r}")
        known = self._known.get(name) or await self._tools.run_sync(self._remembered, name)
        now = self._tools.clock.now()
        if not place.startswith("http"):
            content, stamps = await self._tools.run_sync(self._read, name, place)
        elif known is not None and 0 <= now - known.asked_at < self._settings.every:
            return await self.kept(name, known.digest)
        else:
            content, stamps = await self._download(name, place, known.stamps if known else {})
        if content is None and known is not None:
            known.asked_at = now
            self._known[name] = known
            return await self.kept(name, known.digest)
        rows: Rows = await self._tools.run_sync(self._parse, name, content or b"")
        if known is not None and "mtime" in stamps and 0 <= now - int(stamps["mtime"]) // 1000 < SETTLED:
            await self._be_whole(name, rows, known, known.stamps.get("inode") == stamps["inode"])
        found = Known(stamps, rows.digest, now, rows.opt_outs | (known.opt_outs if known else frozenset()))
        try:
            await self._tools.run_sync(self._keep, name, content or b"", found)
        except OSError as why:
            raise Unavailable(f"{name!r} cannot be kept in {self._folder} ({why.strerror}); make room", 60) from why
        self._known[name] = found
        return rows

    def opt_outs(self, name: str) -> frozenset[Meaning]:
        """The opt-outs that the headings of a file ever told."""
        known = self._known.get(name)
        return known.opt_outs if known else frozenset()

    async def _be_whole(self, name: str, rows: Rows, known: Known, is_in_place: bool) -> None:
        """Raises `Unavailable` for a file that was changed a moment ago and looks as if it were still being written:
        two of these are true: it was written in place, it has lost rows, its last line has no end. A file that was
        renamed to its name is whole."""
        before = await self._tools.run_sync(self._load, name, known.digest)
        has_lost = before is not None and not before.by_id.keys() <= rows.by_id.keys()
        if is_in_place + has_lost + (not rows.ended) >= 2:
            raise Unavailable(f"{name!r} was changed a moment ago and may still be being written", after=10)

    async def kept(self, name: str, digest: str) -> Rows:
        """The rows of a content that is kept; raises ValueError if it is not any more."""
        if digest in self._parsed:
            return self._parsed[digest]
        found: Rows | None = await self._tools.run_sync(self._load, name, digest)
        if found is None:
            raise ValueError(f"the content of {name!r} that this cursor belongs to is not kept any more; begin again")
        return found

    async def _download(self, name: str, url: str, stamps: dict[str, str]) -> tuple[bytes | None, dict[str, str]]:
        """The content and its stamps; None when it has not changed."""
        headers = {"If-None-Match": stamps.get("etag", ""), "If-Modified-Since": stamps.get("last-modified", "")}
        headers = {key: value for key, value in headers.items() if value}
        for _ in range(REDIRECTS + 1):
            self.requests += 1
            try:
                async with self._tools.http().stream(
                    "GET", url, headers=headers, timeout=TIMEOUT, follow_redirects=False
                ) as answer:
                    if answer.has_redirect_location:
                        target = str(httpx.URL(url).join(answer.headers["location"]))
                        if urlsplit(url).scheme == "https" and urlsplit(target).scheme != "https":
                            raise NeedsHuman(f"{name!r} redirects to an address without https; write its own address")
                        url = target
                        continue
                    return await self._body(name, answer)
            except httpx.HTTPError as why:
                raise Unavailable(f"{name!r} cannot be fetched whole ({type(why).__name__})", after=60) from why
        raise NeedsHuman(f"{name!r} redirects more than {REDIRECTS} times; write its final address")

    async def _body(self, name: str, answer: httpx.Response) -> tuple[bytes | None, dict[str, str]]:
        status = answer.status_code
        if status == 304:
            return None, {}
        if status == 429 or status >= 500:
            after = retry_after(answer.headers.get("retry-after"), self._tools.clock.now(), 60)
            raise Unavailable(f"{name!r}: the server answers HTTP {status}", after=after)
        if status != 200:
            fix = (
                "share it so that everyone with the link may read it" if status in (401, 403) else "correct its address"
            )
            raise NeedsHuman(f"{name!r}: the server answers HTTP {status}; {fix}")
        has_end = {"content-length", "transfer-encoding"} & answer.headers.keys() or answer.http_version == "HTTP/2"
        if not has_end:
            raise Unavailable(f"{name!r}: the server does not say where the file ends; it may be cut off", after=600)
        parts, size = list[bytes](), 0
        with trio.CancelScope() as reading:  # cancelled, httpx closes its generators; left alone, it would not
            async for part in answer.aiter_bytes():
                parts.append(part)
                size += len(part)
                if size > self._settings.max_size:
                    reading.cancel()
        if size > self._settings.max_size:
            most = self._settings.max_size // 1_000_000
            raise NeedsHuman(f"{name!r} has more than {most} MB; set max_size, or split it")
        stamps = {key: answer.headers[key] for key in ("etag", "last-modified") if key in answer.headers}
        return b"".join(parts), stamps

    def _read(self, name: str, place: str) -> tuple[bytes | None, dict[str, str]]:
        """A file on disk; None when it is the one that is known."""
        try:
            with open(place, "rb") as file:
                before = os.fstat(file.fileno())
                stamps = {"mtime": str(before.st_mtime_ns), "size": str(before.st_size), "inode": str(before.st_ino)}
                known = self._known.get(name)
                if known is not None and known.stamps == stamps:
                    return None, stamps
                if before.st_size > self._settings.max_size:
                    raise NeedsHuman(f"{name!r} is larger than max_size; set it, or split the file")
                content = file.read()
                after = os.fstat(file.fileno())
        except FileNotFoundError:
            raise LookupError(f"there is no file {place}") from None
        except OSError as why:
            raise NeedsHuman(f"{place} cannot be read ({why.strerror}); correct its permissions") from None
        if (before.st_mtime_ns, before.st_size) != (after.st_mtime_ns, after.st_size) or len(content) != before.st_size:
            raise Unavailable(f"{name!r} is being written", after=10)
        return content, stamps

    def _parse(self, name: str, content: bytes) -> Rows:
        digest = digest_of(content)
        if digest not in self._parsed:
            while len(self._parsed) >= max(KEPT, len(self.names())):
                del self._parsed[next(iter(self._parsed))]
            self._parsed[digest] = read_rows(content, self._settings.id, name)
        return self._parsed[digest]

    def _place(self, name: str) -> Path:
        return self._folder / hashlib.blake2b(name.encode(), digest_size=8).hexdigest()

    def _keep(self, name: str, content: bytes, known: Known) -> None:
        folder = self._place(name)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _replace(folder / f"{known.digest}.csv", content)
        about = {"stamps": known.stamps, "digest": known.digest, "opt_outs": sorted(known.opt_outs)}
        _replace(folder / "latest.json", json.dumps(about).encode())
        kept = sorted(folder.glob("*.csv"), key=lambda one: one.stat().st_mtime_ns)
        for old in kept[:-KEPT]:
            old.unlink(missing_ok=True)

    def _remembered(self, name: str) -> Known | None:
        try:
            found: dict[str, Any] = json.loads((self._place(name) / "latest.json").read_text("utf-8"))
            if (self._place(name) / f"{found['digest']}.csv").exists():
                opt_outs = frozenset(found.get("opt_outs", ()))
                return Known(dict(found["stamps"]), str(found["digest"]), -self._settings.every, opt_outs)
        except (OSError, ValueError, KeyError):
            pass
        return None

    def _load(self, name: str, digest: str) -> Rows | None:
        try:
            return self._parse(name, (self._place(name) / f"{digest}.csv").read_bytes())
        except OSError:
            return None


def _replace(path: Path, content: bytes) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_bytes(content)
    fresh.replace(path)
