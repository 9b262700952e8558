"""Templates that would eat the daemon stop at a bound, quickly and in little memory, and the refusal names them."""

from __future__ import annotations

import time
import tracemalloc

import pytest

from fluentsd.domain.render import Template, TemplateProblem
from fluentsd.verbs import Refused
from tests.engine.conftest import stage
from tests.engine.stage import SMS, Stage, person, spec

__all__ = ["stage"]
DOUBLE = " | replace: 'a', 'aaaaaaaaaa'"
HUNGRY = {
    "replace chain": "{{ 'aaaaaaaaaa'" + DOUBLE * 12 + " | size }}",
    "replace nothing": "{% assign x = 'aaaaaaaaaa'" + DOUBLE * 4 + " %}{{ x | replace: '', x | size }}",
    "range": "{% for i in (1..200000000) %}{% endfor %}",
    "range size": "{{ (1..200000000) | size }}",
    "range join": "{{ (1..200000000) | join: ',' | size }}",
    "range contains": "{% if (1..2000000000) contains 'x' %}1{% endif %}",
    "range out": "{% assign x = (1..2000000000) | reverse %}{{ x }}",
    "loops in a row": "{% for i in (1..1999) %}{% endfor %}" * 50,
    "nested loops": "{% for i in (1..1500) %}{% for j in (1..1500) %}{% endfor %}{% endfor %}",
    "append": "{% assign x = 'aaaaaaaaaa' %}" + "{% assign x = x | append: x %}" * 40,
    "captures": "{% capture x %}aaaaaaaaaa{% endcapture %}" + "{% capture x %}{{ x }}{{ x }}{% endcapture %}" * 40,
    "lists": "{% assign x = 'aaaaaaaaaa'" + DOUBLE * 4 + " | split: 'b' %}"
    + "{% assign x = x | concat: x %}" * 20 + "{{ x | join: '' | size }}",
    "lists out": "{% assign x = 'aaaaaaaaaa'" + DOUBLE * 4 + " | split: 'b' %}" + "{% assign x = x | concat: x %}" * 20
    + "{{ x }}",
    "split": "{{ 'aaaaaaaaaa'" + DOUBLE * 4 + " | split: '' | size }}",
    "join": "{% assign x = 'aaaaaaaaaa'" + DOUBLE * 3 + " %}{{ (1..9000) | join: x | size }}",
    "numbers": "{% assign x = 10 %}" + "{% assign x = x | times: x %}" * 30 + "{{ x }}",
    "a long number": "{{ '" + "9" * 4000 + "' | times: 2 }}",
    "a large exponent": "{{ '1e999999999' | ceil }}{{ 1 | plus: '1e300' }}",
    "digits": "{{ 5 | round: -1000000000 }}",
    "date": "{{ 'now' | date: '" + "%c" * 50_000 + "' }}",
    "html": "{{ '<script'" + " | replace: '<script', '<script<script<script<script'" * 7 + " | strip_html | size }}",
    "many filters": "{{ 'a'" + " | upcase" * 20_000 + " }}",
    "deep": "{% if x %}" * 5_000 + "{% endif %}" * 5_000,
    "escape": "{{ '&'" + " | escape" * 100_00 + " | size }}",
}  # fmt: skip


@pytest.mark.parametrize("name", HUNGRY)
@pytest.mark.parametrize("part", ["text", "html"])
def test_a_hungry_template_is_stopped_and_named(name: str, part: str) -> None:
    began = time.process_time()
    tracemalloc.start()
    try:
        with pytest.raises(TemplateProblem) as caught:
            Template(HUNGRY[name], part).render({"contact": {}})  # type: ignore[arg-type]
        assert tracemalloc.get_traced_memory()[1] < 60_000_000
    finally:
        tracemalloc.stop()
    assert time.process_time() - began < 5
    assert str(caught.value).startswith((f"the {part} '", f'the {part} "'))


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{% for i in (1..500) %}.{% endfor %}", "." * 500),
        ("{{ 'a,b,c' | split: ',' | reverse | join: '-' }}", "c-b-a"),
        ("{{ name | replace: 'n', 'nn' | upcase | truncate: 5 }}", "AN..."),
        ("{{ 7 | times: 6 | round: 2 }} {{ '3.5' | ceil }} {{ (1..3) | join: '' }}", "42 4 123"),
        ("{{ '2026-01-05' | date: '%d %b %Y' }} {{ list | uniq | sort | join: ' ' }}", "05 Jan 2026 a b"),
        ("{{ '<b>x</b> & y' | strip_html | escape }}", "x &amp; y"),
    ],
)
def test_a_template_in_use_is_not(source: str, text: str) -> None:
    assert Template(source, "text").render({"name": "annn", "list": ["b", "a", "b"]}) == text


async def test_the_launch_check_says_which_step_and_part_was_stopped(stage: Stage) -> None:
    hungry = SMS | {"text": "Hi " + HUNGRY["range join"]}
    await stage.do("campaign apply", file=spec(hungry))
    await stage.enroll(person(1))
    with pytest.raises(Refused, match=r"the text .Hi .*was stopped: a range has more than") as caught:
        await stage.do("campaign start", ref="test", yes=True)
    assert SMS["id"] in str(caught.value)
