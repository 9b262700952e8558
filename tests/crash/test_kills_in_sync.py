"""Kill a real process in the walk of a list and in the write-back: afterwards the campaign equals the list.

Nobody is lost, nobody is enrolled or texted twice, nobody exits on a part of a walk, each text is written back once.
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import trio

from tests.crash.installation import Installation

#: People of the first walk, and of the one in which the process is killed; with pages of 5 it has 4.
BEFORE, AFTER = range(15), range(4, 20)
SETTINGS = """
[database]
path = "crash.db"

[channel.sms]
plugin = "sandbox"
timeout = "1 s"
delivery = "0.01-0.05 s"
outcomes = {{ delivered = 1.0 }}
ledger = "{folder}/sms.jsonl"

[source.fair]
plugin = "csv"
files = {{ Fair = "{folder}/fair.csv" }}
every = 0
page = 5
sync_every = "24 hours"
walk_every = "24 hours"
"""
TODAY = dt.datetime.now(dt.UTC).date().isoformat()
CONSENT = {"basis": "written", "date": TODAY, "scope": ["sms"], "by": "Dana", "scrubbed": TODAY}
CAMPAIGN = {
    "name": "Crash", "ref": "crash",
    "window": {
        "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "hours": "00:00-24:00", "fallback_timezone": "UTC",
    },
    "step": [
        {"id": "text", "channel": "sms", "text": "hello"},
        {"id": "late", "channel": "sms", "text": "hello again", "after": "9 days"},
    ],
    "segment": [{"source": "fair", "segment": "Fair", "leaves": "exit", "no_opt_out_field": "Dana",
                 "consent": CONSENT}],
}  # fmt: skip
#: The points of every run of the tests, and those of `make crash`.
USUAL = [("after-commit:store_page", 2), ("after-write", 2)]
MORE = [
    ("after-fetch", 1), ("after-fetch", 3), ("before-commit:store_page", 2), ("after-commit:store_page", 1),
    ("before-commit:store_page", 4), ("after-commit:store_page", 4), ("before-commit:_enroll_some", 1),
    ("after-commit:_enroll_some", 1), ("before-commit:_exit_some", 1), ("after-commit:_exit_some", 1),
    ("before-commit:leave_missing", 1), ("after-commit:leave_missing", 1), ("before-write", 1), ("after-write", 5),
    ("before-commit:note", 3), ("after-commit:note", 4), ("after-commit:claim", 1), ("after-send", 3),
]  # fmt: skip
LABELS = [pytest.param(*one, marks=pytest.mark.slow) for one in USUAL] + [
    pytest.param(*one, marks=pytest.mark.crash) for one in MORE
]
Query = Callable[[str], list[tuple[Any, ...]]]


def put(folder: Path, people: range) -> None:
    """The list as it is now. The people are British: in the US the lawful hours would depend on when the test runs."""
    rows = "".join(f"k{n},+44207946{n:04d},UTC\n" for n in people)
    (folder / "fair.new").write_text(f"id,phone,timezone\n{rows}")
    (folder / "fair.new").replace(folder / "fair.csv")


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation after its first walk and its start; nobody has been texted."""
    folder = tmp_path_factory.mktemp("walked")
    put(folder, BEFORE)
    (folder / "fluentsd.toml").write_text(SETTINGS.format(folder=folder))
    trio.run(_prepare, folder)
    return folder


async def _prepare(folder: Path) -> None:
    from fluentsd.clock import SystemClock
    from fluentsd.config import load
    from fluentsd.daemon import open_runtime
    from fluentsd.engine.nursery import running
    from fluentsd.plugins import discover
    from fluentsd.verbs import Call
    from fluentsd.verbs.execute import execute

    async with open_runtime(load(folder / "fluentsd.toml"), SystemClock(), discover()) as runtime:

        async def do(verb: str, **arguments: object) -> Any:
            return await execute(runtime, verb, arguments, Call("test", runtime.clock.now(), role="admin"))

        await do("campaign apply", file=CAMPAIGN)
        async with running(runtime, grace=1.0):
            with trio.fail_after(20):
                while not (await do("sync status"))["segments"][0]["walked_at"]:  # noqa: ASYNC110 - in another task
                    await trio.sleep(0.02)
            await do("sync hold", source="fair", because="the test begins later")
            runtime.stop_claiming()
            await do("campaign start", ref="crash", yes=True)
        await do("sync release", source="fair")


