"""Files for one person, sent as a direct message: contact data never go to a channel.

What must not live here: the content of a file (`wizard.importing`, `commands.export`), and Slack's three steps of an
upload (`web_api`).
"""

from __future__ import annotations

from typing import BinaryIO

from fluentsd.api import Unavailable
from fluentsd.fronts.slack.session import Session
from fluentsd.fronts.slack.web_api import SlackRefused
from fluentsd.verbs import Refused


async def send_to_person(session: Session, name: str, file: BinaryIO, words: str) -> None:
    """Send a file, open at its begin, to the person of the session alone. Raises `Refused` with the reason and what to
    do about it; then nothing was sent."""
    api = session.services.api
    try:
        opened = await api.call("conversations.open", users=session.person.id)
        channel = str((opened.get("channel") or {}).get("id") or "")
        await api.send_file(channel, name, file, words)
    except SlackRefused as why:
        session.services.log.warning("slack.file_refused", error=str(why))
        if why.lacks:
            raise Refused(f"no file was sent: {why.lacks}") from None
        raise Refused(
            f"no file was sent: Slack refuses it ({why.error}). An admin can find the cause with `fluentsd slack check`"
        ) from None
    except Unavailable as why:
        raise Refused(f"no file was sent: {why}. Try again in a minute") from None
