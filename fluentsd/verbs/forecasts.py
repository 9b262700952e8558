"""The forecast of a campaign: in this process for small campaigns, in a subprocess for large ones."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial

import trio

from fluentsd.engine.explain import forecast
from fluentsd.engine.explain.forecast import ForecastRequest
from fluentsd.engine.runtime import Runtime
from fluentsd.store import campaigns, counters
from fluentsd.store.db import Connection
from fluentsd.verbs.call import Call, Refused
from fluentsd.verbs.execute import Answer, refusing

#: Most contacts listed one by one; the answer is one message.
MOST = 100_000


async def ahead(runtime: Runtime, call: Call, ref: str, until: int | None, most: int, seed: int) -> Answer:
    """Contacts with their times and numbers, until every enrollment has ended or `until`."""
    if until is not None and until <= call.at:
        raise Refused("that time is in the past; give a future time")
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
    request = ForecastRequest(ref, call.at, until, seed, listed, channels, plans.limits, plans.spacing)
    counts = await refusing(runtime.store.read(_counts, ref))
    if not counts["queued"]:
        raise Refused(f"nobody is queued in {ref}, so there is nothing to forecast")
    if counts["queued"] <= forecast.IN_PROCESS_AT_MOST:
        snapshot = await runtime.store.read(forecast.take_snapshot, request)
        with runtime.clock.busy():
            return await trio.to_thread.run_sync(forecast.run_forecast, snapshot)
    return await _in_subprocess(runtime.store.url, request)


async def _counts(conn: Connection, ref: str) -> Answer:
    return dict(await counters.overview(conn, (await campaigns.get(conn, ref)).id))


async def _in_subprocess(url: str, request: ForecastRequest) -> Answer:
    """The same forecast, made by a subprocess."""
    command = [sys.executable, "-m", forecast.__name__]
    given = json.dumps({"url": url, "request": forecast.pack(request)}).encode()
    run = partial(trio.run_process, command, stdin=given, capture_stdout=True, capture_stderr=True)
    try:
        done = await run()
    except subprocess.CalledProcessError as why:
        lines = why.stderr.decode(errors="replace").strip().splitlines()
        raise Refused(f"the forecast failed; nothing was changed: {lines[-1] if lines else why}") from None
    answer: Answer = json.loads(done.stdout)
    return answer
