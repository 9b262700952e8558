"""Commands that pause, resume, stop and reopen. One campaign is paused at once, because that is quick to undo; what
cannot be undone, or concerns all campaigns, asks first."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from fluentsd.domain.time.durations import BadDuration, Delay
from fluentsd.domain.time.moments import BadMoment, read_moment
from fluentsd.fronts.slack.blocks.card import receipt, title
from fluentsd.fronts.slack.blocks.layout import Message, asked, button, message, section
from fluentsd.fronts.slack.blocks.wording import count, ours, safe, yours
from fluentsd.fronts.slack.command_table import Misread, Parsed
from fluentsd.fronts.slack.commands.starting import moments_like
from fluentsd.fronts.slack.session import Session
from fluentsd.fronts.slack.words import Named
from fluentsd.verbs import Refused
from fluentsd.verbs.answers.campaigns import Changed

#: The end of a pause that is said after its reason: "because of the holiday until tomorrow 9am".
_END = re.compile(r"(?P<because>.+?)[,;]?\s+(?:until|till|til)\s+(?P<until>.+)", re.IGNORECASE)
#: The button that does it to every campaign.
_STYLES: Mapping[str, Literal["primary", "danger"]] = {"campaign pause": "danger", "campaign resume": "primary"}
#: Words of a duration, so that one which cannot be read is not offered as a reason.
_LASTS = re.compile(r"\d|min|hour|day|week|month", re.IGNORECASE)


async def pause(session: Session, parsed: Parsed) -> Message:
    parsed = await _with_end(session, parsed)
    because = str(parsed.arguments.get("because", ""))
    until = await _until(session, parsed)
    if parsed.all:
        return await _for_all(session, parsed, "active", "campaign pause", until, because)
    found = await session.run("campaign pause", {"ref": parsed.ref, "because": because, **until})
    if found.state == "draft":
        unscheduled = "is not scheduled any more, and a draft again: no contacts until somebody starts it"
        return receipt(found, f"*{safe(found.name)}* {unscheduled}.")
    end = f"it resumes by itself {yours(until['until'])}" if until else "somebody resumes it"
    return receipt(found, f"*{safe(found.name)}* is {found.state}: no contacts until {end}.", *_withdrawn(found))


async def _with_end(session: Session, parsed: Parsed) -> Parsed:
    """The command with the end of the pause that its reason names, if that is a day or a moment."""
    given = parsed.arguments
    end = _END.fullmatch(str(given.get("because", ""))) if not given.keys() & {"for", "until"} else None
    if end is None:
        return parsed
    try:
        read_moment(end["until"], await _zone(session, parsed), session.now, days=True)
    except BadMoment:
        return parsed
    return replace(parsed, arguments={**given, **end.groupdict()})


async def _zone(session: Session, parsed: Parsed) -> str:
    """The zone in which the end of a pause is meant."""
    return session.person.zone if parsed.all else await session.zone_of(parsed.ref)


def _withdrawn(found: Changed) -> list[str]:
    return [f"{count(found.withdrawn, 'ringing call was', 'ringing calls were')} withdrawn."] if found.withdrawn else []


async def _until(session: Session, parsed: Parsed) -> dict[str, int]:
    """The moment of `for` or `until`, as the argument of the verb."""
    given, which = parsed.arguments, "all" if parsed.all else parsed.ref
    if "for" in given:
        value = given["for"]
        try:
            lasts = Delay.parse(re.sub(r"^(?:an?|one)\s+", "1 ", value, flags=re.IGNORECASE))
        except BadDuration:
            why = f"{value!r} is not a length of time; write it like 30 min, 2 hours or 1 day"
            raise Misread(why, [] if _LASTS.search(value) else [f"pause {which} because {value}"]) from None
        return {"until": lasts.after(session.now, session.person.zone)}
    if "until" in given:
        zone = await _zone(session, parsed)
        try:
            return {"until": read_moment(given["until"], zone, session.now)}
        except BadMoment as why:
            reason = f" because {given['because']}" if given.get("because") else ""
            offers = moments_like(given["until"], zone, session.now)
            raise Misread(str(why), [f"pause {which} until {one}{reason}" for one in offers]) from None
    return {}


async def resume(session: Session, parsed: Parsed) -> Message:
    if parsed.all:
        return await _for_all(session, parsed, "paused", "campaign resume", {}, "")
    found = await session.run("campaign resume", {"ref": parsed.ref})
    late = f"{count(found.late)} fell due meanwhile: {found.late_policy}." if found.late else ""
    return receipt(found, f"*{safe(found.name)}* goes on.", late)


async def stop(session: Session, parsed: Parsed) -> Message:
    session.need("manager")
    ref, because = parsed.ref, str(parsed.arguments.get("because", ""))
    if parsed.arguments.get("yes"):
        found = await session.run("campaign stop", {"ref": ref, "because": because})
        return receipt(found, f"*{safe(found.name)}* is stopped; people keep their progress.", *_withdrawn(found))
    found = await session.run("campaign status", {"ref": ref})
    if found.state not in ("active", "paused", "scheduled"):
        raise Refused(f"{ref} is {found.state}, so there is nothing to stop; nothing was changed")
    text = f"stop {ref}{f' because {because}' if because else ''} yes"
    return message(
        f"stop {safe(found.name)}?",
        section(
            f"{title(found, found.holds)}\nStop it? {count(found.queued)} would get no more contacts. "
            "They keep their progress, and the campaign can be reopened."
        ),
        asked(button("Stop the campaign", "say:stop", {"text": text}, "danger")),
    )


async def reopen(session: Session, parsed: Parsed) -> Message:
    found = await session.run("campaign reopen", {"ref": parsed.ref})
    return receipt(found, f"*{safe(found.name)}* is open again, and paused; resume it when it should go on.")


async def _for_all(
    session: Session, parsed: Parsed, state: str, verb: str, more: Mapping[str, Any], because: str
) -> Message:
    """Pause or resume every campaign that can be, after a question with their number."""
    affected = [one for one in await session.campaigns() if one.state == state]
    word = parsed.command.word
    if not affected:
        raise Refused(f"no campaign is {state}; nothing was changed")
    if not parsed.arguments.get("yes"):
        given, style = parsed.arguments, _STYLES[verb]
        words = "".join(f" {name} {given[name]}" for name in ("for", "until", "because") if name in given)
        names = "\n".join(f"• {safe(one.name)} · c{one.id}" for one in affected[:20])
        asks = f"{word.capitalize()} {count(len(affected), 'campaign', 'campaigns')} {safe(words)}".strip()
        return message(
            f"{word} all?",
            section(f"*{asks}?*\n{names}"),
            asked(button(f"{word.capitalize()} all", "say:all", {"text": f"{word} all{words} yes"}, style)),
        )
    lines = []
    for one in affected:
        reason = {"because": because} if verb == "campaign pause" else {}
        lines.append(await _one_of_all(session, one, verb, {"ref": one.ref, **reason, **more}))
    return message(f"{word} all", section("\n".join(lines)))


async def _one_of_all(session: Session, one: Named, verb: str, arguments: Mapping[str, Any]) -> str:
    """One campaign of all; a refusal of one does not keep the others."""
    try:
        found = await session.again(one.ref).run(verb, arguments)
    except Refused as why:
        return f"• *{safe(one.name)}*: {ours(str(why), 200)}"
    return f"• *{safe(one.name)}* is {found.state}"
