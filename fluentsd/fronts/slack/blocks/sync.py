"""CRMs and the segments that campaigns follow, in words: the list of sources, lines of a card, what needs attention,
alerts.

What must not live here: the picker of segments (`wizard.pickers`), and what a click does (`clicks`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from fluentsd.engine.outbox.targets import Posted
from fluentsd.fronts.slack.blocks.layout import (
    Block,
    Message,
    actions,
    button,
    confirm,
    context,
    message,
    paragraphs,
    section,
)
from fluentsd.fronts.slack.blocks.paging import IN_ORDER, Page
from fluentsd.fronts.slack.blocks.wording import count, moment, ours, safe, yours
from fluentsd.fronts.slack.words import has_words
from fluentsd.verbs.answers.sources import Followed, Source

if TYPE_CHECKING:  # it imports the front's services
    from fluentsd.fronts.slack.wizard.segments import Known

#: Segments of a source in a list, and lines of each kind elsewhere.
SEGMENTS, LINES = 20, 3
#: How an admin connects a CRM. It counts at once.
CONNECT = (
    "An admin connects one on the shell of fluentsd's machine: `fluentsd source connect hubspot`. Credentials are "
    "never entered in Slack."
)


def listed(
    found: Sequence[Source], followed: Sequence[Followed], page: Page, *, may_read: bool, may_release: bool
) -> Message:
    """`sources`: each with what is wrong, and the segments that campaigns follow, as of when."""
    if not found:
        return message("no CRM is connected", section(f"No CRM is connected. {CONNECT}"))
    made: list[Block] = []
    part = page.of(found, lambda one: one.source)
    for one in part.shown:
        mine = [row for row in followed if row.source == one.source]
        more = [f"… and {len(mine) - SEGMENTS:,} more segments"] if len(mine) > SEGMENTS else []
        text = "\n".join(
            [_headline(one, mine), *(f"• {segment(row, one.problem or '')}" for row in mine[:SEGMENTS]), *more]
        )
        read = button("Read now", "sync:now", {"source": one.source}) if may_read and mine else None
        made.append(section(text, accessory=read))
        if may_release and any(row.held for row in mine):
            made.append(actions(_allow(one.source)))
    return message(count(len(found), "source", "sources"), *made, *part.buttons(IN_ORDER))


def available(
    found: Mapping[str, tuple[Known | None, str]], followed: Sequence[Followed], words: str, page: Page
) -> Message:
    """`segments`: what each CRM has. `found`: the newest list of each, and why there is no fresher one."""
    if not found:
        return message("no CRM is connected", section(f"No CRM is connected. {CONNECT}"))
    who = {f"{row.source} {row.id or row.key}": row.campaigns for row in followed}
    rows = [(source, *row) for source, (known, _) in found.items() if known for row in known.segments
            if has_words(words, source, row[1], row[2])]  # fmt: skip
    part = page.of(rows, lambda row: f"{row[0]} {row[1]}")
    lines = []
    for source, id_, name, kind, size in part.shown:
        people = f" · {count(size)}" if size is not None else ""
        refs = ", ".join(safe(ref, 40) for ref in who.get(f"{source} {id_}", ())[:5])
        lines.append(f"• {safe(source, 60)}: *{safe(name, 100)}* ({safe(kind, 20)}){people}"
                     + (f" · followed by {refs}" if refs else ""))  # fmt: skip
    away = [f"⚠️ {safe(source, 60)}: {_why(why, 200)}" for source, (_, why) in found.items() if why]
    nothing = f"No segment has {safe(words, 80)!r} in its name." if words else "There is no segment."
    made = paragraphs([*away, *(lines or [nothing])])
    follow = context("A campaign follows one from its form: *Edit…*, *Contacts*, *Follow a CRM segment…*.")
    return message(count(len(rows), "segment", "segments"), *made, follow, *part.buttons(IN_ORDER))


def _headline(one: Source, mine: Sequence[Followed]) -> str:
    name = f"*{safe(one.source, 60)}*"
    if one.problem:
        return f"{name} {problem(one)}"
    wrong = sum(bool(row.problem or row.held) for row in mine)
    if wrong:
        return f"{name} 🟠 {count(wrong, 'segment needs', 'segments need')} attention"
    return f"{name} 🟢" + ("" if mine else " no campaign follows a segment of it")


def problem(one: Source) -> str:
    """Why a source cannot be read, since when, when it is tried again, and who can mend it."""
    parts = [f"⚠️ {_why(one.problem or '', 400)}"]
    if one.problem_since_at:
        parts.append(f"since {yours(one.problem_since_at)}")
    if one.next_try_at:
        parts.append(f"next try {moment(one.next_try_at)}")
    return " · ".join(parts) + _mends(one.source, one.problem or "", one.origin)


def _mends(source: str, why: str, origin: str) -> str:
    """What an admin does about it, for keys that only a person can mend."""
    if not why.startswith("needs a person"):
        return ""
    table, command = f"`[source.{safe(source, 60)}]` in fluentsd.toml", f"`fluentsd source connect {safe(source, 60)}`"
    ways = {"connected": command, "fluentsd.toml": table}
    return f"\nAn admin mends it: {ways.get(origin, f'{command}, or {table}')}."


def segment(row: Followed, said: str = "") -> str:
    """A followed segment: its people, as of when, the campaigns, and what keeps it from being read or applied, unless
    it is `said` already."""
    refs = ", ".join(safe(ref, 40) for ref in row.campaigns[:5]) or "no campaign"
    return f"{_named(row)}: {_read(row)} · {refs}{_trouble(row, said)}"


def followed(rows: Sequence[Followed]) -> list[str]:
    """The lines of a card: the segments that its campaign follows, those with a trouble first."""
    ordered = sorted(rows, key=lambda row: not (row.problem or row.held))
    lines = [f"{follows(row.segment or row.key, row.source)}: {_read(row)}{_trouble(row)}" for row in ordered[:LINES]]
    return lines + ([f"… and {count(len(rows) - LINES, 'more segment', 'more segments')}"] if len(rows) > LINES else [])


def follows(name: str, source: str) -> str:
    """`follows *Spring fair* in hubspot`."""
    return f"follows *{safe(name, 100)}* in {safe(source, 60)}"


def _named(row: Followed) -> str:
    return f"*{safe(row.segment or row.key, 100)}*"


def _read(row: Followed) -> str:
    """Its people, and as of when; how far the first reading is."""
    if row.as_of_at is not None:
        return f"{count(row.people)}, as of {yours(row.as_of_at)}"
    if not row.is_walking:
        return "not read yet"
    return "being read for the first time" + (f", {row.named or 0:,} of {row.size:,} so far" if row.size else "")


#: What an error of a plugin begins with, and a part of it, that say nothing to who reads a message.
_OMITTED = re.compile(r"^needs a person: |(?<=\.) Nothing was changed\.(?= )")


def _why(problem: str, at_most: int) -> str:
    """Why something cannot be read, without a full stop."""
    return ours(_OMITTED.sub("", problem), at_most).rstrip(".")


def _trouble(row: Followed, said: str = "") -> str:
    """What is wrong with a segment, and what it means for its people."""
    made = ""
    if row.held:
        made += f"\n⚠️ {safe(row.source, 60)} {ours(row.held, 150)}; nobody enters or leaves until somebody allows it"
    if row.problem and row.problem != said:
        again = f" · next try {moment(row.next_try_at)}" if row.next_try_at else ""
        made += f"\n⚠️ {_why(row.problem, 200)}. Nobody joins or leaves until it can be read{again}"
    return made


def attention(found: Sequence[Source], rows: Sequence[Followed], *, may_release: bool) -> list[Block]:
    """The lines about CRMs that campaigns follow: one that cannot be read, a segment that is not there any more, and a
    change that waits for a person."""
    made = []
    for one in [one for one in found if one.problem and one.segments][:LINES]:
        since = f" since {moment(one.problem_since_at)}" if one.problem_since_at else ""
        words = f"⚠️ *{safe(one.source, 60)}* cannot be read{since}: "
        made.append(_line(words + _why(one.problem or "", 200), one.source))
    down = {one.source for one in found if one.problem}
    for row in [row for row in rows if row.problem and row.source not in down][:LINES]:
        words = f"⚠️ {_named(row)} of {safe(row.source, 60)}: {_why(row.problem or '', 200)}"
        made.append(_line(words, row.source))
    for row in [row for row in rows if row.held][:LINES]:
        words = f"✋ {safe(row.source, 60)} {ours(row.held, 150)}: {_named(row)}"
        made.append(section(words, accessory=_allow(row.source)) if may_release else _line(words, row.source))
    return made


def _line(words: str, source: str) -> Block:
    return section(words, accessory=button("Sources", "say:sources", {"text": f"sources {source}"}))


def _allow(source: str) -> Block:
    """The button that allows what is held in a source, after a question."""
    sure = confirm("Allow these changes?", "Those who joined enter now. Those who left exit when the time that the "
                   "campaign gives them is over.", "Allow")  # fmt: skip
    return button("Allow the held changes…", "sync:release", {"source": source}, confirm=sure)


def alert(event: Posted) -> Message:
    """What a sync tells, with the button that helps."""
    payload = event.payload
    source = str(payload["source"]).removeprefix("source:")
    name = str(payload.get("name") or "")
    what = f"*{safe(name, 100)}* of {safe(source, 60)}" if name else f"*{safe(source, 60)}*"
    look = button("Sources", "say:sources", {"text": f"sources {source}"})
    match event.topic:
        case "sync.held":
            change = ours(str(payload["change"]), 150)
            text = f"✋ {what}: a change waits, because it {change}. Nobody enters or leaves."
            return message(f"a change of {name or source} waits", section(text), actions(_allow(source), look))
        case "sync.failed":
            because = str(payload["because"])
            text = f"⚠️ {what} cannot be read: {_why(because, 500)}{_mends(source, because, '')}"
            effect = "Nobody joins or leaves by it until it can be read, and people whose record is old wait."
            if name:
                effect += " If it was deleted there, pick another one in the campaign's form: *Edit…*, *Contacts*."
            return message(f"{name or source} cannot be read", section(text), context(effect), actions(look))
    return message(f"{name or source} can be read again", section(f"✅ {what} can be read again"))
