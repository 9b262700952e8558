"""Caller IDs: the providers' numbers are imported, and labels and tags of users stay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from fluentsd.api import Kind, NeedsHuman, Owned
from fluentsd.verbs import Call, Refused
from fluentsd.verbs import numbers as verbs
from fluentsd.verbs.execute import execute
from tests.engine.stage import HOUR, MINUTE, MONDAY, SMS, Stage, person, spec

A, B, C, D = (f"+1212555019{n}" for n in range(4))
BOTH: frozenset[Kind] = frozenset({"sms", "phone"})


def has(stage: Stage, kind: Kind, *owned: Owned | Exception) -> None:
    """Set the numbers that a channel's provider lists."""

    async def numbers() -> Sequence[Owned]:
        if owned and isinstance(owned[0], Exception):
            raise owned[0]
        return [one for one in owned if isinstance(one, Owned)]

    stage.channels[kind].numbers = numbers  # type: ignore[attr-defined]  # a channel may have it
    stage.resolve(kind)


async def inventory(stage: Stage) -> dict[str, tuple[str, list[str], str | None]]:
    listed = (await stage.do("numbers list"))["numbers"]
    return {one["e164"]: (one["label"], one["tags"], one["pace"]) for one in listed}


async def test_new_ones_are_added_and_known_ones_are_left_as_people_have_them(stage: Stage) -> None:
    await stage.do("numbers add", number=A, tag=["mine"], label="Front desk", pace="20/hour")
    await stage.do("numbers add", number=B)
    has(stage, "sms", Owned(A, "theirs", BOTH, "PN1", ("service:x",)), Owned(C, "Fair", BOTH, "PN2", ("service:x",)))
    answer = await stage.do("numbers sync")
    assert answer["counts"] == {"added": 1, "known": 1, "retired": 0, "missing": 1, "left_out": 0}
    assert answer["added"] == [{"number": C, "label": "Fair", "tags": ["service:x"], "carries": ["phone", "sms"]}]
    assert (answer["known"], answer["missing"], answer["tagged"]) == ([A], [B], 1)
    assert await inventory(stage) == {
        A: ("Front desk", ["mine"], "20/hour"),
        B: ("", [], None),
        C: ("Fair", ["service:x"], None),
    }
    again = await stage.do("numbers sync")
    assert (again["counts"]["added"], again["counts"]["known"], again["tagged"]) == (0, 2, 0)


async def test_a_tag_asked_for_goes_to_all_that_the_providers_have(stage: Stage) -> None:
    await stage.do("numbers add", number=A, tag=["mine"])
    await stage.do("numbers add", number=B)
    has(stage, "sms", Owned(A, "", BOTH), Owned(C, "", BOTH, "PN2", ("service:x",)))
    assert (await stage.do("numbers sync", tag=["fair", "mine"]))["tagged"] == 4
    assert {e164: tags for e164, (_, tags, _) in (await inventory(stage)).items()} == {
        A: ["fair", "mine"],
        B: [],
        C: ["fair", "mine", "service:x"],
    }


async def test_a_dry_run_says_it_all_and_changes_nothing(stage: Stage) -> None:
    has(stage, "sms", Owned(A, "", BOTH))
    answer = await stage.do("numbers sync", tag=["fair"], dry_run=True)
    assert (answer["counts"]["added"], answer["dry_run"]) == (1, True)
    assert await inventory(stage) == {}
    assert (await stage.do("log"))["entries"] == []


async def test_who_was_retired_by_hand_stays_retired(stage: Stage) -> None:
    await stage.do("numbers add", number=A)
    await stage.do("numbers remove", number=A)
    has(stage, "sms", Owned(A, "", BOTH))
    answer = await stage.do("numbers sync", tag=["fair"])
    assert (answer["retired"], answer["added"], answer["known"], answer["tagged"]) == ([A], [], [], 0)
    assert await inventory(stage) == {}


async def test_what_can_be_no_caller_id_is_told_and_left_out(stage: Stage) -> None:
    await stage.do("numbers add", number=B)
    has(stage, "sms", Owned(A), Owned(B), Owned("72345", "", BOTH), Owned(C, "", frozenset({"phone"})))
    answer = await stage.do("numbers sync")
    assert answer["left_out"] == [
        {"number": A, "why": "carries neither messages nor calls"},
        {"number": B, "why": "carries neither messages nor calls"},
        {"number": "72345", "why": "not a number in international form"},
    ]
    assert answer["missing"] == []
    assert sorted(await inventory(stage)) == [B, C]


async def test_two_channels_list_one_account_once(stage: Stage) -> None:
    has(stage, "phone", Owned(A, "", frozenset({"phone"}), "PN1", ("x",)))
    has(stage, "sms", Owned(A, "Fair", frozenset({"sms"}), "PN1", ("y", "x")))
    answer = (await stage.do("numbers sync"))["added"]
    assert answer == [{"number": A, "label": "Fair", "tags": ["x", "y"], "carries": ["phone", "sms"]}]


