"""Rules of opt-outs: a doubt counts as an opt-out, a listed value decides, mistakes have a fix."""

from __future__ import annotations

from typing import Any

import pytest

from fluentsd.api import ConfigProblem, OptOutRule, Table, read_opt_out_rules, says_yes


@pytest.mark.parametrize("value", [True, 1, "yes", "Y", "TRUE", "1", "do not call", "x", "2026-01-05"])
def test_yes_and_all_doubts_are_opt_outs(value: Any) -> None:
    assert says_yes(value)


@pytest.mark.parametrize("value", [False, None, 0, "", " ", "no", "No", "FALSE", "0", "off", "inactive"])
def test_only_a_clear_no_is_none(value: Any) -> None:
    assert not says_yes(value)


def test_listed_values_decide_in_any_case_and_in_lists() -> None:
    rule = OptOutRule("sms", "Status", ("Do not text", "DNC"))
    assert rule.holds("do not TEXT ")
    assert rule.holds(["Hot", "dnc"])
    assert not rule.holds("Open")
    assert not rule.holds(None)
    assert rule.meaning == "opt_out_sms"


def read(**opt_out: Any) -> tuple[OptOutRule, ...]:
    table = Table({"opt_out": opt_out}, ["opt_out"])
    rules = read_opt_out_rules(table)
    table.finish("x")
    return rules


def test_a_rule_is_a_field_or_a_field_with_values_or_several() -> None:
    assert read(phone="dnc", all={"field": "Status", "values": ["Dead", 5]}) == (
        OptOutRule("all", "Status", ("Dead", "5")),
        OptOutRule("phone", "dnc"),
    )
    assert read(sms=["a", "b"]) == (OptOutRule("sms", "a"), OptOutRule("sms", "b"))


@pytest.mark.parametrize("wrong", [5, "", {"field": 1}, {"field": "a", "value": "b"}, {"field": "a", "values": "b"}])
def test_a_wrong_rule_says_how_one_looks(wrong: Any) -> None:
    with pytest.raises(ConfigProblem, match=r'opt_out.phone: should be the name of a field, or \{ field = "Status"'):
        read(phone=wrong)
