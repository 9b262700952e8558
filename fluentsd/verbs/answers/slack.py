"""Answers about what the channels of Slack show. Instants are epoch microseconds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a person has said of one channel. `kind`: alerts or digest; `campaign`: its ref, "" for all; `wanted`: kinds
    of messages, separated by commas, or the time of the digest with its zone; "" is nothing."""

    channel: str = ""
    kind: str = ""
    campaign: str = ""
    wanted: str = ""
    by: str = ""
    since_at: int = 0


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """`slack subscriptions`."""

    subscriptions: tuple[Subscription, ...] = ()


@dataclass(frozen=True, slots=True)
class Alerts:
    """`slack alerts`: no `campaigns` are all of them, no `kinds` are none."""

    channel: str = ""
    campaigns: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Digest:
    """`slack digest`: the time with its zone; "" is not at all."""

    channel: str = ""
    at: str = ""
