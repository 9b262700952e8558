"""Simulated carriers: `sandbox` for demos, rehearsals and tests, `noop` for benchmarks.

A sandbox carrier refuses, rings, delivers, replies and fails with configured probabilities, repeatably: see `chance`. A
phone asks by webhook what to do with a call that was picked up, and echoes what its WebSocket receives; a scripted
agent provider lends it agents. Every accepted attempt is in its ledger before the answer, so a test can count the real
contacts of each person.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluentsd.api import ConfigProblem, hookimpl
from fluentsd_channel_sandbox.carrier import Carrier, CarrierBroke
from fluentsd_channel_sandbox.ledger import Entry, Ledger, LedgerProblem, Reading, read_ledger
from fluentsd_channel_sandbox.noop import Noop
from fluentsd_channel_sandbox.phone import PhoneCarrier
from fluentsd_channel_sandbox.scripted import Script, ScriptedAgents
from fluentsd_channel_sandbox.settings import Settings, read_settings
from fluentsd_channel_sandbox.signatures import sign

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from fluentsd.api import Register, RegisterAgentProvider, Tools

__all__ = [
    "Carrier",
    "CarrierBroke",
    "ConfigProblem",
    "Entry",
    "Ledger",
    "LedgerProblem",
    "Noop",
    "PhoneCarrier",
    "Reading",
    "Script",
    "ScriptedAgents",
    "Settings",
    "read_ledger",
    "read_settings",
    "register_agent_providers",
    "register_channels",
    "sign",
]


#: The plugin API that this plugin is written for.
FLUENTSD_API = 1


@hookimpl
def register_channels(register: Register) -> None:
    """Offer the channels `sandbox` and `noop`."""
    register("sandbox", _carrier)
    register("noop", Noop)


@hookimpl
def register_agent_providers(register: RegisterAgentProvider) -> None:
    """Offer the agent provider `sandbox`, which is scripted."""
    register("sandbox", ScriptedAgents)


def _carrier(config: Mapping[str, Any], tools: Tools) -> Carrier:
    settings = read_settings(config)
    return PhoneCarrier(settings, tools) if settings.kind == "phone" else Carrier(settings, tools)
