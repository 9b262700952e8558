"""The forecast: simulates a campaign's current enrollments through the coming weeks with the same gate.

Small campaigns are simulated in this process, large ones in a subprocess that reads the same database, so that the
daemon keeps sending and the memory is freed. The facts are read in `forecast_facts`, the simulation is
`domain.forecast`, its figures are put together in `forecast_answer`. Assumed outcome shares are part of the answer.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

import trio

from fluentsd.domain.forecast import Channel, World, forecast
from fluentsd.domain.forecast.assumptions import Assumed
from fluentsd.domain.forecast.figures import Forecast, finish
from fluentsd.domain.gate import DAY, Limit
from fluentsd.domain.time.durations import Rate
from fluentsd.engine.explain.forecast_answer import FirstContact, as_answer
from fluentsd.engine.explain.forecast_facts import ForecastRequest, Snapshot, take_snapshot
from fluentsd.store.db.bridge import open_store
from fluentsd.store.db.same_file import FileId
from fluentsd.unavailable import StoreUnavailable

#: The default length of a forecast.
AHEAD = 90 * DAY
#: Largest campaign simulated in this process, in people.
IN_PROCESS_AT_MOST = 2_000


def run_forecast(snapshot: Snapshot) -> dict[str, Any]:
    """Simulate; returns the answer as JSON values. Pure computation."""
    request, plan = snapshot.request, snapshot.plan
    first_contacts = _FirstContacts(request.most)
    until_at = request.until_at or request.at + AHEAD
    channels = {kind: Channel(*capacity) for kind, capacity in request.channels.items()}
    world = World(plan.flows, snapshot.rules, plan.exits, snapshot.lanes, channels, snapshot.caller_ids, plan.name)

    def run(assumed: Assumed, seed: int) -> Forecast:
        is_first_run = seed == request.seed and assumed is snapshot.assumed
        note = first_contacts.note if is_first_run else None
        return forecast(
            snapshot.subjects, world, assumed, start_at=request.at, until_at=until_at, seed=seed, on_event=note
        )

    done = finish(run, snapshot.assumed, request.seed)
    return as_answer(snapshot, done, first_contacts.events)


class _FirstContacts:
    """The first contacts of the simulation, at most `most`."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.events: list[FirstContact] = []

    def note(self, *event: Any) -> None:
        if len(self.events) < self.most:
            self.events.append(FirstContact(*event))


# ── in a subprocess ──────────────────────────────────────────────────────────────────────────────────────────────


def pack(request: ForecastRequest) -> dict[str, Any]:
    """The request as JSON values."""
    limits = [[limit.rate.count, limit.rate.per_s, limit.rule] for limit in request.limits]
    plain = ("ref", "at", "until_at", "seed", "most", "spacing", "starts_at")
    named = {name: getattr(request, name) for name in plain}
    named["prices"] = dict(request.prices)
    return named | {"channels": dict(request.channels), "limits": limits}


def unpack(data: Mapping[str, Any]) -> ForecastRequest:
    """The request from its JSON values."""
    limits = tuple(Limit(Rate(count, per_s), rule) for count, per_s, rule in data["limits"])
    channels = {kind: tuple(capacity) for kind, capacity in data["channels"].items()}
    return ForecastRequest(**{**data, "channels": channels, "limits": limits})


async def _main() -> None:
    given = json.loads(sys.stdin.read())
    file_id = None if given["file_id"] is None else FileId(*given["file_id"])
    async with open_store(given["url"], file_id=file_id) as store:
        snapshot = await store.read(take_snapshot, unpack(given["request"]))
    json.dump(run_forecast(snapshot), sys.stdout)


if __name__ == "__main__":
    try:
        trio.run(_main)
    except StoreUnavailable as why:
        sys.exit(str(why))
