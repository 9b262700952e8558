"""How the sync of one source stands: what verbs show, and what they ask of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from fluentsd.domain.sync_options import SyncOptions


@dataclass(slots=True)
class SyncState:
    """One source. `problem`: why it cannot be reached now, with `again_at`, the next try; `asked`: segments that a
    person wants walked now, by id."""

    options: SyncOptions
    problem: str = ""
    problem_since: int | None = None
    again_at: int = 0
    pages: int = 0  #: taken since the start
    #: Channels for which a field says that a person must not be contacted; None until the fields are known.
    protected: frozenset[str] | None = None
    asked: set[int] = field(default_factory=set)
