"""Caller IDs: add, label, list, stop using."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.domain.durations import BadDuration, Rate
from fluentsd.domain.gate import Reason
from fluentsd.engine.house import House
from fluentsd.engine.verbs.acts import Answer, Call, Refused, change, facts_changed
from fluentsd.store import numbers


async def listing(house: House, call: Call) -> Answer:
    """Every caller ID in use."""
    return {"numbers": await house.store.read(numbers.inventory)}


async def add(house: House, call: Call, number: str, tag: list[str], label: str | None, pace: str | None) -> Answer:
    """Add a number, or add tags to it, or change its label or pace."""
    e164 = _e164(number)
    if pace is not None:
        try:
            Rate.parse(pace)
        except BadDuration as why:
            raise Refused(str(why)) from None

    async def unit(conn: AsyncConnection) -> Answer:
        await numbers.upsert(conn, e164, label=label, pace=pace, tags=tag)
        return {"number": e164, "tags": tag}

    answer = await change(house, call, "numbers add", e164, unit)
    await facts_changed(house, call, reason=Reason.no_number)
    house.look_anew()
    return answer


async def untag(house: House, call: Call, number: str, tag: list[str]) -> Answer:
    """Take tags off a number."""
    e164 = _e164(number)

    async def unit(conn: AsyncConnection) -> Answer:
        if not await numbers.untag(conn, e164, tag):
            raise Refused(f"{e164} has no tag {', '.join(tag)}")
        return {"number": e164, "untagged": tag}

    return await change(house, call, "numbers untag", e164, unit)


async def remove(house: House, call: Call, number: str) -> Answer:
    """Stop using a number; its history stays."""
    e164 = _e164(number)

    async def unit(conn: AsyncConnection) -> Answer:
        if not await numbers.retire(conn, e164, call.at):
            raise Refused(f"{e164} is not among the caller IDs; see: fluentsd numbers list")
        return {"number": e164, "removed": True}

    return await change(house, call, "numbers remove", e164, unit)


def _e164(text: str) -> str:
    from fluentsd.domain.points import BadPoint, phone  # here: a daemon that is never asked need not carry the tables

    try:
        return phone(text).e164
    except BadPoint as why:
        raise Refused(f"{text!r} is not a phone number: {why.reason}") from None
