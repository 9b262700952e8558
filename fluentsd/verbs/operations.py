"""The installation: holds, the audit log, the daemon's status."""

from __future__ import annotations

from fluentsd.domain.reasons import Reason
from fluentsd.domain.state_machines import CampaignState
from fluentsd.engine import held_start
from fluentsd.engine.runtime import Runtime
from fluentsd.store import audit, campaigns, holds, outbox
from fluentsd.store.attempts.listing import attempts_by_id
from fluentsd.store.db import Connection
from fluentsd.store.nodes import INSTALLATION
from fluentsd.validation import Problems
from fluentsd.verbs import takeover
from fluentsd.verbs.answers.suggestion import Suggestion
from fluentsd.verbs.call import Call, Refused
from fluentsd.verbs.execute import Answer, change, facts_changed


async def holds_now(runtime: Runtime, call: Call) -> Answer:
    """All open holds."""
    return {"holds": await runtime.store.read(held, call.at)}


async def held(conn: Connection, at: int) -> list[Answer]:
    """Holds open at this time, each with the attempts that caused it."""
    found = await holds.open_holds(conn, at)
    known = await attempts_by_id(conn, [case for one in found for case in one["cases"] or ()])
    return [one | {"cases": [known[case] for case in one["cases"] or () if case in known]} for one in found]


async def release(runtime: Runtime, call: Call, scope: str, target: str) -> Answer:
    """Lift the holds on one campaign, channel, number or person, or on the installation; contacts continue at once."""
    if scope == holds.CONTACT:
        await takeover.resume(runtime, call, target)
        return {"scope": scope, "target": target, "released": True}

    async def unit(conn: Connection) -> Answer:
        if scope == "campaign":
            await _refuse_paused(conn, target)
        if scope == INSTALLATION and (unproved := await held_start.release(conn, runtime)):
            raise Refused(
                f"{unproved} attempts are still being looked up at the providers; nothing was changed. "
                "Let the daemon run a few minutes, then repeat this",
                Suggestion("release", {"scope": scope, "target": target}),
            )
        if not await holds.lift(conn, scope, target, call.at):
            raise Refused(f"{scope} {target} has no hold; see those that are open", Suggestion("holds"))
        return {"scope": scope, "target": target, "released": True}

    answer = await change(runtime, call, "release", f"{scope}:{target}", unit)
    if scope == "number":
        await facts_changed(runtime, call, reason=Reason.no_number)
    runtime.look_again()
    return answer


async def _refuse_paused(conn: Connection, ref: str) -> None:
    """A breaker has also paused the campaign; only `campaign resume` decides about steps missed meanwhile."""
    if (await campaigns.get(conn, ref)).state == CampaignState.paused:
        raise Refused(f"{ref} is paused; fix the cause, then resume it", Suggestion("campaign resume", {"ref": ref}))


async def log(runtime: Runtime, call: Call, target: str | None, most: int) -> Answer:
    """The newest entries of the audit log."""
    return {"entries": await runtime.store.read(audit.entries, target, max(1, min(most, 10_000)))}


async def reload(runtime: Runtime, call: Call) -> Answer:
    """Take in the settings: the daemon starts again in its own process. A file with mistakes changes nothing."""
    if runtime.reload is None:
        raise Refused("no daemon runs here, so there is nothing to reload; each command reads the settings itself")
    try:
        await runtime.reload()
    except (Problems, OSError) as why:
        raise Refused(f"{why}\nthe daemon goes on with the settings that it has") from None

    async def unit(conn: Connection) -> Answer:
        return {"reloads": True}

    return await change(runtime, call, "reload", "daemon", unit)


async def figures(runtime: Runtime, call: Call) -> Answer:
    """The daemon's status: calls and messages in flight, channels, database, dead letters of the outbox by target."""
    deliveries = await runtime.store.read(outbox.counts)
    return {
        "in_flight": {kind: runtime.in_flight.of(kind) for kind in runtime.channels},
        "wakeups": runtime.wakeups,
        "channels": sorted(runtime.channels),
        "closing": runtime.closing,
        "database": runtime.store.dialect,
        "http": runtime.listens_at,
        "dead_letters": {target: count for (target, state), count in deliveries.items() if state == "dead"},
        "targets_down": sorted(runtime.targets_down),
    }
