"""How one source is synced: the settings of `[source.<name>]` that are fluentsd's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fluentsd.domain.membership import SHARE
from fluentsd.domain.time.durations import SECOND

MINUTE, HOUR = 60 * SECOND, 3600 * SECOND


@dataclass(frozen=True, slots=True)
class SyncOptions:
    """Times are microseconds. `every`: between two questions for changes; `walk_every`: between two complete walks;
    `consent_max_age`: the age at which a record's opt-outs are read again before a contact; `share`: the part of a
    segment's members that may join or leave at once without a person; `meanings`: field → meaning, over the plugin's
    proposal; `region`: the country of numbers without a country code."""

    every: int = 1 * MINUTE
    walk_every: int = 1 * HOUR
    consent_max_age: int = 15 * MINUTE
    share: float = SHARE
    write_back: bool = True
    meanings: Mapping[str, str] = field(default_factory=dict)
    region: str = "US"


#: A source that the settings say nothing of.
USUAL = SyncOptions()
