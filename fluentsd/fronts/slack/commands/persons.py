"""What is done about one person: never contact, take over and give back, answer, promise a call, listen to a call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fluentsd.fronts.slack.blocks.layout import Message, actions, button, message, section
from fluentsd.fronts.slack.blocks.wording import count, link, moment, point, safe
from fluentsd.fronts.slack.command_table import Parsed
from fluentsd.fronts.slack.session import Session
from fluentsd.fronts.slack.words import is_point
from fluentsd.verbs import Refused
from fluentsd.verbs.answers.people import Lead, Reply


async def suppress(session: Session, parsed: Parsed) -> Message:
    found = await session.run("suppression add", dict(parsed.arguments))
    left = f" The person left {count(len(found.campaigns), 'campaign', 'campaigns')}." if found.campaigns else ""
    return message(f"{point(found.point)} is never contacted again, on any channel.{left}")


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


async def never_again(session: Session, value: Mapping[str, Any]) -> str:
    """Suppress the number or address of an open reply or hot lead, and close it; the ref of its campaign."""
    one = await conversation(session, value)
    ref = str(one.ref)
    if not one.person:
        raise Refused("its number or address is not known any more; nothing was changed")
    await session.run("suppression add", {"point": one.person, "because": f"asked for in a conversation in {ref}"})
    closed = {"ref": ref, "person": f"#{one.contact}", "nothing": True}
    await session.again("handled").run("campaign answer", closed)
    return ref


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
