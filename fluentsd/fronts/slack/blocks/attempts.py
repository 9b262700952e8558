"""Attempts in lists: a line for each, and the question about those whose result nobody could prove.

What must not live here: the attempts of one person (`person`), and what people wrote (`conversations`).
"""

from __future__ import annotations

from collections.abc import Sequence

from fluentsd.fronts.slack.blocks.layout import Message, actions, button, confirm, context, message, paragraphs, section
from fluentsd.fronts.slack.blocks.paging import NEWEST_FIRST, Page
from fluentsd.fronts.slack.blocks.people import to_choose
from fluentsd.fronts.slack.blocks.wording import YOUR_ZONE, contact_by, count, inert, lasts, moment, point, safe, word
from fluentsd.verbs.answers.attempts import Attempt


def calls(found: Sequence[Attempt], name: str, page: Page) -> Message:
    """`calls`: attempts, newest first."""
    if not found:
        return message(f"{safe(name)}: no such attempt")
    part = page.of(found, lambda one: one.id)
    lines = [attempt(one, point(one.to or "")) for one in part.shown]
    people = to_choose((one.contact, f"{point(one.to or '')} · {inert(one.ref)}") for one in part.shown)
    return message(f"attempts of {safe(name)}", *paragraphs(lines), context(YOUR_ZONE),
                   *part.buttons(NEWEST_FIRST, *people))  # fmt: skip


def attempt(one: Attempt, to: str = "") -> str:
    """One attempt in a line: when, what, to whom if that is to be said, what came of it, how long."""
    came_to = f" ({word(one.disposition)})" if one.disposition else ""
    took = f" · {lasts(one.duration_s)}" if one.duration_s else ""
    result = word(one.outcome or one.state)
    what = " · ".join(filter(None, (_what(one), to, f"{result}{came_to}")))
    return f"{moment(one.claimed_at)} · {what}{took}"


def _what(one: Attempt) -> str:
    """`text (sorry-we-missed-you)`; a step that is called as its channel is not named twice."""
    by = contact_by(one.channel)
    if one.direction == "in":
        return f"{by} to us"
    return by if one.step in (by, one.channel) else f"{by} ({safe(one.step, 40)})"


def unknown(found: Sequence[Attempt], ref: str, page: Page) -> Message:
    """`unknown`: attempts whose result nobody could prove, as a question about all of them."""
    if not found:
        return message(f"{safe(ref)}: no attempt has an unknown result")
    part = page.of(found, lambda one: one.id)
    lines = [f"{moment(one.claimed_at)} · {_what(one)} · {point(one.to or '')}" for one in part.shown]
    total = count(len(found), "attempt has", "attempts have")
    twice = confirm("Repeat them?", "The provider may have accepted them, so people may be contacted twice.", "Repeat")
    return message(
        f"{safe(ref)}: {total} an unknown result",
        section(f"❓ {total} an unknown result: the provider did not say. They count as made. Repeat them?"),
        *paragraphs(lines),
        context(YOUR_ZONE),
        *part.buttons(NEWEST_FIRST),
        actions(
            button("Keep as made", "unknown:dismiss", {"ref": ref}),
            button("Repeat…", "unknown:retry", {"ref": ref}, confirm=twice),
        ),
    )
