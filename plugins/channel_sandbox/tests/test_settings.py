"""Every mistake in a sandbox's table is found at once, each with its fix."""

from __future__ import annotations

import pytest
from fluentsd_channel_sandbox import ConfigProblem, Noop, read_settings
from fluentsd_channel_sandbox.settings import SECOND, Span, read_span

from fluentsd.api import Outcome
from fluentsd.testing import tools


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({}, "kind: is missing"),
        ({"kind": "fax"}, "'fax' is not a kind of channel"),
        ({"kind": "sms", "sead": 1}, "sead: is not a known key; did you mean 'seed'?"),
        ({"kind": "sms", "outcomes": {"answered": 1}}, "outcomes.answered: is not a known key"),
        ({"kind": "sms", "outcomes": {"replied": -1, "delivered": 1}}, "outcomes.replied: -1 is not a weight"),
        ({"kind": "sms", "outcomes": {"replied": 0}}, "no outcome has a weight above 0"),
        ({"kind": "sms", "outcomes": 3}, "outcomes: 3 should be a table"),
        ({"kind": "sms", "delivery": "soon"}, "'soon' is not a duration or range"),
        ({"kind": "sms", "reply": "3 hours-2 min"}, "starts above its end"),
        ({"kind": "sms", "reply": "3 moons"}, "'moons' is not a unit of time"),
        ({"kind": "sms", "faults": {"refuse": 1.5}}, "faults.refuse: 1.5 is not a chance"),
        ({"kind": "sms", "faults": {"refuse": 0.6, "hang": 0.6}}, "the chances sum to 1.2"),
        ({"kind": "sms", "faults": {"throttle": "fast"}}, "'fast' is not a rate"),
        ({"kind": "sms", "faults": {"latency": "1-2 s"}}, "should be one duration"),
        ({"kind": "sms", "faults": {"explode": 1}}, "faults.explode: is not a known key"),
        ({"kind": "sms", "lookup": "maybe"}, '\'maybe\' should be "final" or "fuzzy"'),
        ({"kind": "sms", "ledger": 3}, "should be the path of a file"),
        ({"kind": "sms", "cost_micros": 0.5}, "should be a whole number"),
        ({"kind": "sms", "currency": "dollars"}, "is not a currency"),
        ({"kind": "sms", "seed": 1.5}, "should be a whole number or text"),
    ],
)
def test_a_mistake_is_named(config, words):
    with pytest.raises(ConfigProblem) as why:
        read_settings(config)
    assert words in str(why.value)


def test_all_mistakes_come_at_once():
    with pytest.raises(ConfigProblem) as why:
        read_settings({"kind": "fax", "seed": [], "faults": {"hang": "often"}, "outcomse": {}})
    assert len(why.value.mistakes) == 4


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [("2 min-3 hours", 120, 10800), ("5-25 s", 5, 25), ("10 s", 10, 10), (0.5, 0.5, 0.5), ("1 day", 86400, 86400)],
)
def test_spans_are_read_as_people_write_them(text, low, high):
    assert read_span(text) == Span(round(low * SECOND), round(high * SECOND))


def test_weights_are_relative():
    settings = read_settings({"kind": "phone", "outcomes": {"answered": 2, "busy": 2}})
    assert settings.outcomes == ((Outcome.answered, 0.5), (Outcome.busy, 1.0))


def test_noop_refuses_what_it_does_not_know(tmp_path):
    with pytest.raises(ConfigProblem, match="seed: is not a known key"):
        Noop({"kind": "sms", "seed": 1}, tools(folder=tmp_path))
