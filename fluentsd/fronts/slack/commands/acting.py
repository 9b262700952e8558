"""The other commands that change something: test, owner, suppress, copy, and answers to replies."""

from __future__ import annotations

import re

from fluentsd.domain.time.moments import show_moment
from fluentsd.fronts.slack.blocks.card import buttons, receipt
from fluentsd.fronts.slack.blocks.layout import Message, message, section
from fluentsd.fronts.slack.blocks.wording import actor, safe
from fluentsd.fronts.slack.grammar import Misread, Parsed
from fluentsd.fronts.slack.people import name_of
from fluentsd.fronts.slack.session import Session


async def test(session: Session, parsed: Parsed) -> Message:
    found = await session.run("campaign test", {"ref": parsed.ref, "to": parsed.arguments["to"]})
    return message(f"a test of step `{safe(found['step'])}` is on its way by {found['channel']}")


async def owner(session: Session, parsed: Parsed) -> Message:
    user = parsed.arguments.get("user")
    owner = str(parsed.arguments.get("group", ""))
    if user:
        owner = f"slack:{user} {name_of(await session.services.people.profile(user))}"
    found = await session.run("campaign owner", {"ref": parsed.ref, "owner": owner})
    return receipt(found, f"*{safe(found.name)}* belongs to {actor(owner)} now.")


async def suppress(session: Session, parsed: Parsed) -> Message:
    await session.run("suppression add", dict(parsed.arguments))
    return message("this number or address is never contacted again, on no channel")


async def copy(session: Session, parsed: Parsed) -> Message:
    new_ref = re.sub(r"[^a-z0-9]+", "-", str(parsed.arguments["new"]).casefold()).strip("-")
    found = await session.run("campaign copy", {"ref": parsed.ref, "new_ref": new_ref})
    return message(
        f"{safe(found.name)} is a draft now, as `{safe(found.ref)}`, without people",
        section(f"*{safe(found.name)}* is a draft now: c{found.id}, `{safe(found.ref)}`, without people."),
        *buttons(found),
    )


async def answer(session: Session, ref: str, person: str, text: str) -> Message:
    """Answer a person's reply."""
    await session.run("campaign answer", {"ref": ref, "person": person, "text": text})
    return message("your answer is on its way")


async def call_back(session: Session, ref: str, person: str, at: int) -> Message:
    """Contact a person at a promised moment."""
    await session.run("campaign callback", {"ref": ref, "person": person, "at": at})
    return message(f"the person is contacted {show_moment(at, session.person.zone)}, ahead of the flow's schedule")


async def not_yet(session: Session, parsed: Parsed) -> Message:
    """Where cards and digest go is a setting of the installation so far."""
    settings = session.services.settings
    where = f"<#{settings.channel}>" if settings.channel else "no channel"
    now = f"cards and alerts go to {where}; the daily digest is {settings.digest or 'off'}"
    raise Misread(
        f"{parsed.command.word} cannot be changed from Slack yet: {now}. An admin changes it in fluentsd.toml, "
        "table [slack]: channel, digest"
    )
