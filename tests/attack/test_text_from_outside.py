"""Texts and numbers that no database stores as they are: cleaned at the entrance or clearly refused, never a fault."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest

from fluentsd.api import Inbound, Outcome
from fluentsd.text import MESSAGE_AT_MOST, NotStorable, clean, storable
from fluentsd.verbs import Call, Refused
from fluentsd.verbs.catalogue import VERBS
from fluentsd.verbs.execute import execute
from fluentsd.verbs.verb import Verb
from tests.engine.conftest import stage
from tests.engine.stage import MINUTE, MONDAY, SMS, Stage, person, spec
from tests.fronts.web.front import Front
from tests.verbs.arguments import example

__all__ = ["stage"]
PERSON = "+12125550001"
NASTY = ["a\0b", "\0", "half \ud83d pair", "\udcff", "x" * 50_000, "\u202e\ufeff", "%_\\", "'; DROP TABLE attempt; --",
         "🙂" * 9_000, ""]  # fmt: skip


@pytest.mark.parametrize("text", NASTY)
async def test_a_stop_and_its_words_are_kept_whatever_they_are(front_on_both: Front, text: str) -> None:
    front = front_on_both
    await front.reach()
    reply = {"outcome": "replied", "address": PERSON, "text": text + "why?", "message_ref": f"M1{text}"}
    stop = {"outcome": "opted_out", "address": PERSON, "text": text, "reason": f"wrote {text}", "message_ref": text}
    assert await front.hook(reply) == 204
    assert await front.hook(stop) == 204
    assert await front.hook({"outcome": "delivered", "ref": f"x{text}", "reason": text}) == 204
    assert await front.ask("SELECT count(*) FROM suppression WHERE kind = 'phone'") == [(1,)]
    stored = [words for (words,) in await front.ask("SELECT text FROM content WHERE kind = 'reply'")]
    assert stored[0].endswith(("why?", "were cut)"))
    assert all(len(words) <= MESSAGE_AT_MOST and "\0" not in words for words in stored)
    assert not front.logged("web.fault")


async def test_numbers_of_a_provider_that_no_column_holds(front_on_both: Front) -> None:
    [token] = await front_on_both.reach()
    huge = {"outcome": "delivered", "at": 2**70, "duration_s": 2**40, "cost_micros": -(2**80), "away_until_at": -5}
    assert await front_on_both.hook(huge, token=token) == 204
    assert await front_on_both.ask("SELECT outcome FROM attempt") == [("delivered",)]


async def test_what_a_channel_says_of_a_send_is_cleaned_too(stage: Stage) -> None:
    await stage.launch(spec(SMS), person(1))
    await stage.until(MONDAY + MINUTE)
    token = stage.sms.accepted[0][0].token
    await stage.inbox.take(Inbound(Outcome.bounced, token=token, reason="550 \0 no\ud800", transcript="\0"),
                           token_is_ours=True)  # fmt: skip
    assert "550 �" in json.dumps(await stage.do("history"), ensure_ascii=False)


VALUES: list[Any] = [*NASTY, 2**63, 2**200, -(2**63) - 1, 2**40, float("nan"), True, {"\0": "\ud800"}, ["\0", 2**99],
                     json.loads("[" * 200 + "]" * 200)]  # fmt: skip


async def test_every_parameter_of_every_verb_is_answered_or_clearly_refused(stage: Stage) -> None:
    await stage.do("campaign apply", file=spec(SMS))
    for verb in VERBS.values():
        await abuse(stage, verb)


async def test_every_value_of_a_run_and_of_a_person_is_taken_or_clearly_refused(stage: Stage) -> None:
    await stage.do("campaign apply", file=spec(SMS))
    run = await stage.do("contacts begin-import", source="x.csv", ref="test")
    run |= {"attestation": {"id": 1, "consent": "sms:written", "scrubbed_at": None}}
    ann = {"states": ["US-NY"], "conflict": False, "language": "en"} | person(1)
    shapes = [None, -1, 0, 1, 1.5, [], {}, [[]], ["phone"], [["phone"]], [["fax", "x"]], [["sms", 1]], "x,y"]
    for value in [*VALUES, *shapes]:
        for key in ann:
            await refused_or_done(stage, "contacts take", run=run, people=[ann | {key: value}])
        for key in run:
            await refused_or_done(stage, "contacts take", run=run | {key: value}, people=[ann])
            await refused_or_done(stage, "contacts end-import", run=run | {key: value}, counts={}, whole=True)
        for key in run["attestation"]:
            forged = run | {"attestation": run["attestation"] | {key: value}}
            await refused_or_done(stage, "contacts take", run=forged, people=[ann])
        await refused_or_done(stage, "contacts take", run=run, people=[value])
        await refused_or_done(stage, "contacts end-import", run=run, counts={"rows": value})
    await stage.do("contacts why", person="+12125550001")


async def refused_or_done(stage: Stage, verb: str, **arguments: Any) -> None:
    """Run a verb; only a refusal with a message is allowed as an error."""
    try:
        await execute(stage.runtime, verb, arguments, Call("tester", stage.clock.now(), role="admin"))
    except Refused as why:
        assert str(why)  # noqa: PT017


#: Verbs whose data is a file that the shell checks before it sends it.
OF_FILES = {"campaign apply", "templates apply", "suppression take"}


async def abuse(stage: Stage, verb: Verb) -> None:
    """Give each parameter each value, and the others what they need."""
    rest = {param.name: example(param) for param in verb.params if param.required}
    rest |= {"ref": "test"} if "ref" in rest else {}
    for param in verb.params:
        for value in VALUES:
            given = rest | {param.name: [value] if param.kind == "texts" else value}
            call = Call("tester", stage.clock.now(), "r\0" if value == "" else None, role="admin")
            try:
                await execute(stage.runtime, verb.name, given, call)
            except Refused as why:
                assert str(why)  # noqa: PT017
            except (KeyError, TypeError, AttributeError, ValueError):
                if verb.name not in OF_FILES:  # the shell has read and checked these files
                    raise


async def test_a_search_finds_signs_as_they_are(stage: Stage) -> None:
    await stage.do("campaign apply", file=spec(SMS))
    await stage.enroll(person(1, first_name="50%_off\\"), person(2))
    found = await stage.do("contacts find", words="50%_OFF\\")
    assert len(found["people"] if "people" in found else found["contacts"]) == 1
    for words in ("%", "_", "\\", "x%x", "x" * 10_000, "_" * 9_000, "é%"):
        await stage.do("suppression list", words=words)
        with suppress(Refused):
            await stage.do("contacts find", words=words)


def test_texts_are_cleaned_and_cut_with_a_note() -> None:
    assert clean("a\0b\ud800c") == "a�b�c"
    assert clean("ok") == "ok"
    cut = clean("x" * 20_000)
    assert (len(cut), cut[-26:]) == (MESSAGE_AT_MOST, " more characters were cut)")
    assert storable({"a": ["\0", 1, 1.5, None, True]}) == {"a": ["�", 1, 1.5, None, True]}


@pytest.mark.parametrize("value", [2**63, float("inf"), float("nan")])
def test_a_large_batch_is_checked_as_strictly(value: Any) -> None:
    batch = [{"first_name": "Ann 🙂"} for _ in range(30_000)]
    assert storable(batch) == batch
    with pytest.raises(NotStorable):
        storable([*batch, {"x": value}])
    assert storable([*batch, "\0"])[-1] == "�"
