"""How a verb runs: found by its name, with its role and its arguments checked first."""

from __future__ import annotations

import inspect
import itertools
from dataclasses import is_dataclass
from importlib import import_module
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.store import campaigns
from fluentsd.verbs import Call, Refused
from fluentsd.verbs.answers.by_verb import ANSWERS
from fluentsd.verbs.call import ROLES, Role
from fluentsd.verbs.catalogue import VERBS
from fluentsd.verbs.execute import _function, change, execute, owning
from fluentsd.verbs.verb import Verb
from tests.engine.stage import MONDAY, SMS, Stage, person, spec
from tests.verbs.arguments import example


@pytest.mark.parametrize("verb", VERBS.values(), ids=list(VERBS))
def test_a_declaration_agrees_with_its_function(verb: Verb) -> None:
    given = list(inspect.signature(_function(verb)).parameters)
    assert given[:2] == ["runtime", "call"]
    assert sorted(given[2:]) == sorted(param.name for param in verb.params)
    names = [param.name for param in verb.params]
    assert len(names) == len(set(names))
    assert verb.effect == "read" or verb.role != "viewer", "a viewer changes nothing"


async def test_each_role_may_do_what_the_table_says(stage: Stage) -> None:
    for verb, role in itertools.product(VERBS.values(), ROLES):
        with pytest.raises(Refused) as caught:
            await execute(stage.runtime, verb.name, {"no such parameter": 1}, Call("dana", MONDAY, role=role))
        is_refused = f"{verb.name} needs the role {verb.role}" in str(caught.value)
        assert is_refused is (ROLES.index(role) < ROLES.index(verb.role)), (verb.name, role)


def test_a_call_without_a_role_may_look_and_no_more() -> None:
    assert Call("dana", MONDAY).may("viewer")
    assert not Call("dana", MONDAY).may("operator")


def required(verb: Verb) -> dict[str, Any]:
    """Arguments that `execute` accepts: those that the verb requires, and the campaign `test`."""
    named = {p.name: spec(SMS) if p.kind == "file" else example(p) for p in verb.params if p.required}
    return named | ({"ref": "test"} if any(param.name == "ref" for param in verb.params) else {})


OWNED = [verb for verb in VERBS.values() if verb.owned]


async def hand_over(conn: AsyncConnection, owner: str) -> None:
    await campaigns.give(conn, await campaigns.get(conn, "test"), owner)


@pytest.mark.parametrize("verb", OWNED, ids=[verb.name for verb in OWNED])
async def test_a_manager_changes_nothing_of_another_persons_campaign(stage: Stage, verb: Verb) -> None:
    await stage.do("campaign apply", file=spec(SMS))
    before = await stage.do("log"), await stage.do("campaign show", ref="test")
    with pytest.raises(Refused, match="test belongs to tester; nothing was changed"):
        await execute(stage.runtime, verb.name, required(verb), Call("dana", MONDAY, role="manager"))
    assert (await stage.do("log"), await stage.do("campaign show", ref="test")) == before


@pytest.mark.parametrize(
    ("actor", "owner", "role", "may"),
    [
        ("dana", "dana", "manager", True),
        ("dana", "@sales", "manager", True),
        ("dana", "", "manager", True),
        ("dana", "lee", "manager", False),
        ("dana", "Dana", "manager", False),
        ("dana", "lee", "admin", True),
        ("dana", "dana", "operator", False),
    ],
)
async def test_who_may_stop_a_campaign(stage: Stage, actor: str, owner: str, role: Role, may: bool) -> None:
    await stage.launch(spec(SMS | {"after": "1 day"}), person(1))  # so that it does not end by itself before
    await stage.runtime.store.run(hand_over, owner)
    call = Call(actor, stage.clock.now(), role=role)
    if may:
        assert (await execute(stage.runtime, "campaign stop", {"ref": "test"}, call))["state"] == "stopped"
        return
    with pytest.raises(Refused):
        await execute(stage.runtime, "campaign stop", {"ref": "test"}, call)
    assert (await stage.overview())["state"] == "active"


async def test_a_campaign_given_away_meanwhile_is_refused_in_the_transaction(stage: Stage) -> None:
    """The owner changes between the first check and the transaction."""
    await stage.do("campaign apply", file=spec(SMS))
    await stage.runtime.store.run(hand_over, "dana")
    call = await owning(stage.runtime, Call("dana", MONDAY, role="manager"), "test")
    await stage.runtime.store.run(hand_over, "lee")
    ran = list[bool]()

    async def unit(conn: AsyncConnection) -> dict[str, Any]:
        ran.append(True)
        return {}

    with pytest.raises(Refused, match="belongs to lee"):
        await change(stage.runtime, call, "stop", "test", unit)
    assert ran == []


async def test_a_person_on_duty_pauses_and_resumes_every_campaign(stage: Stage) -> None:
    await stage.do("campaign apply", file=spec(SMS))
    await stage.enroll(person(1) | {"zones": ["Pacific/Auckland"]})
    await stage.do("campaign start", ref="test", yes=True)
    call = Call("dana", stage.clock.now(), role="operator")
    assert (await execute(stage.runtime, "campaign pause", {"ref": "test"}, call))["state"] == "paused"
    assert (await execute(stage.runtime, "campaign resume", {"ref": "test"}, call))["state"] == "active"


async def test_an_empty_request_id_is_none(stage: Stage) -> None:
    for first in ("test", "other"):
        await execute(
            stage.runtime,
            "campaign apply",
            {"file": spec(SMS) | {"ref": first}},
            Call("dana", MONDAY, request_id="", role="admin"),
        )
    assert {one["ref"] for one in (await stage.do("campaign list"))["campaigns"]} >= {"test", "other"}


def test_no_verb_answers_with_a_bare_dict() -> None:
    assert set(ANSWERS) == set(VERBS)
    for verb, named in ANSWERS.items():
        module, _, name = named.partition(".")
        answer = getattr(import_module(f"fluentsd.verbs.answers.{module}"), name)
        assert is_dataclass(answer), verb
        assert answer.__dataclass_params__.frozen, verb
        assert answer(), f"{verb}: every field of an answer has a default"
