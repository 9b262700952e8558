"""The forecast, asked for by a person."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial

import trio

from fluentsd.engine.explain import forecast
from fluentsd.engine.explain.forecast import Ask
from fluentsd.engine.runtime import Runtime
from fluentsd.store import campaigns, counters
from fluentsd.store.db import Connection
from fluentsd.verbs.execute import Answer, Call, Refused, refusing

#: Contacts told one by one at most: the answer travels whole.
MOST = 100_000


async def ahead(runtime: Runtime, call: Call, ref: str, until: int | None, most: int, seed: int) -> Answer:
    """Who would be contacted when, from which number and how often, until everybody is out or `until`."""
    if until is not None and until <= call.at:
        raise Refused("that moment has passed; give one to come")
    channels = {
        kind: (
            channel_state.concurrency,
            channel_state.interval,
            max(channel_state.next_slot_at, channel_state.backs_off_until),
        )
        for kind, channel_state in runtime.channels.items()
    }
    ask = Ask(ref, call.at, until, seed, max(0, min(most, MOST)), channels, runtime.plans.limits, runtime.plans.spacing)
    counts = await refusing(runtime.store.read(_counts, ref))
    if not counts["queued"]:
        raise Refused(f"nobody is queued in {ref}, so there is nothing to look ahead at")
    if counts["queued"] <= forecast.HERE:
        stand = await runtime.store.read(forecast.gather, ask)
        with runtime.clock.busy():
            return await trio.to_thread.run_sync(forecast.run_forecast, stand)
    return await _apart(runtime.store.url, ask)


async def _counts(conn: Connection, ref: str) -> Answer:
    return dict(await counters.overview(conn, (await campaigns.get(conn, ref)).id))


async def _apart(url: str, ask: Ask) -> Answer:
    """The same in a process of its own."""
    command = [sys.executable, "-m", forecast.__name__]
    given = json.dumps({"url": url, "ask": forecast.pack(ask)}).encode()
    run = partial(trio.run_process, command, stdin=given, capture_stdout=True, capture_stderr=True)
    try:
        done = await run()
    except subprocess.CalledProcessError as why:
        said = why.stderr.decode(errors="replace").strip().splitlines()
        raise Refused(f"the forecast failed; nothing was changed: {said[-1] if said else why}") from None
    answer: Answer = json.loads(done.stdout)
    return answer
