"""Retention: how long each kind of data is kept (`[retention]` of the configuration), in microseconds.

A kind without a setting is kept as long as the person. The engine's retention task applies the ages; nothing here reads
a clock. The suppression list, attempts without their texts, and the audit log without its details are never deleted:
the guarantees depend on them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict

from fluentsd.domain.time.durations import SECOND, BadDuration, Delay

#: Kinds of data with an age: texts to and from people, details in the audit log, delivered events of the outbox.
What = Literal["body", "reply", "transcript", "recording", "details", "delivered"]
_DAY = 86_400
#: A look-up of an open attempt needs its text, and a repeated request needs the stored answer.
SHORTEST_DAYS = 7


def _age(text: str) -> str:
    try:
        delay = Delay.parse(text)
    except BadDuration:
        raise ValueError(f'{text!r} is not a duration; write it in days or weeks, like "90 days"') from None
    if delay.seconds < SHORTEST_DAYS * _DAY:
        raise ValueError(f"{text!r} is too short; texts and answers are needed for at least {SHORTEST_DAYS} days")
    return text


Age = Annotated[str, AfterValidator(_age)]


class Retention(BaseModel):
    """`[retention]`: a duration for each kind; a kind that is left out is kept."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    bodies: Age | None = None
    replies: Age | None = None
    transcripts: Age | None = None
    recordings: Age | None = None
    details: Age | None = None
    delivered: Age = "30 days"

    def ages(self) -> dict[What, int]:
        """The age at which each kind is deleted, in microseconds; kinds that are kept are left out."""
        texts: dict[What, str | None] = {
            "body": self.bodies,
            "reply": self.replies,
            "transcript": self.transcripts,
            "recording": self.recordings,
            "details": self.details,
            "delivered": self.delivered,
        }
        return {what: Delay.parse(text).seconds * SECOND for what, text in texts.items() if text is not None}


#: The ages without a `[retention]` table.
USUAL: Final[Mapping[What, int]] = Retention().ages()
