"""Retries: after which outcomes a step is tried again, after what delay, and how often. Pure.

What must not live here: the step that comes when there is no retry (`flow`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from fluentsd.domain.campaign_values import DelayText
from fluentsd.domain.time.durations import Delay


class Retry(BaseModel):
    """The outcomes after which a step is tried again, each with its delay, and the limit of retries."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    no_answer: DelayText | None = None
    busy: DelayText | None = None
    voicemail: DelayText | None = None
    failed: DelayText | None = None
    bounced: DelayText | None = None
    agent_error: DelayText | None = None
    limit: Annotated[int, Field(ge=1, le=20)] = 2

    @model_validator(mode="after")
    def _some(self) -> Retry:
        if not any(value for name, value in self if name != "limit"):
            raise ValueError('names no outcome; write it like { no_answer = "2 hours", busy = "30 min", limit = 2 }')
        return self


def delays_of(rule: Retry | None) -> dict[str, Delay]:
    """The delay before the next try, by the outcome of the last one."""
    texts = rule.model_dump(exclude={"limit"}, exclude_none=True) if rule else {}
    return {outcome: Delay.parse(text) for outcome, text in texts.items()}


def delay_before_retry(delays: Mapping[str, Delay], limit: int, outcome: str, retries: int) -> Delay | None:
    """The delay, if the outcome has one and `retries` (tries made before this one) is below the limit."""
    return delays.get(outcome) if retries < limit else None
