"""A stage whose campaigns can follow a CRM in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from fluentsd.clock import SimClock
from fluentsd.domain.sync_options import SyncOptions
from tests.databases import open_whole
from tests.engine.conftest import TO_LOG
from tests.engine.stage import MINUTE, MONDAY, SMS, Stage, spec, staged
from tests.engine.sync.fake_source import FakeCrm

CONSENT = {
    "basis": "written", "date": "2026-02-01", "scope": ["phone", "sms", "email"], "by": "Dana",
    "scrubbed": "2026-03-01",
}  # fmt: skip
SEGMENT: dict[str, Any] = {
    "source": "crm", "segment": "list:Spring fair", "leaves": "exit after 1 hour", "consent": CONSENT,
}  # fmt: skip


@dataclass
class Followed:
    """A stage, and the CRM that its campaigns follow."""

    stage: Stage
    crm: FakeCrm

    async def apply(self, *steps: dict[str, Any], **more: Any) -> None:
        """A draft that follows the list."""
        file = {"name": "A test", "ref": "test", "segment": [SEGMENT]} | more
        await self.stage.do("campaign apply", file=spec(*(steps or (SMS,)), **file))

    async def pass_time(self, microseconds: int) -> None:
        await self.stage.until(self.stage.clock.now() + microseconds)

    async def start(self, *steps: dict[str, Any], **more: Any) -> None:
        """Apply, let the first walk end, start."""
        await self.apply(*steps, **more)
        await self.pass_time(MINUTE)
        await self.stage.do("campaign start", ref="test", yes=True)

    async def segment(self) -> dict[str, Any]:
        [found] = (await self.stage.do("sync status"))["segments"]
        return dict(found)

    def texted(self) -> list[str]:
        return sorted(attempt.to for attempt, *_ in self.stage.sms.accepted)


@pytest.fixture
async def followed(database_url: str) -> AsyncIterator[Followed]:
    clock = SimClock(MONDAY)
    crm = FakeCrm(clock)
    async with (
        open_whole(database_url, busy=clock.busy, subscriptions=TO_LOG) as store,
        staged(store, clock, sources={"crm": crm}, sync_options={"crm": SyncOptions(every=15 * MINUTE)}) as stage,
    ):
        yield Followed(stage, crm)
