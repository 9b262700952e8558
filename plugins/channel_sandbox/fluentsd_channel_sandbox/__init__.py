"""Carriers that exist only on this machine: `sandbox` for demos, rehearsals and tests, `noop` for benchmarks.

A sandbox carrier refuses, rings, delivers, answers back and breaks as its table of chances says, repeatably: see
`chance`. Whatever it accepted is in its ledger before anybody is told, so a test can count what people really got.
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
