"""Answers that are lists: campaigns, numbers, texts, agents, errors, the log, the forecast.

What must not live here: people (`people`), attempts (`attempts`), sources (`sync`), and the pages of a list (`paging`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fluentsd.fronts.slack.blocks.attention import attention
from fluentsd.fronts.slack.blocks.card import draft_row, ended, row, title
from fluentsd.fronts.slack.blocks.launch import forecast_line
from fluentsd.fronts.slack.blocks.layout import (
    Block,
    Message,
    actions,
    button,
    context,
    header,
    menu,
    message,
    paragraphs,
    pick,
    section,
)
from fluentsd.fronts.slack.blocks.paging import IN_ORDER, NEWEST_FIRST, Page
from fluentsd.fronts.slack.blocks.wording import (
    YOUR_ZONE,
    actor,
    by_channel,
    count,
    inert,
    moment,
    numbers,
    ours,
    plain,
    point,
    safe,
    without_points,
    yours,
)
from fluentsd.verbs.answers import campaigns as answers
from fluentsd.verbs.answers import templates
from fluentsd.verbs.answers.acts import sentence
from fluentsd.verbs.answers.agents import Listed
from fluentsd.verbs.answers.explain import FollowUp, Forecast
from fluentsd.verbs.answers.holds import Entry, Hold
from fluentsd.verbs.answers.numbers import CallerId

#: Causes of errors.
ENTRIES = 20
#: Campaigns with a menu or a button in a part of the overview, and lines of what is scheduled.
ROWS, LINES = 3, 8


def overview(
    found: Sequence[answers.Counted], holds: Sequence[Hold], command: str, leads: int, replies: int,
    troubles: Sequence[Block] = (), *, is_manager: bool,
) -> Message:  # fmt: skip
    """What needs attention, what is active, what comes next, and drafts. `troubles`: lines about CRMs; `is_manager`:
    who reads may make campaigns."""
    by_state = {
        state: [one for one in found if one.state == state] for state in ("active", "paused", "scheduled", "draft")
    }
    made = [
        *([button("New campaign…", "open:new", {}, "primary")] if is_manager else []),
        button("All campaigns", "say:list", {"text": "list all"}),
        button("Help", "say:help", {"text": "help"}),
    ]
    blocks = [header("Campaigns"), actions(*made)]
    if needed := [*attention(holds, found, (), leads, replies), *troubles]:
        blocks += [section("*Needs attention*"), *needed]
    for state, heading in (("active", "Active"), ("paused", "Paused")):
        some = by_state[state]
        blocks += [section(f"*{heading}*")] if some else []
        blocks += [row(one, holds, ended(one)) for one in some[:ROWS]]
        blocks += _more(len(some), ROWS)
    if some := by_state["scheduled"]:
        blocks.append(section("*Next*\n" + "\n".join(_line(one, holds) for one in some[:LINES])))
        blocks += _more(len(some), LINES)
    if some := by_state["draft"]:
        blocks.append(section("*Drafts*"))
        blocks += [draft_row(one.ref, _line(one, holds), is_manager=is_manager) for one in some[:ROWS]]
        blocks += _more(len(some), ROWS)
    if len(blocks) == 2:
        blocks.append(section("No campaign is active, scheduled or a draft."))
    blocks.append(context(f"{YOUR_ZONE} Type `{plain(command)} help` for all commands."))
    return message(count(len(by_state["active"]), "active campaign", "active campaigns"), *blocks)


def _line(one: answers.Counted, holds: Sequence[Hold]) -> str:
    done = count(one.total) if one.state in ("draft", "scheduled") else ended(one, with_bar=False)
    when = f", starts {moment(one.starts_at, one.zone)}" if one.state == "scheduled" else ""
    return f"{title(one, holds)} · {done}{when}"


def campaigns(
    found: Sequence[answers.Counted], holds: Sequence[Hold], asked: str, page: Page, *, is_manager: bool
) -> Message:
    """`list`: a line for each, newest first, and a select that opens one. `asked`: what narrows the list."""
    if not found and not asked:
        new = [actions(button("New campaign…", "open:new", {}, "primary"))] if is_manager else []
        return message("no campaign", section("There is no campaign yet."), *new)
    if not found:
        return message(f"no campaign{f' is {asked}' if asked else ''}")
    part = page.of(found, lambda one: one.id)
    open_one = pick("say:status", "Open a campaign…",
                    [(inert(one.name), {"text": f"status c{one.id}"}) for one in part.shown])  # fmt: skip
    return message(
        count(len(found), "campaign", "campaigns"),
        *paragraphs([_line(one, holds) for one in part.shown]),
        *part.buttons(NEWEST_FIRST, open_one),
    )


def errors(found: answers.Errors, ref: str) -> Message:
    """`errors`: causes, each with the button that tries again."""
    if not found.causes:
        return message("nobody is in error")
    blocks: list[Block] = [
        section(f"*{count(cause.people)}*: {ours(cause.cause, 300)}\n{', '.join(point(one) for one in cause.some[:5])}")
        for cause in found.causes[:ENTRIES]
    ]
    blocks.append(actions(button("Try all again", "retry", {"ref": found.ref}, "primary")))
    return message(f"errors of {safe(ref)}", *blocks)


def caller_ids(found: Sequence[CallerId], tag: str, page: Page, *, is_manager: bool = False) -> Message:
    """`numbers`, each with a menu. Our own lines are not masked."""
    digits = "".join(filter(str.isdigit, tag))
    chosen = [one for one in found if not tag or tag in one.tags or (len(digits) >= 4 and digits in one.e164)]
    new = [actions(button("Add a number…", "open:number", {}))] if is_manager else []
    if not chosen:
        words = f"no caller ID{f' has the tag or number {safe(tag)}' if tag else ''}"
        return message(words, section(words), *new)
    part = page.of(chosen, lambda one: one.e164)
    made = [section(_caller_id(one), accessory=_number_menu(one) if is_manager else None) for one in part.shown]
    return message(f"{count(len(chosen), 'caller ID', 'caller IDs')}", *made, *part.buttons(IN_ORDER), *new)


def _caller_id(one: CallerId) -> str:
    until = f" until {yours(one.held_until_at)}" if one.held_until_at else ""
    return (
        f"`{safe(one.e164)}` {safe(one.label or '')} {' '.join(f'#{safe(t)}' for t in one.tags)} · used {one.used:,}"
        + (f" · pace {safe(one.pace)}" if one.pace else "")
        + (f" · ⚠️ {ours(one.held, 100)}{until}" if one.held else "")
    )


def _number_menu(one: CallerId) -> Block:
    """What can be done with a number."""
    value = {"number": one.e164}
    now = ("Use it again", "number:use") if one.held else ("Let it rest for a day", "number:rest")
    return menu(f"number:{plain(one.e164, 20)}", (*now, value), ("Stop using it", "number:remove", value))


def texts(found: Sequence[templates.Listed], page: Page, *, is_manager: bool) -> Message:
    """`texts`: each with its version and the campaigns that use it."""
    made: list[Block] = []
    part = page.of(found, lambda one: f"{one.channel} {one.name}")
    for one in part.shown:
        used = ", ".join(safe(ref, 40) for ref in one.campaigns[:5]) or "no campaign"
        subject = f" · {safe(one.subject, 80)}" if one.subject else ""
        change = button("Change…", "open:text", {"name": one.name, "channel": one.channel}) if is_manager else None
        words = f"`{safe(one.name, 63)}` · {by_channel(one.channel)} · version {one.version}{subject}\nused by {used}"
        made.append(section(words, accessory=change))
    made += part.buttons(IN_ORDER) if made else [section("There is no stored text yet.")]
    if is_manager:
        new = (("New text…", "sms"), ("New e-mail…", "email"))
        made.append(actions(*(button(words, f"open:text:{channel}", {"channel": channel}) for words, channel in new)))
    return message(count(len(found), "stored text", "stored texts"), *made)


def forecast(found: Forecast, name: str, reader: str = "") -> Message:
    """`forecast`. `reader`: the zone of the one who reads."""
    first = found.first[0].at if found.first else None
    lines = [
        forecast_line(replace(found, first_at=first), reader),
        f"completed {found.completed:,} · exited {numbers(found.exited)}",
    ]
    if found.bottleneck.share:
        lines.append(f"what slows it down: {ours(found.bottleneck.sentence)}")
    if found.follow_ups:
        lines.append(f"not counted above, follow-ups after calls: {', '.join(map(_follow_up, found.follow_ups[:8]))}")
    lines += [f"{count(one.people)} wait at `{safe(one.step, 40)}`, not counted above: {ours(str(one.sentence))}"
              for one in found.held[:8]]  # fmt: skip
    lines += [f"{count(one.people)} skip `{safe(one.step, 40)}`: {ours(str(one.sentence))}" for one in found.skips[:8]]
    return message(f"forecast of {safe(name)}", section(f"*{safe(name)}*\n" + "\n".join(lines)))


def _follow_up(one: FollowUp) -> str:
    people = "as the analysis says" if one.people is None else f"up to {one.people:,}"
    return f"`{safe(one.step, 40)}` {people}"


def log(found: Sequence[Entry], page: Page) -> Message:
    """`log`: the newest acts first."""
    if not found:
        return message("no such entry")
    part = page.of(found, lambda one: f"{one.at} {one.verb} {one.target}")
    lines = [f"{moment(one.at)} · {actor(one.actor)} {_did(one)}" for one in part.shown]
    return message("audit log", *paragraphs(lines), context(YOUR_ZONE), *part.buttons(NEWEST_FIRST))


def _did(one: Entry) -> str:
    return ours(without_points(sentence(one.verb, one.target, one.details)), 300)


def agents(found: Sequence[Listed], page: Page, *, is_manager: bool) -> Message:
    """`agents`: who speaks on the phone, each with a button that makes a new version."""
    new = [actions(button("New agent…", "open:agent", {}, "primary"))] if is_manager else []
    if not found:
        words = "There is no agent of fluentsd yet. Agents that a provider hosts are known to the provider alone."
        return message("no agent", section(words), *new)
    blocks: list[Block] = []
    part = page.of(found, lambda one: one.name)
    for one in part.shown:
        used = ", ".join(safe(ref) for ref in one.campaigns[:5]) or "no campaign"
        records = " · records calls" if one.recording else ""
        words = (f"`{safe(one.name)}` version {one.version} · {safe(one.company)} · {safe(one.language)}"
                 f"{records}\nused by {used}")  # fmt: skip
        edit = button("Edit…", f"open:agent:{one.name}", {"name": one.name}) if is_manager else None
        blocks.append(section(words, accessory=edit))
    return message(f"{count(len(found), 'agent', 'agents')}", *blocks, *part.buttons(IN_ORDER), *new)


def _more(total: int, shown: int) -> list[Block]:
    return [context(f"… and {total - shown} more")] if total > shown else []
