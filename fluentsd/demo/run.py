"""Runs the demo: a runtime in a temporary folder, the engine's loops, and the verbs that start the campaign."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import tempfile
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog
import trio

from fluentsd.clock import SimClock, SystemClock
from fluentsd.config import load
from fluentsd.daemon import open_runtime
from fluentsd.demo.people import CALLER_IDS, Lead, LiveList, write_csv
from fluentsd.demo.verify import duplicates, from_ledgers, from_mails, outside_window
from fluentsd.domain.contacts.reader import Reject
from fluentsd.engine.ingest.batches import batches, mapping_of
from fluentsd.engine.ingest.csv_file import open_csv
from fluentsd.engine.nursery import running
from fluentsd.engine.runtime import Runtime
from fluentsd.engine.sync.write_back import write_backs
from fluentsd.plugins import discover
from fluentsd.testing import SmtpSink
from fluentsd.verbs import Call
from fluentsd.verbs.execute import execute

#: Monday before Thanksgiving, seven in the morning in New York.
BEGINS = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
REF, FOLLOW_UP = "spring-fair", "send-details"
#: People on the list of the CRM before the start.
AT_FIRST = 24
#: Seconds of real time between two looks at the figures; each one holds the simulated clock up.
LOOKS_EVERY = 1.0
MINUTE, HOUR = 60_000_000, 3_600_000_000
_SETTINGS = """
[database]
path = "demo.db"

[channel.phone]
plugin = "sandbox"
concurrency = 20
seed = {seed}
conversations = true
cost_micros = 120000
faults = {{ accept_then_error = 0.02, accept_then_hang = 0.01, unavailable = 0.01, list_lag = 2 }}
ledger = "{folder}/phone.jsonl"

[channel.sms]
plugin = "sandbox"
concurrency = 20
seed = {seed}
cost_micros = 10000
faults = {{ accept_then_error = 0.03, refuse_dead = 0.02 }}
ledger = "{folder}/sms.jsonl"

[source.crm]
plugin = "csv"
every = 0
sync_every = "2 hours"
walk_every = "6 hours"
consent_max_age = "12 hours"
files = {{ "Walk-ins" = "{folder}/walk-ins.csv" }}