async def test_one_that_fails_says_so_and_nothing_counts_as_missing(stage: Stage) -> None:
    await stage.do("numbers add", number=D)
    has(stage, "phone", NeedsHuman("the login is refused"))
    has(stage, "email", RuntimeError("boom"))
    has(stage, "sms", Owned(A, "", BOTH))
    answer = await stage.do("numbers sync")
    assert answer["failed"] == {
        "phone": "the login is refused",
        "email": "a mistake in the plugin (RuntimeError: boom)",
    }
    assert (answer["counts"]["added"], answer["missing"]) == (1, [])
    has(stage, "sms", NeedsHuman("no"))
    with pytest.raises(
        Refused,
        match=r"phone: the login is refused; sms: no; email: a mistake in the plugin .RuntimeError: boom.; nothing was",
    ):
        await stage.do("numbers sync")


async def test_a_provider_that_does_not_answer_is_given_up(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    async def numbers() -> Any:
        await stage.until(MONDAY + 10**15)

    stage.sms.numbers = numbers  # type: ignore[attr-defined]
    stage.resolve("sms")
    monkeypatch.setattr(verbs, "LISTED_WITHIN", 0.0)
    with pytest.raises(Refused, match="did not list its numbers within 0 s"):
        await stage.do("numbers sync")


async def test_without_a_channel_that_can_list_it_is_refused(stage: Stage) -> None:
    with pytest.raises(Refused, match="add them yourself"):
        await stage.do("numbers sync")


async def test_a_repeated_request_is_one_act(stage: Stage) -> None:
    has(stage, "sms", Owned(A, "", BOTH))
    call = Call("tester", MONDAY, request_id="once", role="admin")
    first = await execute(stage.runtime, "numbers sync", {}, call)
    assert await execute(stage.runtime, "numbers sync", {}, call) == first
    (act,) = (await stage.do("log"))["entries"]
    assert act["details"] == {"added": 1, "known": 0, "retired": 0, "missing": 0, "left_out": 0, "tags": []}


async def test_people_held_for_want_of_a_number_are_contacted(stage: Stage) -> None:
    await stage.launch(spec(SMS, numbers={"tags": ["service:x"]}), person(1), checked=False)
    await stage.until(MONDAY + MINUTE)
    assert stage.sms.accepted == []
    has(stage, "sms", Owned(A, "", BOTH, "PN1", ("service:x",)))
    await stage.do("numbers sync")
    await stage.until(MONDAY + 2 * MINUTE)
    assert [message.sender for _, message, _ in stage.sms.accepted] == [A]


async def test_a_number_is_used_only_for_what_its_provider_lets_it_carry(stage: Stage) -> None:
    """The voice-only one is nearer to everybody and still never texts; with it alone nobody is texted at all."""
    near, far = "+12125550190", "+13035550190"
    has(stage, "sms", Owned(near, "", frozenset({"phone"}), "PN1"), Owned(far, "", BOTH, "PN2"))
    await stage.do("numbers sync", tag=["us"])
    assert [n["carries"] for n in (await stage.do("numbers list"))["numbers"]] == ["phone", "phone,sms"]
    call = {"id": "call", "channel": "phone", "agent": "sales", "after": "1 hour"}
    await stage.launch(spec(SMS, call, numbers={"tags": ["us"]}), person(1), person(2))
    await stage.until(MONDAY + 2 * MINUTE)
    assert {message.sender for _, message, _ in stage.sms.accepted} == {far}
    await stage.do("numbers remove", number=far)
    await stage.enroll(person(3))
    await stage.until(MONDAY + 70 * MINUTE)
    assert {message.sender for _, message, _ in stage.phone.accepted} == {near}
    assert (await stage.overview())["held_people"] == {"no_number": 1}
    answer = (await stage.do("contacts why", person="+12125550003"))["campaigns"][0]
    assert answer["reason"] == "no_number"


async def test_a_number_rests_until_its_time_or_until_it_is_released(stage: Stage) -> None:
    await stage.do("numbers add", number=A)
    until = stage.clock.now() + HOUR
    await stage.do("numbers rest", number=A, until=until, because="too many calls")
    held = (await stage.do("numbers list"))["numbers"][0]
    assert (held["held"], held["held_until_at"]) == ("too many calls", until)
    with pytest.raises(Refused, match="held for this reason already"):
        await stage.do("numbers rest", number=A, because="too many calls")
    await stage.launch(spec(SMS, numbers={"numbers": [A]}), person(1))
    await stage.until(until - 1)
    assert not stage.sms.accepted
    await stage.until(until + HOUR)
    assert len(stage.sms.accepted) == 1
    await stage.do("numbers rest", number=A)
    await stage.do("release", scope="number", target=A)
    assert (await stage.do("numbers list"))["numbers"][0]["held"] == ""
    for number, at, words in ((B, None, "is not a caller ID"), (A, until, "in the past")):
        with pytest.raises(Refused, match=words):
            await stage.do("numbers rest", number=number, until=at)
