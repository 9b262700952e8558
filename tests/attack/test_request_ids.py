"""A request id stands for one act: its verb, its target and its arguments."""

from __future__ import annotations

from typing import Any

import pytest

from fluentsd.store.erasure import retention
from fluentsd.verbs import Call, Refused
from fluentsd.verbs.execute import execute
from tests.engine.conftest import stage
from tests.engine.stage import SMS, Stage, spec

__all__ = ["stage"]
NUMBER = {"number": "+12125550123", "tag": ["east"]}


async def ask(stage: Stage, verb: str, **arguments: Any) -> dict[str, Any]:
    return await execute(stage.runtime, verb, arguments, Call("dana", stage.clock.now(), "once", role="admin"))


async def test_the_same_request_again_has_the_same_answer(stage: Stage) -> None:
    first = await ask(stage, "numbers add", **NUMBER)
    assert await ask(stage, "numbers add", **NUMBER, label=None) == first
    assert len((await stage.do("log"))["entries"]) == 1


@pytest.mark.parametrize(
    ("verb", "arguments"),
    [
        ("numbers add", NUMBER | {"number": "+12125550124"}),
        ("numbers add", NUMBER | {"tag": ["west"]}),
        ("numbers add", {"number": "+12125550123"}),
        ("numbers remove", {"number": "+12125550123"}),
        ("suppression add", {"point": "+12125550123", "because": "asked us to stop"}),
        ("campaign apply", {"file": spec(SMS)}),
    ],
)
async def test_another_act_with_its_id_is_refused_and_not_done(stage: Stage, verb: str, arguments: Any) -> None:
    await ask(stage, "numbers add", **NUMBER)
    with pytest.raises(Refused, match="was used for another act"):
        await ask(stage, verb, **arguments)
    assert len((await stage.do("log"))["entries"]) == 1
    assert (await stage.do("suppression list"))["entries"] == []


async def test_two_opt_outs_with_one_id_are_two_people(stage: Stage) -> None:
    await ask(stage, "suppression add", point="+12125550123", because="asked us to stop")
    with pytest.raises(Refused, match="another act"):
        await ask(stage, "suppression add", point="+12125550199", because="asked us to stop")


async def test_a_request_whose_answer_was_deleted_is_not_done_twice(stage: Stage) -> None:
    await ask(stage, "numbers add", **NUMBER)
    await stage.runtime.store.run(retention.delete_old, "details", stage.clock.now() + 1, 10)
    with pytest.raises(Refused, match="its answer is no longer kept"):
        await ask(stage, "numbers add", **NUMBER)


@pytest.mark.parametrize("request_id", ["x" * 65, "a\0b", "\ud800"])
async def test_an_id_that_cannot_be_stored_is_refused(stage: Stage, request_id: str) -> None:
    with pytest.raises(Refused, match="a request id has at most 64"):
        await execute(stage.runtime, "numbers add", NUMBER, Call("dana", stage.clock.now(), request_id, role="admin"))
