"""Answers that are lists: campaigns, reports, people, numbers, attempts, replies, errors, the log, the forecast."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from fluentsd.fronts.slack.blocks.attention import attention
from fluentsd.fronts.slack.blocks.card import ended, row, title
from fluentsd.fronts.slack.blocks.conversations import IN_CRM, who_of
from fluentsd.fronts.slack.blocks.launch import forecast_line
from fluentsd.fronts.slack.blocks.layout import (
    Block,
    Message,
    actions,
    button,
    confirm,
    context,
    header,
    menu,
    message,
    pick,
    section,
)
from fluentsd.fronts.slack.blocks.wording import (
    YOUR_ZONE,
    actor,
    by_channel,
    contact_by,
    count,
    inert,
    lasts,
    link,
    masked,
    moment,
    numbers,
    ours,
    plain,
    point,
    safe,
    word,
)
from fluentsd.fronts.slack.words import is_point
from fluentsd.verbs.answers import campaigns as answers
from fluentsd.verbs.answers import templates
from fluentsd.verbs.answers.agents import Listed
from fluentsd.verbs.answers.attempts import Attempt
from fluentsd.verbs.answers.explain import FollowUp, Forecast, Why
from fluentsd.verbs.answers.holds import Entry, Hold
from fluentsd.verbs.answers.numbers import CallerId
from fluentsd.verbs.answers.people import Lead, Person, Reply
from fluentsd.verbs.answers.sources import Followed, Source
from fluentsd.verbs.contact_lookup import called

#: Entries of a list in one message.
ENTRIES = 20


#: Campaigns with a menu in the overview, and lines of each of its other parts.
ROWS, LINES = 3, 8


def overview(
    found: Sequence[answers.Counted], holds: Sequence[Hold], command: str, leads: int, replies: int
) -> Message:
    """What needs attention, what is active, what comes next, and drafts."""
    by_state = {
        state: [one for one in found if one.state == state] for state in ("active", "paused", "scheduled", "draft")
    }
    made = [
        button("New campaign…", "open:new", {}, "primary"),
        button("All campaigns", "say:list", {"text": "list all"}),
        button("Help", "say:help", {"text": "help"}),
    ]
    blocks = [header("Campaigns"), actions(*made)]
    if needed := attention(holds, found, (), leads, replies):
        blocks += [section("*Needs attention*"), *needed]
    for state, heading in (("active", "Active"), ("paused", "Paused")):
        some = by_state[state]
        blocks += [section(f"*{heading}*")] if some else []
        blocks += [row(one, holds, ended(one)) for one in some[:ROWS]]
        blocks += _more(len(some), ROWS)
    for state, heading in (("scheduled", "Next"), ("draft", "Drafts")):
        if some := by_state[state]:
            blocks.append(section(f"*{heading}*\n" + "\n".join(_line(one, holds) for one in some[:LINES])))
    if len(blocks) == 2:
        blocks.append(section("No campaign is active, scheduled or a draft."))
    blocks.append(context(f"{YOUR_ZONE} Type `{plain(command)} help` for all commands."))
    return message(count(len(by_state["active"]), "active campaign", "active campaigns"), *blocks)


def _line(one: answers.Counted, holds: Sequence[Hold]) -> str:
    done = count(one.total) if one.state in ("draft", "scheduled") else ended(one, with_bar=False)
    when = f", starts {moment(one.starts_at, one.zone)}" if one.state == "scheduled" else ""
    return f"{title(one, holds)} · {done}{when}"


def campaigns(found: Sequence[answers.Counted], holds: Sequence[Hold], asked: str) -> Message:
    """`list`: a line for each, and a select that opens one."""
    if not found:
        return message(f"no campaign{f' is {asked}' if asked else ''}")
    shown = found[:ENTRIES]
    open_one = pick("say:status", "Open a campaign…",
                    [(inert(one.name), {"text": f"status c{one.id}"}) for one in shown])  # fmt: skip
    return message(
        count(len(found), "campaign", "campaigns"),
        section("\n".join(_line(one, holds) for one in shown)),
        *_more(len(found), ENTRIES),
        actions(open_one),
    )


def _persons(found: Iterable[tuple[int | None, str]]) -> list[Block]:
    """A select below a list that opens the history of one of its people: id and words of each."""
    options = {f"#{contact}": words for contact, words in found if contact}
    made = [(words, {"text": f"person {ref}"}) for ref, words in list(options.items())[:ENTRIES]]
    return [actions(pick("say:person", "History of a person…", made))] if made else []


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


def caller_ids(found: Sequence[CallerId], tag: str, *, is_manager: bool = False) -> Message:
    """`numbers`, each with a menu. Our own lines are not masked."""
    digits = "".join(filter(str.isdigit, tag))
    chosen = [one for one in found if not tag or tag in one.tags or (len(digits) >= 4 and digits in one.e164)]
    new = [actions(button("Add a number…", "open:number", {}))] if is_manager else []
    if not chosen:
        words = f"no caller ID{f' has the tag or number {safe(tag)}' if tag else ''}"
        return message(words, section(words), *new)
    made = [section(_caller_id(one), accessory=_number_menu(one) if is_manager else None) for one in chosen[:ENTRIES]]
    return message(f"{count(len(chosen), 'caller ID', 'caller IDs')}", *made, *_more(len(chosen), ENTRIES), *new)


def _caller_id(one: CallerId) -> str:
    until = f" until {moment(one.held_until_at)}" if one.held_until_at else ""
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


def sources(found: Sequence[Source], followed: Sequence[Followed], *, may_read: bool, may_release: bool) -> Message:
    """`sources`: each with its problem and the segments that campaigns follow, as of when."""
    if not found:
        words = "No CRM is connected. An admin connects one in fluentsd.toml with `[source.hubspot]`."
        return message("no source", section(words))
    made: list[Block] = []
    for one in found[:ENTRIES]:
        name = one.source
        mine = [row for row in followed if row.source == name]
        problem = f"⚠️ {ours(one.problem, 300)} (since {moment(one.problem_since_at)})" if one.problem else "🟢"
        lines = [f"*{safe(name, 60)}* {problem}", *(_segment(row) for row in mine[:ENTRIES])]
        read = button("Read now", "sync:now", {"source": name}) if may_read and mine else None
        made.append(section("\n".join(lines), accessory=read))
        if may_release and any(row.held for row in mine):
            sure = confirm("Allow these changes?", "The people who are held back enter or leave at once.", "Allow")
            made.append(actions(button("Allow the held changes…", "sync:release", {"source": name}, confirm=sure)))
    return message(count(len(found), "source", "sources"), *made, *_more(len(found), ENTRIES))


def _segment(row: Followed) -> str:
    refs = ", ".join(safe(ref, 40) for ref in row.campaigns[:5]) or "no campaign"
    line = f"• {safe(row.segment or row.key, 100)}: {count(row.people)}, as of {moment(row.as_of_at)} · {refs}"
    return line + (f" · ⚠️ held: {ours(str(row.held), 150)}" if row.held else "")


def texts(found: Sequence[templates.Listed], *, is_manager: bool) -> Message:
    """`texts`: each with its version and the campaigns that use it."""
    made: list[Block] = []
    for one in found[:ENTRIES]:
        used = ", ".join(safe(ref, 40) for ref in one.campaigns[:5]) or "no campaign"
        subject = f" · {safe(one.subject, 80)}" if one.subject else ""
        change = button("Change…", "open:text", {"name": one.name, "channel": one.channel}) if is_manager else None
        words = f"`{safe(one.name, 63)}` · {by_channel(one.channel)} · version {one.version}{subject}\nused by {used}"
        made.append(section(words, accessory=change))
    made += _more(len(found), ENTRIES) if made else [section("There is no stored text yet.")]
    if is_manager:
        new = (("New text…", "sms"), ("New e-mail…", "email"))
        made.append(actions(*(button(words, f"open:text:{channel}", {"channel": channel}) for words, channel in new)))
    return message(count(len(found), "stored text", "stored texts"), *made)


def people(found: Sequence[Person], words: str, hidden: bool) -> Message:
    """`contacts find`. `hidden`: others can read along, so numbers and addresses are masked."""
    if not found:
        return message(f"nobody is found by {safe(words)}")
    lines = []
    for one in found[:ENTRIES]:
        points = ", ".join(point(p) if hidden else safe(p) for p in one.points[:3])
        where = ", ".join(safe(place.ref) for place in one.campaigns[:3])
        record = f" · {link(one.record, IN_CRM)}" if one.record else ""
        name = safe(called(one.fields, "–"), 60)
        lines.append(f"#{one.id} *{name}* · {points} · {where or 'in no campaign'}{record}")
    to_choose = _persons((one.id, f"{inert(called(one.fields, '–'))} · #{one.id}") for one in found)
    return message(f"{count(len(found))} found", section("\n".join(lines)), *_more(len(found), ENTRIES), *to_choose)


def why(found: Why, person: str) -> Message:
    """`why`: one sentence per campaign."""
    shown = point(person) if is_point(person) else safe(person)
    entries = found.campaigns
    if not entries:
        return message(f"{shown}: {ours(found.sentence or '')}")
    lines = [
        f"*{safe(one.name or one.campaign)}* ({one.campaign_state}) · {one.state}: {ours(one.sentence, 400)}"
        + (f" · {moment(one.at)}" if one.at else "")
        for one in entries[:ENTRIES]
    ]
    return message(f"why {shown}", section(f"*{shown}*\n" + "\n".join(lines)))


def calls(found: Sequence[Attempt], name: str) -> Message:
    """`calls`: attempts, newest first."""
    if not found:
        return message(f"{safe(name)}: no such attempt")
    lines = [attempt(one, point(one.to or "")) for one in found[:ENTRIES]]
    to_choose = _persons((one.contact, f"{point(one.to or '')} · {inert(one.ref)}") for one in found)
    return message(
        f"attempts of {safe(name)}",
        section("\n".join(lines)),
        *_more(len(found), ENTRIES),
        context(YOUR_ZONE),
        *to_choose,
    )


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


def unknown(found: Sequence[Attempt], ref: str) -> Message:
    """`unknown`: attempts whose result nobody could prove, as a question."""
    if not found:
        return message(f"{safe(ref)}: no attempt has an unknown result")
    lines = [f"{moment(one.claimed_at)} · {_what(one)} · {point(one.to or '')}" for one in found[:ENTRIES]]
    total = count(len(found), "attempt has", "attempts have")
    twice = confirm("Repeat them?", "The provider may have accepted them, so people may be contacted twice.", "Repeat")
    return message(
        f"{safe(ref)}: {total} an unknown result",
        section(f"❓ {total} an unknown result: the provider did not say. They count as made. Repeat them?"),
        section("\n".join(lines)),
        *_more(len(found), ENTRIES),
        context(YOUR_ZONE),
        actions(
            button("Keep as made", "unknown:dismiss", {"ref": ref}),
            button("Repeat…", "unknown:retry", {"ref": ref}, confirm=twice),
        ),
    )


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


def log(found: Sequence[Entry]) -> Message:
    """`log`: the newest acts."""
    if not found:
        return message("no such entry")
    lines = [
        f"{moment(one.at)} · {actor(one.actor)} · {safe(one.verb)} {masked(one.target, 150)}" + _reason(one.details)
        for one in found[:ENTRIES]
    ]
    return message("audit log", section("\n".join(lines)), *_more(len(found), ENTRIES), context(YOUR_ZONE))


def _reason(details: Any) -> str:
    because = details.get("because") if isinstance(details, Mapping) else None
    return f" ({masked(because, 100)})" if because else ""


def replies(found: Sequence[Reply]) -> Message:
    """`replies`: those that are not handled yet, oldest first."""
    if not found:
        return message("every reply is handled")
    lines = [
        f"{moment(one.created_at)} · *{safe(one.campaign_name or one.ref or 'before any attempt')}* · "
        f"{f'{contact_by(one.channel)} from ' if one.channel else ''}{who_of(one)}: "
        f"{masked(one.text or '', 200)}{_of_person(one)}"
        for one in found[:ENTRIES]
    ]
    return message(f"{count(len(found), 'reply', 'replies')} not handled yet", *_listed(lines, found))


def leads(found: Sequence[Lead]) -> Message:
    """`leads`: hot leads that are not handled yet, oldest first."""
    if not found:
        return message("every hot lead is handled")
    lines = [
        f"{moment(one.created_at)} · *{safe(one.campaign_name or one.ref)}* · {word(one.disposition)} · "
        f"{who_of(one)}: {masked(one.summary or 'no summary', 200)}{_of_person(one)}"
        for one in found[:ENTRIES]
    ]
    return message(f"{count(len(found), 'hot lead', 'hot leads')} not handled yet", *_listed(lines, found))


def _of_person(one: Reply | Lead) -> str:
    record = f" · {link(one.record, IN_CRM)}" if one.record else ""
    return record + (f" · 🤝 {actor(one.taken_over_by)}" if one.taken_over_by else "")


def _listed(lines: Sequence[str], found: Sequence[Reply | Lead]) -> list[Block]:
    """A list of conversations, and the select that opens the history of one of the people."""
    to_choose = _persons((one.contact, f"{inert(one.name)} {point(one.person or '')}".strip())
                         for one in found)  # fmt: skip
    return [section("\n".join(lines)), *_more(len(found), ENTRIES), context(YOUR_ZONE), *to_choose]


def agents(found: Sequence[Listed], *, is_manager: bool) -> Message:
    """`agents`: who speaks on the phone, each with a button that makes a new version."""
    new = [actions(button("New agent…", "open:agent", {}, "primary"))] if is_manager else []
    if not found:
        words = "There is no agent of fluentsd yet. Agents that a provider hosts are known to the provider alone."
        return message("no agent", section(words), *new)
    blocks: list[Block] = []
    for one in found[:ENTRIES]:
        used = ", ".join(safe(ref) for ref in one.campaigns[:5]) or "no campaign"
        records = " · records calls" if one.recording else ""
        words = (f"`{safe(one.name)}` version {one.version} · {safe(one.company)} · {safe(one.language)}"
                 f"{records}\nused by {used}")  # fmt: skip
        edit = button("Edit…", f"open:agent:{one.name}", {"name": one.name}) if is_manager else None
        blocks.append(section(words, accessory=edit))
    return message(f"{count(len(found), 'agent', 'agents')}", *blocks, *_more(len(found), ENTRIES), *new)


def _more(total: int, shown: int) -> list[Block]:
    return [context(f"… and {total - shown} more")] if total > shown else []
