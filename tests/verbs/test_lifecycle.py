"""Starts that are repeated, stale, or need a second person."""

from __future__ import annotations

from typing import Any

import pytest

from fluentsd.verbs import Call, Refused
from fluentsd.verbs.approval import SecondApproval
from fluentsd.verbs.call import identity
from fluentsd.verbs.execute import execute
from tests.engine.stage import DAY, HOUR, MINUTE, SMS, Stage, person, spec

LATER = SMS | {"id": "later", "after": "1 day"}


async def ask(stage: Stage, verb: str, actor: str = "slack:U1 Dana", **more: Any) -> dict[str, Any]:
    call = Call(actor, stage.clock.now(), more.pop("request_id", None), more.pop("revision", None), role="manager")
    return await execute(stage.runtime, verb, {"ref": "test"} | more, call)


@pytest.fixture
async def draft(stage: Stage) -> Stage:
    """A shared draft with three people."""
    await stage.do("campaign apply", file=spec(SMS, LATER))
    await stage.enroll(person(1), person(2), person(3))
    await stage.do("campaign owner", ref="test", owner="@sales")
    return stage


async def test_a_repeated_start_gets_the_stored_answer(draft: Stage) -> None:
    first = await ask(draft, "campaign start", yes=True, request_id="one")
    again = await ask(draft, "campaign start", yes=True, request_id="one")
    assert (first["state"], again["state"]) == ("active", "active")
    with pytest.raises(Refused, match="cannot start a campaign that is active"):
        await ask(draft, "campaign start", yes=True, request_id="two")


async def test_a_repeated_schedule_gets_the_stored_answer(draft: Stage) -> None:
    at = draft.clock.now() + DAY
    first = await ask(draft, "campaign schedule", at=at, yes=True, request_id="one")
    assert await ask(draft, "campaign schedule", at=at, yes=True, request_id="one") == first


@pytest.mark.parametrize("verb", ["campaign start", "campaign pause", "campaign stop"])
async def test_a_change_of_what_was_not_seen_is_refused(draft: Stage, verb: str) -> None:
    if verb != "campaign start":
        await draft.do("campaign start", ref="test", yes=True)
    more = {"yes": True} if verb == "campaign start" else {}
    seen = (await draft.overview())["revision"]
    with pytest.raises(Refused, match="has changed since you looked at it"):
        await ask(draft, verb, revision=seen + 1, **more)
    assert (await draft.overview())["revision"] == seen
    await ask(draft, verb, revision=seen, **more)


async def test_an_approval_is_needed_above_the_limit_alone(draft: Stage) -> None:
    with pytest.raises(Refused, match="no start needs an approval"):
        await ask(draft, "campaign approve")
    draft.runtime.approval = SecondApproval(2, ("slack:U1", "slack:U2"))
    with pytest.raises(Refused, match="needs the approval of a second person") as caught:
        await ask(draft, "campaign start", yes=True)
    assert caught.value.suggestion is not None
    assert caught.value.suggestion.verb == "campaign approve"
    await ask(draft, "campaign approve", "slack:U1 Dana")
    with pytest.raises(Refused, match="needs the approval"):
        await ask(draft, "campaign start", "slack:U1 Dana under another name", yes=True)
    with pytest.raises(Refused, match="approved test already"):
        await ask(draft, "campaign approve", "slack:U1 Dana")
    with pytest.raises(Refused, match="not one of the approvers"):
        await ask(draft, "campaign approve", "slack:U3 Vera")
    await ask(draft, "campaign approve", "slack:U2 Kim")
    assert (await ask(draft, "campaign start", yes=True))["state"] == "active"


async def test_an_edit_makes_an_approval_void(draft: Stage) -> None:
    draft.runtime.approval = SecondApproval(2, ("slack:U1", "slack:U2"))
    await ask(draft, "campaign approve", "slack:U2 Kim")
    await draft.do("campaign apply", file=spec(SMS, LATER, name="Another"))
    with pytest.raises(Refused, match="needs the approval"):
        await ask(draft, "campaign start", yes=True)


@pytest.mark.parametrize("is_edited", [False, True])
async def test_an_approved_schedule_starts_unless_it_was_edited(draft: Stage, is_edited: bool) -> None:
    draft.runtime.approval = SecondApproval(2, ("slack:U1", "slack:U2"))
    await ask(draft, "campaign approve", "slack:U2 Kim")
    at = draft.clock.now() + DAY
    await ask(draft, "campaign schedule", at=at, yes=True)
    if is_edited:
        await draft.do("campaign apply", file=spec(SMS, LATER, name="Another"))
    await draft.until(at + 1_000_000)
    assert (await draft.overview())["state"] == ("draft" if is_edited else "active")


def test_an_actor_of_slack_is_known_by_the_id_alone() -> None:
    assert identity("slack:U1 Dana Doe") == identity("slack:U1 Dana") == "slack:U1"
    assert identity("uid 1000") == "uid 1000"
    assert Call("slack:U1 Dana", 0, role="manager").owns("slack:U1 Dana Doe")
    assert not Call("slack:U1 Dana", 0, role="manager").owns("slack:U12 Dana")


async def test_a_pause_ends_by_itself_after_a_time_or_at_a_moment_and_not_both(stage: Stage) -> None:
    await stage.launch(spec(SMS | {"after": "1 day"}), person(1))
    await stage.do("campaign pause", ref="test", for_="2h")
    assert (await stage.do("campaign status", ref="test"))["resumes_at"] == stage.clock.now() + 2 * HOUR
    with pytest.raises(Refused, match="say for how long or until when, not both; nothing was changed"):
        await stage.do("campaign pause", ref="test", for_="2h", until="in 3 hours")
    with pytest.raises(Refused, match="'a bit' is not a delay"):
        await stage.do("campaign pause", ref="test", for_="a bit")
    await stage.until(stage.clock.now() + 2 * HOUR + MINUTE)
    assert (await stage.do("campaign status", ref="test"))["state"] == "active"
