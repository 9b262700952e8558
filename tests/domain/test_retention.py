"""The `[retention]` table."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from fluentsd.domain.retention import USUAL, Retention

DAY = 86_400_000_000


def test_what_is_not_named_is_kept_but_what_was_delivered() -> None:
    assert dict(USUAL) == {"delivered": 30 * DAY}


def test_ages_are_days_and_weeks() -> None:
    assert Retention(bodies="90 days", replies="10 weeks").ages() == {
        "body": 90 * DAY, "reply": 70 * DAY, "delivered": 30 * DAY,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"bodies": "6 days"}, "needed for at least 7 days"),
        ({"bodies": "soon"}, 'write it in days or weeks, like "90 days"'),
        ({"bodies": 90}, "valid string"),
        ({"body": "90 days"}, "Extra inputs"),
    ],
)
def test_a_wrong_age_is_refused(said: dict[str, object], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Retention.model_validate(said)
