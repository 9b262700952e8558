"""The words of the app's home."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fluentsd.fronts.slack.blocks.card import title
from fluentsd.fronts.slack.blocks.charts import bars
from fluentsd.fronts.slack.blocks.conversations import taken_over
from fluentsd.fronts.slack.blocks.layout import Block, actions, button, context, divider, header, section
from fluentsd.fronts.slack.blocks.wording import actor, count, held, moment, ours, plain, safe
from fluentsd.verbs.answers.campaigns import Counted, Status
from fluentsd.verbs.answers.edits import Listed
from fluentsd.verbs.answers.holds import Hold
from fluentsd.verbs.answers.holds import Status as State
from fluentsd.verbs.answers.sources import Source

#: Entries of each part, and characters of a bar.
ENTRIES, BAR = 6, 12

__all__ = ["Home", "Source", "State", "blocks"]


@dataclass(frozen=True, slots=True)
class Home:
    """What the home shows. `health`: part of the installation → its problem; `until`: the end of "next", in epoch
    microseconds."""

    health: Sequence[tuple[str, str]]
    holds: Sequence[Hold]
    replies: int
    leads: int
    campaigns: Sequence[Counted]
    running: Sequence[Status]
    edits: Sequence[Listed]
    until: int
    is_manager: bool
    command: str


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
        ("Needs attention", _attention(shown)), ("Running", _running(shown, native=native)),
        ("Next 24 hours", _next(shown)), ("Drafts", _drafts(shown)),
    ):  # fmt: skip
        if part:
            made += [divider(), section(f"*{heading}*"), *part]
    if not shown.campaigns and not shown.edits:
        made.append(section("There is no campaign yet." + (" Make the first one: it contacts nobody until you start it."
                                                          if shown.is_manager else "")))  # fmt: skip
    return [*made, context(f"Type `{plain(shown.command)} help` in any channel for all commands.")][:100]


def _health(health: Sequence[tuple[str, str]]) -> str:
    wrong = [f"⚠️ *{safe(name, 60)}*: {ours(problem, 200)}" for name, problem in health if problem]
    well = ", ".join(safe(name, 60) for name, problem in health if not problem)
    return "\n".join([*wrong, f"🟢 working: {well or '–'}"])


def _attention(shown: Home) -> list[Block]:
    made = []
    if words := taken_over(shown.holds):
        made.append(section(words))
    for hold in [one for one in shown.holds if one.scope != "contact"][:ENTRIES]:
        until = f" until {moment(hold.until_at)}" if hold.until_at else ""
        release = button("Release", "release", {"scope": hold.scope, "target": hold.target})
        words = f"⚠️ On hold{until}: {held(hold.scope, hold.target)}, by {actor(hold.by)} ({ours(hold.reason, 200)})"
        made.append(section(words, accessory=release))
    for one in [one for one in shown.campaigns if one.errored][:ENTRIES]:
        made.append(section(f"⚠️ *{safe(one.name, 100)}*: {count(one.errored)} in error",
                            accessory=button("Errors", "say:errors", {"text": f"errors c{one.id}"})))  # fmt: skip
    for status in [one for one in shown.running if one.unknown][:ENTRIES]:
        attempts = count(status.unknown, "attempt", "attempts")
        decide = button("Decide", "say:unknown", {"text": f"unknown c{status.id}"})
        made.append(section(f"❓ *{safe(status.name, 100)}*: {attempts} with an unknown result", accessory=decide))
    if shown.leads:
        made.append(section(f"🔥 {count(shown.leads, 'hot lead waits', 'hot leads wait')} for somebody",
                            accessory=button("Hot leads", "say:leads", {"text": "leads"})))  # fmt: skip
    if shown.replies:
        made.append(section(f"💬 {count(shown.replies, 'reply waits', 'replies wait')} for an answer",
                            accessory=button("Replies", "say:replies", {"text": "replies"})))  # fmt: skip
    return made


def _running(shown: Home, *, native: bool) -> list[Block]:
    running = [*shown.running, *[one for one in shown.campaigns if one.state == "paused"][:ENTRIES]]
    made = [_chart(running)] if native and any(one.total for one in running) else []
    for one in running:
        ended = one.completed + one.exited
        part = ended / one.total if one.total else 0.0
        bar = "" if native else f"`{'█' * round(BAR * part)}{'░' * (BAR - round(BAR * part))}` "
        made.append(section(f"{title(one)}\n{bar}{ended:,} of {one.total:,} ended ({part:.0%})",
                            accessory=button("Report", "say:report", {"text": f"report c{one.id}"})))  # fmt: skip
    return made


def _chart(running: Sequence[Counted]) -> Block:
    """The progress of the campaigns that run, in people."""
    people = {"ended": [one.completed + one.exited for one in running], "active": [one.active for one in running],
              "queued": [one.queued for one in running], "in error": [one.errored for one in running]}  # fmt: skip
    return bars("Progress", [one.name for one in running], people, y="people")


def _next(shown: Home) -> list[Block]:
    starts = [(one.starts_at, f"*{safe(one.name, 100)}* starts") for one in shown.campaigns
              if one.state == "scheduled" and one.starts_at is not None]  # fmt: skip
    dues = [(one.next_at, f"*{safe(one.name, 100)}*: the next contact is due") for one in shown.running
            if one.next_at is not None]  # fmt: skip
    soon = sorted((at, words) for at, words in [*starts, *dues] if at <= shown.until)
    return [section("\n".join(f"{moment(at)} · {words}" for at, words in soon[:ENTRIES]))] if soon else []


def _drafts(shown: Home) -> list[Block]:
    """Campaigns that are not started, and edits that are not applied, each with a button that goes on."""
    waiting = {one.ref: one for one in shown.edits}
    made = []
    for edit in [one for one in shown.edits if one.state != "draft"][:ENTRIES]:
        what = "is not complete yet" if not edit.state else "has changes that are not applied"
        words = f"📝 *{safe(edit.name, 100)}* {what} · {actor(edit.saved_by)}, {moment(edit.saved_at)}"
        made.append(_draft(edit.ref, words, shown, "review" if edit.state else "name"))
    for one in [one for one in shown.campaigns if one.state == "draft"][:ENTRIES]:
        more = " · has mistakes" if one.ref in waiting else ""
        made.append(_draft(one.ref, f"{title(one)} · {count(one.total)} · {actor(one.owner)}{more}", shown, "name"))
    return made


def _draft(ref: str, words: str, shown: Home, page: str) -> Block:
    go_on = button("Continue", "open:edit", {"ref": ref, "page": page}) if shown.is_manager else None
    return section(words, accessory=go_on)
