"""When a breaker trips, to the case; what an outcome counts as; the bars as operators write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluentsd.api import Outcome
from fluentsd.domain.breakers import HOUR, STANDARD, WHOLE, Figure, Shares, bucket, figure_of, read_share, show_share

BY_NAME = {breaker.name: breaker for breaker in STANDARD}


@pytest.mark.parametrize(
    ("name", "figures", "trips"),
    [
        ("email_bounces", {"bounced": 5, "made": 95}, False),  # not more than five in a hundred
        ("email_bounces", {"bounced": 6, "made": 94}, True),
        ("email_bounces", {"bounced": 6, "made": 93}, False),  # too few to say
        ("email_bounces", {"bounced": 4, "filtered": 1, "dead": 1, "made": 94}, True),
        ("email_bounces", {"failed": 50, "made": 50}, False),
        ("email_complaints", {"complained": 1, "made": 99}, False),  # one may be anybody
        ("email_complaints", {"complained": 2, "made": 98}, True),
        ("email_complaints", {"complained": 3, "made": 997}, False),
        ("email_complaints", {"complained": 4, "made": 996}, True),
        ("sms_filtered", {"filtered": 2, "made": 18}, False),
        ("sms_filtered", {"filtered": 3, "made": 17}, True),
        ("sms_filtered", {"filtered": 3, "made": 16}, False),
        ("sms_filtered", {"filtered": 3, "made": 147}, False),
        ("sms_filtered", {"filtered": 3, "made": 146}, True),
        ("failures", {"failed": 20, "reached": 30}, False),
        ("failures", {"failed": 21, "reached": 29}, True),
        ("failures", {"failed": 21, "reached": 28}, False),
        ("failures", {"dead": 40, "failed": 10}, False),  # a bad list is no fault of the campaign's way
        ("number_undelivered", {"failed": 9, "reached": 21}, False),
        ("number_undelivered", {"failed": 8, "filtered": 2, "reached": 20}, True),
        ("number_undelivered", {"failed": 10, "reached": 19, "made": 500}, False),
        ("number_not_allowed", {"barred": 1, "made": 5000}, True),
        ("sender_not_allowed", {"barred_service": 1}, True),
        ("sender_not_allowed", {"barred": 9}, False),  # a number of ours: that number's matter
    ],
)
def test_a_breaker_trips_beyond_its_bar_and_not_before(name: str, figures: dict[str, int], trips: bool) -> None:
    assert BY_NAME[name].trips(figures) is trips


@pytest.mark.parametrize(
    ("mine", "others", "trips"),
    [
        ({"reached": 9, "made": 41}, {"reached": 40, "made": 60}, True),  # 18 % beside 40 %
        ({"reached": 10, "made": 40}, {"reached": 40, "made": 60}, False),  # half is not below half
        ({"reached": 9, "made": 40}, {"reached": 40, "made": 60}, False),  # 49 calls say nothing
        ({"reached": 0, "made": 50}, {"reached": 40, "made": 59}, False),  # nor do 99 of the others
        ({"reached": 0, "made": 50}, {"made": 100}, False),  # nobody answers anybody
        ({"reached": 0, "made": 50}, {}, False),
    ],
)
def test_a_number_is_compared_with_the_others(mine: dict[str, int], others: dict[str, int], trips: bool) -> None:
    assert BY_NAME["number_answers"].trips(mine, others) is trips


def test_the_reason_says_the_figures_and_the_bar() -> None:
    assert BY_NAME["email_bounces"].tell({"bounced": 7, "made": 93}) == (
        "e-mails bounce: 7 of 100 in the last 24 hours (bar 5 %)"
    )
    assert BY_NAME["number_answers"].tell({"reached": 4, "made": 46}, {"reached": 40, "made": 60}) == (
        "calls from this number are answered less often: 4 of 50 in the last 24 hours, "
        "and 40 of 100 from the others (bar 50 % of their share)"
    )
    assert "bar" not in BY_NAME["number_not_allowed"].tell({"barred": 1})


@pytest.mark.parametrize(
    ("outcome", "given", "figure"),
    [
        (Outcome.sent, {}, Figure.made),
        (Outcome.no_answer, {}, Figure.made),
        (Outcome.delivered, {}, Figure.reached),
        (Outcome.opted_out, {"reason": "wrote STOP"}, Figure.reached),
        (Outcome.opted_out, {"reason": "complaint: called it spam"}, Figure.complained),
        (Outcome.failed, {}, Figure.failed),
        (Outcome.failed, {"dead": True}, Figure.dead),
        (Outcome.bounced, {"dead": True}, Figure.bounced),
        (Outcome.bounced, {"fault": "message"}, Figure.filtered),
        (Outcome.failed, {"fault": "message"}, Figure.filtered),
        (Outcome.failed, {"fault": "sender", "has_caller_id": True}, Figure.barred),
        (Outcome.failed, {"fault": "sender"}, Figure.barred_service),
        (Outcome.delivered, {"fault": "sender"}, Figure.reached),
        (Outcome.unknown, {}, None),
        (Outcome.not_sent, {}, None),
    ],
)
def test_what_an_outcome_counts_as(outcome: Outcome, given: dict[str, object], figure: Figure | None) -> None:
    told: dict[str, object] = {"fault": "person", "dead": False, "reason": "", "has_caller_id": False} | given
    assert figure_of(outcome, **told) == figure  # type: ignore[arg-type]


def test_every_outcome_that_is_an_end_counts_as_something() -> None:
    for outcome in set(Outcome) - {Outcome.unknown, Outcome.not_sent}:
        assert figure_of(outcome, "person", dead=False, reason="", has_caller_id=False) is not None


@given(claimed_at=st.integers(0, 10 * HOUR), since_at=st.integers(0, 10 * HOUR))
def test_an_attempt_claimed_before_a_resumption_is_counted_before_it(claimed_at: int, since_at: int) -> None:
    found = bucket(claimed_at, since_at)
    assert found <= claimed_at < found + HOUR
    assert (found >= since_at) == (claimed_at >= since_at)


@pytest.mark.parametrize(("text", "share"), [("5%", 50_000), ("0.3 %", 3_000), ("100%", WHOLE), ("off", None)])
def test_a_share_is_read(text: str, share: int | None) -> None:
    assert read_share(text) == share
    if share is not None:
        assert read_share(show_share(share)) == share


@pytest.mark.parametrize("text", ["5", "", "0%", "101%", "-1%", "5 percent", "0.00001%", "Off?", "5%%"])
def test_what_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a share; write it like"):
        read_share(text)


def test_the_bars_can_be_set_and_what_forbids_cannot_be_switched_off() -> None:
    mine = {b.name: b.bar for b in Shares(email_bounces="8%", sms_filtered="off").breakers()}
    assert mine["email_bounces"] == 80_000
    assert "sms_filtered" not in mine
    assert set(BY_NAME) - set(mine) == {"sms_filtered"}
    nothing = Shares(**dict.fromkeys(Shares.model_fields, "off")).breakers()
    assert {breaker.name for breaker in nothing} == {"number_not_allowed", "sender_not_allowed"}
