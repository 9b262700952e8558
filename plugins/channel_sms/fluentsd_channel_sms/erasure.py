"""Deletes a message at Twilio, with its text and the person's number.

Twilio refuses to delete an unfinished message: in transit, or `sent` without the carrier's final status.
"""

from __future__ import annotations

from typing import Any

from fluentsd.api import NeedsHuman, Unavailable
from fluentsd_channel_sms.error_codes import NoAnswer, NotReached, Refusal

#: Twilio's codes: not found, not finished.
GONE, UNFINISHED = 20404, 20009
#: Seconds until the next try.
SOON, WHEN_FINISHED = 5.0, 60.0


async def delete(client: Any, sid: str) -> None:
    """Delete one message; returns also when it is already gone. Raises `Unavailable` or `NeedsHuman`."""
    try:
        await client.messages(sid).delete_async()
    except Refusal as why:
        if why.code == GONE:
            return
        if why.code == UNFINISHED:
            raise Unavailable("Twilio: the message is not finished yet", WHEN_FINISHED, only_this=True) from why
        if why.status in (401, 403):
            raise NeedsHuman(f"Twilio refuses the request ({why}); check the credentials") from why
        raise Unavailable(f"Twilio cannot delete the message now ({why})", why.retry_after or SOON) from why
    except (NotReached, NoAnswer) as why:
        raise Unavailable(f"{why}; the result of the deletion is unknown", SOON) from why
