"""Commands that open the wizard, and the list of texts, whose buttons open their forms."""

from __future__ import annotations

from fluentsd.fronts.slack.blocks import lists
from fluentsd.fronts.slack.blocks.layout import SILENT, Message, actions, button, message, section
from fluentsd.fronts.slack.command_table import Parsed
from fluentsd.fronts.slack.session import Session
from fluentsd.fronts.slack.wizard import opening


async def new(session: Session, parsed: Parsed) -> Message:
    """Open the first page; in a thread or a direct message, where nothing can be opened, a button that does."""
    if not session.interaction.trigger_id:
        return message("a new campaign", section("Make a campaign, page by page:"),
                       actions(button("New campaign…", "open:new", {}, "primary")))  # fmt: skip
    session.need("manager")
    await opening.begin(session, str(parsed.arguments.get("name", "")))
    return SILENT


async def edit(session: Session, parsed: Parsed) -> Message:
    """Open a campaign at one of its pages."""
    part = str(parsed.arguments.get("part", ""))
    if not session.interaction.trigger_id:
        pick = {"ref": parsed.ref, "page": part}
        return message("edit", actions(button("Edit…", "open:edit", pick, "primary")))
    session.need("manager")
    await opening.resume(session, parsed.ref, part)
    return SILENT


async def texts(session: Session, parsed: Parsed) -> Message:
    """The stored texts, each with a button that makes a new version."""
    found = (await session.run("templates list", {})).templates
    words = str(parsed.arguments.get("words", "")).casefold().split()
    chosen = [
        one for one in found if all(word in f"{one.name} {one.channel} {one.subject}".casefold() for word in words)
    ]
    return lists.texts(chosen, parsed.page, is_manager=session.may("manager"))
