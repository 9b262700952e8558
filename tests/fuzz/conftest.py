"""How much each fuzz test tries: in the suite a fixed number of inputs, in `make fuzz` until its time is over."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

#: How many times more inputs than in the suite.
TIMES = int(os.environ.get("FLUENTSD_FUZZ_TIMES", "1"))
_HEALTH = (
    HealthCheck.too_slow,
    HealthCheck.data_too_large,
    HealthCheck.filter_too_much,
    HealthCheck.large_base_example,
)


def fuzz(in_suite: int) -> settings:
    """The settings of a test that tries `in_suite` inputs in the suite."""
    return settings(max_examples=in_suite * TIMES, deadline=None, suppress_health_check=_HEALTH, print_blob=True)
