"""One page of a list, and the buttons to the pages before and after it.

A button holds the command that made the list and the entry at which its page begins, so the click asks again and
answers in the same place. An entry that arrives or is handled in the meantime moves no page: the page begins at its
entry wherever that stands now. What must not live here: the lines of a list (`lists`, `people`, `attempts`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from fluentsd.fronts.slack.blocks.layout import Block, actions, button, context

T = TypeVar("T")
#: Entries on a page.
ENTRIES = 20
#: Entries that are asked for beyond a page (the next one, and those that have arrived since the list was opened), and
#: how far a list can be paged: further on it is narrowed by words.
AHEAD, MOST = 200, 500
#: The words of the two buttons, back and forth.
NEWEST_FIRST, OLDEST_FIRST, IN_ORDER = ("Newer", "Older"), ("Older", "Newer"), ("Back", "More")
#: The action of both; each has an id of its own in its message.
ACTION = "say:page"
#: Characters of a command that a button repeats, and of the key of an entry; a button takes 2,000.
_TEXT, _KEY = 1500, 200


@dataclass(frozen=True, slots=True)
class Page:
    """Which page is shown. `text`: the command that lists; `at`: entries before the page, as it was counted when the
    button was made; `begins`: the key of its first entry, "" for the beginning of the list."""

    text: str = ""
    at: int = 0
    begins: str = ""

    @classmethod
    def read(cls, text: str, value: Mapping[str, Any]) -> Page:
        """The page that a button asks for; the first one for a typed command."""
        at, begins = value.get("at"), value.get("begins")
        return cls(text, max(0, at) if isinstance(at, int) else 0, begins if isinstance(begins, str) else "")

    @property
    def most(self) -> int:
        """Entries to ask a verb for."""
        return min(self.at + AHEAD, MOST)

    def of(self, found: Sequence[T], key: Callable[[T], object], entries: int = ENTRIES) -> Part[T]:
        """The entries of this page. `key`: what tells one entry from the others; `found`: the list from its beginning,
        at most `most` entries of it, if the list is that long."""
        keys = [_short(key(one)) for one in found]
        last = max(0, (len(found) - 1) // entries * entries)
        at = keys.index(self.begins) if self.begins in keys else min(self.at, last)
        return Part(self, found[at : at + entries], at, entries, keys)


@dataclass(frozen=True, slots=True)
class Part(Generic[T]):
    """The entries of a page, and where they stand in the list."""

    page: Page
    shown: Sequence[T]
    at: int
    entries: int
    keys: Sequence[str]

    def buttons(self, words: tuple[str, str], *others: Block) -> list[Block]:
        """Below the entries: which of how many they are, the buttons to the pages beside this one, and `others` (a
        select) in the same row. Nothing of a page that is the only one."""
        back, on = max(0, self.at - self.entries), self.at + self.entries
        total = len(self.keys)
        made = [self._to(back, words[0], "back")] if self.at else []
        made += [self._to(on, words[1], "on")] if on < total else []
        if not made:
            return [actions(*others)] if others else []
        whole = f"{total:,}" if total != self.page.most else f"{total:,} or more"
        return [context(f"{self.at + 1:,}–{min(on, total):,} of {whole}"), actions(*made, *others)]

    def _to(self, at: int, words: str, way: str) -> Block:
        value = {"text": self.page.text[:_TEXT], "at": at, "begins": self.keys[at] if at else ""}
        return button(words, f"{ACTION}:{way}", value)


def _short(key: object) -> str:
    return str(key)[:_KEY]
