"""What users of comparable tools complain about and the engine decides, each as a test named after the failure."""

from __future__ import annotations

import pytest

from fluentsd.api import Inbound, Outcome
from tests.engine.stage import HOUR, MINUTE, SMS
from tests.engine.sync.conftest import SEGMENT, Followed
from tests.engine.sync.fake_source import FIELDS

pytestmark = pytest.mark.slow

LATER = SMS | {"id": "later", "after": "2 hours"}
ALWAYS = SEGMENT | {"reenter": "always"}


async def test_a_person_who_opted_out_is_contacted_again_under_a_new_record(followed: Followed) -> None:
    followed.crm.put(1)
    await followed.start(SMS, LATER, segment=[ALWAYS])
    await followed.pass_time(5 * MINUTE)
    [attempt] = [attempt for attempt, *_ in followed.stage.sms.accepted]
    await followed.stage.sms.tell(Inbound(Outcome.opted_out, token=attempt.token, text="STOP"))
    followed.crm.take_out(1)
    await followed.pass_time(2 * HOUR)
    followed.crm.put(9, mobile="+12125550001", firstname="P1", zone="America/New_York")
    await followed.pass_time(4 * HOUR)
    assert followed.texted() == ["+12125550001"]


async def test_a_changed_address_makes_a_second_person(followed: Followed) -> None:
    followed.crm.put(1, mail="old@example.com")
    await followed.start(LATER)
    followed.crm.put(1, mail="new@example.com", mobile="+12125550077")
    await followed.pass_time(4 * HOUR)
    overview = await followed.stage.overview()
    assert overview["total"] == 1
    assert len(followed.texted()) == 1


async def test_two_people_with_one_address_become_one(followed: Followed) -> None:
    followed.crm.put(1, mail="home@example.com", firstname="Ann")
    followed.crm.put(2, mail="home@example.com", firstname="Bob")
    await followed.start()
    await followed.pass_time(5 * MINUTE)
    assert followed.texted() == ["+12125550001", "+12125550002"]


async def test_a_field_that_is_removed_loses_the_people(followed: Followed, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(3):
        followed.crm.put(n, do_not_call=n == 2)
    await followed.start(LATER)
    monkeypatch.setattr("tests.engine.sync.fake_source.FIELDS", FIELDS[:2] + FIELDS[3:])
    for n in range(3):
        fields = dict(followed.crm.records[f"r{n}"].fields)
        del fields["firstname"]
        del fields["do_not_call"]
        followed.crm.put(n, **{"firstname": None} | {name: fields[name] for name in ("mobile", "zone")})
    await followed.stage.do("sync now", source="crm")
    await followed.pass_time(4 * HOUR)
    assert (await followed.segment())["people"] == 3
    assert followed.texted() == ["+12125550000", "+12125550001"]  # the opt-out counts until a person lifts it


async def test_a_cursor_that_is_reset_enrolls_everybody_again(followed: Followed) -> None:
    for n in range(3):
        followed.crm.put(n)
    await followed.start(SMS)
    await followed.pass_time(5 * MINUTE)
    changes, told = followed.crm.changes, list[bool]()

    async def reset(segment: str, since: str | None) -> object:
        if not told:
            told.append(True)
            raise ValueError("the cursor is not known any more")
        return await changes(segment, since)

    followed.crm.changes = reset  # type: ignore[method-assign,assignment]
    await followed.pass_time(HOUR)
    assert told
    assert (await followed.segment())["people"] == 3
    assert len(followed.texted()) == 3


async def test_an_archived_record_comes_again_and_again(followed: Followed) -> None:
    followed.crm.put(1)
    followed.crm.put(2)
    await followed.start(LATER)
    followed.crm.take_out(1)
    for _ in range(8):
        followed.crm.log.append(("r1", "out"))
        await followed.pass_time(20 * MINUTE)
    overview, segment = await followed.stage.overview(), await followed.segment()
    assert (overview["total"], overview["exited_by_reason"]) == (2, {"left_segment": 1})
    assert (segment["people"], segment["left"]) == (1, 1)


async def test_a_known_person_is_not_updated(followed: Followed) -> None:
    followed.crm.put(1, firstname="Ann")
    await followed.start(LATER)
    followed.crm.put(1, firstname="Annabel")
    await followed.pass_time(4 * HOUR)
    assert [message.text for _, message, _ in followed.stage.sms.accepted] == ["Hello Annabel"]