[channel.email]
plugin = "email"
concurrency = 4
timeout = "2 s"
host = "127.0.0.1"
port = {port}
tls = "none"
from = "Spring fair <fair@example.com>"
postal_address = "Example Solar, 1 Example Road, Springfield"
unsubscribe = "https://fair.example.com/u/{{token}}"
"""


@dataclass(slots=True)
class DemoState:
    """The figures to show while the demo runs, and its result at the end."""

    now: int = 0
    overview: Mapping[str, Any] = field(default_factory=dict)
    imported: Mapping[str, Any] = field(default_factory=dict)
    report: Mapping[str, Any] = field(default_factory=dict)
    ahead: Mapping[str, Any] = field(default_factory=dict)
    checked: Mapping[str, Any] = field(default_factory=dict)
    attempts: list[Mapping[str, Any]] = field(default_factory=list)
    why: Mapping[str, Any] = field(default_factory=dict)
    errors: list[Mapping[str, Any]] = field(default_factory=list)
    after_call: Mapping[str, Any] = field(default_factory=dict)
    figures: dict[str, int] = field(default_factory=dict)
    followed: dict[str, int] = field(default_factory=dict)
    span: tuple[int, int] = (0, 0)


async def run_demo(people: int, seed: int, *, real: bool, watch: Callable[[DemoState], None]) -> DemoState:
    """Run the whole campaign; `watch` is called about three times a second of real time."""
    folder = Path(tempfile.mkdtemp(prefix="fluentsd-demo-"))
    try:
        with SmtpSink() as sink:
            text, leads = write_csv(people, seed)
            for lead in leads[::25]:
                sink.refuse(lead.email)
            sink.vanish_after_dot(
                times=2
            )  # accepted, but never answered: the outcome is unknown, so it is not repeated
            (folder / "leads.csv").write_text(text, "utf-8-sig")
            (folder / "fluentsd.toml").write_text(_SETTINGS.format(seed=seed, folder=folder, port=sink.port), "utf-8")
            walk_ins = LiveList(folder / "walk-ins.csv")
            walk_ins.join(AT_FIRST)
            return await _run(folder, sink, leads, walk_ins, real=real, watch=watch)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _run(
    folder: Path,
    sink: SmtpSink,
    leads: list[Lead],
    walk_ins: LiveList,
    *,
    real: bool,
    watch: Callable[[DemoState], None],
) -> DemoState:
    clock = SystemClock() if real else SimClock(round(BEGINS.timestamp() * 1_000_000))
    log = structlog.wrap_logger(structlog.PrintLogger(), processors=[_silent])
    state = DemoState()
    async with open_runtime(load(folder / "fluentsd.toml"), clock, discover(), log=log) as runtime:
        async with trio.open_nursery() as nursery:
            await _run_campaign(runtime, clock, nursery, folder, walk_ins, state, watch)
            nursery.cancel_scope.cancel()
        await _conclude(runtime, state, folder, sink, leads + walk_ins.leads)
    watch(state)
    return state


async def _run_campaign(
    runtime: Runtime,
    clock: SystemClock | SimClock,
    nursery: trio.Nursery,
    folder: Path,
    walk_ins: LiveList,
    state: DemoState,
    watch: Callable[[DemoState], None],
) -> None:
    await _prepare(runtime, folder, state)
    if isinstance(clock, SimClock):
        nursery.start_soon(clock.run)
    targets = [one for name, source in runtime.sources.items() for one in write_backs(runtime, name, source)]
    async with running(runtime, targets, grace=5.0):
        while (await _do(runtime, "sync status"))["segments"][0]["people"] < AT_FIRST:
            await clock.sleep_until(clock.now() + MINUTE)
        state.checked = await _do(runtime, "campaign check", ref=REF)
        state.ahead = await _do(runtime, "forecast", ref=REF)
        nursery.start_soon(_look, runtime, state, watch)
        await _do(runtime, "campaign start", ref=REF, yes=True)
        await _change_list(clock, walk_ins)
        await _until_done(runtime, clock)
        await _do(runtime, "campaign complete", ref=REF)
    state.followed = {"joined": walk_ins.joined - AT_FIRST, "left": walk_ins.left, "people": AT_FIRST}


async def _change_list(clock: SystemClock | SimClock, walk_ins: LiveList) -> None:
    """People join and leave the list of the CRM in the first days."""
    for after, joins, leaves in ((5, 6, 2), (20, 4, 3), (24, 5, 2)):
        await clock.sleep_until(clock.now() + after * HOUR)
        walk_ins.join(joins)
        walk_ins.leave(leaves)


def _silent(_logger: Any, _method: str, _event: Any) -> Any:
    raise structlog.DropEvent


async def _do(runtime: Runtime, verb: str, **arguments: Any) -> Any:
    return await execute(runtime, verb, arguments, Call("demo", runtime.clock.now(), role="admin"))


async def _prepare(runtime: Runtime, folder: Path, state: DemoState) -> None:
    """Run the verbs that an operator would type: apply, add numbers, import, attest."""
    for name, verb in (("agent", "agents apply"), ("campaign", "campaign apply")):
        file = tomllib.loads((Path(__file__).parent / f"{name}.toml").read_text("utf-8"))
        await _do(runtime, verb, file=file)
    for number in CALLER_IDS:
        await _do(runtime, "numbers add", number=number, tag=["sales-us"])
    counts = dict.fromkeys(("rows", "new", "updated", "duplicates", "enrolled", "rejected"), 0)
    run = await _do(runtime, "contacts begin-import", source="leads.csv", ref=REF)
    with open_csv(folder / "leads.csv") as opened:
        mapping = mapping_of(opened, {}, "US", "phone")
        for item in batches(opened, mapping, "US", "phone"):
            if isinstance(item, Reject):
                counts["rejected"] += 1
                counts["rows"] += 1
                continue
            answer = await _do(runtime, "contacts take", run=run, people=item.people)
            counts["rows"] += len(item.people)
            for name in ("new", "updated", "duplicates", "enrolled"):
                counts[name] += answer[name]
    await _do(runtime, "contacts end-import", run=run, counts=counts)
    evidence = {"basis": "written", "given": "2026-11-02", "scope": ["phone", "sms"], "by": "the fair's desk"}
    await _do(runtime, "contacts attest", source="leads.csv", **evidence)
    state.imported = counts


async def _look(runtime: Runtime, state: DemoState, watch: Callable[[DemoState], None]) -> None:
    while True:
        state.overview, state.now = await _do(runtime, "campaign status", ref=REF), runtime.clock.now()
        watch(state)
        await trio.sleep(LOOKS_EVERY)


async def _until_done(runtime: Runtime, clock: SystemClock | SimClock) -> None:
    """Return when nobody waits; a campaign that follows a list ends only by hand."""
    while True:
        await clock.sleep_until(clock.now() + HOUR)
        found = await _do(runtime, "campaign status", ref=REF)
        if not found["queued"] and not found["active"] and not found["follow_ups"]:
            return


async def _conclude(runtime: Runtime, state: DemoState, folder: Path, sink: SmtpSink, leads: list[Lead]) -> None:
    state.now = runtime.clock.now()
    state.overview = await _do(runtime, "campaign status", ref=REF)
    state.report = await _do(runtime, "campaign report", ref=REF)
    state.errors = (await _do(runtime, "campaign errors", ref=REF))["causes"]
    calls = (await _do(runtime, "history", ref=REF, most=100_000))["calls"]
    state.span = (min(c["claimed_at"] for c in calls), max(c["claimed_at"] for c in calls))
    state.attempts = _longest_history(calls)
    state.after_call = _after_call(calls, folder)
    state.why = (await _do(runtime, "contacts why", person=state.attempts[0]["to"]))["campaigns"][0]
    contacted = from_ledgers([folder / "phone.jsonl", folder / "sms.jsonl"]) + from_mails(sink.mails)
    state.figures = {k: state.overview[k] for k in ("total", "queued", "active", "errored", "exited", "completed")} | {
        "attempts": len(contacted),
        "duplicates": duplicates(contacted),
        "outside_window": outside_window(contacted, leads),
        "unknown": state.overview["unknown"],
    }


def _after_call(calls: list[Mapping[str, Any]], folder: Path) -> dict[str, Any]:
    """One conversation with everything that followed it: the analysis, the text, the note in the CRM."""
    notes = [json.loads(line) for file in folder.rglob("activities.jsonl") for line in file.open(encoding="utf-8")]
    by_attempt = {note["key"].split(":")[1]: note for note in notes if note["key"].startswith("analysis:")}
    texts = {call["to"]: call for call in calls if call["step"] == FOLLOW_UP and call["outcome"] != "not_sent"}
    talks = [call for call in calls if call["analysis_state"] == "done" and call["summary"]]
    complete = [one for one in talks if one["id"] in by_attempt and one["to"] in texts] or talks
    if not complete:
        return {}
    call = complete[-1]
    return {"call": call, "follow_up": texts.get(call["to"]), "note": by_attempt.get(call["id"]),
            "analysed": len(talks), "follow_ups": len(texts), "notes": len(by_attempt)}  # fmt: skip


def _longest_history(calls: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The attempts of the person with the most steps, oldest first."""
    by_phone: dict[str, list[Mapping[str, Any]]] = {}
    for call in calls:
        if call["channel"] != "email":
            by_phone.setdefault(call["to"], []).append(call)
    longest = max(by_phone.values(), key=lambda mine: (len({c["step"] for c in mine}), len(mine)))
    return sorted(longest, key=lambda c: c["claimed_at"])
