"""The people of a campaign as a CSV file, for the shell and for Slack.

`campaign people` is asked page by page, so neither the daemon nor the reader ever holds more than one page; before
that, `campaign begin-export` notes in the audit log who gets the file. What must not live here: where the file is
(`cli`, `fronts.slack`), and what is known of a person (`contacts`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TextIO

from fluentsd.csv_output import SafeWriter
from fluentsd.verbs.answers.people import Member, Members

#: People asked for at once: some milliseconds of the loop, so that the daemon does its other work between two pages.
PAGE = 50
COLUMNS = (
    "id", "name", "phones", "emails", "state", "reason", "step", "channel", "next_at", "tries", "last_outcome",
    "lists", "enrolled_at", "last_contact_at", "ended_at",
)  # fmt: skip

#: Runs a verb with arguments, and gives its answer as its class.
Perform = Callable[[str, dict[str, Any]], Awaitable[Any]]


async def begin(perform: Perform, ref: str, states: Sequence[str]) -> None:
    """Before a file is opened: the refusals, and the note of who gets it. Raises what `perform` raises."""
    await perform("campaign begin-export", {"ref": ref, "state": list(states)})


async def write(perform: Perform, ref: str, states: Sequence[str], out: TextIO, iso: Callable[[int], str]) -> int:
    """Write everybody, or those in these states; returns how many rows. `iso` shows an instant. Raises what `perform`
    raises."""
    rows, written, after = SafeWriter(out), 0, 0
    rows.writerow(COLUMNS)
    while True:
        asked = {"ref": ref, "state": list(states), "after": after, "most": PAGE}
        page: Members = await perform("campaign people", asked)
        for one in page.people:
            rows.writerow(_cells(one, iso))
        written += len(page.people)
        if page.next is None:
            return written
        after = page.next


def _cells(one: Member, iso: Callable[[int], str]) -> tuple[object, ...]:
    phones = [point for point in one.points if "@" not in point]
    emails = [point for point in one.points if "@" in point]

    def instant(at: int | None) -> str:
        return "" if at is None else iso(at)

    return (
        one.contact, one.name, "; ".join(phones), "; ".join(emails), one.state, one.sentence, one.step, one.channel,
        instant(one.due_at), one.tries, one.last_outcome, "; ".join(one.lists), instant(one.enrolled_at),
        instant(one.last_contact_at), instant(one.ended_at),
    )  # fmt: skip
