"""The end of a person's absence, after which contact may go on. Pure.

An automatic reply names a day without a zone. A whole day in UTC means that day where the person is, and begins when it
has begun in every candidate zone. Any other instant is taken as it is. The length of an absence is limited: the reply
may be wrong, forged, or left on by a person who has long been back.
"""

from __future__ import annotations

from collections.abc import Sequence

from fluentsd.domain.time.zones import DAY, SECOND, at_wall

#: The longest absence that one reply may claim, in microseconds.
AT_MOST = 60 * DAY
#: With an unknown zone: the last midnight on earth comes twelve hours after midnight in UTC.
_LAST = 12 * 3600 * SECOND


def back_at(claimed_at: int, zones: Sequence[str], now: int) -> int | None:
    """The first instant at which the person is back, at most `AT_MOST` from now; None when that has passed. Epoch
    microseconds."""
    until_at = min(claimed_at, now + AT_MOST)
    if until_at % DAY == 0:
        until_at = max((at_wall(until_at, name) for name in zones), default=until_at + _LAST)
    return until_at if until_at > now else None
