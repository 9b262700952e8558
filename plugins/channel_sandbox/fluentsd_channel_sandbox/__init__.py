"""Simulated carriers: `sandbox` for demos, rehearsals and tests, `noop` for benchmarks.

A sandbox carrier refuses, rings, delivers, replies and fails with configured probabilities, repeatably: see `chance`.
Every accepted attempt is in its ledger before the answer, so a test can count the real contacts of each person.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluentsd.api import ConfigProblem, hookimpl
from fluentsd_channel_sandbox.carrier import Carrier, CarrierBroke
from fluentsd_channel_sandbox.ledger import Entry, Ledger, LedgerProblem, Reading, read_ledger
from fluentsd_channel_sandbox.noop import Noop
from fluentsd_channel_sandbox.settings import Settings, read_settings

if TYPE_CHECKING:
    from fluentsd.api import Register

__all__ = [
    "Carrier",
    "CarrierBroke",
    "ConfigProblem",
    "Entry",
    "Ledger",
    "LedgerProblem",
    "Noop",
    "Reading",
    "Settings",
    "read_ledger",
    "read_settings",
    "register_channels",
]


@hookimpl
def register_channels(register: Register) -> None:
    """Offer the channels `sandbox` and `noop`."""
    register("sandbox", lambda config, tools: Carrier(read_settings(config), tools))
    register("noop", Noop)
