"""Statuses, consent, notes, limits and settings; complaints as tests named after the failure."""

from __future__ import annotations

import pytest
from fluentsd_crm_leaddocket.leads import ACCEPTED, folded
from fluentsd_crm_leaddocket.settings import read_settings
from hypothesis import given as examples
from hypothesis import settings
from hypothesis import strategies as st

from fluentsd.api import Activity, ConfigProblem, NeedsHuman, Rejected, Unavailable
from fluentsd.testing import Answer, walk_pages

NEW = "status:1"


def refs(pages):
    return {ref for page in pages for ref in page.refs}


async def test_statuses_and_sub_statuses_are_segments(connect):
    assert [(one.id, one.name) for one in await connect().segments()] == [
        ("status:1", "New"), ("status:1/11", "New: Fresh"), ("status:1/12", "New: Do not contact"),
        ("status:2", "Chase"), ("status:3", "Closed"),
    ]  # fmt: skip


async def test_a_filter_that_is_ignored_brings_in_strangers(crm, connect):
    mine, _ = crm.lead(1, 12), crm.lead(1, 11)
    crm.lead(2, None)
    crm.ignores_filters = True
    assert refs(await walk_pages(connect(), "status:1/12")) == {mine}


async def test_a_third_of_the_times_is_wrong_because_they_have_no_zone(crm, connect):
    ref = crm.lead()
    [page] = await walk_pages(connect(), NEW)
    assert (page.records[0].id, page.records[0].changed_at) == (ref, crm.now)


async def test_a_leaver_is_missed(crm, connect):
    stays, goes = crm.lead(), crm.lead()
    crm.pass_time(3600)
    source = connect()
    [page] = await walk_pages(source, NEW)
    crm.move(goes, 3)
    comer = crm.lead()
    told = await source.changes(NEW, page.since)
    assert (set(told.refs), list(told.gone)) == ({comer}, [goes])
    assert stays not in told.refs


async def test_a_lead_hides_behind_one_that_leaves_during_a_walk(crm, connect):
    members = [crm.lead() for _ in range(6)]
    crm.most = 3
    source = connect()
    first = await source.walk(NEW, None)
    crm.pass_time(1)
    crm.move(members[0], 3)
    last = await source.walk(NEW, first.next)
    assert members[3] not in refs([first, last])
    assert last.next is None
    assert not last.complete
    crm.pass_time(60)
    pages = await walk_pages(source, NEW)
    assert pages[-1].complete
    assert refs(pages) == set(members[1:])


async def test_a_list_without_consent_is_taken_for_consent(crm, connect):
    ref = crm.lead(DoNotText=True, CustomFields=[{"Name": "Do not call", "Value": "Yes"}])
    source = connect(opt_out={"phone": "Do not call"})
    [page] = await walk_pages(source, NEW)
    assert page.records[0].unreadable == {"opt_out_sms", "opt_out_phone"}
    [record] = await source.refresh([ref])
    assert record.unreadable == frozenset()
    assert (record.fields["DoNotText"], record.fields["opt_out_phone"]) == (True, True)


@pytest.mark.parametrize("listed", [[], [{"Name": "Best time", "Value": "noon"}]])
async def test_an_empty_custom_field_that_a_contact_leaves_out_stops_everybody(crm, connect, listed):
    source = connect(opt_out={"phone": "Do not call"})
    refs_ = [crm.lead(CustomFields=listed), crm.lead(CustomFields=listed)]
    for record in await source.refresh(refs_):
        assert (record.fields["opt_out_phone"], record.unreadable) == (False, set())
    assert crm.count("contactcustomfields") == 1
    [silent] = await source.refresh([crm.lead(CustomFields=None)])
    assert silent.unreadable == {"opt_out_phone"}


async def test_a_list_of_custom_fields_that_is_refused_is_taken_for_consent(crm, connect):
    crm.fail("GET .*contactcustomfields", Answer(403, b"Forbidden"))
    [record] = await connect(opt_out={"phone": "Do not call"}).refresh([crm.lead()])
    assert record.unreadable == {"opt_out_phone"}


