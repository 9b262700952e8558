"""Short stories with real dates: people's local times when the whole engine contacts them.

Every expected time is worked out by hand from a calendar and the text of a rule, and written as people read it.
Easter 2027 is on March 28; Sydney and Lord Howe Island put their clocks forward on October 4, 2026; a week has the
days that it has. This module has the words of the stories and no test.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fluentsd.clock import SimClock
from fluentsd.domain.gate import Limit
from fluentsd.domain.places.location import place_of
from fluentsd.domain.time.windows import zone
from tests.databases import open_whole
from tests.engine.stage import DAY, HOUR, FakeChannel, Stage, person, spec, staged

NEW_YORK, CHICAGO, LOS_ANGELES = "America/New_York", "America/Chicago", "America/Los_Angeles"
ALL_WEEK = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Spec = dict[str, Any]


def local(text: str, name: str = NEW_YORK) -> int:
    """The instant at which clocks in a zone show this."""
    return round(dt.datetime.fromisoformat(text).replace(tzinfo=zone(name)).timestamp() * 1_000_000)


def shown(at: int, name: str = NEW_YORK) -> str:
    """What clocks in a zone show, with the day of the week."""
    return f"{dt.datetime.fromtimestamp(at / 1_000_000, zone(name)):%a %Y-%m-%d %H:%M}"


def made(channel: FakeChannel, name: str = NEW_YORK) -> list[tuple[str, str]]:
    """What went out over a channel: (step, local time)."""
    return [(attempt.step, shown(at, name)) for attempt, _, at in channel.accepted]


def sms(id: str = "one", after: str = "0", **more: Any) -> Spec:
    return {"id": id, "channel": "sms", "after": after, "text": "Hello"} | more


def call(id: str = "call", after: str = "0", **more: Any) -> Spec:
    return {"id": id, "channel": "phone", "after": after, "agent": "a"} | more


def mail(id: str = "mail", after: str = "0") -> Spec:
    return {"id": id, "channel": "email", "after": after, "subject": "s", "text": "t"}


def campaign(*steps: Spec, hours: str = "09:00-17:00", days: list[str] | None = None, **more: Any) -> Spec:
    window = {"hours": hours, "days": days or ALL_WEEK} | more.pop("window", {})
    return spec(*steps, window=window, **more)


def somebody(n: int = 1, zones: str | list[str] = NEW_YORK, states: str | list[str] = (), **fields: str) -> Spec:  # type: ignore[assignment]
    """A person in some zones and states; without a state no rules of a place are shipped for them."""
    as_list = [zones] if isinstance(zones, str) else list(zones)
    placed = [states] if isinstance(states, str) else list(states)
    return person(n, **fields) | {"zones": as_list, "states": placed}


def found_at(n: int, *numbers: str, state: str | None = None, postal: str | None = None) -> Spec:
    """A person as an import places them, by numbers and an address."""
    place = place_of(None, state, None, postal, numbers)
    points = [["phone", number] for number in numbers]
    where = {"zones": place.zones, "states": place.states, "zone_basis": place.basis, "conflict": place.conflict}
    return person(n) | where | {"points": points}


@asynccontextmanager
async def begun(path: Path, at: int, limits: tuple[Limit, ...] = ()) -> AsyncIterator[Stage]:
    """An engine on the story's database file, started at a given time; a second one is a restart."""
    clock, file = SimClock(at), path / "story.db"
    url, options = f"sqlite+aiosqlite:///{file}", {"busy": clock.busy, "synchronous": "OFF"}
    async with open_whole(url, **options) as store, staged(store, clock) as stage:
        stage.runtime.plans.limits = limits
        yield stage


async def agreed(stage: Stage, ref: str = "test", basis: str = "written", **more: str) -> None:
    """Attest the consent of a campaign's people."""
    details = {"basis": basis, "given": "2026-01-15", "scope": ["phone,sms"], "by": "Ann"} | more
    await stage.do("contacts attest", campaign=ref, **details)


async def launched(stage: Stage, file: Spec, *people: Spec) -> None:
    """Create, enroll, start without consent on record, then attest it."""
    await stage.launch(file, *people, checked=False)
    await agreed(stage, file["ref"])


async def finished(stage: Stage, ref: str = "test") -> dict[str, Any]:
    """Let time pass until every enrollment has ended."""
    end = stage.clock.now() + 60 * DAY
    while (found := await stage.overview(ref))["state"] != "completed":
        await stage.until(stage.clock.now() + 12 * HOUR)
        assert stage.clock.now() < end, found
    return found


async def explained(stage: Stage, n: int = 1) -> dict[str, Any]:
    return dict((await stage.do("contacts why", person=f"+1212555{n:04d}"))["campaigns"][0])


def second(stage: Stage) -> list[str]:
    return [moment for step, moment in made(stage.sms) if step == "two"]
