"""How a verb runs: found by its name, with its role and its arguments checked first."""

from __future__ import annotations

import inspect
import itertools

import pytest

from fluentsd.verbs import Call, Refused
from fluentsd.verbs.call import ROLES
from fluentsd.verbs.catalogue import VERBS, Verb
from fluentsd.verbs.execute import _function, execute
from tests.engine.stage import MONDAY, Stage


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
