"""What a note in a CRM says of an activity, for sources that write it as text.

What must not live here: markup and lengths, which differ from CRM to CRM.
"""

from __future__ import annotations

import hashlib
from collections.abc import Container, Mapping
from datetime import UTC, datetime

from fluentsd.api.source import Activity

#: Kind of an activity → its title.
ACTIVITY_TITLES: Mapping[str, str] = {
    "call": "Call",
    "sms": "SMS",
    "email": "E-mail",
    "note": "Note",
    "opt_out": "Opt-out",
}


def activity_heading(activity: Activity) -> str:
    """Its title and its time: "Call, 2026-12-01 15:04 UTC"."""
    return (
        f"{ACTIVITY_TITLES[activity.kind]}, {datetime.fromtimestamp(activity.at / 1_000_000, UTC):%Y-%m-%d %H:%M} UTC"
    )


def activity_facts(activity: Activity, leave_out: Container[str] = ()) -> list[str]:
    """What is known of it, one fact a line: "Outcome: no answer". `leave_out`: names that the CRM has fields for, of
    Outcome, Disposition, Seconds, From and Recording."""
    known = {
        "Outcome": activity.outcome.replace("_", " "),
        "Disposition": activity.disposition.replace("_", " "),
        "Seconds": "" if activity.duration_s is None else str(activity.duration_s),
        "From": activity.sender,
        "Recording": activity.recording,
    }
    lines = [f"{name}: {value}" for name, value in known.items() if value and name not in leave_out]
    if activity.kind == "opt_out":
        lines.append(f"Do not contact: {', '.join(activity.channels) or 'all channels'}")
    return lines


def written_id(key: str) -> str:
    """The id of a written activity, 20 hexadecimal digits. `key`: what identifies the write (`Source.write`)."""
    return hashlib.blake2b(key.encode(), digest_size=10).hexdigest()


def written_mark(key: str) -> str:
    """The last line of a note, by which a write that may have happened is found again."""
    return f"fluentsd {written_id(key)}"
