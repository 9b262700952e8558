"""The words of the app's home."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fluentsd.fronts.slack.blocks.attention import attention
from fluentsd.fronts.slack.blocks.card import draft_row, ended, row, title
from fluentsd.fronts.slack.blocks.charts import bars
from fluentsd.fronts.slack.blocks.layout import Block, actions, button, context, divider, header, section
from fluentsd.fronts.slack.blocks.wording import YOUR_ZONE, actor, count, moment, ours, plain, safe, yours
from fluentsd.verbs.answers.campaigns import Counted, Status, state_word
from fluentsd.verbs.answers.edits import Listed
from fluentsd.verbs.answers.holds import Hold
from fluentsd.verbs.answers.holds import Status as State
from fluentsd.verbs.answers.sources import Source

#: Entries of each part, and campaigns from which a chart says more than their lines.
ENTRIES, CHARTED = 6, 2

__all__ = ["Home", "Source", "State", "blocks"]


@dataclass(frozen=True, slots=True)
class Home:
    """What the home shows. `health`: part of the installation → its problem; `until`: the end of "next", in epoch
    microseconds; `reader`: the zone of the one whose home it is; `troubles`: lines about CRMs."""

    health: Sequence[tuple[str, str]]
    holds: Sequence[Hold]
    replies: int
    leads: int
    campaigns: Sequence[Counted]
    active: Sequence[Status]
    edits: Sequence[Listed]
    until: int
    is_manager: bool
    command: str
    reader: str
    troubles: Sequence[Block] = ()


def blocks(shown: Home, *, native: bool = False) -> list[Block]:
    """The home's blocks, a hundred at most. `native`: the progress is one chart instead of a bar of text for each."""
    new = [button("New campaign…", "open:new", {}, "primary")] if shown.is_manager else []
    made: list[Block] = [
        header("Campaigns"),
        actions(*new, button("All campaigns", "say:list", {"text": "list all"}),
                button("Replies", "say:replies", {"text": "replies"}), button("Help", "say:help", {"text": "help"})),
        section(_health(shown.health)),
    ]  # fmt: skip
    for heading, part in (
        ("Needs attention", [
            *attention(shown.holds, shown.campaigns, shown.active, shown.leads, shown.replies), *shown.troubles,
        ]),
        ("Active", _active(shown, native=native)),
        ("Next 24 hours", _next(shown)), ("Drafts", _drafts(shown)),
    ):  # fmt: skip
        if part:
            made += [divider(), section(f"*{heading}*"), *part]
    if not shown.campaigns and not shown.edits:
        made.append(section("There is no campaign yet." + (" Make the first one: it contacts nobody until you start it."
                                                          if shown.is_manager else "")))  # fmt: skip
    return [*made, context(f"{YOUR_ZONE} Type `{plain(shown.command)} help` in any channel for all commands.")][:100]


def _health(health: Sequence[tuple[str, str]]) -> str:
    wrong = [f"⚠️ *{safe(name, 60)}*: {ours(problem, 200)}" for name, problem in health if problem]
    well = ", ".join(safe(name, 60) for name, problem in health if not problem)
    return "\n".join([*wrong, f"🟢 working: {well or '–'}"])


def _active(shown: Home, *, native: bool) -> list[Block]:
    """Campaigns that are active, held or paused."""
    found = [*shown.active, *[one for one in shown.campaigns if one.state == "paused"][:ENTRIES]]
    is_charted = native and len(found) >= CHARTED and any(one.total for one in found)
    chart = [_chart(found)] if is_charted else []
    unseen = sum(one.state in ("active", "paused") for one in shown.campaigns) - len(found)
    more = [context(f"… and {unseen:,} more")] if unseen > 0 else []
    return [*chart, *(row(one, shown.holds, ended(one, with_bar=not is_charted)) for one in found), *more]


def _chart(found: Sequence[Counted]) -> Block:
    """The progress of the campaigns, in people; what is true of nobody is left out."""
    people = {"ended": [one.completed + one.exited for one in found], "active": [one.active for one in found],
              "queued": [one.queued for one in found], "in error": [one.errored for one in found]}  # fmt: skip
    some = {state: counts for state, counts in people.items() if any(counts)}
    return bars("Progress", [one.name for one in found], some, y="people")


def _next(shown: Home) -> list[Block]:
    starts = [(one.starts_at, f"*{safe(one.name, 100)}* starts", one.zone) for one in shown.campaigns
              if one.state == "scheduled" and one.starts_at is not None]  # fmt: skip
    dues = [(one.next_at, f"*{safe(one.name, 100)}*: the next contact is due", one.zone) for one in shown.active
            if one.next_at is not None and state_word(one, shown.holds) == "active"]  # fmt: skip
    soon = sorted(one for one in [*starts, *dues] if one[0] <= shown.until)
    lines = [f"{moment(at, zone, shown.reader)} · {words}" for at, words, zone in soon[:ENTRIES]]
    return [section("\n".join(lines))] if lines else []


def _drafts(shown: Home) -> list[Block]:
    """Campaigns that are not started, and edits that are not applied, each with a button that goes on."""
    waiting = {one.ref: one for one in shown.edits}
    made = []
    for edit in [one for one in shown.edits if one.state != "draft"][:ENTRIES]:
        what = "is not complete yet" if not edit.state else "has changes that are not applied"
        words = f"📝 *{safe(edit.name, 100)}* {what} · {actor(edit.saved_by)}, {yours(edit.saved_at)}"
        page = "review" if edit.state else "name"
        made.append(draft_row(edit.ref, words, is_manager=shown.is_manager, page=page))
    for one in [one for one in shown.campaigns if one.state == "draft"][:ENTRIES]:
        more = " · has mistakes" if one.ref in waiting else ""
        words = f"{title(one)} · {count(one.total)} · {actor(one.owner)}{more}"
        made.append(draft_row(one.ref, words, is_manager=shown.is_manager))
    return made
