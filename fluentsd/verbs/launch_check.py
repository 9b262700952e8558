"""The launch check as a verb: problems of the campaign, the check of its people, and the forecast.

What must not live here: the start itself (`lifecycle`), the check of people (`engine.explain.launch_check`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fluentsd.api import Kind, Message
from fluentsd.domain.agents import KeptAgent, agents_in
from fluentsd.domain.reasons import Reason
from fluentsd.domain.time.durations import Budget
from fluentsd.engine.campaigns import previews
from fluentsd.engine.dispatch.claim import price_of, unpriced
from fluentsd.engine.explain import launch_check
from fluentsd.engine.explain.launch_answer import Fix, as_answer
from fluentsd.engine.runtime import Runtime
from fluentsd.store import agents as agent_store
from fluentsd.store import campaigns, numbers, segments
from fluentsd.store.campaigns import CampaignRow
from fluentsd.store.db import Connection
from fluentsd.verbs import agents, forecasts
from fluentsd.verbs.call import Call
from fluentsd.verbs.campaigns import facts_of
from fluentsd.verbs.execute import Answer, refusing


async def check(runtime: Runtime, call: Call, ref: str, at: int | None) -> Answer:
    """The launch check: who would be contacted and who not, what is missing, duties that no code can check, and the
    forecast; all of it as of the start that `examined` describes."""
    found = await examined(runtime, call, ref, at)
    ahead = await forecasts.from_start(runtime, call, ref, at, most=1) if found["ready"] else None
    first = {"first_at": ahead["first"][0]["at"] if ahead["first"] else None} if ahead else {}
    return found | {"forecast": ahead and {name: ahead[name] for name in _FORECAST_PARTS} | first}


#: Parts of the forecast in the launch check.
_FORECAST_PARTS = (
    "contacts", "finish_early_at", "finish_late_at", "until_at", "zone", "waiting", "channels", "bottleneck",
    "follow_ups",
)  # fmt: skip


async def examined(runtime: Runtime, call: Call, ref: str, starts_at: int | None = None) -> Answer:
    """The check of the campaign and its people, as of its start: `starts_at`, else its scheduled start, else now. A
    start in the past is one now."""

    lost = await _lost_fields(runtime, ref)

    async def unit(conn: Connection) -> Answer:
        row = await campaigns.get(conn, ref)
        _, plan = await runtime.plans.current(conn, row.id, lock=False)
        channels = {kind: channel_state.abilities.previews for kind, channel_state in runtime.channels.items()}
        found = await launch_check.examine(conn, plan, max(call.at, starts_at or row.starts_at or 0), channels)
        confirm = _mappings(runtime, row, await _names(conn, row)) | await _not_there_yet(conn, row)
        return facts_of(row) | as_answer(found, plan, await problems(runtime, conn, row) | lost, confirm)

    return await refusing(runtime.store.read(unit))


async def _lost_fields(runtime: Runtime, ref: str) -> dict[str, Fix | None]:
    """The fields of CRMs that the agents of a campaign would write and nobody can; the CRMs are asked now."""

    async def users(conn: Connection) -> list[KeptAgent]:
        row = await campaigns.get(conn, ref)
        return list((await agent_store.current(conn, agents_in(row.spec.step))).values())

    used = await refusing(runtime.store.read(users))
    known = await agents.catalogues(runtime, [one.agent for one in used])
    return {
        words: ("agents show", {"name": one.name}) for one in used for words in agents.lost_fields(one.agent, known)
    }


async def problems(runtime: Runtime, conn: Connection, row: CampaignRow) -> dict[str, Fix | None]:
    """Errors that do not depend on the people (nobody enrolled, a missing channel, missing caller IDs), each with the
    verb that removes it."""
    found: dict[str, Fix | None] = {**await agents.problems(runtime, conn, row.spec.step)}
    found |= _segment_problems(runtime, row, await _names(conn, row))
    if not row.spec.segment and not await campaigns.has_people(conn, row.id):
        found["nobody is enrolled; import people"] = ("contacts import", {"campaign": row.ref})
    for channel in row.spec.channels:
        if channel not in runtime.channels:
            found[f"no channel serves {channel}; add [channel.{channel}] to fluentsd.toml"] = None
    found |= _budget_problems(runtime, row)
    spec = row.spec.numbers
    if (spec.numbers or spec.tags) and row.spec.needs_phone:
        caller_ids = await numbers.caller_ids(conn, spec.numbers, spec.tags, None, runtime.clock.now(), lock=False)
        missing = sorted(set(spec.numbers) - {caller_id.e164 for caller_id in caller_ids})
        if missing:
            found[f"unknown caller IDs: {', '.join(missing)}; add them"] = ("numbers add", {"number": missing[0]})
        elif not caller_ids:
            fix = ("numbers add", {"tag": list(spec.tags[:1])})
            found[f"no caller ID has a tag of {', '.join(spec.tags)}; add one"] = fix
    return found


def _budget_problems(runtime: Runtime, row: CampaignRow) -> dict[str, Fix | None]:
    """A budget needs a price of every step: the campaign's own, or the channel's."""
    limits = row.spec.limits
    if not limits.budget:
        return {}
    currency = Budget.parse(limits.budget).currency
    found: dict[str, Fix | None] = {}
    for channel in row.spec.channels:
        state = runtime.channels.get(channel)
        if channel not in limits.cost and state is not None:
            message = Message(channel, "someone@example.com" if channel == "email" else previews.ANY_NUMBER, text="x")
            if price_of(state.abilities.prices, message, currency) is None:
                found[unpriced(channel, currency)] = None
    return found


_CHANNEL_WORDS = {"phone": "call", "sms": "text", "email": "write to"}


async def _names(conn: Connection, row: CampaignRow) -> dict[tuple[str, str], str]:
    """What each followed segment is called in its CRM, by source and the word in the campaign's file, which may be its
    id."""
    return {(source, one.key): one.name for source, one in await segments.of_campaign(conn, row.id)}


async def _not_there_yet(conn: Connection, row: CampaignRow) -> dict[str, Fix | None]:
    """For each segment whose people are not all known, or that has none, the sentence that says so."""
    found: dict[str, Fix | None] = {}
    for source, one in await segments.of_campaign(conn, row.id):
        people, _ = await segments.count_members(conn, one.id)
        sentence = ""
        if one.walked_at is None:
            so_far = f"{people:,} of {one.size:,}" if one.size else f"{people:,}"
            sentence = f"{one.name!r} of {source} is not read whole yet ({so_far} so far), so the figures will grow"
        elif not people:
            sentence = f"nobody is in {one.name!r} of {source} now; people are contacted as they join it"
        if sentence:
            found[sentence] = ("sync status", {"source": source})
    return found


def _mapping_of(runtime: Runtime, source: str) -> str:
    """Where it is said what the fields of a source mean."""
    if runtime.connecting is not None and runtime.connecting.is_connected(source):
        return "a table [map] in the file of its keys, by connecting it again"
    return f"[source.{source}.map]"


def _segment_problems(
    runtime: Runtime, row: CampaignRow, names: Mapping[tuple[str, str], str]
) -> dict[str, Fix | None]:
    """What stands against following the campaign's segments: a source that is gone, or no field for opt-outs."""
    found: dict[str, Fix | None] = {}
    for one in row.spec.segment:
        state, name = runtime.syncs.get(one.source), one.source
        if state is None:
            found[f"the source {name} is not connected any more; connect it"] = ("source connect", {"source": name})
        elif state.protected is None:
            why = state.problem or "its fields have not been read yet; wait for the first sync"
            found[f"{name} cannot be checked for opt-outs: {why}"] = ("source check", {"source": name})
        else:
            absent = _absent_points(row, state.mapping)
            if len(absent) == len(_points(row)):  # with one of two, the steps that need the other are left out
                sentence = (
                    f"no field of {name} is {' or '.join(absent)}; an admin maps one with {_mapping_of(runtime, name)}"
                )
                found[sentence] = ("source fields", {"source": name})
            bare = [channel for channel in row.spec.channels if channel not in state.protected]
            if bare and not one.no_opt_out_field:
                called = names.get((name, one.segment), one.segment)
                sentence = _unprotected(name, called, bare, _mapping_of(runtime, name))
                found[sentence] = ("source fields", {"source": name})
    return found


