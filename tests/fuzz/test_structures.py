"""Structures that programs pass to verbs: right ones with random damage are refused with a sentence, never a bug."""

from __future__ import annotations

import copy
import random
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from fluentsd.clock import SimClock
from fluentsd.engine.runtime import Runtime
from fluentsd.verbs import Call, Refused
from fluentsd.verbs.catalogue import VERBS
from fluentsd.verbs.execute import execute
from tests.databases import open_whole
from tests.engine.stage import MONDAY, SMS, person, spec
from tests.fuzz.conftest import fuzz

pytestmark = pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisWarning")  # long texts in a report
CALL = {"id": "call", "channel": "phone", "agent": "ada", "retry": {"no_answer": "2 hours"}, "hours": "09:00-12:00"}
MAIL = {"id": "mail", "channel": "email", "template": "hello", "after": "2 days", "when": "last.outcome == 'voicemail'"}
FULL = spec(SMS, CALL, MAIL, exit={"on": ["opted_out", "replied", "left_segment"]}, limits={"budget": "5 USD/day"})
TEMPLATES = {"template": [{"name": "hello", "channel": "email", "subject": "Hi", "text": "Hello {{ first_name }}"}]}
AGENT = {
    "agent": [
        {"name": "ada", "company": "Example", "prompt": "Say hello.", "greeting": "Hello {{ first_name }}",
         "analysis": {"instructions": "Sum up.", "field": [{"name": "budget", "kind": "text", "about": "the budget"}]}}
    ]
}  # fmt: skip
RUN = {"source": "people.csv", "source_id": 1, "at": MONDAY, "ref": "test", "campaign_id": 1, "needs_phone": False,
       "at_once": 500, "attestation": {"id": 1, "consent": "written", "scrubbed_at": None}}  # fmt: skip
CONSENT = {"basis": "written", "given": "2026-01-01", "scope": ["sms"], "text": "They ticked the box.", "by": "dana"}
SHAPE = {
    "headings": ["Name", "Phone"],
    "choices": {"asked": {"phone": "Phone"}, "ignored": ["Name"], "only_fields": [], "dates": "day first"},
    "aside": ["do_not_call"],
}
PEOPLE = [person(1) | {"opt_outs": [["sms", "DNC"]]}, person(2)]
#: Right arguments of each verb that takes a structure.
RIGHT: dict[str, dict[str, Any]] = {
    "campaign apply": {"file": FULL},
    "campaign begin": {"name": "A test", "file": FULL},
    "campaign save-edit": {"ref": "test", "file": FULL, "seen": "1.0"},
    "campaign preview-step": {"ref": "test", "step": {"channel": "sms", "text": "Hi {{ first_name }}"}},
    "campaign keep-edit": {"ref": "test", "typed": {"page": 1, "state": {"values": {}}}},
    "contacts begin-import": {"source": "people.csv", "ref": "test", "consent": CONSENT, "shape": SHAPE},
    "contacts columns": {"source": "people.csv", "headings": ["Name", "Phone"]},
    "contacts take": {"run": RUN, "people": PEOPLE},
    "contacts end-import": {"run": RUN, "counts": {"rows": 2}, "whole": True},
    "suppression take": {"points": ["+12125550148", "a@example.com"], "channel": "sms", "because": "an old list"},
    "templates apply": {"file": TEMPLATES},
    "agents apply": {"file": AGENT},
    "source connect": {"source": "crm", "plugin": "hubspot", "keys": {"token": "a token"}},
}
JUNK: list[Any] = [None, True, 0, -1, 2**63, 2**70, 1.5, float("nan"), "", "x", "\0", "x" * 5_000, "{{", [], [[]], {}, {"": 1},
                   {"a": {"b": []}}, [None], "2026-01-01", "{}", "[", ["phone"], {"id": {}}]  # fmt: skip


def test_every_verb_with_a_structure_is_tried() -> None:
    with_structure = {name for name, verb in VERBS.items() if any(p.kind in ("data", "file") for p in verb.params)}
    assert with_structure == set(RIGHT)


def damaged(arguments: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """The arguments with one to three places of their structures replaced, removed, doubled or renamed."""
    given = copy.deepcopy(arguments)
    for _ in range(chance.randint(1, 3)):
        places: list[tuple[Any, Any]] = []
        _collect(given, places)
        if not places:
            break
        held, key = chance.choice(places)
        match chance.randint(0, 4):
            case 0 if isinstance(held, dict):
                del held[key]
            case 1 if isinstance(held, list):
                held.append(copy.deepcopy(held[key]))
            case 2 if isinstance(held, dict):
                held[chance.choice(["x", "id", "", "step", "name", "0"])] = held.pop(key)
            case _:
                held[key] = copy.deepcopy(chance.choice(JUNK))
    return given


def _collect(held: Any, places: list[tuple[Any, Any]]) -> None:
    for key, value in held.items() if isinstance(held, dict) else enumerate(held):
        places.append((held, key))
        if isinstance(value, dict | list):
            _collect(value, places)


@fuzz(6)
@given(st.integers(0, 2**32))
def test_a_damaged_structure_is_refused_or_taken(seed: int) -> None:
    with tempfile.TemporaryDirectory(prefix="fsd-") as folder:
        trio.run(_try, Path(folder), random.Random(seed))


async def _try(folder: Path, chance: random.Random) -> None:
    clock = SimClock(MONDAY)
    async with open_whole(f"sqlite+aiosqlite:///{folder / 'f.db'}", busy=clock.busy) as store:
        runtime = Runtime(store, clock, {})
        for name, file in (("templates apply", TEMPLATES), ("agents apply", AGENT), ("campaign apply", spec(SMS))):
            await execute(runtime, name, {"file": file}, Call("dana", MONDAY, role="admin"))
        for _ in range(60):
            name = chance.choice(sorted(RIGHT))
            call = Call("dana", MONDAY, request_id=chance.choice([None, "one", "two"]), role="admin")
            with suppress(Refused):
                await execute(runtime, name, damaged(RIGHT[name], chance), call)
