"""The people of a campaign as a file: made page by page in a file of this machine's, and sent to the asker alone."""

from __future__ import annotations

import datetime as dt
import io
import tempfile
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from fluentsd.domain.time.durations import SECOND
from fluentsd.domain.time.moments import iso
from fluentsd.fronts.slack.blocks.layout import Message, message, section
from fluentsd.fronts.slack.blocks.wording import count, safe
from fluentsd.fronts.slack.command_table import Parsed
from fluentsd.fronts.slack.files import send_to_person
from fluentsd.fronts.slack.session import Session
from fluentsd.verbs import people_file


async def people(session: Session, parsed: Parsed) -> Message:
    """`contacts <campaign> export [state]`. The answer itself has no contact data, so it may stand in a channel."""
    assert parsed.campaign is not None  # noqa: S101 - the caller has looked
    state = str(parsed.arguments.get("state", ""))
    name, which = f"*{safe(parsed.campaign.name)}*", f"{state} " if state else ""
    states, shown = [state] if state else [], partial(iso, zone=session.person.zone)
    perform = partial(_perform, session)
    await people_file.begin(perform, parsed.ref, states)
    with tempfile.TemporaryFile() as file:
        text = io.TextIOWrapper(file, "utf-8-sig", newline="")
        written = await people_file.write(perform, parsed.ref, states, text, shown)
        text.flush()
        text.detach()  # else its end would close the file
        if not written:
            nobody = f"nobody in {name} is {state}" if state else f"nobody is enrolled in {name}"
            return message("no file was made", section(f"{nobody[:1].upper()}{nobody[1:]}, so no file was made."))
        today = dt.datetime.fromtimestamp(session.now / SECOND, ZoneInfo(session.person.zone))
        whom = f"{count(written, f'{which}person', f'{which}people')} of {name}"
        await send_to_person(session, f"{parsed.ref}-people-{today:%Y-%m-%d}.csv", file, f"{whom}, as of now")
    sent = f"{whom}: the file is in your direct messages with this app. Nobody else got it."
    return message("the file is in your direct messages", section(sent))


async def _perform(session: Session, verb: str, arguments: dict[str, Any]) -> Any:
    return await session.run(verb, arguments, repeatable=False)