async def test_the_check_names_a_custom_field_that_there_is_not(crm, connect):
    found = await connect(opt_out={"phone": "Do not cal"}).check()
    assert [one.what for one in found if not one.ok] == [
        "leaddocket: there is no custom field of contacts 'Do not cal'"
    ]


async def test_a_removed_custom_field_is_taken_for_consent(crm, connect):
    crm.custom.clear()
    [record] = await connect(opt_out={"phone": "Do not call"}).refresh([crm.lead()])
    assert record.unreadable == {"opt_out_phone"}


async def test_opt_outs_by_tag_and_sub_status(crm, connect):
    rules = {
        "all": {"field": "SubStatusName", "values": ["Do not contact"]},
        "phone": {"field": "Tags", "values": ["DNC"]},
    }
    ref = crm.lead(1, 12, Tags=[{"Id": 5, "TagText": "DNC"}])
    [record] = await connect(opt_out=rules).refresh([ref])
    assert (record.fields["opt_out"], record.fields["opt_out_phone"]) == (True, True)


async def test_requests_are_a_second_apart_and_a_429_stops_them(crm, connect, given):
    crm.lead()
    source, began = connect(), given.clock.now()
    await source.segments()
    await walk_pages(source, NEW)
    assert given.clock.now() - began >= 3_000_000
    crm.fail("", Answer(429, b""), times=2)
    began = given.clock.now()
    await source.segments()
    assert given.clock.now() - began >= 15_000_000


async def test_the_throttled_detail_is_never_asked(crm, connect):
    ref = crm.lead()
    await connect().refresh([ref])
    assert crm.count(rf"/api/leads/{ref}$") == 0


async def test_an_outage_is_taken_for_an_empty_status(crm, connect):
    crm.lead()
    crm.fail("GET /api/leads$", Answer(200, {"Message": "maintenance"}), times=9)
    with pytest.raises(Unavailable, match='GET /api/leads cannot be used: it has no "Records"'):
        await walk_pages(connect(), NEW)


async def test_curly_quotes_and_emoji_make_a_note_bounce(crm, connect):
    ref = crm.lead()
    text = "She said \u201cyes\u201d \u2014 caf\u00e9 <5> ~ ^ ` \U0001f600 \u0141\u00f3d\u017a"
    await connect().write(Activity(ref, "sms", crm.now, "Wants \u2026", text, outcome="delivered"), "k")
    [note] = crm.notes[int(ref)]
    assert 'She said "yes" - cafe (5) -' in note["Text"]
    assert "Lodz" in note["Text"]
    assert note["Summary"] == "Wants ..."


@settings(max_examples=50)
@examples(st.text(max_size=50))
def test_every_text_fits_the_alphabet(text):
    assert ACCEPTED.fullmatch(folded(text))


async def test_a_lost_answer_writes_a_note_twice(crm, connect):
    ref = crm.lead()
    note = Activity(ref, "note", crm.now, "Hello")
    crm.fail("POST .*/notes", None, after=True)
    with pytest.raises(Unavailable, match="answer to a write was lost"):
        await connect().write(note, "k")
    await connect().write(note, "k")
    assert len(crm.notes[int(ref)]) == 1


async def test_an_opt_out_moves_the_lead_to_its_sub_status(crm, connect):
    ref = crm.lead()
    source = connect(opt_out={"all": {"field": "SubStatusName", "values": ["Do not contact"]}})
    await source.write(Activity(ref, "opt_out", crm.now, channels=("sms",)), "k1")
    assert crm.leads[int(ref)]["SubStatusId"] == 11
    await source.write(Activity(ref, "opt_out", crm.now), "k2")
    assert crm.leads[int(ref)]["SubStatusId"] == 12
    assert len(crm.notes[int(ref)]) == 2


