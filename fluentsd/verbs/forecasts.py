"""The forecast of a campaign: in this process for small campaigns, in a subprocess for large ones."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial

import trio

from fluentsd.api import Message
from fluentsd.engine.dispatch.claim import price_of
from fluentsd.engine.explain import forecast
from fluentsd.engine.explain.forecast_facts import ForecastRequest, example_messages, take_snapshot
from fluentsd.engine.runtime import Runtime
from fluentsd.store import campaigns, counters
from fluentsd.store.db import Connection
from fluentsd.store.db.bridge import Store
from fluentsd.verbs.call import Call, Refused
from fluentsd.verbs.campaigns import row_of
from fluentsd.verbs.execute import Answer, refusing
from fluentsd.verbs.moments import past

#: Most contacts listed one by one; the answer is one message.
MOST = 100_000


async def ahead(runtime: Runtime, call: Call, ref: str, until: int | None, most: int, seed: int) -> Answer:
    """Contacts with their times and numbers, until every enrollment has ended or `until`."""
    return await from_start(runtime, call, ref, None, until=until, most=most, seed=seed)


async def from_start(
    runtime: Runtime, call: Call, ref: str, starts_at: int | None, *, most: int, until: int | None = None, seed: int = 0
) -> Answer:
    """The forecast of a campaign that starts at `starts_at`; None: as scheduled, or now."""
    zone = (await row_of(runtime, ref)).spec.zone
    if until is not None and until <= call.at:
        raise Refused(f"{past(until, zone)}; give a future time")
    channels = {
        kind: (
            channel_state.concurrency,
            channel_state.interval,
            max(channel_state.next_slot_at, channel_state.backs_off_until),
        )
        for kind, channel_state in runtime.channels.items()
    }
    listed = max(0, min(most, MOST))
    plans = runtime.plans
    counts = await refusing(runtime.store.read(_counts, ref))
    prices = await _prices(runtime, ref, call.at) if counts["queued"] else {}
    request = ForecastRequest(
        ref, call.at, until, seed, listed, channels, plans.limits, plans.spacing, prices, starts_at=starts_at
    )
    if not counts["queued"]:
        raise Refused(f"nobody is queued in {ref}, so there is nothing to forecast")
    if counts["queued"] <= forecast.IN_PROCESS_AT_MOST:
        snapshot = await runtime.store.read(take_snapshot, request)
        with runtime.clock.busy():
            found: Answer = await trio.to_thread.run_sync(forecast.run_forecast, snapshot)
    else:
        found = await _in_subprocess(runtime.store, request)
    return found | {"zone": zone}


async def _counts(conn: Connection, ref: str) -> Answer:
    return dict(await counters.overview(conn, (await campaigns.get(conn, ref)).id))


async def _prices(runtime: Runtime, ref: str, at: int) -> dict[str, int]:
    """The channels' own prices in micros, by step, where they are known."""

    async def unit(conn: Connection) -> tuple[str, dict[str, Message]]:
        _, plan = await runtime.plans.current(conn, (await campaigns.get(conn, ref)).id, lock=False)
        return plan.currency, await example_messages(conn, plan, at)

    currency, messages = await runtime.store.read(unit)
    found = {}
    for step, message in messages.items():
        state = runtime.channels.get(message.kind)
        if state is not None and (price := price_of(state.abilities.prices, message, currency)) is not None:
            found[step] = price
    return found


async def _in_subprocess(store: Store, request: ForecastRequest) -> Answer:
    """The same forecast, made by a subprocess."""
    command = [sys.executable, "-m", forecast.__name__]
    given = json.dumps({"url": store.url, "file_id": store.file_id, "request": forecast.pack(request)}).encode()
    run = partial(trio.run_process, command, stdin=given, capture_stdout=True, capture_stderr=True)
    try:
        done = await run()
    except subprocess.CalledProcessError as why:
        lines = why.stderr.decode(errors="replace").strip().splitlines()
        raise Refused(f"the forecast failed; nothing was changed: {lines[-1] if lines else why}") from None
    answer: Answer = json.loads(done.stdout)
    return answer
