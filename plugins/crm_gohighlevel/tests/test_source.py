"""Segments, opt-outs, checks, settings, and GoHighLevel's own contract."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from fluentsd_crm_gohighlevel.settings import read_settings

from fluentsd.api import Activity, ConfigProblem, Unavailable


async def test_tags_filters_and_stages_are_segments(crm, connect):
    crm.contact("spring")
    filters = {"Leads": '[{"field": "type", "operator": "eq", "value": "lead"}]'}
    assert [one.id for one in await connect(filters=filters).segments()] == [
        "tag:spring", "filter:Leads", "stage:pl1/st1", "stage:pl1/st2"
    ]  # fmt: skip


async def test_a_filter_is_a_segment_that_changes(crm, connect):
    lead = crm.contact(type="lead")
    crm.contact(type="customer")
    source = connect(filters={"Leads": [{"field": "type", "operator": "eq", "value": "lead"}]})
    crm.pass_time(600)
    page = await source.walk("filter:Leads", None)
    assert list(page.refs) == [lead]
    other = crm.contact(type="lead")
    crm.pass_time(2)
    assert list((await source.changes("filter:Leads", page.since)).refs) == [other]


@pytest.mark.parametrize("segment", ["tag:nothing", "filter:nothing", "stage:pl1/st9", "list:1", "x"])
async def test_an_unknown_segment_is_a_lookup_error(connect, segment):
    with pytest.raises(LookupError):
        await connect().walk(segment, None)


async def test_an_opt_out_keeps_what_is_set_already(crm, connect):
    ref = crm.contact(dndSettings={"Email": {"status": "permanent"}, "FB": {"status": "active"}})
    rules = {"sms": {"field": "tags", "values": ["no texts"]}, "phone": {"field": "Consent", "values": ["No calls"]}}
    source = connect(opt_out=rules)
    await source.write(Activity(ref, "opt_out", crm.now, "Said stop", channels=("phone", "sms")), "k")
    assert crm.contacts[ref]["dndSettings"] == {
        "Email": {"status": "permanent"}, "FB": {"status": "active"}, "Call": {"status": "active"},
        "SMS": {"status": "active"},
    }  # fmt: skip
    assert crm.contacts[ref]["dnd"] is False
    [record] = await source.refresh([ref])
    assert (record.fields["opt_out_sms"], record.fields["opt_out_phone"]) == (True, True)
    await source.write(Activity(ref, "opt_out", crm.now), "k2")
    assert crm.contacts[ref]["dnd"] is True


async def test_an_opt_out_does_not_wait_for_the_share_of_the_quota(crm, connect):
    ref = crm.contact()
    source = connect(daily_share=0.00001)
    await source.refresh([ref])  # its answer names the quota of the day
    for n in range(3):
        with pytest.raises(Unavailable, match="daily_share"):
            await source.write(Activity(ref, "note", crm.now, "Hello"), f"k{n}")
    crm.fail("POST .*/notes", None, after=True)
    with pytest.raises(Unavailable, match="answer to a write was lost"):
        await source.write(Activity(ref, "opt_out", crm.now, "Said stop"), "key")
    assert [await source.write(Activity(ref, "opt_out", crm.now, "Said stop"), "key")] == list(crm.notes)
    assert crm.contacts[ref]["dnd"] is True


async def test_the_check_knows_a_wrong_token_and_a_wrong_field(connect):
    [found] = await connect(token="pit-wrong").check()
    assert "refuses the token" in found.what
    wrong = [one.what for one in await connect(fields=["Nonsense"]).check() if not one.ok]
    assert wrong == ["gohighlevel: there is no custom field 'Nonsense'"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"token": None}, "token: is missing"),
        ({"client_id": "c"}, "write a private integration token, or the keys"),
        ({"location": None}, "location: is missing"),
        ({"token": 5}, "token: int given"),
        ({"filters": {"x": "no"}}, "'x' is not JSON"),
        ({"filters": {"x": [{"field": "type"}]}}, "without field or operator"),
        ({"filters": {"x": [{"field": "a", "operator": "eq", "value": "x" * 76}]}}, "more than 75 characters"),
        ({"fields": "a"}, "list of custom fields"),
        ({"base_url": "http://example.com"}, "http only on this machine"),
        ({"daily_share": 2}, "at most 1"),
        ({"overlap": -1}, "should be seconds"),
    ],
)
def test_a_mistake_in_the_settings_has_a_fix(change, words):
    table = {"location": "loc", "token": "pit-secret"} | change
    with pytest.raises(ConfigProblem) as caught:
        read_settings({key: value for key, value in table.items() if value is not None})
    assert words in str(caught.value)
    assert "pit-secret" not in str(caught.value)


@pytest.mark.contract
async def test_every_request_is_in_the_contract(crm, connect):
    """Paths, methods, query keys, bodies and headers of all requests against GoHighLevel's published contract (CC0)."""
    file = Path(os.environ.get("FLUENTSD_SPECS", "")) / "gohighlevel.json"
    if not os.environ.get("FLUENTSD_SPECS") or not file.exists():
        pytest.skip("GoHighLevel's contract is not compared: FLUENTSD_SPECS does not name a folder with it.")
    contract = json.loads(file.read_text("utf-8"))
    ref = crm.contact("spring")
    crm.deal("st1", ref)
    source = connect(opt_out={"phone": "Consent", "sms": {"field": "tags", "values": ["no"]}})
    await source.check()
    await source.catalogue()
    for segment in [one.id for one in await source.segments()]:
        page = await source.walk(segment, None)
        await source.changes(segment, page.since)
    await source.refresh([ref])
    await source.write(Activity(ref, "opt_out", crm.now), "k")
    assert len(crm.asked) > 10
    for asked in crm.asked:
        path, operation = next(
            (template, methods[asked.method.lower()])
            for template, methods in sorted(contract["paths"].items(), key=lambda one: one[0].count("{"))
            if re.fullmatch(re.sub(r"\{\w+\}", r"[^/]+", template), asked.path) and asked.method.lower() in methods
        )
        parameters = {one["name"]: one for one in operation["parameters"]}
        assert set(asked.query) <= set(parameters), path
        needed = {name for name, one in parameters.items() if one.get("required") and one["in"] == "query"}
        assert needed <= set(asked.query), path
        assert "version" in asked.headers
        if asked.body and path != "/contacts/search":
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            known = contract["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
            assert set(asked.json) <= set(known["properties"]), path
            assert set(known.get("required", [])) <= set(asked.json), path


async def test_the_summary_of_a_call_is_a_note_with_the_values_it_maps(crm, connect):
    ref = crm.contact()
    note = Activity(ref, "note", crm.now, "Summary of the call", "Wants a quote", fields={"Consent": "by phone"})
    for _ in range(2):
        await connect().write(note, "analysis:a1:1")
    [made] = crm.notes.values()
    assert "Wants a quote" in made["body"]
    assert crm.contacts[ref]["customFields"] == [{"id": "cf000002", "value": "by phone"}]
