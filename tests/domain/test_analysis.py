"""What an agent's file asks of an analysis, and what is kept of an answer; the condition of a follow-up."""

from __future__ import annotations

from typing import Any

import pytest

from fluentsd.api import Disposition, SourceField
from fluentsd.domain.agents import read_agents
from fluentsd.domain.analysis import AnalysisSettings, read_analysis, schema_of, settled, unwritable, written_to
from fluentsd.domain.campaign import read_campaign
from fluentsd.domain.flow import compile_flow
from fluentsd.domain.follow_ups import CallResult, read_after_call
from fluentsd.validation import Problems
from tests.engine.after_calls.stage import AGENT, CALL, DETAILS, GOOD
from tests.engine.stage import SMS, spec

SETTINGS = AnalysisSettings.model_validate(AGENT["analysis"])


def test_a_good_answer_is_kept_with_the_crm_fields_of_the_file() -> None:
    found = read_analysis(GOOD | {"fields": {"budget": 5000, "size": "large", "moves_on": "2026-12-24"}}, SETTINGS)
    assert (found.summary, found.disposition, found.opted_out) == ("Wants a roof.", Disposition.interested, False)
    assert found.fields == {"budget": 5000, "size": "large", "moves_on": "2026-12-24"}
    assert found.writes == {"crm": {"annual_budget": 5000, "roof_size": "large"}}
    assert set(schema_of(SETTINGS)["properties"]["fields"]["properties"]) == {"budget", "size", "moves_on"}


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"disposition": "interested"}, "need summary"),
        ({"summary": "x", "disposition": "transferred"}, "disposition must be one of"),
        ({"summary": "x", "lift": "+12125550001"}, "properties that the schema does not name"),
        ({"summary": "x", "fields": {"hs_owner": "me"}}, "properties that the schema does not name"),
        ({"summary": "x", "fields": {"budget": "a lot"}}, "budget must be of type number"),
        ({"summary": "x", "fields": {"budget": float("nan")}}, "budget must be a finite number"),
        ({"summary": "x", "fields": {"budget": 10**30}}, "budget is too large"),
        ({"summary": "x", "fields": {"size": "huge"}}, "size must be one of small, large"),
        ({"summary": "x", "fields": {"moves_on": "soon"}}, "moves_on is no date"),
        ({"summary": "x", "opted_out": "yes"}, "opted_out must be of type boolean"),
        ({"summary": "x" * 1001}, "summary is too long"),
        ({"summary": "  "}, "has no summary"),
        (["summary"], "must be of type object"),
        (None, "must be of type object"),
    ],
)
def test_an_answer_that_does_not_keep_the_schema_is_refused_without_its_words(answer: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why) as error:
        read_analysis(answer, SETTINGS)
    assert not any(word in str(error.value) for word in ("+1212", "hs_owner", "a lot", "huge"))


def test_what_a_skill_has_proved_outlasts_an_analysis() -> None:
    found = read_analysis(GOOD, SETTINGS)
    assert settled("transferred", found) == Disposition.transferred
    assert settled("callback", found) == Disposition.callback
    assert settled("not_interested", found) == Disposition.interested
    assert settled("angry", read_analysis({"summary": "x"}, SETTINGS)) == Disposition.angry


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"field": [{"name": "size", "kind": "choice"}]}, "kind and options do not agree"),
        ({"field": [{"name": "Budget!"}]}, "is not a field name"),
        ({"field": [{"name": "a"}, {"name": "a"}]}, "two fields are called 'a'"),
        ({"fields": []}, "fields"),
    ],
)
def test_an_agents_file_with_a_mistake_is_refused(settings: dict[str, Any], why: str) -> None:
    with pytest.raises(Problems, match=why):
        read_agents({"agent": [AGENT | {"analysis": settings}]})


@pytest.mark.parametrize(
    ("given", "result", "holds"),
    [
        ("interested", CallResult("answered", "interested"), True),
        ("interested", CallResult("answered", "angry"), False),
        (["no_answer", "voicemail"], CallResult("voicemail"), True),
        ("call.summary contains 'roof'", CallResult("answered", summary="A roof."), True),
        ("call.fields.budget > 1000 and contact.vip == 'yes'", CallResult("answered", fields={"budget": 2000}), True),
        ("call.fields.budget > 1000", CallResult("answered", fields={"budget": 20}), False),
    ],
)
def test_the_condition_of_a_follow_up(given: Any, result: CallResult, holds: bool) -> None:
    assert read_after_call(given).holds(result, {"contact": {"vip": "yes"}}) is holds


@pytest.mark.parametrize(
    ("steps", "why"),
    [
        ([CALL, DETAILS | {"after_call": "intrested"}], "did you mean 'interested'"),
        ([CALL, DETAILS | {"after_call": []}], "names no result"),
        ([CALL, DETAILS | {"after_call": "call.disposition = 'x'"}], "not valid liquid"),
        ([CALL, CALL | {"id": "two", "after_call": "interested"}], "a follow-up is a text or an e-mail"),
        ([CALL, DETAILS, SMS], "move the step 'text' before them"),
        ([DETAILS, CALL], "no call comes before it"),
        ([SMS, DETAILS], "no step is a call"),
        ([CALL, DETAILS | {"retry": {"failed": "1 hour"}}], "has after_call and retry"),
    ],
)
def test_a_campaign_file_with_a_mistake_is_refused(steps: list[dict[str, Any]], why: str) -> None:
    with pytest.raises(Problems, match=why):
        read_campaign(spec(*steps))


def test_follow_ups_stand_outside_the_order() -> None:
    flow = compile_flow(read_campaign(spec(CALL, SMS, DETAILS)).step)
    call, text, details = flow.steps
    assert flow.following(call) == text
    assert flow.following(text) is None
    assert flow.following(details) is None
    assert flow.follow_ups == (details,)


CATALOGUE = (
    SourceField("annual_budget", "Annual budget", "number", writable=True),
    SourceField("roof_size", "Roof size", "choice", ("s", "l"), writable=True),
    SourceField("createdate", "Created", "moment"),
)


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("annual_budget", []),
        ("annual_budgt", ["the field x is written to 'annual_budgt', but crm has no such field; did you mean "
                          "'annual_budget'?"]),
        ("Annual Budget", ["the field x is written to 'Annual Budget', but crm has no such field; did you mean "
                           "'annual_budget'?"]),  # the label, as the CRM's pages show it
        ("createdate", ["the field x is written to 'createdate', but crm lets nobody write it"]),
        ("zzz", ["the field x is written to 'zzz', but crm has no such field"]),
    ],
)  # fmt: skip
def test_a_field_that_a_crm_does_not_take_is_named(target, words):
    assert unwritable({target: "x"}, "crm", CATALOGUE) == words


def test_a_source_that_names_no_field_to_write_is_not_judged():
    assert unwritable({"zzz": "x"}, "crm", [SourceField("name"), SourceField("phone")]) == []


def test_what_an_analysis_writes_is_told_by_source():
    fields = [
        {"name": "budget", "kind": "number", "write_to": {"a": "x", "b": "y"}},
        {"name": "size", "write_to": {"a": "z"}},
        {"name": "other"},
    ]
    assert written_to(AnalysisSettings.model_validate({"field": fields})) == {
        "a": {"x": "budget", "z": "size"},
        "b": {"y": "budget"},
    }
    assert written_to(None) == {}
