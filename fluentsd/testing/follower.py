"""Follows a segment as the engine does, for tests that compare with the truth of a double.

It walks at first, then asks for changes; it walks again when a cursor is no good or a page says so. Members leave by
`gone`, or by a complete walk that does not name them, never otherwise.
"""

from __future__ import annotations

from fluentsd.api import NeedsHuman, Page, Source, Unavailable


async def walk_pages(source: Source, segment: str) -> list[Page]:
    """All pages of a walk of the segment, from its beginning."""
    pages = [await source.walk(segment, None)]
    while pages[-1].next is not None:
        pages.append(await source.walk(segment, pages[-1].next))
    return pages


async def change_pages(source: Source, segment: str, since: str | None) -> list[Page]:
    """All pages of the segment's changes since a cursor."""
    pages = [await source.changes(segment, since)]
    while pages[-1].next is not None:
        pages.append(await source.changes(segment, pages[-1].next))
    return pages


class Follower:
    """One followed segment; `members` are the ids that it knows, `cursor` is where it goes on."""

    def __init__(self, segment: str) -> None:
        self.segment = segment
        self.members: set[str] = set()
        self.cursor: str | None = None
        self.walks = 0

    async def follow(self, source: Source) -> bool:
        """Ask once; False if the source was not available; only whole pages are kept."""
        try:
            if self.cursor is None or not await self._changes(source, self.cursor):
                await self._walk(source)
        except (Unavailable, NeedsHuman):
            return False
        return True

    async def _changes(self, source: Source, cursor: str) -> bool:
        """Take all changes; False if a walk is due."""
        again = False
        try:
            page = await source.changes(self.segment, cursor)
            while True:
                self.members = (self.members - set(page.gone)) | set(page.refs)
                again |= page.walk_again
                if page.next is None:
                    break
                page = await source.changes(self.segment, page.next)
        except ValueError:
            return False
        self.cursor = page.since
        return not again

    async def _walk(self, source: Source) -> None:
        self.walks += 1
        pages = await walk_pages(source, self.segment)
        named, last = {ref for page in pages for ref in page.refs}, pages[-1]
        self.members = named if last.complete else self.members | named
        self.cursor = last.since if last.complete else None
