"""Moments in arguments: read in a zone that the person knows, which the answer repeats.

A moment without a zone is in the campaign's own zone (`CampaignFile.zone`), for a person in the person's, and in the
machine's where an argument concerns neither. What must not live here: the words of a moment (`domain.time.moments`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fluentsd.clock import machine_zone
from fluentsd.domain.time.durations import Delay
from fluentsd.domain.time.moments import BadMoment, read_moment, show_moment
from fluentsd.engine.dispatch.facts import names_in
from fluentsd.engine.runtime import Runtime
from fluentsd.store import campaigns, contacts
from fluentsd.store.db import Connection
from fluentsd.verbs.call import Refused
from fluentsd.verbs.contact_lookup import find_one
from fluentsd.verbs.verb import Param, Verb


async def zone_of_person(conn: Connection, ref: str, person: str) -> str:
    """The zone of a person's promises: the first in which they may be, else the campaign's."""
    contact_id = await find_one(conn, person)
    zones = names_in(await contacts.zones_of(conn, contact_id))
    return zones[0] if zones else (await campaigns.get(conn, ref)).spec.zone


async def resolved(runtime: Runtime, verb: Verb, given: Mapping[str, Any], now: int) -> dict[str, Any]:
    """The arguments with each moment as epoch microseconds. Raises `Refused`."""
    texts = [p for p in verb.params if p.kind == "moment" and isinstance(given.get(p.name), str)]
    found = dict(given)
    for param in texts:
        zone = await _zone(runtime, param, given)
        try:
            found[param.name] = read_moment(given[param.name], zone, now, days=param.whole_days)
        except (BadMoment, ValueError, OverflowError) as why:
            raise Refused(f"{verb.name}: {why}; nothing was changed") from None
    return found


async def _zone(runtime: Runtime, param: Param, given: Mapping[str, Any]) -> str:
    ref, person = given.get("ref"), given.get("person")
    if ref is None:
        return machine_zone()

    async def unit(conn: Connection) -> str:
        if param.of_person and person:
            return await zone_of_person(conn, ref, person)
        return (await campaigns.get(conn, ref)).spec.zone

    try:
        return await runtime.store.read(unit)
    except campaigns.NoSuchCampaign as why:
        raise Refused(str(why)) from None


def past(at: int, zone: str) -> str:
    """The beginning of a refusal of a moment that is over."""
    return f"{show_moment(at, zone)} is in the past; nothing was changed"


def end_of(lasts: str | None, until: int | None, now: int, zone: str) -> int | None:
    """The end of what lasts so long, or until a moment. Raises `Refused` if both are given."""
    if lasts is None:
        return until
    if until is not None:
        raise Refused("say for how long or until when, not both; nothing was changed")
    return Delay.parse(lasts).after(now, zone)
