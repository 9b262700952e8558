"""Routes: which channels show what. A channel shows what a person has said there (`alerts`, `digest`); the channel of
the settings shows everything until somebody says otherwise.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from fluentsd.config import SlackSettings
from fluentsd.engine.runtime import Runtime
from fluentsd.engine.wakeup import Wakeup
from fluentsd.verbs import Call
from fluentsd.verbs.execute import execute
from fluentsd.verbs.options import SHOWN


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person has said of a channel. `campaign`: "" for all; `wanted`: "" for nothing."""

    channel: str
    kind: str
    campaign: str
    wanted: str


def channels(wishes: Sequence[Wish], usual: str | None, ref: str, kind: str) -> list[str]:
    """The channels that show messages of a kind about a campaign, "" for what concerns all. `usual`: the channel of the
    settings, which is the last one."""
    named = dict.fromkeys(one.channel for one in wishes if one.kind == "alerts" and one.channel != usual)
    every = [*named, *([usual] if usual else [])]
    return [channel for channel in every if kind in _shown(wishes, channel, ref, is_usual=channel == usual)]


def _shown(wishes: Sequence[Wish], channel: str, ref: str, *, is_usual: bool) -> Collection[str]:
    mine = {one.campaign: one.wanted for one in wishes if one.kind == "alerts" and one.channel == channel}
    wanted = mine.get(ref, mine.get(""))
    return wanted.split(",") if wanted is not None else SHOWN if is_usual else ()


def digests(wishes: Sequence[Wish], usual: str | None, usual_at: str | None) -> dict[str, str]:
    """Channel → when the digest is posted there, with the zone."""
    found = {usual: usual_at} if usual and usual_at else {}
    found |= {one.channel: one.wanted for one in wishes if one.kind == "digest"}
    return {channel: at for channel, at in found.items() if at}


class Routes:
    """The channels of this installation. `changed` wakes who waits for the time of a digest."""

    def __init__(self, runtime: Runtime, settings: SlackSettings) -> None:
        self._runtime, self._settings = runtime, settings
        self.changed = Wakeup()

    @property
    def usual(self) -> str | None:
        """The channel of the settings."""
        return self._settings.channel

    async def wishes(self) -> list[Wish]:
        """What people have said. Raises `StoreUnavailable`."""
        call = Call("fluentsd", self._runtime.clock.now(), role="viewer")
        found = (await execute(self._runtime, "slack subscriptions", {}, call))["subscriptions"]
        return [Wish(one["channel"], one["kind"], one["campaign"], one["wanted"]) for one in found]

    async def of(self, ref: str, kind: str) -> list[str]:
        """The channels that show messages of a kind about a campaign."""
        return channels(await self.wishes(), self.usual, ref, kind)

    async def digests(self) -> dict[str, str]:
        """Channel → when the digest is posted there."""
        return digests(await self.wishes(), self.usual, self._settings.digest)
