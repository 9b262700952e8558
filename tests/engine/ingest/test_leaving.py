"""People leave a campaign when no list and no other source has them any more, on each database."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.engine.ingest import leaving
from fluentsd.store.tables import membership, record, segment
from fluentsd.verbs import Refused
from tests.engine.stage import HOUR, MONDAY, SMS, Stage, person, spec

LATER = spec(SMS | {"after": "3 weeks"}, exit={"reenter": "always"})


async def members(stage: Stage) -> dict[tuple[str, str], tuple[int, int | None, int | None]]:
    """(source's list, key) → joined, missing since, left, in hours after the beginning."""

    async def unit(conn: AsyncConnection) -> dict[Any, Any]:
        statement = (
            select(segment.c.source_id, record.c.key, membership.c.joined_at, membership.c.missing_since_at,
                   membership.c.left_at)
            .join(membership, membership.c.segment_id == segment.c.id)
            .join(record, record.c.id == membership.c.record_id)
        )  # fmt: skip
        return {
            (source, key): tuple(None if at is None else (at - MONDAY) // HOUR for at in times)
            for source, key, *times in await conn.execute(statement)
        }

    return await stage.runtime.store.read(unit)


async def listed(stage: Stage, source: str, *people: dict[str, Any], whole: bool = True, yes: bool = False) -> int:
    """Import a list, an hour after what came before; how many left."""
    await stage.until(stage.clock.now() + HOUR)
    run = await stage.do("contacts begin-import", source=source, ref="test")
    await stage.do("contacts take", run=run, people=list(people))
    ended = await stage.do("contacts end-import", run=run, counts={"rows": len(people)}, whole=whole, yes=yes)
    return int(ended["left"])


async def open_people(stage: Stage) -> int:
    return int((await stage.overview())["queued"])


async def test_only_a_whole_list_has_memberships_and_only_differences_are_written(stage: Stage) -> None:
    await stage.do("campaign apply", file=LATER)
    assert await listed(stage, "a.csv", person(1), person(2), person(3), whole=False) == 0
    assert await members(stage) == {}
    assert await listed(stage, "a.csv", person(1), person(2)) == 1
    assert await members(stage) == {(1, "k1"): (2, None, None), (1, "k2"): (2, None, None), (1, "k3"): (1, 2, 2)}
    assert await listed(stage, "a.csv", person(2), person(3)) == 1
    assert await members(stage) == {(1, "k1"): (2, 3, 3), (1, "k2"): (2, None, None), (1, "k3"): (3, None, None)}
    assert await open_people(stage) == 2, "who is back on the list is enrolled again, as the policy says"


async def test_the_lists_are_compared_in_parts_with_the_same_result(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leaving, "COMPARED", 2)
    monkeypatch.setattr(leaving, "EXITED", 2)
    await stage.do("campaign apply", file=LATER)
    await listed(stage, "a.csv", *map(person, range(9)))
    assert await listed(stage, "a.csv", *map(person, range(3, 9, 2)), person(20)) == 6
    left = {key for (_, key), (_, _, left_at) in (await members(stage)).items() if left_at is not None}
    assert left == {"k0", "k1", "k2", "k4", "k6", "k8"}
    assert len(await members(stage)) == 10
    assert await open_people(stage) == 4


async def test_another_source_keeps_a_person_until_its_own_list_has_lost_them(stage: Stage) -> None:
    await stage.do("campaign apply", file=LATER)
    await listed(stage, "a.csv", person(1), person(2), person(3))
    await listed(stage, "b.csv", person(1), person(2))
    await listed(stage, "no-list.csv", person(2), whole=False)
    assert await listed(stage, "a.csv", person(3)) == 0, "the other list has both"
    assert await listed(stage, "b.csv", person(3)) == 1, "a source without a list still has the second"
    assert await open_people(stage) == 2


async def test_a_person_seen_again_after_leaving_is_kept_against_other_lists(stage: Stage) -> None:
    await stage.do("campaign apply", file=LATER)
    await listed(stage, "a.csv", person(1), person(2))
    await listed(stage, "b.csv", person(1), person(2))
    assert await listed(stage, "a.csv", person(2)) == 0
    await listed(stage, "a.csv", person(1), whole=False)
    assert await listed(stage, "b.csv", person(2)) == 0
    assert await listed(stage, "a.csv", person(2)) == 1, "the next whole list lets them go"


async def test_a_refused_list_lets_nobody_go_not_even_later(stage: Stage) -> None:
    await stage.do("campaign apply", file=LATER)
    people = [person(n) for n in range(30)]
    await listed(stage, "a.csv", *people)
    await listed(stage, "b.csv", *people)
    assert await listed(stage, "b.csv", person(50), yes=True) == 0, "the other list has them"
    with pytest.raises(Refused, match=r"30 of 31 people of this list"):
        await listed(stage, "a.csv", person(50))
    assert {left for (source, _), (_, _, left) in (await members(stage)).items() if source == 1} == {None}
    assert await open_people(stage) == 31
    assert await listed(stage, "b.csv", person(50)) == 0, "the list that was refused still holds them"
    assert await listed(stage, "a.csv", *people) == 0
    mine = {key: times for (source, key), times in (await members(stage)).items() if source == 1}
    assert {missing for key, (_, missing, _) in mine.items() if key != "k50"} == {None}


async def test_a_list_without_a_campaign_or_without_the_exit_is_refused_unchanged(stage: Stage) -> None:
    await stage.do("campaign apply", file=spec(SMS, exit={"on": ["opted_out"]}))
    with pytest.raises(Refused, match=r"add left_segment to its exit\.on"):
        await listed(stage, "a.csv", person(1))
    run = await stage.do("contacts begin-import", source="a.csv")
    with pytest.raises(Refused, match="people can leave only a campaign"):
        await stage.do("contacts end-import", run=run, counts={}, whole=True)
    assert await members(stage) == {}
