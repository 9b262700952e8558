"""The installation: holds, the audit log, the daemon's own figures."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.engine.house import House
from fluentsd.engine.verbs.acts import Answer, Call, Refused, change
from fluentsd.store import audit, holds


async def holds_now(house: House, call: Call) -> Answer:
    """Everything that is held now."""
    return {"holds": await house.store.read(holds.open_holds, call.at)}


async def release(house: House, call: Call, scope: str, target: str) -> Answer:
    """Lift the holds on one thing; what waited goes on at once."""

    async def unit(conn: AsyncConnection) -> Answer:
        if not await holds.lift(conn, scope, target, call.at):
            raise Refused(f"nothing holds {scope} {target}; see: fluentsd holds")
        return {"scope": scope, "target": target, "released": True}

    answer = await change(house, call, "release", f"{scope}:{target}", unit)
    house.wake.ring()
    return answer


async def log(house: House, call: Call, target: str | None, most: int) -> Answer:
    """The newest acts."""
    return {"entries": await house.store.read(audit.entries, target, max(1, min(most, 10_000)))}


async def figures(house: House, call: Call) -> Answer:
    """What the daemon is doing now."""
    return {
        "in_flight": {kind: house.flights.of(kind) for kind in house.channels},
        "wakeups": house.wakeups,
        "channels": sorted(house.channels),
        "closing": house.closing,
        "database": house.store.dialect,
        "http": house.listens_at,
    }
