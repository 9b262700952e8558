"""The channel keeps every promise of a channel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from fluentsd_channel_fluents.channel import FluentsChannel

from fluentsd.api import (
    Tools,
)
from fluentsd.testing import Fault, exercise_channel
from plugins.channel_fluents.tests.fake_fluents import AGENT
from plugins.channel_fluents.tests.hosted import Stage


class Provider:
    """The fake as the provider of the conformance suite."""

    faults = (Fault.refuse, Fault.unavailable, Fault.accept_then_error, Fault.accept_then_hang, Fault.hang)

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    def make(self, given: Tools) -> FluentsChannel:
        return Stage(self.stage.fluents, replace(given, http=self.stage.tools.http)).use(agents={"trial": AGENT})

    def arrange(self, fault: Fault | None) -> None:
        self.stage.fluents.bad = str(fault.value) if fault is not None else ""

    def held(self, token: str) -> Sequence[str]:
        return [self.stage.fluents.calls[ref]["to_number"] for ref in self.stage.fluents.held(token)]


@pytest.mark.slow
async def test_it_keeps_every_promise_of_a_channel(stage: Stage) -> None:
    provider = Provider(stage)
    await exercise_channel(provider.make, tools=stage.tools, provider=provider, patience=0.5)
