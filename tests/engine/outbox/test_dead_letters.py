"""Dead letters: refused, retried and dropped by a person."""

from __future__ import annotations

from collections import Counter

import pytest

from fluentsd.api import Rejected
from fluentsd.engine.outbox.deliver import TRIES
from fluentsd.verbs.execute import Refused
from tests.engine.outbox.scene import ALL, SECOND, opened, started, statements
from tests.engine.outbox.targets import ListTarget
from tests.engine.stage import DAY, HOUR, MINUTE


async def test_a_refused_event_dies_after_its_tries_and_its_key_goes_on(database_url: str) -> None:
    target = ListTarget("one")
    bad = [Rejected("never"), RuntimeError("a bug")]
    target.refuse = lambda event: bad[event.payload["by"] == "2"] if event.payload["by"] in "02" else None
    async with opened(database_url, one=ALL) as scene, scene.serving(target):
        await scene.post(*started("a", "a", "b", "a", "c"))
        await scene.wait(SECOND)
        assert target.keys() == ["c"]  # other keys do not wait
        behind = {d["state"] for d in (await scene.do("outbox list"))["deliveries"] if d["key"] == "a"}
        assert behind == {"due", "behind"}
        await scene.wait(DAY)
        assert [(event.key, event.payload["by"]) for event in target.accepted] == [("c", "4"), ("a", "1"), ("a", "3")]
        assert Counter(event.payload["by"] for event in target.asked) == {
            "0": TRIES,
            "1": 1,
            "2": TRIES,
            "3": 1,
            "4": 1,
        }
        dead = (await scene.do("outbox list"))["deliveries"]
        assert [(d["state"], d["tries"], d["problem"]) for d in dead] == [
            ("dead", TRIES, "never"),
            ("dead", TRIES, "a mistake in the plugin (RuntimeError: a bug)"),
        ]
        assert scene.logged().count(("outbox.dead", "one")) == 2
        assert (await scene.do("state"))["dead_letters"] == {"one": 2}


async def test_a_person_retries_and_drops_dead_letters(database_url: str) -> None:
    target = ListTarget("one")
    target.refuse = lambda _: Rejected("no")
    async with opened(database_url, one=ALL, other=ALL) as scene, scene.serving(target):
        await scene.post(*started("a", "b", "c"))
        await scene.wait(DAY)
        first, second, _ = [d["id"] for d in (await scene.do("outbox list", target="one"))["deliveries"]]
        for wrong in ({}, {"id": first, "all": True}, {"target": "one", "all": True}):
            with pytest.raises(Refused, match="say which"):
                await scene.do("outbox retry", **wrong)
        target.refuse = lambda _: None
        assert (await scene.do("outbox retry", id=second)) == {"retried": 1}
        await scene.wait(SECOND)
        assert target.keys() == ["b"]
        assert target.accepted[0].id == second
        assert (await scene.do("outbox drop", id=first)) == {"dropped": 1}
        assert (await scene.do("outbox retry", target="one")) == {"retried": 1}
        await scene.wait(SECOND)
        assert sorted(target.keys()) == ["b", "c"]
        with pytest.raises(Refused, match="name the target whose"):
            await scene.do("outbox drop", all=True, waiting=True)
        assert (await scene.do("outbox drop", target="other", waiting=True)) == {"dropped": 3}
        assert await scene.rows() == (2, 2)  # what was delivered stays until retention
        acts = [entry["verb"] for entry in (await scene.do("log", most=9))["entries"]]
        assert acts == ["outbox drop", "outbox retry", "outbox drop", "outbox retry"]


async def test_dropping_the_head_of_a_key_lets_the_next_go(database_url: str) -> None:
    target = ListTarget("one")
    target.refuse = lambda event: Rejected("no") if event.payload["by"] == "0" else None
    async with opened(database_url, one=ALL) as scene, scene.serving(target):
        await scene.post(*started("a", "a"))
        await scene.wait(MINUTE)
        assert target.accepted == []
        (head, _) = (await scene.do("outbox list"))["deliveries"]
        await scene.do("outbox drop", id=head["id"], target="one", waiting=True)
        await scene.wait(SECOND)
        assert [event.payload["by"] for event in target.accepted] == ["1"]


async def test_rows_behind_one_refused_event_are_parked_once(database_url: str) -> None:
    target = ListTarget("one")
    target.refuse = lambda event: Rejected("no") if event.payload["by"] == "0" else None
    async with opened(database_url, one=ALL) as scene:
        await scene.post(*started(*["a"] * 500, "b"))
        said = statements(scene.store)
        async with scene.serving(target):
            await scene.wait(SECOND)
            assert target.keys() == ["b"]
            parks = len(said)
            await scene.wait(HOUR)
            assert len(said) - parks < 2 * TRIES  # only the head is looked at again
            await scene.wait(DAY)
        assert len(target.accepted) == 500
        assert [event.payload["by"] for event in target.accepted] == ["500", *(str(n) for n in range(1, 500))]
