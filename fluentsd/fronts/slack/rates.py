"""The pace of calls to Slack's Web API: a token bucket per method, one message per second and channel, and pauses that
Slack asked for. Pure: times are seconds of one monotonic clock, given by the caller.

The tiers are those of Slack's documentation (docs.slack.dev/apis/web-api/rate-limits); a method that is not named here
has tier 3. apps.connections.open has tier 1 there, but a lost connection must be replaced at once: the back-off of
the transport paces it, and a pause that Slack asks for counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

#: Calls per minute of a tier.
TIERS: Mapping[int, int] = {1: 1, 2: 20, 3: 50, 4: 100}
_TIER_OF: Mapping[str, int] = {
    "apps.connections.open": 3, "usergroups.list": 2, "usergroups.users.list": 2, "conversations.list": 2,
    "chat.update": 3, "conversations.info": 3, "conversations.open": 3, "chat.postMessage": 4,
    "chat.postEphemeral": 4, "views.open": 4, "views.update": 4, "views.push": 4, "views.publish": 4, "users.info": 4,
    "auth.test": 4, "files.info": 4, "files.getUploadURLExternal": 4, "files.completeUploadExternal": 4,
}  # fmt: skip
#: Methods that post into a channel, and seconds between two of their calls for one channel.
POSTS = frozenset({"chat.postMessage", "chat.postEphemeral"})
POST_EVERY = 1.0
#: The part of a minute's calls that may be made at once.
BURST = 0.2


@dataclass(slots=True)
class _Bucket:
    per_second: float
    size: float
    left: float
    at: float

    def reserve(self, now: float) -> float:
        """Seconds until the next call may start; the call is counted."""
        self.left = min(self.size, self.left + (now - self.at) * self.per_second)
        self.at = now
        self.left -= 1
        return max(0.0, -self.left / self.per_second)


@dataclass(slots=True)
class Rates:
    """When the next call of each method and channel may start."""

    _buckets: dict[str, _Bucket] = field(default_factory=dict)
    _channels: dict[str, float] = field(default_factory=dict)
    _paused: dict[str, float] = field(default_factory=dict)

    def reserve(self, method: str, channel: str | None, now: float) -> float:
        """Seconds until this call may start; the call is counted."""
        at = max(now + self._bucket(method, now).reserve(now), self._paused.get(method, now))
        if channel is not None and method in POSTS:
            at = max(at, self._channels.get(channel, at))
            self._channels[channel] = at + POST_EVERY
        return at - now

    def pause(self, method: str, seconds: float, now: float) -> None:
        """Slack asked for a pause of this method."""
        self._paused[method] = max(self._paused.get(method, now), now + seconds)

    def _bucket(self, method: str, now: float) -> _Bucket:
        if (bucket := self._buckets.get(method)) is None:
            per_minute = TIERS[_TIER_OF.get(method, 3)]
            size = max(1.0, per_minute * BURST)
            bucket = self._buckets[method] = _Bucket(per_minute / 60, size, size, now)
        return bucket
