"""Kill a real process in the work after calls, ours and those that people make to us: every call is analysed, what
follows it goes out once, and the person's record in the CRM gets each activity and each note once.
"""

from __future__ import annotations

import json
import signal
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
import trio
from fluentsd_channel_sandbox import dialogues

from fluentsd.api import Pickup
from fluentsd.clock import SystemClock
from fluentsd.config import load
from fluentsd.daemon import open_runtime
from fluentsd.domain.time.durations import SECOND
from fluentsd.engine.calls.inbound_calls import answer
from fluentsd.plugins import discover
from tests.crash.installation import Installation, people
from tests.crash.test_kills import CAMPAIGN

#: People of the campaign; the first of them call us before their own call is made.
PEOPLE, CALLERS, OURS = 10, 4, "+12125550900"
SETTINGS = """
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
#: The points of every run of the tests, and those of `make crash`. The calls to us come first: their work is the
#: first of each kind, that of the campaign's own calls is later.
USUAL = [("after-commit:_finish", CALLERS + 3), ("after-commit:record-received", 2)]
MORE = [
    ("before-commit:record-received", 1), ("after-commit:record-received", CALLERS),
    ("before-analysis", 1), ("after-analysis", 1), ("before-commit:_finish", 1), ("after-commit:_finish", 1),
    ("after-commit:_finish", CALLERS),
    ("before-write", 1), ("after-write", 1), ("before-write", PEOPLE + 4), ("after-write", PEOPLE + 3),
    ("after-write", 3 * PEOPLE), ("before-analysis", CALLERS + 1), ("after-analysis", CALLERS + 4),
    ("before-commit:record", 1), ("after-commit:record", 1), ("before-commit:_finish", CALLERS + 1),
    ("before-commit:note", 1), ("after-commit:note", 2), ("before-send", 1), ("after-send", 1),
    ("before-send", PEOPLE + 1), ("after-send", PEOPLE + 2),
]  # fmt: skip
LABELS = [pytest.param(*one, marks=pytest.mark.slow) for one in USUAL] + [
    pytest.param(*one, marks=pytest.mark.crash) for one in MORE
]


def prepare(home: Installation) -> None:
    """A started campaign, and people who are talking with us on the phone."""
    home.configure(SETTINGS.format(folder=home.folder))
    home.prepare(
        CAMPAIGN | {"step": STEPS}, people(PEOPLE),
        ("agents apply", {"file": {"agent": [AGENT]}}), ("numbers add", {"number": OURS}),
        ("numbers inbound", {"number": OURS, "agent": "a"}),
    )  # fmt: skip
    trio.run(_take_calls, home.folder)
    with closing(sqlite3.connect(home.folder / "crash.db")) as db:  # as if a walk of the CRM had brought them
        db.execute("UPDATE source SET kind = 'crm', name = 'fair'")
        db.execute("UPDATE record SET object = 'row'")
        db.commit()


async def _take_calls(folder: Path) -> None:
    ends = []
    async with open_runtime(load(folder / "fluentsd.toml"), SystemClock(), discover()) as runtime:
        for n in range(CALLERS):
            ref, caller = f"CA{n}", f"+1212555{n:04d}"
            pickup = Pickup(ref, None, caller, to=OURS)
            await answer(runtime, runtime.channels["phone"], pickup, caller, can_talk=True)
            said = dialogues.transcript(dialogues.DIALOGUES[n].person)
            ends.append({"ref": ref, "address": caller, "transcript": said, "duration_s": 30})
        ends[-1] |= {"disposition": "callback", "callback_at": runtime.clock.now() + 5 * SECOND}
    (folder / "received.json").write_text(json.dumps(ends))


def judge(home: Installation) -> None:
    """Each call has one finished analysis; each follow-up that it asks for was accepted once, or is unknown."""
    texts = [json.loads(line) for line in (home.folder / "sms.jsonl").read_text().splitlines()]
    accepted = Counter((text["to"], text["step"]) for text in texts if text.get("accepted"))
    assert max(accepted.values()) == 1
    calls = home.ask(
        "SELECT a.id, p.value, a.disposition FROM attempt a JOIN point p ON p.id = a.point_id"
        " WHERE a.channel = 'phone' AND a.outcome = 'answered'"
    )
    received = home.ask("SELECT c.id, p.value, c.disposition FROM inbound_call c JOIN point p ON p.id = c.point_id")
    assert len(received) == CALLERS
    assert len(calls) == PEOPLE
    ids = {call_id for call_id, _, _ in calls + received}
    assert dict(home.ask("SELECT attempt_id, state FROM after_call")) == dict.fromkeys(ids, "done")
    summaries = home.ask("SELECT attempt_id, count(*) FROM content WHERE kind = 'summary' GROUP BY 1")
    assert dict(summaries) == dict.fromkeys(ids, 1)
    wanted = {(to, "thanks") for _, to, _ in calls} | {(to, "details") for _, to, came in calls + received
                                                       if came == "interested"}  # fmt: skip
    unknown = set(home.ask("SELECT p.value, a.step FROM attempt a JOIN point p ON p.id = a.point_id"
                           " WHERE a.state = 'unknown'"))  # fmt: skip
    assert wanted - accepted.keys() <= unknown
    assert accepted.keys() <= wanted
    assert {state for (state,) in home.ask("SELECT state FROM enrollment WHERE follows IS NOT NULL")} == {"completed"}
    _judge_notes(home, {f"attempt:{call_id}" for call_id, _, _ in calls} | {f"call:{one}" for one, _, _ in received},
                 {f"analysis:{call_id}" for call_id in ids})  # fmt: skip


def _judge_notes(home: Installation, calls: set[str], notes: set[str]) -> None:
    """Each call and each text is one activity of the record, and each analysis one note."""
    lines = (home.folder / "sources/fair/activities.jsonl").read_text().splitlines()
    written = Counter(json.loads(line)["key"].rpartition(":")[0] for line in lines)
    assert max(written.values()) == 1
    done = home.ask("SELECT id FROM attempt WHERE outcome NOT IN ('unknown', 'not_sent')")
    assert {f"attempt:{token}" for (token,) in done} | calls | notes == written.keys()


@pytest.mark.parametrize(("label", "nth"), LABELS)
def test_killed_in_the_work_after_a_call(tmp_path: Path, label: str, nth: int) -> None:
    home = Installation(tmp_path)
    prepare(home)
    assert home.start(label, str(nth)).wait(timeout=60) == -signal.SIGKILL, home.last_words()
    home.finish()
    judge(home)
