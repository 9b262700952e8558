"""Kill a real process in the work after calls: every call is analysed, what follows it goes out once, and the person's
record in the CRM gets each activity and each note once.
"""

from __future__ import annotations

import json
import signal
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import trio

from tests.crash.installation import Installation
from tests.crash.test_kills import CAMPAIGN

PEOPLE = 10
SETTINGS = """
[database]
path = "crash.db"

[channel.phone]
plugin = "sandbox"
timeout = "1 s"
conversations = true
ring = "0.01-0.05 s"
talk = "0.01-0.05 s"
outcomes = {{ answered = 1.0 }}
ledger = "{folder}/phone.jsonl"

[channel.sms]
plugin = "sandbox"
timeout = "1 s"
delivery = "0.01-0.05 s"
outcomes = {{ delivered = 1.0 }}
ledger = "{folder}/sms.jsonl"

[source.fair]
plugin = "csv"
files = {{ Fair = "{folder}/fair.csv" }}
"""
FIELD = {"name": "agreed", "kind": "flag", "write_to": {"fair": "agreed"}}
AGENT = {"name": "a", "company": "Acme", "prompt": "Sell.", "analysis": {"field": [FIELD]}}
STEPS = [
    {"id": "call", "channel": "phone", "agent": "a"},
    {"id": "thanks", "channel": "sms", "text": "thanks", "after_call": "answered"},
    {"id": "details", "channel": "sms", "text": "details", "after_call": "interested"},
]
#: The points of every run of the tests, and those of `make crash`.
USUAL = [("after-commit:_finish", 3), ("after-write", PEOPLE + 3)]
MORE = [
    ("after-analysis", 4),
    ("before-write", 1), ("after-write", 1), ("before-write", PEOPLE + 4), ("after-write", 3 * PEOPLE),
    ("before-commit:record", 1), ("after-commit:record", 1), ("before-analysis", 1), ("before-commit:_finish", 1),
    ("before-commit:note", 1), ("after-commit:note", 2), ("before-send", PEOPLE + 1), ("after-send", PEOPLE + 2),
]  # fmt: skip
LABELS = [pytest.param(*one, marks=pytest.mark.slow) for one in USUAL] + [
    pytest.param(*one, marks=pytest.mark.crash) for one in MORE
]


async def _prepare(folder: Path) -> None:
    from fluentsd.clock import SystemClock
    from fluentsd.config import load
    from fluentsd.daemon import open_runtime
    from fluentsd.plugins import discover
    from fluentsd.verbs import Call
    from fluentsd.verbs.execute import execute

    async with open_runtime(load(folder / "fluentsd.toml"), SystemClock(), discover()) as runtime:

        async def do(verb: str, **arguments: object) -> Any:
            return await execute(runtime, verb, arguments, Call("test", runtime.clock.now(), role="admin"))

        await do("agents apply", file={"agent": [AGENT]})
        await do("campaign apply", file=CAMPAIGN | {"step": STEPS})
        run = await do("contacts begin-import", source="people.csv", ref="crash")
        people = [{"key": f"k{n}", "points": [["phone", f"+1212555{n:04d}"]], "zones": ["UTC"]} for n in range(PEOPLE)]
        await do("contacts take", run=run, people=people)
        await do("campaign start", ref="crash")
    with closing(sqlite3.connect(folder / "crash.db")) as db:  # as if a walk of the CRM had brought them
        db.execute("UPDATE source SET kind = 'crm', name = 'fair'")
        db.execute("UPDATE record SET object = 'row'")
        db.commit()


def judge(folder: Path) -> None:
    """Each call has one finished analysis; each follow-up that it asks for was accepted once, or is unknown."""
    texts = [json.loads(line) for line in (folder / "sms.jsonl").read_text().splitlines()]
    accepted = Counter((text["to"], text["step"]) for text in texts if text.get("accepted"))
    assert max(accepted.values()) == 1
    with sqlite3.connect(folder / "crash.db") as db:
        calls = dict(db.execute("SELECT id, outcome FROM attempt WHERE channel = 'phone' AND outcome = 'answered'"))
        works = dict(db.execute("SELECT attempt_id, state FROM after_call"))
        words = Counter(row[0] for row in db.execute("SELECT attempt_id FROM content WHERE kind = 'summary'"))
        wanted = {(to, step) for to, step in db.execute(
            "SELECT p.value, s.step FROM attempt a JOIN point p ON p.id = a.point_id"
            " JOIN (SELECT 'thanks' AS step UNION SELECT 'details') s"
            " ON s.step = 'thanks' OR a.disposition = 'interested' WHERE a.channel = 'phone' AND a.outcome = 'answered'"
        )}  # fmt: skip
        unknown = set(db.execute("SELECT p.value, a.step FROM attempt a JOIN point p ON p.id = a.point_id"
                                 " WHERE a.state = 'unknown'"))  # fmt: skip
        ends = Counter(row[0] for row in db.execute("SELECT state FROM enrollment WHERE follows IS NOT NULL"))
    db.close()
    assert works.keys() == calls.keys()
    assert set(works.values()) == {"done"}
    assert words == Counter(calls.keys())
    assert wanted - accepted.keys() <= unknown
    assert accepted.keys() <= wanted
    assert ends.keys() <= {"completed"}
    _judge_notes(folder, set(calls))


def _judge_notes(folder: Path, calls: set[str]) -> None:
    """Each attempt is one activity of the record, and each analysis one note."""
    lines = (folder / "plugins/sources/fair/activities.jsonl").read_text().splitlines()
    written = Counter(json.loads(line)["key"].rpartition(":")[0] for line in lines)
    assert max(written.values()) == 1
    with closing(sqlite3.connect(folder / "crash.db")) as db:
        done = db.execute("SELECT id FROM attempt WHERE outcome NOT IN ('unknown', 'not_sent')").fetchall()
    assert {f"attempt:{token}" for (token,) in done} | {f"analysis:{token}" for token in calls} <= written.keys()


@pytest.mark.parametrize(("label", "nth"), LABELS)
def test_killed_in_the_work_after_a_call(tmp_path: Path, label: str, nth: int) -> None:
    (tmp_path / "fluentsd.toml").write_text(SETTINGS.format(folder=tmp_path))
    trio.run(_prepare, tmp_path)
    home = Installation(tmp_path)
    assert home.start(label, str(nth)).wait(timeout=60) == -signal.SIGKILL, home.last_words()
    home.finish()
    judge(tmp_path)
