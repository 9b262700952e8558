"""The answer of `contacts reread`: what today's rules read otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Change:
    """One reading. `what`: point, place, suppression, or doubt (left to a person); `person`: the contact's id, None for
    an entry of the suppression list; `source`: what it was read from; `becomes`: "" in doubt."""

    what: str = ""
    person: int | None = None
    source: str = ""
    was: str = ""
    becomes: str = ""
    because: str = ""
    kind: str = ""
    channel: str = ""


@dataclass(frozen=True, slots=True)
class Reread:
    """`contacts reread`: how many people and entries of the suppression list were read, the counts by `what`, how many
    changes were made, and the first of them."""

    dry_run: bool = False
    people: int = 0
    entries: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    changed: int = 0
    changes: tuple[Change, ...] = ()
