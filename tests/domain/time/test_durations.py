"""Delays, rates and money as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluentsd.domain.time.durations import BadDuration, Budget, Delay, Rate


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", Delay(0)), ("30 min", Delay(1800)), ("30min", Delay(1800)), ("2 hours", Delay(7200)),
        ("24 hours", Delay(86_400)), ("1 day", Delay(1, "days")), ("2 weeks", Delay(14, "days")), ("90 s", Delay(90)),
    ],
)  # fmt: skip
def test_delays(text: str, expected: Delay) -> None:
    assert Delay.parse(text) == expected


@pytest.mark.parametrize(
    "text", ["", "day", "1", "1 dya", "-1 day", "1.5 hours", "9999999 days", "5000 days", "1 month"]
)
def test_what_is_no_delay_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(BadDuration):
        Delay.parse(text)


@given(st.builds(Delay, st.integers(0, 3000), st.sampled_from(["days", "seconds"])))
def test_a_delay_reads_as_it_is_written(delay: Delay) -> None:
    assert Delay.parse(str(delay)) in (delay, Delay(0))


@given(st.integers(1, 10_000), st.sampled_from([1, 60, 3600, 86400, 604800]))
def test_a_rate_reads_as_it_is_written(count: int, per_s: int) -> None:
    assert Rate.parse(str(Rate(count, per_s))) == Rate(count, per_s)


@pytest.mark.parametrize("text", ["20", "20/fortnight", "0/hour", "many/day", ""])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(BadDuration):
        Rate.parse(text)


def test_money_is_exact() -> None:
    assert Budget.parse("200.10 usd/day") == Budget(200_100_000, "USD")
    for text in ("200", "200 USD", "0 USD/day", "1e9 USD/day", "200 DOLLARS/day"):
        with pytest.raises(BadDuration):
            Budget.parse(text)
