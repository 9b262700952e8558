"""What is done about one person: never contact, take over and give back, answer, promise a call, listen to a call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fluentsd.fronts.slack.blocks import conversations as words_of
from fluentsd.fronts.slack.blocks.layout import Block, Message, actions, button, context, message, section
from fluentsd.fronts.slack.blocks.wording import count, link, moment, ours, point, safe, without_points
from fluentsd.fronts.slack.command_table import Parsed
from fluentsd.fronts.slack.people import Owners
from fluentsd.fronts.slack.session import Session
from fluentsd.fronts.slack.words import is_point
from fluentsd.verbs import Refused
from fluentsd.verbs.answers.people import Lead, Reply
from fluentsd.verbs.answers.suppression import Undone


async def suppress(session: Session, parsed: Parsed) -> Message:
    found = await session.run("suppression add", dict(parsed.arguments))
    left = f" The person left {count(len(found.campaigns), 'campaign', 'campaigns')}." if found.campaigns else ""
    words = f"{point(found.point)} is never contacted again, on any channel.{left}"
    return message(words, section(words), actions(button("Undo…", "open:unsuppress", {"point": found.point})))


async def unsuppress_typed(session: Session, parsed: Parsed) -> Message:
    return undone(await session.run("suppression undo", dict(parsed.arguments)))


def undone(found: Undone) -> Message:
    """What taking an entry back came to, and what it does not put back."""
    words = "\n".join(ours(without_points(one), 300) for one in (found.sentence, *found.notes))
    return message("taken back", section(words), context("The entry and your reason stay on record."))


def unsuppress(one: Reply | Lead) -> Block:
    """The button that asks why what was suppressed in a conversation was a mistake."""
    value = {"ref": one.ref, "person": f"#{one.contact}", "attempt": one.attempt}
    return button("Undo…", "open:unsuppress", value)


async def take_back(session: Session, value: Mapping[str, Any], because: str) -> Message:
    """Take back that a number or address is never contacted again: of a command, or of a reply or hot lead, which is
    open again then."""
    where = str(value.get("point") or "")
    if not where:
        found = (await session.run("history", {"attempt": str(value.get("attempt", ""))})).calls
        where = str(found[0].to or "") if found else ""
    if not where:
        raise Refused("its number or address is not known any more; nothing was changed")
    answer = undone(await session.run("suppression undo", {"point": where, "because": because}))
    if value.get("attempt"):
        about = {"ref": str(value.get("ref", "")), "person": str(value.get("person", ""))}
        await session.again("unhandled").run("campaign unhandle", about)
    return answer


async def open_card(session: Session, value: Mapping[str, Any]) -> Message:
    """The card of an open reply or hot lead."""
    one = await conversation(session, value)
    mention = await Owners(session.services.people, session.services.settings.roles).mention(one.owner or "")
    return words_of.lead(one, mention) if isinstance(one, Lead) else words_of.reply(one, mention)


async def unhandle(session: Session, parsed: Parsed) -> Message:
    """Open a reply or hot lead again."""
    found = await session.run("campaign unhandle", {"ref": parsed.ref, "person": parsed.arguments["person"]})
    noun = count(found.opened, "reply or hot lead of", "replies and hot leads of")
    return message(f"{noun} {_named(parsed)} open again in {safe(parsed.ref)}. What was sent stays sent")


async def conversation(session: Session, value: Mapping[str, Any]) -> Reply | Lead:
    """The open reply or hot lead that a button is about: by its attempt, which a card's menu has alone, or by campaign
    and person on cards that were posted before. Raises `Refused`."""
    about = {name: str(value[name]) for name in ("attempt", "ref", "person") if value.get(name)}
    if "attempt" in about:
        about = {"attempt": about["attempt"]}
    elif "person" not in about:
        raise Refused("this button does not say any more whom it is about; nothing was changed")
    found: list[Reply | Lead] = [*(await session.run("campaign replies", about)).replies]
    found += (await session.run("campaign leads", about)).leads
    if not found:
        raise Refused("this is handled already; nothing was changed")
    return found[0]


async def never_again(session: Session, value: Mapping[str, Any]) -> Reply | Lead:
    """Suppress the number or address of an open reply or hot lead, and close it."""
    one = await conversation(session, value)
    ref = str(one.ref)
    if not one.person:
        raise Refused("its number or address is not known any more; nothing was changed")
    await session.run("suppression add", {"point": one.person, "because": f"asked for in a conversation in {ref}"})
    closed = {"ref": ref, "person": f"#{one.contact}", "nothing": True}
    await session.again("handled").run("campaign answer", closed)
    return one


async def take_over(session: Session, parsed: Parsed) -> Message:
    """Hold a person in all campaigns."""
    found = await session.run("contacts take-over", {"person": parsed.arguments["person"]})
    back = {"ref": "", "person": f"#{found.contact}"}
    return message(
        "you have taken this person over",
        section(f"You have taken {_named(parsed)} over: no campaign contacts them until you say that they go on."),
        actions(button("Go on", "person:resume", back)),
    )


async def give_back(session: Session, parsed: Parsed) -> Message:
    await session.run("contacts resume", {"person": parsed.arguments["person"]})
    return message(f"the campaigns go on with {_named(parsed)}")


def _named(parsed: Parsed) -> str:
    person = str(parsed.arguments["person"])
    return point(person) if is_point(person) else safe(person)


async def listen(session: Session, parsed: Parsed) -> Message:
    return await recording(session, str(parsed.arguments["attempt"]))


async def recording(session: Session, attempt: str) -> Message:
    """A link to a recording, for this person alone. It is made for each request, and no repetition gets an old one."""
    found = await session.run("listen", {"attempt": attempt}, repeatable=False)
    if not found.link:
        raise Refused(
            "this installation has no public address, so the recording cannot be heard from here. An admin sets "
            "[http] public_url in fluentsd.toml"
        )
    words = f"🔊 {link(found.link, 'Listen to the call')}, until {moment(found.until_at)}."
    return message("the recording", section(f"{words} The audit log keeps who asked for it."))


async def answer(session: Session, ref: str, person: str, text: str, channel: str | None = None) -> Message:
    """Answer a person's reply, or a hot lead by a channel."""
    by = {"channel": channel} if channel else {}
    await session.run("campaign answer", {"ref": ref, "person": person, "text": text, **by})
    return message("your answer is on its way")


async def call_back(session: Session, value: Mapping[str, Any], at: int) -> Message:
    """Contact the person of a reply or hot lead at a promised moment."""
    one = await conversation(session, value)
    found = await session.run("campaign callback", {"ref": str(one.ref), "person": f"#{one.contact}", "at": at})
    return message(f"the person is contacted {moment(at, found.zone)}, ahead of the flow's schedule")
