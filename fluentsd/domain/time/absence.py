"""From when on somebody who is away may be contacted again. Pure.

An automatic answer names a day, and no zone: a whole day in UTC is taken for that day where the person is, and begins
when it has begun in every zone they may be in. Any other instant is taken as it is. A robot's word is not believed
for ever: it may be wrong, forged, or left on by somebody who has long been back.
"""

from __future__ import annotations

from collections.abc import Sequence

from fluentsd.domain.time.zones import DAY, SECOND, at_wall

#: The longest absence that is believed at once, in microseconds.
AT_MOST = 60 * DAY
#: Where nothing is known of the zone: midnight comes last twelve hours after it has come in UTC.
_LAST = 12 * 3600 * SECOND


def back_at(said_at: int, zones: Sequence[str], now: int) -> int | None:
    """The first instant at which the person is back, at most `AT_MOST` from now; None when that has passed. Epoch
    microseconds."""
    until_at = min(said_at, now + AT_MOST)
    if until_at % DAY == 0:
        until_at = max((at_wall(until_at, name) for name in zones), default=until_at + _LAST)
    return until_at if until_at > now else None
