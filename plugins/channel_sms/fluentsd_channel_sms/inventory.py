"""The caller IDs of the Twilio account: each number with its channels and messaging services.

All of them or an error, never a part. Services are read only while there are few, because each costs a request.
"""

from __future__ import annotations

from typing import Any

from fluentsd.api import Kind, NeedsHuman, Owned, Unavailable
from fluentsd_channel_sms.error_codes import NoAnswer, NotReached, Refusal, asks_to_slow_down

#: Numbers in one answer; Twilio's limit.
AT_ONCE = 1000
#: With more messaging services, none is read.
SERVICES_AT_MOST = 20
#: Seconds until the next try without Retry-After.
AGAIN_AFTER = 30.0
#: The credentials have no access to messaging services (an API key may be restricted).
_FORBIDDEN = (401, 403)
_ABILITIES: dict[str, Kind] = {"sms": "sms", "voice": "phone"}


async def owned(client: Any) -> list[Owned]:
    """All numbers of the account; raises `Unavailable` or `NeedsHuman`."""
    try:
        numbers = await client.incoming_phone_numbers.list_async(page_size=AT_ONCE)
        tags = await _services(client)
    except Refusal as why:
        if why.status in _FORBIDDEN:
            raise NeedsHuman(f"Twilio refuses the login ({why}); correct the credentials") from why
        slower = "too many requests at once" if asks_to_slow_down(why) else str(why)
        raise Unavailable(f"Twilio: {slower}; try again later", why.retry_after or AGAIN_AFTER) from why
    except (NotReached, NoAnswer) as why:
        raise Unavailable(f"{why}; try again later", AGAIN_AFTER) from why
    return [_owned(number, tags.get(number.sid, ())) for number in numbers]


def _owned(number: Any, tags: tuple[str, ...]) -> Owned:
    abilities = number.capabilities if isinstance(number.capabilities, dict) else {}
    carries = frozenset(kind for word, kind in _ABILITIES.items() if abilities.get(word))
    return Owned(number.phone_number, number.friendly_name or "", carries, number.sid, tags)


async def _services(client: Any) -> dict[str, tuple[str, ...]]:
    """The tags of each number, one per messaging service, by the number's SID."""
    found: dict[str, tuple[str, ...]] = {}
    try:
        services = await client.messaging.v1.services.list_async(limit=SERVICES_AT_MOST + 1)
        for service in services if len(services) <= SERVICES_AT_MOST else ():
            pool = client.messaging.v1.services(service.sid).phone_numbers
            for number in await pool.list_async(page_size=AT_ONCE):
                found[number.sid] = (*found.get(number.sid, ()), f"service:{service.friendly_name or service.sid}")
    except Refusal as why:
        if why.status not in _FORBIDDEN:
            raise
        return {}
    return found
