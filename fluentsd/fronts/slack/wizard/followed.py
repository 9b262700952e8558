"""What the segments that campaigns follow, or may follow, are called.

What must not live here: how they are shown (`view`), and the lists of the picker (`segments`).
"""

from __future__ import annotations

from collections.abc import Mapping

from fluentsd.fronts.slack.session import Session
from fluentsd.verbs.answers.sources import Followed


def names_of(session: Session) -> dict[str, str]:
    """What the segments that the picker has offered are called, by `source: id`."""
    return session.services.wizard.segments.names()


def key_of(row: Followed) -> str:
    """`source: id`, as a campaign's file names a segment."""
    return f"{row.source}: {row.key}"


def name_of(row: Followed, names: Mapping[str, str]) -> str:
    """What a segment is called; until it is read for the first time, as the picker has offered it."""
    return row.segment if row.segment != row.key else names.get(key_of(row), row.segment)


async def segment_names(session: Session) -> dict[str, str]:
    """What segments are called, by `source: id`."""
    names = names_of(session)
    return names | {key_of(row): name_of(row, names) for row in (await session.run("sync status", {})).segments}
