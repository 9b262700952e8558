"""Clicks that are no commands: they carry more than a text, or name a person whom the text may not name.

What must not live here: commands (`commands`), modals (`views`).
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping

from fluentsd.api import Unavailable
from fluentsd.domain.time.durations import SECOND
from fluentsd.fronts.slack.blocks import conversations as words
from fluentsd.fronts.slack.blocks.help import refusal
from fluentsd.fronts.slack.blocks.layout import Block, Message, message
from fluentsd.fronts.slack.blocks.wording import count, held, safe, yours
from fluentsd.fronts.slack.commands.persons import never_again, open_card, recording, unsuppress
from fluentsd.fronts.slack.session import Session
from fluentsd.fronts.slack.web_api import SlackRefused
from fluentsd.verbs import slack_posts

DAY = 24 * 3600 * SECOND


async def clicked(session: Session) -> Message | None:
    """Carry out a click by the id of its action."""
    name = session.interaction.name
    run = _CLICKS.get(name) or _CLICKS.get(name.partition(":")[0])
    return await run(session) if run is not None else unknown(session)


def unknown(session: Session) -> Message:
    """The answer to a button that an earlier version has posted and this one does not know."""
    words = "this button is of an earlier version, so nothing was changed; the overview shows what can be done now"
    return refusal(words, ["overview"], session.command_name)


async def _release(session: Session) -> Message:
    value = session.interaction.value
    scope, target = str(value.get("scope", "")), str(value.get("target", ""))
    holds = (await session.run("holds", {})).holds
    if not any((one.scope, one.target) == (scope, target) for one in holds):
        return refusal(f"nothing holds {held(scope, target)} any more, so nothing was changed")
    await session.run("release", {"scope": scope, "target": target})
    return message(f"the hold on {held(scope, target)} is lifted")


async def _retry(session: Session) -> Message:
    found = await session.run("campaign retry", {"ref": str(session.interaction.value.get("ref", ""))})
    return message(f"{count(found.people)} of {safe(found.ref)} are queued again")


async def _unproven(session: Session) -> Message:
    verb = session.interaction.name.partition(":")[2]
    found = await session.run(f"unknown {verb}", {"ref": str(session.interaction.value.get("ref", ""))})
    done = "are queued again" if verb == "retry" else "are kept as made"
    return message(f"{count(found.people, 'attempt', 'attempts')} of {safe(found.ref)} {done}")


async def _handled(session: Session) -> Message | None:
    value = session.interaction.value
    ref = str(value.get("ref", ""))
    person = str(value.get("person", ""))
    await session.run("campaign answer", {"ref": ref, "person": person, "nothing": True})
    number = person.removeprefix("#")
    undo = words.undo(ref, int(number) if number.isdecimal() else None, str(value.get("attempt", "")))
    return await _settle(session, ref, "handled", undo)


async def _undo(session: Session) -> Message | None:
    """Open a reply or hot lead again that was marked as handled, and draw its card."""
    value, at = session.interaction.value, session.interaction
    about = {name: str(value.get(name, "")) for name in ("ref", "person")}
    await session.run("campaign unhandle", about)
    card = await open_card(session, {"attempt": value.get("attempt"), **about})
    if at.is_ephemeral or not (at.channel and at.message_ts):
        return card
    await session.services.api.call("chat.update", channel=at.channel, ts=at.message_ts, **card.body())
    return None


async def _take(session: Session) -> Message:
    """Take a person over. The card shows it as soon as the hold's event is delivered."""
    await session.run("contacts take-over", {"person": str(session.interaction.value.get("person", ""))})
    return message("you have taken this person over: no campaign contacts them until you press Go on")


async def _go_on(session: Session) -> Message:
    found = await session.run("contacts resume", {"person": str(session.interaction.value.get("person", ""))})
    waited = count(found.released, "step that waited goes", "steps that waited go")
    return message(f"the campaigns go on with this person{f'; {waited} on' if found.released else ''}")


async def _listen(session: Session) -> Message:
    return await recording(session, str(session.interaction.value.get("attempt", "")))


async def _rest(session: Session) -> Message:
    number, until = _number(session), session.now + DAY
    await session.run("numbers rest", {"number": number, "until": until, "because": "it rests"})
    return message(f"{safe(number)} rests until {yours(until)}; nothing leaves from it")


async def _use(session: Session) -> Message:
    number = _number(session)
    await session.run("release", {"scope": "number", "target": number})
    return message(f"{safe(number)} is used again")


async def _remove(session: Session) -> Message:
    number = _number(session)
    await session.run("numbers remove", {"number": number})
    return message(f"{safe(number)} is not used any more; its history stays")


def _number(session: Session) -> str:
    return str(session.interaction.value.get("number", ""))


async def _sync(session: Session) -> Message:
    """Read a source now, or allow its held changes."""
    verb, source = session.interaction.name.partition(":")[2], str(session.interaction.value.get("source", ""))
    await session.run(f"sync {verb}", {"source": source})
    now = "is being read; the list of sources shows what comes of it"
    return message(f"{safe(source)} {now if verb == 'now' else 'goes on with the changes that were held'}")


async def _suppress(session: Session) -> Message | None:
    """The button of cards that were posted before the menu had it; it has asked."""
    one = await never_again(session, session.interaction.value)
    return await _settle(session, str(one.ref), "never contacted again", unsuppress(one))


async def _settle(session: Session, ref: str, what: str, undo: Block) -> Message | None:
    """Settle the card of the clicked button; an answer of its own where only this person sees it."""
    interaction = session.interaction
    if interaction.is_ephemeral or not (interaction.channel and interaction.message_ts):
        return words.settled_here(session.person.actor, ref, what, undo)
    await settle(session, ref, what, undo, interaction.channel, interaction.message_ts)
    return None


async def settle(session: Session, ref: str, what: str, undo: Block, channel: str, ts: str) -> None:
    """Show on the card of a reply or lead who dealt with it; the card is shared, so everybody sees it. Cards of other
    channels follow with the next look."""
    done = words.settled_here(session.person.actor, ref, what, undo)
    about = str(json.loads(undo["value"]).get("attempt") or "")
    posts = [await slack_posts.settled(session.services.runtime, kind, about, channel) for kind in ("reply", "lead")]
    try:
        await session.services.api.call("chat.update", channel=channel, ts=ts, **done.body())
    except (SlackRefused, Unavailable):
        for post in filter(None, posts):  # the next look shows it
            await slack_posts.save(session.services.runtime, post)
        raise


_CLICKS: Mapping[str, Callable[[Session], Awaitable[Message | None]]] = {
    "release": _release,
    "number:rest": _rest,
    "number:use": _use,
    "number:remove": _remove,
    "sync:now": _sync,
    "sync:release": _sync,
    "retry": _retry,
    "unknown:retry": _unproven,
    "unknown:dismiss": _unproven,
    "person:take": _take,
    "person:resume": _go_on,
    "person:listen": _listen,
    "reply:handled": _handled,
    "reply:undo": _undo,
    "reply:suppress": _suppress,
}
