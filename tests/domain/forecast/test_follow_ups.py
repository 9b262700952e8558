"""How many follow-ups a forecast expects: what the calls of the simulation ask for, each person once."""

from __future__ import annotations

import pytest

from fluentsd.api import Outcome
from fluentsd.domain.campaign import read_campaign
from fluentsd.domain.flow import compile_flow
from fluentsd.domain.forecast.follow_ups import ASSUMED, expected, shares_of
from tests.engine.stage import spec

CALL = {"id": "call", "channel": "phone", "agent": "a"}
ENDED = {Outcome.answered: 200, Outcome.voicemail: 300, Outcome.no_answer: 900, Outcome.opted_out: 4}


def after(*words: object) -> list[int | None]:
    steps = [{"id": f"f{n}", "channel": "sms", "text": "x", "after_call": word} for n, word in enumerate(words)]
    flow = compile_flow(read_campaign(spec(CALL, *steps)).step)
    return [one.people for one in expected(flow.follow_ups, ENDED, 500, {"interested": 0.25, "callback": 0.1})]


@pytest.mark.parametrize(
    ("word", "people"),
    [
        ("answered", 200),
        ("interested", 50),
        (["interested", "callback"], 70),
        (["answered", "interested"], 200),  # who is interested has answered
        (["interested", "voicemail"], 350),
        ("no_answer", 500),  # nobody twice
        ("call.fields.budget > 5000", None),
    ],
)
def test_a_follow_up_is_asked_for_by_so_many(word: object, people: int | None) -> None:
    assert after(word) == [people]


def test_shares_come_from_history_as_it_grows() -> None:
    assert shares_of({}, 0) == dict(ASSUMED)
    counted = {"interested": 500, "": 500}
    assert shares_of(counted, 1000)["interested"] == pytest.approx(0.4833, abs=0.001)
    assert shares_of(counted, 1000)["angry"] < 0.001