@pytest.fixture
def folder(walked: Path, tmp_path: Path) -> Path:
    """A copy, whose list has changed since."""
    shutil.copytree(walked, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.sock"))
    (tmp_path / "fluentsd.toml").write_text(SETTINGS.format(folder=tmp_path))
    put(tmp_path, AFTER)
    return tmp_path


def query(folder: Path) -> Query:
    def ask(sql: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(folder / "crash.db", timeout=10)) as db:
            return db.execute(sql).fetchall()

    return ask


QUIET = """
SELECT (SELECT count(*) FROM membership WHERE missing_since_at IS NULL AND left_at IS NULL),
       (SELECT count(*) FROM membership WHERE left_at IS NOT NULL),
       (SELECT count(*) FROM enrollment WHERE state = 'queued'),
       (SELECT count(*) FROM attempt WHERE outcome IS NULL),
       (SELECT count(*) FROM enrollment WHERE state = 'queued' AND id NOT IN (SELECT enrollment_id FROM attempt)),
       (SELECT count(*) FROM outbox_delivery WHERE target IN ('source:fair', 'opt-outs:fair'))
"""


def finish(folder: Path) -> None:
    """Run without a fuse until nothing is left to do."""
    ask, running, until = query(folder), Installation(folder).start(), time.monotonic() + 60
    calm = 0
    while calm < 5 and time.monotonic() < until:
        calm = calm + 1 if ask(QUIET) == [(len(AFTER), 4, len(AFTER), 0, 0, 0)] else 0
        assert running.poll() is None, (folder / "child.log").read_text()[-3000:]
        time.sleep(0.1)
    running.terminate()
    running.wait(timeout=10)
    assert calm == 5, (ask(QUIET), (folder / "child.log").read_text()[-3000:])


def judge(folder: Path) -> None:
    ask = query(folder)
    assert ask("SELECT count(*) FROM enrollment GROUP BY contact_id HAVING count(*) > 1") == []
    there = ask("SELECT p.value FROM enrollment e JOIN contact_point c ON c.contact_id = e.contact_id"
                " JOIN point p ON p.id = c.point_id WHERE e.state = 'queued'")  # fmt: skip
    assert {phone for (phone,) in there} == {f"+44207946{n:04d}" for n in AFTER}
    exits = Counter(ask("SELECT reason FROM enrollment WHERE state != 'queued'"))
    assert exits == {("left_segment",): 4}
    texts = [json.loads(line) for line in (folder / "sms.jsonl").read_text().splitlines()]
    accepted = Counter(text["to"] for text in texts if text.get("accepted"))
    unknown = {to for (to,) in ask("SELECT p.value FROM attempt a JOIN point p ON p.id = a.point_id"
                                   " WHERE a.state = 'unknown'")}  # fmt: skip
    assert max(accepted.values()) == 1
    assert {f"+44207946{n:04d}" for n in AFTER} <= accepted.keys() | unknown
    lines = (folder / "plugins/sources/fair/activities.jsonl").read_text().splitlines()
    written = Counter(json.loads(line)["key"] for line in lines)
    assert max(written.values()) == 1
    reported = {f"attempt:{token}:{key}" for token, key in ask(
        "SELECT a.id, r.key FROM attempt a JOIN enrollment e ON e.id = a.enrollment_id"
        " JOIN record r ON r.contact_id = e.contact_id WHERE a.outcome NOT IN ('unknown', 'not_sent')"
    )}  # fmt: skip
    assert reported <= written.keys()


@pytest.mark.parametrize(("label", "nth"), LABELS)
def test_killed_in_a_walk(folder: Path, label: str, nth: int) -> None:
    home = Installation(folder)
    assert home.start(label, str(nth)).wait(timeout=60) == -signal.SIGKILL, home.last_words()
    ask = query(folder)
    if ask("SELECT walk_began_at IS NOT NULL FROM segment") == [(1,)]:  # in the midst of it nobody has left
        assert ask("SELECT count(*) FROM membership WHERE missing_since_at IS NOT NULL OR left_at IS NOT NULL") == [
            (0,)
        ]
        assert ask("SELECT count(*) FROM enrollment WHERE reason = 'left_segment' AND state = 'exited'") == [(0,)]
    finish(folder)
    judge(folder)
