"""What a note in a CRM says of an activity."""

from __future__ import annotations

from fluentsd.api import Activity, activity_facts, activity_heading, written_id, written_mark

AT = 1_796_137_440_000_000


def test_a_call_is_told_fact_by_fact() -> None:
    call = Activity("1", "call", AT, outcome="no_answer", disposition="not_interested", duration_s=0,
                    sender="+12125550123", recording="https://example.com/r/1")  # fmt: skip
    assert activity_heading(call) == "Call, 2026-12-01 15:04 UTC"
    assert activity_facts(call) == [
        "Outcome: no answer", "Disposition: not interested", "Seconds: 0", "From: +12125550123",
        "Recording: https://example.com/r/1",
    ]  # fmt: skip
    assert activity_facts(call, leave_out=("Seconds", "From", "Recording"))[-1] == "Disposition: not interested"


def test_an_opt_out_names_its_channels_or_all() -> None:
    assert activity_facts(Activity("1", "opt_out", AT, channels=("sms", "phone"))) == ["Do not contact: sms, phone"]
    assert activity_facts(Activity("1", "opt_out", AT)) == ["Do not contact: all channels"]


def test_a_mark_is_the_same_for_the_same_write_and_for_no_other() -> None:
    assert written_mark("a:1") == f"fluentsd {written_id('a:1')}" == written_mark("a:1")
    assert len({written_id(f"a:{n}") for n in range(1000)}) == 1000
    assert len(written_id("")) == 20