async def test_an_opt_out_sets_the_tag_and_the_custom_field_that_are_mapped(crm, connect):
    rules = {"phone": "Do not call", "all": {"field": "Tags", "values": ["dnc"]}}
    ref = crm.lead()
    source = connect(opt_out=rules)
    await source.write(Activity(ref, "opt_out", crm.now), "k1")
    [record] = await source.refresh([ref])
    assert (record.fields["opt_out"], record.fields["opt_out_phone"]) == (True, True)
    crm.tags.clear()
    other = crm.lead()
    with pytest.raises(Rejected, match="not all else: the tag dnc: Lead Docket has no tag 'dnc'"):
        await connect(opt_out=rules).write(Activity(other, "opt_out", crm.now), "k2")
    assert crm.contacts[crm.leads[int(other)]["ContactId"]]["CustomFields"][0]["Value"] == "Yes"
    assert "Do not contact: all channels" in crm.notes[int(other)][0]["Text"]


CALL = {"outcome": "no_answer", "address": "+14155550001", "sender": "+12125550100", "duration_s": 61}


async def test_a_call_is_an_external_call_in_the_alphabet(crm, connect):
    ref = crm.lead()
    call = Activity(ref, "call", crm.now, "Caf\u00e9 \u2014 called", "agent: \u201chello\u201d", **CALL)
    assert await connect().write(call, "k") == f"fluentsd:{next(iter(crm.calls))[1]}"
    [made] = crm.calls.values()
    assert (made["Direction"], made["CallerNumber"], made["CalleeNumber"]) == (
        "Outbound",
        "+12125550100",
        "+14155550001",
    )
    assert (made["CallStatus"], made["DurationSeconds"]) == ("no-answer", 61)
    assert (made["StartCallDTM"], made["EndCallDTM"]) == ("2026-01-05T15:00:00Z", "2026-01-05T15:01:01Z")
    assert (made["CallSummary"], made["TranscriptionText"]) == ("Cafe - called", 'agent: "hello"')
    assert crm.notes == {}


@pytest.mark.parametrize("lost", ["start", "end"])
async def test_a_lost_answer_writes_a_call_twice(crm, connect, lost):
    ref = crm.lead()
    crm.fail(f"POST .*/{lost}", None, after=True)
    with pytest.raises(Unavailable, match="answer to a write was lost"):
        await connect().write(Activity(ref, "call", crm.now, **CALL), "k")
    await connect().write(Activity(ref, "call", crm.now, **CALL), "k")
    [made] = crm.calls.values()
    assert made["CallStatus"] == "no-answer"


async def test_calls_can_be_notes(crm, connect):
    ref = crm.lead()
    await connect(calls="notes").write(Activity(ref, "call", crm.now, **CALL), "k")
    assert crm.notes[int(ref)][0]["Text"].startswith("Call,")
    assert not crm.calls


async def test_a_write_that_is_refused_is_repeated_for_ever(crm, connect):
    ref = crm.lead()
    with pytest.raises(Rejected, match="not Colour"):
        await connect().write(Activity(ref, "note", crm.now, fields={"Colour": "red"}), "k")
    with pytest.raises(Rejected, match="has no status 'Odd'"):
        await connect().write(Activity(ref, "note", crm.now, fields={"Status": "Odd"}), "k2")
    with pytest.raises(Rejected, match="404"):
        await connect().write(Activity("5", "note", crm.now), "k3")


async def test_an_opt_out_moves_the_lead_to_the_sub_status_of_the_rule(crm, connect):
    """Lead Docket takes ids; the rule has a name, and a status that a person maps may be an id."""
    ref = crm.lead()
    rule = {"field": "SubStatusName", "values": ["do not contact"]}
    await connect(opt_out={"all": rule}).write(Activity(ref, "opt_out", crm.now), "k")
    assert (crm.leads[int(ref)]["StatusId"], crm.leads[int(ref)]["SubStatusId"]) == (1, 12)
    await connect().write(Activity(ref, "note", crm.now, fields={"Status": "3", "SubstatusReason": "x" * 201}), "k2")
    assert crm.leads[int(ref)]["StatusId"] == 3
    assert len(crm.asked[-2].json["SubstatusReason"]) == 200


