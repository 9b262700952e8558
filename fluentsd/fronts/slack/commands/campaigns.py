"""The other commands that change a campaign: test, owner, archive, copy."""

from __future__ import annotations

import re

from fluentsd.fronts.slack.blocks.card import buttons, receipt
from fluentsd.fronts.slack.blocks.layout import Message, message, section
from fluentsd.fronts.slack.blocks.wording import actor, by_channel, safe
from fluentsd.fronts.slack.command_table import Misread, Parsed
from fluentsd.fronts.slack.people import name_of
from fluentsd.fronts.slack.session import Session


async def test(session: Session, parsed: Parsed) -> Message:
    found = await session.run("campaign test", {"ref": parsed.ref, "to": parsed.arguments["to"]})
    return message(f"a test of step `{safe(found.step)}` is on its way by {by_channel(found.channel)}")


async def owner(session: Session, parsed: Parsed) -> Message:
    user = session.person.id if parsed.arguments.get("me") else parsed.arguments.get("user")
    owner = str(parsed.arguments.get("group", ""))
    if user:
        owner = f"slack:{user} {name_of(await session.services.people.profile(user))}"
    found = await session.run("campaign owner", {"ref": parsed.ref, "owner": owner})
    shared = "" if user else " That is no user of Slack, so every manager may change it."
    return receipt(found, f"*{safe(found.name)}* belongs to {actor(owner)} now.{shared}")


async def archive(session: Session, parsed: Parsed) -> Message:
    found = await session.run("campaign archive", {"ref": parsed.ref, "yes": bool(parsed.arguments.get("yes"))})
    return message(f"{safe(found.name)} is archived: it is in no list any more, and its history stays")


async def copy(session: Session, parsed: Parsed) -> Message:
    name = str(parsed.arguments["new"])
    if any(name.casefold() in (one.name.casefold(), one.ref) for one in await session.campaigns()):
        raise Misread(f"there is a campaign called {name[:80]!r} already; nothing was changed. Choose another name")
    new_ref = re.sub(r"[^a-z0-9]+", "-", name.casefold()).strip("-")
    found = await session.run("campaign copy", {"ref": parsed.ref, "new_ref": new_ref, "name": name})
    return message(
        f"{safe(found.name)} is a draft now, as `{safe(found.ref)}`, without people",
        section(f"*{safe(found.name)}* is a draft now: c{found.id}, `{safe(found.ref)}`, without people."),
        *buttons(found),
    )
