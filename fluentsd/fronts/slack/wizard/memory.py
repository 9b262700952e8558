"""What the wizard keeps in memory for all of its views: lists of CRMs, uploads, and what is being typed.

Losing it costs a request to the CRM or a download from Slack, and no answer of a person: those are in the store.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import count

import trio

from fluentsd.fronts.slack.jobs import Jobs
from fluentsd.fronts.slack.wizard.segments import Segments
from fluentsd.fronts.slack.wizard.uploads import Uploads

#: Seconds between two saves of what is being typed in one view.
TYPED_EVERY = 1.0


@dataclass(slots=True)
class Typing:
    """Saves what is being typed: the newest answers of each view, at most once in a second. `acted_at`: when the newest
    ones were typed, in seconds."""

    jobs: Jobs
    newest: dict[str, Callable[[], Awaitable[object]]] = field(default_factory=dict)
    acted_at: dict[str, float] = field(default_factory=dict)

    def note(self, view_id: str, save: Callable[[], Awaitable[object]], acted_at: float = 0.0) -> None:
        """Save this in place of what was noted before for the view, unless that was typed later; 0 if nobody knows."""
        latest_at = self.acted_at.get(view_id, 0.0)
        if 0 < acted_at < latest_at:
            return
        is_running = view_id in self.newest
        self.newest[view_id], self.acted_at[view_id] = save, max(acted_at, latest_at)
        if not is_running:
            self.jobs.later(lambda: self._save(view_id))

    def forget(self, view_id: str) -> None:
        """The view was submitted, so its answers are saved elsewhere."""
        if view_id in self.newest:
            self.newest[view_id] = _nothing

    async def _save(self, view_id: str) -> None:
        try:
            saved: Callable[[], Awaitable[object]] | None = None
            while (save := self.newest[view_id]) is not saved:
                await save()
                saved = save
                await trio.sleep(TYPED_EVERY)
        finally:
            self.newest.pop(view_id, None)
            self.acted_at.pop(view_id, None)


async def _nothing() -> None:
    """There is nothing to save."""


class Memory:
    """One per front."""

    def __init__(self, jobs: Jobs) -> None:
        self.segments, self.uploads, self.typing = Segments(jobs), Uploads(), Typing(jobs)
        self.rounds = count(1)  #: of forms that are drawn again with other options
