"""The launch check as a verb: problems of the campaign, the check of its people, and the forecast.

What must not live here: the start itself (`lifecycle`), the check of people (`engine.explain.launch_check`).
"""

from __future__ import annotations

from fluentsd.engine.explain import launch_check
from fluentsd.engine.runtime import Runtime
from fluentsd.store import campaigns, numbers
from fluentsd.store.campaigns import CampaignRow
from fluentsd.store.db import Connection
from fluentsd.verbs import agents, forecasts
from fluentsd.verbs.call import Call
from fluentsd.verbs.campaigns import facts_of
from fluentsd.verbs.execute import Answer, refusing


async def check(runtime: Runtime, call: Call, ref: str) -> Answer:
    """The launch check: who would be contacted and who not, what is missing, duties that no code can check, and the
    forecast."""
    found = await examined(runtime, call, ref)
    ahead = await forecasts.ahead(runtime, call, ref, None, 0, 0) if found["ready"] else None
    return found | {"forecast": ahead and {name: ahead[name] for name in _FORECAST_PARTS}}


#: Parts of the forecast in the launch check.
_FORECAST_PARTS = ("contacts", "finish_early_at", "finish_late_at", "until_at", "waiting", "channels", "bottleneck")


async def examined(runtime: Runtime, call: Call, ref: str) -> Answer:
    async def unit(conn: Connection) -> Answer:
        row = await campaigns.get(conn, ref)
        _, plan = await runtime.plans.current(conn, row.id, lock=False)
        channels = {kind: channel_state.abilities.previews for kind, channel_state in runtime.channels.items()}
        found = await launch_check.examine(conn, plan, call.at, channels)
        return facts_of(row) | launch_check.as_answer(found, plan, await problems(runtime, conn, row))

    return await refusing(runtime.store.read(unit))


async def problems(runtime: Runtime, conn: Connection, row: CampaignRow) -> list[str]:
    """Errors that do not depend on the people: nobody enrolled, a missing channel, missing caller IDs."""
    found = await agents.problems(runtime, conn, row.spec.step)
    if not await campaigns.has_people(conn, row.id):
        found.append(f"nobody is enrolled; import people: fluentsd contacts import FILE --campaign {row.ref}")
    for channel in row.spec.channels:
        if channel not in runtime.channels:
            found.append(f"no channel serves {channel}; add [channel.{channel}] to fluentsd.toml")
    spec = row.spec.numbers
    if (spec.numbers or spec.tags) and row.spec.needs_phone:
        caller_ids = await numbers.caller_ids(conn, spec.numbers, spec.tags, None, lock=False)
        missing = sorted(set(spec.numbers) - {caller_id.e164 for caller_id in caller_ids})
        if missing:
            found.append(f"unknown caller IDs: {', '.join(missing)}; add them: fluentsd numbers add NUMBER")
        elif not caller_ids:
            found.append(
                f"no caller ID has a tag of {', '.join(spec.tags)}; add one: fluentsd numbers add NUMBER --tag …"
            )
    return found
