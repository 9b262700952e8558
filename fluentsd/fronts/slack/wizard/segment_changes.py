"""Changes of the segments that a started campaign follows, in sentences: who enters, and who stays. Pure.

What must not live here: changes of other parts (`review`), the change itself (`verbs.campaign_segments`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fluentsd.fronts.slack.blocks.sync import follows
from fluentsd.fronts.slack.blocks.wording import count, safe
from fluentsd.fronts.slack.wizard.entries import entries
from fluentsd.fronts.slack.wizard.pages import SEGMENT
from fluentsd.verbs.answers.campaigns import Change
from fluentsd.verbs.answers.sources import Followed

_PREFIX = "segment."


def is_of_segment(change: Change) -> bool:
    """Whether a change is one of a segment."""
    return change.path.startswith(_PREFIX)


def lines(
    changes: Sequence[Change], file: Mapping[str, Any], rows: Sequence[Followed], names: Mapping[str, str]
) -> list[str]:
    """A sentence for each segment that is new or followed no more, and for each changed value of another. `file`: the
    campaign's after the change; `rows`: how segments stand; `names`: what they are called, by `source: id`."""
    now = [f"{one.get('source')}: {one.get('segment')}" for one in entries(file, "segment")]
    people = {f"{row.source}: {row.key}": row.people for row in rows if row.as_of_at is not None}
    made: list[str] = []
    for which, mine in _by_segment(changes, [*now, *people, *names]).items():
        source, _, id_ = which.partition(": ")
        named, known = follows(names.get(which, id_), source), people.get(which)
        if which not in now:
            stay = f"the {count(known)} of it" if known else "those who have entered"
            made.append(f"no longer {named}: nobody enters by it; {stay} stay in the campaign and are contacted")
        elif not any(one.old is not None for one in mine):
            who = f"its {count(known)} enter" if known else "its people enter"
            made.append(f"{named}: {who} at once, as far as they are not in the campaign")
        else:
            made += [f"{named} · {_value(which, one)}" for one in mine]
    return made


def _by_segment(changes: Sequence[Change], known: Sequence[str]) -> dict[str, list[Change]]:
    """The changes by segment. A name may have dots, so that it is taken from what is known where that is possible."""
    found: dict[str, list[Change]] = {}
    for one in filter(is_of_segment, changes):
        rest = one.path.removeprefix(_PREFIX)
        fitting = [which for which in known if rest.startswith(f"{which}.")]
        which = max(fitting, key=len) if fitting else _without_field(rest)
        found.setdefault(which, []).append(one)
    return found


def _without_field(path: str) -> str:
    """A segment's part of a path that ends with one of its fields."""
    ends = sorted((f".{field.path.partition('.')[2]}" for field in SEGMENT.fields), key=len, reverse=True)
    return next((path.removesuffix(end) for end in ends if path.endswith(end)), path)


def _value(which: str, change: Change) -> str:
    """A changed value in the words of the segment's form."""
    path = change.path.removeprefix(f"{_PREFIX}{which}.")
    for field in SEGMENT.fields:
        if field.path == f"{_PREFIX}{path}":
            shown = (safe(field.kind.shown(value), 100) for value in (change.old, change.new))
            return f"*{safe(field.label, 80)}*: {' → '.join(shown)}"
    return f"`{safe(path, 60)}`: {safe(change.old, 60)} → {safe(change.new, 60)}"
