"""Random histories of joins, leaves, edits, outages and restarts: changes lead to the truth."""

from __future__ import annotations

import random

import pytest

from fluentsd.testing import Answer, Follower


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
async def test_changes_lead_to_the_truth(salesforce, connect, given, seed):
    chance, members, source = random.Random(seed), set[str](), connect()
    mine = salesforce.add("Campaign", Name="C")
    segment = f"campaign:{mine}"
    follower = Follower(segment)
    for _ in range(3):
        act = chance.choice(["join", "join", "leave", "edit", "follow", "follow", "outage", "restart", "other"])
        one = chance.choice(sorted(members)) if members else ""
        if act == "join" or not one:
            one = salesforce.add(chance.choice(["Lead", "Contact"]))
            salesforce.join(mine, one)
            members.add(one)
        elif act == "leave":
            salesforce.leave(mine, one) if chance.random() < 0.5 else salesforce.delete(one)
            members.discard(one)
        elif act == "edit":
            salesforce.edit(one, Title="x")
        elif act == "other":
            if one.startswith("00Q"):
                members = (members - {one}) | {salesforce.convert(one)}
        elif act == "outage":
            salesforce.fail(
                "",
                chance.choice([None, Answer(500, b"oops"), Answer(200, b"<html>")]),
                times=chance.randint(1, 9),
                skip=chance.randint(0, 3),
            )
        elif act == "restart":
            source = connect()
        else:
            await follower.follow(source)
        salesforce.pass_time(chance.choice([0, 1, 90]))
    salesforce._failures.clear()
    salesforce.pass_time(1200)
    for _ in range(3):
        assert await follower.follow(source)
        salesforce.pass_time(90)
    assert follower.members == members
    assert {record.id for record in await _refresh(source, members)} == members


async def _refresh(source, ids):
    found, ids = [], sorted(ids)
    for start in range(0, len(ids), source.limits.refresh):
        found += await source.refresh(ids[start : start + source.limits.refresh])
    return found
