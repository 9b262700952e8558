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
    """Saves what is being typed: the newest answers of each view, at most once in a second."""

    jobs: Jobs
    newest: dict[str, Callable[[], Awaitable[object]]] = field(default_factory=dict)

    def note(self, view_id: str, save: Callable[[], Awaitable[object]]) -> None:
        """Save this in place of what was noted before for the view."""
        is_running = view_id in self.newest
        self.newest[view_id] = save
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


async def _nothing() -> None:
    """There is nothing to save."""


class Memory:
    """One per front."""

    def __init__(self, jobs: Jobs) -> None:
        self.segments, self.uploads, self.typing = Segments(jobs), Uploads(), Typing(jobs)
        self.rounds = count(1)  #: of forms that are drawn again with other options
