"""How long what is held is held: `[retention]` of the configuration, read once into microseconds.

What nothing is said of is kept for as long as the person is. Whoever ages the store asks this; nothing here looks at a
clock. The stop list, attempts without their words, and the log of acts without their details are never aged: they are
what the promises rest on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict

from fluentsd.domain.time.durations import SECOND, BadDuration, Delay

#: What has an age: words to and of people, the details of acts in the log, messages of the outbox that were delivered.
What = Literal["body", "reply", "transcript", "recording", "details", "delivered"]
_DAY = 86_400
#: Words are asked for when a provider is asked about an open attempt, and answers when a request comes again.
SHORTEST_DAYS = 7


def _age(text: str) -> str:
    try:
        delay = Delay.parse(text)
    except BadDuration:
        raise ValueError(f'{text!r} is not a length of time; write it in days or weeks, like "90 days"') from None
    if delay.seconds < SHORTEST_DAYS * _DAY:
        raise ValueError(f"{text!r} is too short; words and answers are needed for at least {SHORTEST_DAYS} days")
    return text


Age = Annotated[str, AfterValidator(_age)]


class Retention(BaseModel):
    """`[retention]`: each a length of time, or left out to keep it."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    bodies: Age | None = None
    replies: Age | None = None
    transcripts: Age | None = None
    recordings: Age | None = None
    details: Age | None = None
    delivered: Age = "30 days"

    def ages(self) -> dict[What, int]:
        """What is aged, and at how many microseconds."""
        said: dict[What, str | None] = {
            "body": self.bodies,
            "reply": self.replies,
            "transcript": self.transcripts,
            "recording": self.recordings,
            "details": self.details,
            "delivered": self.delivered,
        }
        return {what: Delay.parse(text).seconds * SECOND for what, text in said.items() if text is not None}


#: Where nothing is said.
USUAL: Final[Mapping[What, int]] = Retention().ages()
