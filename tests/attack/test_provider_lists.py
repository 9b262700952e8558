"""A snapshot put back with its mark does not repeat history: the provider lists what it does not know."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar

import pytest
import trio

from fluentsd.api import Attempt, Kind, Made, Message
from fluentsd.clock import SystemClock
from fluentsd.engine import held_start
from tests.attack.test_restored_copies import PEOPLE, contacted_now, database, enrolled, sent_to_all
from tests.engine.stage import FakeChannel
from tests.installation import Hooked, Place, living, until


class Listing(Hooked):
    """A channel whose provider lists what it accepted in all runs."""

    made: ClassVar[list[tuple[Kind, Made]]] = []
    fails: ClassVar[Exception | None] = None

    def accept(self, message: Message, attempt: Attempt) -> None:
        super().accept(message, attempt)
        self.made.append((self.kind, Made(f"ref-{attempt.token}", message.to, self.clock.now())))

    async def made_since(self, at: int, most: int) -> list[Made]:
        if self.fails:
            raise self.fails
        mine = (one for kind, one in self.made if kind == self.kind and one.at >= at)
        return sorted(mine, key=lambda one: -one.at)[:most]


class ListingPlace(Place):
    __slots__ = ()

    def _build(self, config: Any, tools: Any) -> FakeChannel:
        channel = self.channels[config["kind"]] = Listing(config["kind"], tools.clock)
        return channel


@pytest.fixture
def listing(place: Place, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setattr(held_start, "SKEW", 0)
    monkeypatch.setattr(Listing, "made", [])
    return ListingPlace(place.folder, logs=place.logs)


def snapshot(place: Place) -> Path:
    """A copy of all files: of the database with its mark."""
    return Path(shutil.copytree(place.folder, place.folder.with_name(f"{place.folder.name}-copy")))


def put_back(place: Place, copy: Path) -> None:
    for old in [one for one in place.folder.iterdir() if one.is_file()]:
        old.unlink()
    shutil.copytree(copy, place.folder, dirs_exist_ok=True)


async def test_a_snapshot_put_back_with_its_mark_is_known_by_what_the_provider_lists(listing: Place) -> None:
    await enrolled(listing)
    copy = snapshot(listing)
    await sent_to_all(listing)
    put_back(listing, copy)
    shutil.rmtree(copy)
    assert await contacted_now(listing) == 0
    (said,) = listing.logged("installation.held")
    assert "the provider of sms lists a message to one of its contacts from 2" in said["reason"]
    assert "release the installation" in said["reason"]
    listing.logs.clear()
    async with living(listing) as client:
        await client.ask("release", {"scope": "installation", "target": "all"})
        await until(lambda: len(listing.channels["sms"].accepted) == PEOPLE)
    listing.logs.clear()
    async with living(listing) as client:
        assert (await client.ask("holds"))["holds"] == []
    assert not listing.logged("installation.held")


@pytest.mark.parametrize("why", ["known", "stranger", "other number", "fails", "in doubt"])
async def test_what_the_provider_lists_is_no_older_copy(listing: Place, why: str) -> None:
    await enrolled(listing)
    if why == "known":
        await sent_to_all(listing)
    if why == "in doubt":  # accepted, and the answer was lost with the process
        await sent_to_all(listing)
        with closing(sqlite3.connect(database(listing))) as conn, conn:
            conn.execute("UPDATE attempt SET provider_ref = NULL, state = 'open', outcome = NULL")
    now, to, sender = SystemClock().now() + 1, "+12125550001", None
    if why == "stranger":
        to = "+13125550001"
    if why == "other number":
        sender = "+14155550000"
    if why in ("stranger", "other number"):
        Listing.made.append(("sms", Made("SM9", to, now, sender)))
    if why == "fails":
        Listing.fails = RuntimeError("no such list")
    try:
        async with living(listing) as client:
            await trio.sleep(0.2)
            assert (await client.ask("holds"))["holds"] == []
    finally:
        Listing.fails = None
    assert not listing.logged("installation.held")
    assert len(listing.logged("provider.not_compared")) == (3 if why == "fails" else 0)
