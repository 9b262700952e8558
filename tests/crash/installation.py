"""An installation that tests kill: its database of either kind, its processes, and what they left behind."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trio

from tests.processes import Child, start

ROOT = Path(__file__).parents[2]
#: Seconds within which a daemon sends again after its start.
SENDS_WITHIN = 5.0
#: The journal of begun attempts: bytes before its first token, bytes of a token.
JOURNAL_HEAD, TOKEN = 64, 16
ALWAYS = {
    "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
    "hours": "00:00-24:00",
    "fallback_timezone": "UTC",
}  # fmt: skip


def people(count: int) -> list[dict[str, Any]]:
    """People with a phone number each."""
    return [{"key": f"k{n}", "points": [["phone", f"+1212555{n:04d}"]], "zones": ["UTC"]} for n in range(count)]


LATE = "SELECT count(*) FROM waiting WHERE due_at <= {now}"
STEPS = "SELECT step, outcome, {0} FROM {1} GROUP BY 1, 2 HAVING {0} <> 0 ORDER BY 1, 2"


@dataclass
class Life:
    """What was seen of one process: the open attempts that had begun when it died, and, where people were due at its
    start, the seconds until its first request, less those in which it waited for a processor."""

    begun: set[str]
    sent_after: float | None


@dataclass
class Installation:
    """Settings and database in one folder. `url`: of a PostgreSQL database, else the database is a file. `main`: the
    function that is the daemon."""

    folder: Path
    url: str = ""
    main: str = "tests.crash.child:live"
    lives: list[Life] = field(default_factory=list)

    def configure(self, channels: str) -> None:
        """Write the settings."""
        database = f'url = "{self.url}"' if self.url else 'path = "crash.db"'
        top = f'[daemon]\nfolder = "{self.folder}"\n\n[database]\n{database}\n\n'
        (self.folder / "fluentsd.toml").write_text(top + channels)

    def prepare(
        self, campaign: Mapping[str, Any], people: Sequence[Mapping[str, Any]], *before: tuple[str, dict[str, Any]]
    ) -> None:
        """Start a campaign as the verbs do. `before`: verbs with their arguments that come first, such as for agents
        and numbers."""
        trio.run(self._prepare, campaign, people, before)

    async def _prepare(
        self,
        campaign: Mapping[str, Any],
        people: Sequence[Mapping[str, Any]],
        before: Sequence[tuple[str, dict[str, Any]]],
    ) -> None:
        from fluentsd.clock import SystemClock
        from fluentsd.config import load
        from fluentsd.daemon import open_runtime
        from fluentsd.plugins import discover
        from fluentsd.verbs import Call
        from fluentsd.verbs.execute import execute

        async with open_runtime(load(self.folder / "fluentsd.toml"), SystemClock(), discover()) as runtime:

            async def do(verb: str, **arguments: object) -> dict[str, object]:
                return await execute(runtime, verb, arguments, Call("test", runtime.clock.now(), role="admin"))

            for verb, arguments in before:
                await do(verb, **arguments)
            await do("campaign apply", file=campaign)
            run = await do("contacts begin-import", source="people.csv", ref="crash")
            await do("contacts take", run=run, people=list(people))
            await do("campaign start", ref="crash")

    # ── processes ────────────────────────────────────────────────────────────────────────────────────────────────

    def start(self, *label: str) -> Child:
        return start(self.main, str(self.folder), *label, output=self.folder / "child.log", folder=ROOT)

    def finish(self, within: float = 60) -> None:
        """Run until the campaign is completed."""
        last = self.start()
        try:
            assert last.wait(timeout=within) == 0, self.last_words()
        finally:
            last.kill()
            last.wait()

    def last_words(self) -> str:
        return (self.folder / "child.log").read_text()[-3000:]

    def soak(
        self, kills: int, requests: Callable[[], int], stride: int, chance: random.Random, *, lingers: float = 0.05
    ) -> None:
        """Kill again and again, at most `stride` requests and `lingers` seconds after the first one of a life,
        sometimes before it. `requests` counts those that reached a provider."""
        for _ in range(kills):
            late, before, began = self.late(), requests(), time.monotonic()
            victim = self.start()
            sent_after, patience = None, 1.5
            if chance.random() < 0.8:  # in the middle of its work, else perhaps before it begins
                while requests() == before and victim.poll() is None and time.monotonic() < began + 2 * SENDS_WITHIN:
                    _pause(victim, 0.01)
                sent_after = time.monotonic() - began - _waited_for_processor(victim) if late else None
                enough, until = before + chance.randint(1, stride), time.monotonic() + 2 * SENDS_WITHIN
                while requests() < enough and victim.poll() is None and time.monotonic() < until:
                    _pause(victim, 0.01)
                patience = lingers
            _pause(victim, chance.uniform(0, patience))
            if victim.poll() is not None:
                assert victim.poll() == 0, self.last_words()
                return
            victim.kill()
            victim.wait()
            self.lives.append(Life(self.begun(), sent_after))

    # ── what a death left behind ─────────────────────────────────────────────────────────────────────────────────

    def ask(self, question: str) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        if self.url:
            return asyncio.run(self._ask_server(question))
        return _ask_file(self.folder / "crash.db", question)

    async def _ask_server(self, question: str) -> list[tuple[Any, ...]]:
        import asyncpg

        conn = await asyncpg.connect(self.url.replace("+asyncpg", ""))
        try:
            return [tuple(row) for row in await conn.fetch(question)]
        finally:
            await conn.close()

    def ask_aside(self, question: str) -> list[tuple[Any, ...]]:
        """The rows of a query right after a kill: a reader of the file itself would clean up after it."""
        if self.url:
            return self.ask(question)
        aside = self.folder / "aside"
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir()
        for file in self.folder.glob("crash.db*"):
            if not file.name.endswith("-shm"):  # it is rebuilt from the log
                shutil.copy(file, aside / file.name)
        return _ask_file(aside / "crash.db", question)

    def begun(self) -> set[str]:
        """The open attempts whose request had begun, as the journal has them."""
        journals = [file.read_bytes() for file in self.folder.glob("*.begun")]  # none before the first start has one
        tokens = {data[at : at + TOKEN].hex() for data in journals for at in range(JOURNAL_HEAD, len(data), TOKEN)}
        return tokens & {token for (token,) in self.ask_aside("SELECT id FROM attempt WHERE state = 'open'")}

    def late(self) -> int:
        """How many people are due now."""
        return int(self.ask_aside(LATE.format(now=time.time_ns() // 1000))[0][0])

    def judge_people(self, people: int) -> None:
        """Every enrollment has ended, and the counters agree with the rows."""
        states = dict(self.ask("SELECT state, count(*) FROM enrollment GROUP BY state"))
        counted = dict(self.ask("SELECT state, sum(count) FROM counter GROUP BY state HAVING sum(count) <> 0"))
        made = "attempt WHERE outcome IS NULL OR outcome <> 'not_sent'"
        assert counted.pop("contacted", 0) == self.ask(f"SELECT count(DISTINCT contact_id) FROM {made}")[0][0]
        assert states == counted
        closed = self.ask(STEPS.format("count(*)", "attempt WHERE state <> 'open'"))
        assert self.ask(STEPS.format("sum(count)", "step_count")) == closed
        assert sum(states.values()) == people
        assert states.keys() <= {"completed", "exited"}
        (unended,) = self.ask("SELECT count(*) FROM attempt WHERE state NOT IN ('settled', 'unknown')")
        assert unended == (0,)

    def judge_starts(self) -> None:
        """Every life that had people to contact contacted one in time."""
        slow = [life.sent_after for life in self.lives if life.sent_after and life.sent_after > SENDS_WITHIN]
        assert not slow, (slow, self.last_words())


def _waited_for_processor(process: Child) -> float:
    """Seconds in which the main thread could have run and did not, because the machine is busy (Linux; else 0)."""
    try:
        return int(Path(f"/proc/{process.pid}/schedstat").read_text().split()[1]) / 1e9
    except (OSError, IndexError):
        return 0.0


def _pause(process: Child, seconds: float) -> None:
    """Wait for a moment, or for the end of a process."""
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.sched_yield()


def _ask_file(file: Path, question: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(file, timeout=10)) as db:
        return db.execute(question).fetchall()
