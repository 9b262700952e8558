"""Deleting a message at Twilio, with its words and its person's number.

Twilio refuses to delete what is not finished: on its way, or `sent` with the carrier's last word still to come.
"""

from __future__ import annotations

from typing import Any

from fluentsd.api import NeedsHuman, Unavailable
from fluentsd_channel_sms.error_codes import NoAnswer, NotReached, Refusal

#: Twilio's codes: not there, not finished.
GONE, UNFINISHED = 20404, 20009
#: Seconds until it is tried again.
SOON, WHEN_FINISHED = 5.0, 60.0


async def delete(client: Any, sid: str) -> None:
    """Delete one message, or find it gone; raises `Unavailable` or `NeedsHuman`."""
    try:
        await client.messages(sid).delete_async()
    except Refusal as why:
        if why.code == GONE:
            return
        if why.code == UNFINISHED:
            raise Unavailable("Twilio: the message is not finished yet", WHEN_FINISHED, only_this=True) from why
        if why.status in (401, 403):
            raise NeedsHuman(f"Twilio refuses the request ({why}); check the credentials") from why
        raise Unavailable(f"Twilio does not delete it now ({why})", why.retry_after or SOON) from why
    except (NotReached, NoAnswer) as why:
        raise Unavailable(f"{why}; whether it is deleted is not known", SOON) from why
