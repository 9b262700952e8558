"""The state of one source's sync: what verbs show of it, and what they ask it to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from fluentsd.domain.sync_options import SyncOptions


class News(NamedTuple):
    """How many members joined and left in the newest walk or change that told any, which began at `began_at`."""

    began_at: int = 0
    joined: int = 0
    left: int = 0


@dataclass(slots=True)
class SyncState:
    """One source. `problem`: why it cannot be reached now, with `again_at`, the next try; `asked`: segments that a
    person wants walked now, by id."""

    options: SyncOptions
    problem: str = ""
    problem_since: int | None = None
    is_told: bool = False  #: the problem, by `sync.failed`
    again_at: int = 0
    pages: int = 0  #: taken since the start
    #: What each field means, by name, without those that mean nothing.
    mapping: tuple[tuple[str, str], ...] = ()
    news: dict[int, News] = field(default_factory=dict)  #: of each segment, since the start
    #: Channels for which a field says that a person must not be contacted; None until the fields are known.
    protected: frozenset[str] | None = None
    asked: set[int] = field(default_factory=set)
