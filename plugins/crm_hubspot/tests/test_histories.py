"""Random histories of joins, leaves, edits, outages and restarts: changes lead to the truth."""

from __future__ import annotations

import random

import pytest

from fluentsd.testing import Answer, Follower


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
async def test_changes_lead_to_the_truth(hubspot, connect, given, seed):
    chance, members, source = random.Random(seed), set[str](), connect()
    segment = f"list:{(mine := hubspot.new_list('L'))}"
    follower = Follower(segment)
    for _ in range(3):
        act = chance.choice(["join", "join", "leave", "edit", "follow", "follow", "outage", "restart", "other"])
        one = chance.choice(sorted(members)) if members else ""
        if act == "join" or not one:
            one = hubspot.contact()
            hubspot.join(mine, one)
            members.add(one)
        elif act == "leave":
            hubspot.leave(mine, one)
            members.discard(one)
        elif act == "edit":
            hubspot.edit(one, jobtitle="x")
        elif act == "other":
            hubspot.merge_contacts(one, other := hubspot.contact())
            members = (members - {one}) | {other}
        elif act == "outage":
            hubspot.fail(
                "",
                chance.choice([None, Answer(500, b"oops"), Answer(200, b"<html>")]),
                times=chance.randint(1, 9),
                skip=chance.randint(0, 3),
            )
        elif act == "restart":
            source = connect()
        else:
            await follower.follow(source)
        hubspot.pass_time(chance.choice([0.002, 1, 90]))  # stamps of lists are milliseconds
    hubspot._failures.clear()
    hubspot.pass_time(1200)
    for _ in range(3):
        assert await follower.follow(source)
        hubspot.pass_time(60)
    assert follower.members == members
    assert {record.id for record in await _refresh(source, members)} == members


async def _refresh(source, ids):
    found, ids = [], sorted(ids)
    for start in range(0, len(ids), source.limits.refresh):
        found += await source.refresh(ids[start : start + source.limits.refresh])
    return found
