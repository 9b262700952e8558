"""Reads recordings from Twilio with the account's credentials.

The address that a webhook reports names the recording; the request goes to the configured service and to no other host.
Reference: https://www.twilio.com/docs/voice/api/recording (GET …/Recordings/{Sid}.mp3).
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import httpx
from fluentsd_channel_sms.wording import in_words

from fluentsd.api import NeedsHuman, Rejected, Unavailable
from fluentsd_channel_phone.settings import Settings

SERVICE = "https://api.twilio.com"
#: Seconds between two pieces; seconds until the next try. A recording may be reported before it can be read.
PIECE_WITHIN, AGAIN = 30.0, 20.0
_PATH = re.compile(r"/2010-04-01/Accounts/(AC[0-9a-fA-F]{32})/Recordings/(RE[0-9a-fA-F]{32})(?:\.(?:mp3|wav|json))?")


async def fetch(
    settings: Settings, http: httpx.AsyncClient, url: str, write: Callable[[bytes], Awaitable[None]]
) -> str:
    """Write the MP3 of a recording piece by piece; its media type. Raises as `FetchesRecordings` says."""
    found = _PATH.fullmatch(urlsplit(url).path)
    if found is None or found[1] != settings.account_sid:
        raise Rejected("the address is not of a recording of this account")
    address = f"{settings.base_url or SERVICE}/2010-04-01/Accounts/{settings.account_sid}/Recordings/{found[2]}.mp3"
    timeout = httpx.Timeout(PIECE_WITHIN, connect=5.0)
    try:
        # a redirect leads to the storage, signed; httpx does not repeat the credentials there
        async with http.stream("GET", address, auth=settings.login, timeout=timeout, follow_redirects=True) as answer:
            _check(answer.status_code)
            async for piece in answer.aiter_bytes():
                await write(piece)
            return str(answer.headers.get("content-type", ""))
    except httpx.HTTPError as why:
        raise Unavailable(f"the recording cannot be read now: {in_words(why)}", AGAIN, only_this=True) from why


def _check(status: int) -> None:
    if status == 200:
        return
    if status in (401, 403):
        raise NeedsHuman(f"Twilio refuses the recording ({status}); check the credentials")
    if status == 410:
        raise Rejected("the recording was deleted at Twilio")
    raise Unavailable(f"the recording cannot be read yet ({status})", AGAIN, only_this=True)
