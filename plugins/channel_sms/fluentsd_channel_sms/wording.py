"""Faults of a request to Twilio or a model's service, in words that people read in reasons, checks and histories.

What must not live here: what follows from a fault (`error_codes`).
"""

from __future__ import annotations

import httpx

from fluentsd.api import trouble
from fluentsd_channel_sms.error_codes import NoAnswer, NotReached, Refusal


def in_words(why: BaseException) -> str:
    """What went wrong between us and a service; of a refusal its number alone, because its text may have a person's."""
    if isinstance(why, Refusal):
        return f"it answers {why.status}{'' if why.code is None else f' ({why.code})'}"
    if isinstance(why, NoAnswer | NotReached):
        return in_words(why.__cause__) if why.__cause__ is not None else str(why)
    return trouble(why) if isinstance(why, httpx.HTTPError | OSError) else "its answer cannot be read"
