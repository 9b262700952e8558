"""The batch service of an import through verbs, for a front that reads the file itself: the shell, and Slack.

What must not live here: reading (`engine.ingest`), and what a batch does (`importing`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from fluentsd.domain.contacts.mapping import Need
from fluentsd.engine.ingest.batches import Taken

#: Runs a verb with arguments, in the name of the person who imports.
Perform = Callable[[str, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
_COUNTED = ("new", "updated", "duplicates", "enrolled", "back", "opted_out", "duplicate_rows")


def _nothing() -> None:
    pass


class VerbIngest:
    """The batch service, called through verbs (`file_import.Ingest`). `begun` is called when the run has begun;
    `shape`: what was said of the file's columns."""

    def __init__(
        self,
        perform: Perform,
        source: str,
        campaign: str | None,
        consent: Mapping[str, Any] | None,
        begun: Callable[[], None] = _nothing,
        shape: Mapping[str, Any] | None = None,
    ) -> None:
        self._perform, self._begun = perform, begun
        self._run: Mapping[str, Any] = {}
        self._given = {"source": source, "ref": campaign, "consent": consent, "shape": shape}

    async def begin(self) -> int:
        self._run = await self._perform("contacts begin-import", self._given)
        self._begun()
        return int(self._run["at_once"])

    async def take(self, people: Sequence[object], *, keep_duplicates: bool) -> Taken:
        given = {"run": self._run, "people": people, "keep_duplicates": keep_duplicates}
        answer = await self._perform("contacts take", given)
        known = {name: answer[name] for name in _COUNTED}
        return Taken(**known, shared={(kind, point_id) for kind, point_id in answer["shared"]})

    async def end(self, counts: Mapping[str, int], *, whole: bool, confirmed: bool) -> int:
        given = {"run": self._run, "counts": counts, "whole": whole, "yes": confirmed}
        return int((await self._perform("contacts end-import", given))["left"])


def need_of(channels: Sequence[str]) -> Need:
    """The points that a campaign with these channels needs. People are enrolled if one step can reach them; steps on
    other channels are skipped."""
    return "phone" if channels and all(channel != "email" for channel in channels) else "any"
