"""Templates: strict, bounded, and data is only data."""

from __future__ import annotations

import time

import pytest

from fluentsd.domain.render import MissingVariable, Template, TemplateProblem, template

ANN = {"first_name": "Ann", "contact": {"first_name": "Ann", "city": "Oslo"}}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("Hi {{ first_name }}", "Hi Ann"),
        ("Hi {{ contact.city }}", "Hi Oslo"),
        ("Hi {first_name}", "Hi Ann"),
        ("Hi {{ nick | default: 'there' }}", "Hi there"),
        ("{% if first_name == 'Ann' %}A{% else %}B{% endif %}", "A"),
        ("no braces at all", "no braces at all"),
        ("{ not a name } {{ first_name }}", "{ not a name } Ann"),
    ],
)
def test_texts(source: str, expected: str) -> None:
    assert template(source, "text").render(ANN) == expected


def test_a_missing_variable_is_named() -> None:
    with pytest.raises(MissingVariable, match="car"):
        template("your {{ car }}", "text").render(ANN)


def test_variables_are_known_before_rendering() -> None:
    assert template("{{ a }} {{ contact.b }} {{ last.outcome }} {c}", "text").variables == {"a", "b", "c"}


def test_values_are_inserted_and_never_read_as_templates() -> None:
    assert template("{{ x }}", "text").render({"x": "{{ first_name }}{% for i in (1..9) %}"}) == (
        "{{ first_name }}{% for i in (1..9) %}"
    )


def test_html_escapes_and_text_does_not() -> None:
    values = {"x": "<script>&"}
    assert template("{{ x }}", "html").render(values) == "&lt;script&gt;&amp;"
    assert template("{{ x }}", "text").render(values) == "<script>&"


def test_a_subject_has_no_line_breaks() -> None:
    assert template("Hi {{ x }}", "subject").render({"x": "a\r\nBcc: b@example.com"}) == "Hi a Bcc: b@example.com"


@pytest.mark.parametrize("source", ["{{ a", "{% if %}", "{% nosuch %}", "{{ a | nosuch }}"])
def test_what_is_not_liquid_is_refused(source: str) -> None:
    with pytest.raises(TemplateProblem):
        template(source, "text").render({"a": "1"})


@pytest.mark.parametrize(
    "source",
    [
        "{% for a in (1..9999) %}{% for b in (1..9999) %}x{% endfor %}{% endfor %}",
        "{% assign a = 'x' %}{% for i in (1..1000) %}{% assign a = a | append: a %}{% endfor %}{{ a }}",
    ],
)
def test_a_greedy_template_is_stopped(source: str) -> None:
    began = time.perf_counter()
    with pytest.raises(TemplateProblem):
        template(source, "text").render({})
    assert time.perf_counter() - began < 5


def test_conditions_take_what_is_missing_as_nothing() -> None:
    assert template("last.outcome == 'busy' or vip", "condition").holds({"last": {"outcome": "busy"}})
    assert not template("last.outcome == 'busy' or vip", "condition").holds({})
    assert template("steps.first-call.outcome == 'voicemail'", "condition").holds(
        {"steps": {"first-call": {"outcome": "voicemail"}}}
    )


def test_a_condition_asked_twice_of_the_same_values_answers_from_memory_and_never_wrongly() -> None:
    careful = template("stage == 'won' and contact.visits > 2 and last.outcome != 'busy'", "condition")
    values = {"stage": "won", "contact": {"visits": 3}, "last": {"outcome": ""}}
    for _ in range(2):
        assert careful.holds(values)
        assert not careful.holds(values | {"contact": {"visits": 2}})
        assert not careful.holds(values | {"last": {"outcome": "busy"}})
        assert not careful.holds({})
    typed = template("n == 1", "condition")
    assert [typed.holds({"n": n}) for n in (1, "1", True, 1.0, None, 1)] == [
        Template("n == 1", "condition").holds({"n": n}) for n in (1, "1", True, 1.0, None, 1)
    ]
    counted = template("contact.size > 1", "condition")
    assert [counted.holds({"contact": fields}) for fields in ({"a": 1}, {"a": 1, "b": 2})] == [False, True]