async def test_a_sub_status_of_another_status_is_named_in_the_error(crm, connect):
    rule = {"field": "SubStatusName", "values": ["Do not contact"]}
    with pytest.raises(Rejected, match="status 'Chase' has no sub-status 'Do not contact'; create it"):
        await connect(opt_out={"all": rule}).write(Activity(crm.lead(2, None), "opt_out", crm.now), "k")


async def test_a_lead_says_the_same_in_a_list_and_by_itself(crm, connect):
    home = {"HomePhone": "+14155550002", "WorkPhone": "+14155550003", "FirstName": "Ann"}
    ref = crm.lead(**home)
    crm.edit(ref, **home, MobilePhone=None, CaseType="Auto", PhoneNumber=home["WorkPhone"])
    [page] = await walk_pages(connect(), NEW)
    [record] = await connect().refresh([ref])
    names = ("FirstName", "CaseType", "StatusName", "SubStatusName", "HomePhone", "WorkPhone")
    listed = page.records[0].fields
    assert {name: record.fields[name] for name in names} == {name: listed[name] for name in names}
    phones = [[one.fields[name] for name in one.fields if name.endswith(("Phone", "Number"))] for one in
              (record, page.records[0])]  # fmt: skip
    assert [[*dict.fromkeys(filter(None, one))] for one in phones] == [[home["HomePhone"], home["WorkPhone"]]] * 2


async def test_a_mailing_list_that_a_person_left_is_an_opt_out_when_a_rule_says_so(crm, connect):
    rules = {"email": {"field": "SubscribeToMailingList", "values": ["False"]}}
    refs_ = [crm.lead(SubscribeToMailingList=False), crm.lead(SubscribeToMailingList=True), crm.lead()]
    found = await connect(opt_out=rules).refresh(refs_)
    assert [one.fields.get("opt_out_email") for one in found] == [True, False, None]
    assert found[2].unreadable == {"opt_out_email"}


async def test_the_check_knows_a_wrong_key_and_a_missing_opt_out(connect):
    [wrong] = await connect(api_key="wrong").check()
    assert "refuses the key" in wrong.what
    found = await connect().check()
    assert [one.ok for one in found] == [True, True]
    assert "do not call" in found[1].fix
    with pytest.raises(NeedsHuman):
        await connect(api_key="wrong").segments()


@pytest.mark.parametrize("segment", ["status:9", "status:1/99", "list:1", "x"])
async def test_an_unknown_segment_is_a_lookup_error(connect, segment):
    with pytest.raises(LookupError):
        await connect().walk(segment, None)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"api_key": "k"}, "tenant: is missing"),
        ({"tenant": "acme"}, "api_key: is missing"),
        ({"tenant": "https://acme.leaddocket.com", "api_key": "k"}, "the first part of the address"),
        ({"tenant": "acme", "api_key": "a b"}, "without spaces"),
        ({"base_url": "http://example.com", "api_key": "k"}, "http only on this machine"),
        ({"tenant": "acme", "api_key": "k", "fields": "x"}, "list of custom fields"),
        ({"tenant": "acme", "api_key": "k", "overlap": -5}, "should be seconds"),
    ],
)
def test_a_mistake_in_the_settings_has_a_fix(table, words):
    with pytest.raises(ConfigProblem) as caught:
        read_settings(table)
    assert words in str(caught.value)


async def test_the_summary_of_a_call_is_a_note_with_the_status_it_maps(crm, connect):
    ref = crm.lead()
    note = Activity(ref, "note", crm.now, "Summary of the call", "Wants a lawyer", fields={"Status": "Chase"})
    for _ in range(2):
        await connect().write(note, "analysis:a1:1")
    assert crm.leads[int(ref)]["StatusId"] == 2
    [made] = crm.notes[int(ref)]
    assert "Wants a lawyer" in made["Text"]
