"""What the wizard says of consent is what the gate does."""

from __future__ import annotations

import itertools
from typing import Any, get_args

import pytest

from fluentsd.domain import gate
from fluentsd.domain.gate import Hold, Person
from fluentsd.domain.reasons import Reason
from fluentsd.domain.statutes import Purpose
from fluentsd.domain.terms import Rules
from fluentsd.domain.time.hours import ContactWindow
from fluentsd.fronts.slack.wizard.consent import Flow

CALL, TEXT, MAIL = ({"id": id_, "channel": id_} for id_ in ("phone", "sms", "email"))


def lacks(file: dict[str, Any], basis: str = "", scope: tuple[str, ...] = ()) -> str:
    return Flow.of(file).lacks({"basis": basis, "scope": list(scope)})


@pytest.mark.parametrize("purpose", get_args(Purpose))
@pytest.mark.parametrize("channel", ["phone", "sms", "email"])
def test_a_channel_lacks_consent_where_the_gate_holds(channel: str, purpose: Purpose) -> None:
    flow = {"step": [{"id": "one", "channel": channel}], "law": {"purpose": purpose}}
    rules = Rules(ContactWindow((None,) * 7), None, None, purpose=purpose)
    for basis, is_covered in itertools.product(("", "written", "express", "inquiry", "customer"), (True, False)):
        scope = (channel,) if is_covered else ()
        person = Person(states=("US",), consent=dict.fromkeys(scope, basis) if basis else {}, scrubbed_at=0)
        held = gate._evidence(channel, rules, person, 0)
        is_held = isinstance(held, Hold) and held.reason is Reason.no_consent
        assert bool(lacks(flow, basis, scope)) == is_held, (basis, scope)


def test_the_sentence_names_the_channels_and_the_first_step_that_waits() -> None:
    said = lacks({"step": [MAIL, CALL, TEXT]}, "written", ("email", "sms"))
    assert "get no calls: they wait before the step `phone`" in said
    assert Flow.of({"step": [MAIL, CALL]}).covered() == (
        "✅ This covers the calls of the flow to people in the US. Before e-mails no consent is asked for."
    )
    assert Flow.of({"step": [MAIL]}).covered() == "Before e-mails no consent is asked for."


def test_a_waived_rule_asks_for_nothing_and_a_broken_file_has_no_flow() -> None:
    waived = {"waive": [{"rule": "US.consent", "because": "agreed with counsel", "by": "Ada"}]}
    assert lacks({"step": [CALL, TEXT], "law": waived}) == ""
    assert lacks({"step": "none", "law": {"waive": "x"}}) == ""
    assert Flow.of({}).covered() == "–"