def _points(row: CampaignRow) -> list[str]:
    """What the campaign's channels need of a person."""
    return list(dict.fromkeys("email" if channel == "email" else "phone" for channel in row.spec.channels))


def _absent_points(row: CampaignRow, mapping: Sequence[tuple[str, str]]) -> list[str]:
    """Those of them that no field of a source is, in words."""
    there = {meaning for _, meaning in mapping}
    words = {"email": "an e-mail address", "phone": "a phone number"}
    return [words[point] for point in _points(row) if point not in there]


#: What a field feeds, in the words of the check; every other meaning is its own word.
_FEEDS = {
    "opt_out": "never contacted", "opt_out_phone": "never called", "opt_out_sms": "never texted",
    "opt_out_email": "never written to", "first_name": "first name", "last_name": "last name", "timezone": "time zone",
}  # fmt: skip


def _mappings(runtime: Runtime, row: CampaignRow, names: Mapping[tuple[str, str], str]) -> dict[str, Fix | None]:
    """For each segment the sentence that tells which field of the source feeds what, for a person to confirm."""
    found: dict[str, Fix | None] = {}
    for one in row.spec.segment:
        state = runtime.syncs.get(one.source)
        if state is None or state.protected is None:
            continue
        feeds: dict[str, list[str]] = {}
        for name, meaning in state.mapping:
            feeds.setdefault(_FEEDS.get(meaning, meaning), []).append(name)
        fields = "; ".join(f"{what}: {', '.join(names)}" for what, names in feeds.items()) or "nothing"
        if absent := _absent_points(row, state.mapping):
            fields += f"; no field is {' or '.join(absent)}, so steps that need one are left out"
        bare = [channel for channel in row.spec.channels if channel not in state.protected]
        if bare and one.no_opt_out_field:
            doing = " or ".join(_CHANNEL_WORDS[channel] for channel in bare)
            fields += f"; {one.no_opt_out_field} attests that there is nobody whom we must not {doing}"
        if one.leaves != "stay" and Reason.left_segment not in row.spec.exit.on:
            fields += "; people who leave it are not contacted, and stay in the campaign: exit.on has no left_segment"
        called = names.get((one.source, one.segment), one.segment)
        found[f"fields of {one.source} for {called!r}: {fields}"] = ("source fields", {"source": one.source})
    return found


def _unprotected(source: str, segment: str, channels: Sequence[Kind], mapping: str) -> str:
    """The sentence about channels for which the source has no field with opt-outs."""
    doing = " or ".join(_CHANNEL_WORDS[channel] for channel in channels)
    return (
        f"no field of {source} says whom we must not {doing}; an admin maps one with {mapping}, or a person attests, "
        f"by name, that nobody in {segment!r} has opted out: in the segment's form, or no_opt_out_field in [[segment]]"
    )
