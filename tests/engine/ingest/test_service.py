"""The batch service: a run and its people as values, and an import in the daemon's own process."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fluentsd.engine.ingest import service
from fluentsd.engine.ingest.import_run import Malformed, Run
from fluentsd.engine.ingest.people import upserts_of
from fluentsd.engine.ingest.service import CampaignStopped
from fluentsd.store.contact_upserts import Attested
from fluentsd.store.db import Connection
from fluentsd.verbs import Refused
from tests.engine.stage import MINUTE, SMS, TOMORROW, Stage, person, spec

RUN = Run("people.csv", 1, 5, "q2", 7, True, 250, Attested(3, "sms:written", None))


@pytest.mark.parametrize("run", [RUN, Run("x", 1, 2)])
def test_a_run_crosses_a_socket_unchanged(run: Run) -> None:
    assert Run.from_json(json.loads(json.dumps(run.as_json()))) == run


@pytest.mark.parametrize(
    ("given", "what"),
    [
        (None, "the run is not what"),
        ("run", "the run is not what"),
        ({}, "source, source_id, at, needs_phone, at_once"),
        (RUN.as_json() | {"at": "now", "needs_phone": 1}, "at, needs_phone"),
        (RUN.as_json() | {"source_id": True}, "source_id"),
        (RUN.as_json() | {"attestation": {"id": "3"}}, "attestation"),
    ],
)
def test_what_is_no_run_is_named(given: Any, what: str) -> None:
    with pytest.raises(Malformed, match=what):
        Run.from_json(given)


@pytest.mark.parametrize(
    ("bad", "what"),
    [
        ("ann", "is not an object"),
        ({}, "has no points"),
        (person(1) | {"points": []}, "has no points"),
        (person(1) | {"points": [["fax", "1"]]}, "has no points"),
        (person(1) | {"points": [["phone", 1]]}, "has no points"),
        (person(1) | {"key": None}, "a key that is not a text"),
        (person(1) | {"zones": [7]}, "zones that are not a list of texts"),
        (person(1) | {"zones": 7}, "zones that are not a list of texts"),
        (person(1) | {"zones": ["Mars/Base"]}, "a zone that does not exist"),
        (person(1) | {"states": ["US-NY,US-CA"]}, "a state with a comma"),
        (person(1) | {"language": "x" * 17}, "at most 16 characters"),
        (person(1) | {"conflict": 1}, "neither true nor false"),
        (person(1) | {"fields": "{"}, "fields that are not an object of texts"),
        (person(1) | {"fields": "[]"}, "fields that are not an object of texts"),
        (person(1) | {"fields": {"age": 7}}, "fields that are not an object of texts"),
    ],
)
async def test_a_bad_person_is_named_by_its_place_and_nothing_is_changed(stage: Stage, bad: Any, what: str) -> None:
    with pytest.raises(Malformed, match=f"person 1 of the batch .*{what}"):
        upserts_of([person(2), bad])
    await stage.do("campaign apply", file=spec(SMS))
    run = await stage.do("contacts begin-import", source="people.csv", ref="test")
    with pytest.raises(Refused, match=f"person 1 of the batch .*{what}.*nothing was changed"):
        await stage.do("contacts take", run=run, people=[person(2), bad])
    assert (await stage.do("campaign status", ref="test"))["total"] == 0


async def test_a_run_of_another_database_is_refused(stage: Stage) -> None:
    with pytest.raises(Refused, match="was not begun in this database"):
        await stage.do("contacts take", run=RUN.as_json(), people=[person(1)])
    with pytest.raises(Refused, match="was not begun in this database"):
        await stage.do("contacts end-import", run=RUN.as_json(), counts={}, whole=True)


async def test_people_are_imported_in_the_daemons_own_process(stage: Stage) -> None:
    await stage.launch(spec(SMS), person(99))
    runtime, at = stage.runtime, stage.clock.now()

    async def begun(conn: Connection) -> Run:
        return await service.begin(conn, runtime, "an upload", "test", None, "dana", at)

    run = await runtime.store.run(begun)
    for start in range(0, 30, 10):

        async def some(conn: Connection, first: int = start) -> service.Taken:
            people = upserts_of([person(n) for n in range(first, first + 10)])
            return await service.take(conn, runtime, run, people, keep_duplicates=False, by="dana", at=at)

        taken = await runtime.store.run(some)
        assert (taken.new, taken.enrolled) == (10, 10)
    runtime.dispatcher_wakeup.notify()
    await stage.until(stage.clock.now() + MINUTE)
    assert len(stage.sms.accepted) == 31


async def test_nobody_is_imported_into_a_stopped_campaign(stage: Stage) -> None:
    await stage.launch(spec(TOMORROW), person(99))
    await stage.do("campaign stop", ref="test")

    async def begun(conn: Connection) -> Run:
        return await service.begin(conn, stage.runtime, "x", "test", None, "dana", stage.clock.now())

    with pytest.raises(CampaignStopped, match="test"):
        await stage.runtime.store.run(begun)


async def test_an_opt_out_of_a_list_ends_enrollments_while_the_engine_runs(stage: Stage) -> None:
    await stage.launch(spec(SMS | {"after": "1 day"}), person(1))
    answer = await stage.enroll(person(1) | {"opt_outs": [["*", "DNC: yes"]]})
    assert answer["opted_out"] == 1
    assert (await stage.until_ended())["exited_by_reason"] == {"opted_out": 1}
