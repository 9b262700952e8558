"""Following a segment of 100,000 people: the first sync, its requests and memory, 100 changes, and steps meanwhile.

Every run is a process of its own with a new file (SQLite, WAL, synchronous=FULL) and the real engine. Where the limit
of requests decides (Lead Docket, HubSpot), the plugin speaks to the tests' double over loopback on the simulated clock,
and the floor is requests × the interval of the plugin's limiter. Where it does not, a source makes its records as fast
as they are asked for, beside `fluentsd contacts import` of the same people. A run in which somebody is missing fails.

`python bench/following.py FOLDER RUN [PEOPLE]` runs one of `first`, `leaddocket`, `hubspot`, `import`, `steps none` and
`steps sync`.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import population
import steps
import structlog
import trio
from figures import tell
from importing import CONFIG, _command
from rows import BenchFailed, Row

from fluentsd.api import Activity, Finding, Page, Record, Segment, Source, SourceField, SourceLimits
from fluentsd.bootstrap import freeze_gc
from fluentsd.clock import SimClock, SystemClock
from fluentsd.domain.sync_options import HOUR, MINUTE, SyncOptions
from fluentsd.engine.nursery import running
from fluentsd.engine.runtime import Runtime
from fluentsd.engine.sync.loop import SourceSync
from fluentsd.engine.sync.state import SyncState
from fluentsd.engine.wakeup import Wakeup
from fluentsd.store import segments, tables
from fluentsd.store.db.bridge import open_store
from fluentsd.testing import tools
from fluentsd.verbs import Call
from fluentsd.verbs.execute import execute

ROOT = Path(__file__).parents[1]
PEOPLE, CHANGES, STEPS, PAIRS = 100_000, 100, 20_000, 3
#: Most of the limiter's floor; least of the import's rate; most requests of a delta; least rate of steps beside a sync.
OF_FLOOR, OF_IMPORT, DELTA, BESIDE, MEMORY_MIB = 1.15, 0.15, 5, 0.8, 250
SECOND = 1_000_000
START = 1_767_625_200 * SECOND
CAMPAIGN = {
    "name": "Follow", "ref": "follow",
    "window": {"days": ["mon", "tue", "wed", "thu", "fri"], "hours": "09:00-17:00", "fallback_timezone": "UTC"},
    "step": [{"id": "text", "channel": "sms", "text": "Hello", "after": "9 days"}],
}  # fmt: skip


class Generated:
    """A list whose records are made when they are asked for: a CRM without a limit."""

    def __init__(self, count: int, page: int = 250) -> None:
        self._count, self.limits, self.pages = count, SourceLimits(page=page, refresh=page), 0

    async def check(self) -> Sequence[Finding]:
        return []

    async def catalogue(self) -> Sequence[SourceField]:
        kinds = {"phone": "phone", "email": "email", "first": "first_name", "last": "last_name", "zone": "timezone"}
        return [SourceField(name, meaning=meaning) for name, meaning in kinds.items()]  # type: ignore[arg-type]

    async def segments(self) -> Sequence[Segment]:
        return [Segment("list:1", "Spring", self._count)]

    async def walk(self, segment: str, cursor: str | None) -> Page:
        self.pages += 1
        start = int(cursor or 0)
        end = min(start + self.limits.page, self._count)
        found = [Record(f"r{n}", person(n)) for n in range(start, end)]
        more = end < self._count
        ids = [one.id for one in found]
        return Page(ids, found, next=str(end) if more else None, complete=not more, since=None if more else "0")

    async def changes(self, segment: str, since: str | None) -> Page:
        return Page([], [], since="0")

    async def refresh(self, ids: Sequence[str]) -> Sequence[Record]:
        return [Record(one, person(int(one[1:]))) for one in ids]

    async def write(self, activity: Activity, key: str) -> str:
        return key


def person(n: int) -> dict[str, Any]:
    """The fields of one person; numbers of no area code repeat within ten million."""
    area = (212, 312, 415, 512, 617, 702, 303, 404, 206, 503)[n // 100_000 % 10]
    return {
        "phone": f"+1{area}{2_000_000 + n:07d}", "email": f"p{n}@example.com", "first": f"Ann{n % 997}",
        "last": f"Lee{n}", "zone": "America/Chicago",
    }  # fmt: skip


@asynccontextmanager
async def following(
    folder: Path, source: Source, clock: Any, options: SyncOptions, segment: str
) -> AsyncIterator[Runtime]:
    """The engine with one source, and a draft that follows the segment."""
    url = f"sqlite+aiosqlite:///{folder}/follow.db"
    async with open_store(url, busy=clock.busy) as store:
        await store.run(lambda conn: conn.run_sync(tables.metadata.create_all))
        log = structlog.wrap_logger(structlog.PrintLogger(sys.stderr))
        runtime = Runtime(store, clock, {}, sources={"crm": source}, sync_options={"crm": options}, log=log)
        file = CAMPAIGN | {"segment": [{"source": "crm", "segment": segment}]}
        await execute(runtime, "campaign apply", {"file": file}, Call("bench", clock.now(), role="admin"))
        freeze_gc()
        async with trio.open_nursery() as nursery:
            if isinstance(clock, SimClock):
                nursery.start_soon(clock.run)
            async with running(runtime):
                yield runtime
            nursery.cancel_scope.cancel()


async def walked(runtime: Runtime, clock: Any, count: int) -> int:
    """Wait until the first walk is whole and all are enrolled; the instant at which that was seen."""
    while True:
        [row] = await runtime.store.read(segments.followed, "crm")
        if row.walked_at is not None:
            found = await enrolled(runtime)
            if found == count:
                return int(clock.now())
        await clock.sleep_until(clock.now() + SECOND // 10)


async def enrolled(runtime: Runtime) -> int:
    call = Call("bench", runtime.clock.now(), role="admin")
    return int((await execute(runtime, "campaign status", {"ref": "follow"}, call))["total"])


async def first(folder: Path, count: int) -> dict[str, float]:
    """People per second of the first sync of a source without a limit."""
    clock, source = SystemClock(), Generated(count)
    began = time.perf_counter()
    async with following(folder, source, clock, SyncOptions(every=HOUR), "Spring") as runtime:
        await walked(runtime, clock, count)
        took = time.perf_counter() - began
    return {"rate": count / took, "seconds": took, "requests": source.pages}


async def leaddocket(folder: Path, count: int) -> dict[str, float]:
    """Lead Docket at its one request a second."""
    sys.path[:0] = [str(ROOT), str(ROOT / "plugins" / "crm_leaddocket")]
    from fluentsd_crm_leaddocket.settings import read_settings
    from fluentsd_crm_leaddocket.source import LeaddocketSource

    from plugins.crm_leaddocket.tests.fake_leaddocket import KEY, FakeLeaddocket

    class Double(FakeLeaddocket):
        """Sorts once for all pages of a walk."""

        ordered: tuple[Any, list[dict[str, Any]]] = ((), [])

        def _page(self, request: Any, rows: list[dict[str, Any]], order: str) -> Any:
            size, page = int(request.one("itemsPerPage", "500")), int(request.one("page", "1"))
            key = (request.path, request.one("date"), request.one("sortOrder"), self.now)
            if self.ordered[0] != key:
                falling = request.one("sortOrder") == "Descending"
                self.ordered = key, sorted(rows, key=lambda one: (one[order], one["Id"]), reverse=falling)
            rows = self.ordered[1]
            part = rows[(page - 1) * size : page * size]
            return _paged(part, page, size, len(rows))

    with Double() as crm:
        for n in range(count):
            ref = crm.lead()
            crm.leads[int(ref)] |= {"MobilePhone": person(n)["phone"], "Email": person(n)["email"]}
        crm.pass_time(7200)  # else all of them would have changed just now
        settings = read_settings({"base_url": crm.url, "api_key": KEY})

        def change() -> None:
            for ref in list(crm.leads)[:CHANGES]:
                crm.edit(str(ref), FirstName="Changed")

        def make(given: Any) -> Source:
            return LeaddocketSource(settings, given)

        return await simulated(folder, crm, make, "status:1", settings.interval, count, change)


def _paged(rows: list[dict[str, Any]], page: int, size: int, total: int) -> Any:
    from fluentsd.testing import Answer

    about = {"Page": page, "ItemsPerPage": size, "TotalRecordCount": total, "TotalPages": -(-total // size)}
    return Answer(200, about | {"Records": rows})


async def hubspot(folder: Path, count: int) -> dict[str, float]:
    """HubSpot at its eight requests a second."""
    sys.path[:0] = [str(ROOT), str(ROOT / "plugins" / "crm_hubspot")]
    from fluentsd_crm_hubspot.settings import read_settings
    from fluentsd_crm_hubspot.source import HubspotSource

    from plugins.crm_hubspot.tests.fake_hubspot import TOKEN, FakeHubspot

    with FakeHubspot() as crm:
        spring = crm.new_list("Spring")
        for n in range(count):
            about = person(n)
            crm.join(spring, crm.contact(phone=about["phone"], email=about["email"], firstname=about["first"]))
            crm.pass_time(0.001)
        members = list(crm.lists[spring].members)
        crm.pass_time(7200)  # else all of them would have changed just now
        settings = read_settings({"token": TOKEN, "base_url": crm.url, "daily_share": 1.0})

        def change() -> None:
            for ref in members[:CHANGES]:
                crm.edit(ref, firstname="Changed")

        def make(given: Any) -> Source:
            return HubspotSource(settings, given)

        return await simulated(folder, crm, make, f"list:{spring}", settings.interval, count, change)


class Busy(httpx.AsyncHTTPTransport):
    """Holds the simulated clock while a request is on its way."""

    def __init__(self, clock: SimClock) -> None:
        super().__init__()
        self._clock = clock

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        with self._clock.busy():
            answer = await super().handle_async_request(request)
            await answer.aread()
            return answer


async def simulated(
    folder: Path, crm: Any, make: Any, segment: str, interval: int, count: int, change: Any
) -> dict[str, float]:
    """Seconds of the first sync on the simulated clock, its floor, and the requests of a later delta."""
    clock = SimClock(crm.now)
    web = httpx.AsyncClient(transport=Busy(clock))
    given = replace(tools(clock, folder=folder), http=lambda: web)
    options = SyncOptions(every=15 * MINUTE, walk_every=24 * HOUR)
    async with following(folder, make(given), clock, options, segment) as runtime:
        began, before = clock.now(), len(crm.asked)
        ended = await walked(runtime, clock, count)
        requests = len(crm.asked) - before
        crm.now = max(crm.now, clock.now())
        crm.pass_time(600)
        change()
        crm.pass_time(3600)
        after = len(crm.asked)
        await clock.sleep_until(clock.now() + 16 * MINUTE)
        delta = len(crm.asked) - after
    await web.aclose()
    took = (ended - began) / SECOND
    return {"seconds": took, "requests": requests, "floor": requests * interval / SECOND, "delta": delta}


async def stepping(database: Path, beside: bool) -> float:
    """Steps per second, with or without a walk meanwhile."""

    async def serve(runtime: Runtime, nursery: trio.Nursery) -> None:
        if not beside:
            return
        source = Generated(10_000_000)
        runtime.sources["crm"], runtime.syncs["crm"] = source, SyncState(SyncOptions(every=HOUR))
        runtime.sync_wakeups["crm"] = Wakeup()
        file = CAMPAIGN | {"segment": [{"source": "crm", "segment": "Spring"}]}
        call = Call("bench", runtime.clock.now(), role="admin")
        await execute(runtime, "campaign apply", {"file": file}, call)
        nursery.start_soon(SourceSync(runtime, "crm", source).run)
        serve.source = source  # type: ignore[attr-defined]

    took, _ = await steps.carry_out(database, STEPS, 1000, beside=serve)
    if beside:
        tell_pages = serve.source.pages  # type: ignore[attr-defined]
        print(f"{tell_pages * 250 / took:,.0f} people a second were synced meanwhile", file=sys.stderr)
    return STEPS / took


def follow(folder: Path) -> list[Row]:
    """All rows."""
    imported = _imported(folder / "import", PEOPLE)
    ours = _run(folder / "first", "first", str(PEOPLE))
    ratio = round(ours["rate"] / imported, 2)
    rows = [
        Row("follow rate", round(ours["rate"]), round(imported), "people/s", ratio, OF_IMPORT,
            note=f"the first sync of {PEOPLE:,} people, enrolled, beside `contacts import` of the same people",
            extra={"seconds": round(ours["seconds"], 1)}),
        Row("follow memory", ours["peak_mib"], None, "MiB", None, MEMORY_MIB, "at most", "the peak of the process"),
    ]  # fmt: skip
    for crm in ("leaddocket", "hubspot"):
        found = _run(folder / crm, crm, str(PEOPLE))
        note = f"{PEOPLE:,} people in {found['requests']:,} requests, beside the floor of the limiter; simulated clock"
        rows.append(Row(f"follow {crm}", round(found["seconds"], 1), round(found["floor"], 1), "s",
                        round(found["seconds"] / found["floor"], 3), OF_FLOOR, "at most", note))  # fmt: skip
        rows.append(Row(f"follow {crm} delta", found["delta"], None, "requests", None, DELTA, "at most",
                        f"{CHANGES} changed people"))  # fmt: skip
    pairs = [
        (_run(folder / f"sync-{n}", "steps", "sync")["rate"], _run(folder / f"none-{n}", "steps", "none")["rate"])
        for n in range(PAIRS)
    ]
    medians = [round(statistics.median(pair[place] for pair in pairs)) for place in (0, 1)]
    share = round(statistics.median(a / b for a, b in pairs), 2)
    rows.append(Row("follow beside steps", *medians, "steps/s", share, BESIDE,
                    note="while a source without a limit is walked, beside no sync"))  # fmt: skip
    return rows


def _imported(home: Path, count: int) -> float:
    """People per second of `fluentsd contacts import` of the same people."""
    home.mkdir()
    (home / "fluentsd.toml").write_text(CONFIG.format(folder=home), encoding="utf-8")
    import tomli_w

    (home / "campaign.toml").write_text(tomli_w.dumps(CAMPAIGN), encoding="utf-8")
    _command(home, "campaign", "apply", "campaign.toml")
    with (home / "people.csv").open("w", encoding="utf-8") as out:
        out.write("Phone,Email,First Name,Last Name,Time zone\n")
        out.writelines(",".join(person(n).values()) + "\n" for n in range(count))
    began = time.perf_counter()
    answer = json.loads(_command(home, "contacts", "import", "people.csv", "--campaign", "follow", "--json"))
    if answer["enrolled"] != count:
        raise BenchFailed(f"the import enrolled {answer['enrolled']} of {count}")
    return count / (time.perf_counter() - began)


def _run(folder: Path, *what: str) -> dict[str, float]:
    folder.mkdir()
    command = [sys.executable, __file__, str(folder), *what]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchFailed(f"following {' '.join(what)}: {done.stderr.strip()[-500:]}")
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def main() -> None:
    folder, run, rest = Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
    if run == "import":
        tell(rate=_imported(folder, int(rest[0])))
    elif run == "steps":
        database = folder / "steps.db"
        trio.run(steps.make, database, "We will call you tomorrow.")
        population.put(database, steps.REF, due=STEPS, at=SystemClock().now())
        tell(rate=trio.run(stepping, database, rest[0] == "sync"))
    else:
        runs = {"first": first, "leaddocket": leaddocket, "hubspot": hubspot}
        tell(**trio.run(runs[run], folder, int(rest[0]) if rest else PEOPLE))


if __name__ == "__main__":
    main()
