"""opening-hours-py with the same window: the next open instant. Prints microseconds per look-up."""

from __future__ import annotations

import datetime as dt
import json
import random
import sys
import time
from zoneinfo import ZoneInfo

from opening_hours import OpeningHours

ASKED, RULES = int(sys.argv[1]), "Mo-Fr 09:00-12:00,13:00-19:00; PH off"
ZONES = json.loads(sys.argv[2])


def main() -> None:
    """Ten zones, random instants of two years; input and output are epoch microseconds."""
    places = [ZoneInfo(name) for name in ZONES]
    windows = [OpeningHours(RULES, timezone=place, country="US") for place in places]
    chance = random.Random(7)
    start = int(dt.datetime(2026, 1, 1, tzinfo=dt.UTC).timestamp())
    asked = [
        (chance.randrange(len(ZONES)), (start + chance.randrange(2 * 365 * 86_400)) * 1_000_000) for _ in range(ASKED)
    ]
    for n, at in asked[:1000]:
        next_open(windows[n], places[n], at)
    began = time.perf_counter()
    for n, at in asked:
        next_open(windows[n], places[n], at)
    took = time.perf_counter() - began
    print(json.dumps({"us": took / ASKED * 1e6}))


def next_open(window: OpeningHours, place: ZoneInfo, at: int) -> int:
    moment = dt.datetime.fromtimestamp(at / 1e6, place)
    if window.is_open(moment):
        return at
    return int(window.next_change(moment).timestamp() * 1_000_000)


if __name__ == "__main__":
    main()
