"""The output of one benchmark process: one JSON object on the last line of stdout. Standard library only, because the
peers' processes use it too, in an environment of their own.
"""

from __future__ import annotations

import ctypes
import json
import resource
from typing import Any


def tell(**figures: Any) -> None:
    """Print the figures, with this process's peak memory and, on a slowed disk, its number of durable writes."""
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({**figures, "peak_mib": round(peak_mib, 1), "syncs": syncs()}), flush=True)


def syncs() -> int | None:
    """The number of calls that `slow_sync.c` has delayed; None if it is not loaded."""
    try:
        count = ctypes.CDLL(None).fluentsd_bench_syncs
    except AttributeError:
        return None
    count.restype = ctypes.c_long
    return int(count())
