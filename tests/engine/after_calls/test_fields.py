"""A field of a CRM that an analysis names and nobody can write is found before a person is called."""

from __future__ import annotations

from typing import Any

import pytest

from fluentsd.api import SourceField, Unavailable
from fluentsd.verbs import Refused
from tests.engine.after_calls.stage import AGENT, CALL, Analyst
from tests.engine.stage import Stage, person, spec
from tests.engine.sync.fake_source import FakeCrm

BUDGET = SourceField("annual_budget", "Annual budget", "number", writable=True)
SIZE = SourceField("roof_size", "Roof size", writable=True)


class Crm(FakeCrm):
    """A CRM that says which fields can be written."""

    fields: Any = (BUDGET, SIZE)

    async def catalogue(self) -> Any:
        if isinstance(self.fields, Exception):
            raise self.fields
        return self.fields


@pytest.fixture
def crm(stage: Stage) -> Crm:
    stage.phone.analyse = Analyst().analyse  # type: ignore[attr-defined]
    stage.resolve("phone")
    stage.runtime.sources["crm"] = found = Crm(stage.clock)
    return found


async def test_an_agent_with_such_a_field_is_refused(stage: Stage, crm: Crm) -> None:
    crm.fields = (BUDGET, SourceField("roofsize", writable=True))
    with pytest.raises(Refused, match=r"ava: the field size is written to 'roof_size', but crm has no such field; did "
                       r"you mean 'roofsize'\?"):  # fmt: skip
        await stage.do("agents apply", file={"agent": [AGENT]})
    assert (await stage.do("agents list"))["agents"] == []


async def test_a_crm_that_cannot_be_asked_now_refuses_nobody(stage: Stage, crm: Crm) -> None:
    crm.fields = Unavailable("away", 60.0)
    assert (await stage.do("agents apply", file={"agent": [AGENT]}))["agents"][0]["created"]


async def test_the_launch_check_asks_the_crm_again(stage: Stage, crm: Crm) -> None:
    await stage.do("agents apply", file={"agent": [AGENT]})
    await stage.do("campaign apply", file=spec(CALL))
    await stage.enroll(person(1))
    assert (await stage.do("campaign check", ref="test"))["errors"] == []
    crm.fields = (SIZE, SourceField("annual_budget", kind="number"))  # read-only now
    wrong = "ava: the field budget is written to 'annual_budget', but crm lets nobody write it"
    checked = await stage.do("campaign check", ref="test")
    assert checked["errors"] == [wrong]
    assert checked["suggestions"][wrong]["verb"] == "agents show"
    with pytest.raises(Refused, match="crm lets nobody write it"):
        await stage.do("campaign start", ref="test", yes=True)
