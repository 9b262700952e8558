"""The JSON form of answers: nothing is lost, and releases read each other's answers."""

from __future__ import annotations

import ast
from dataclasses import fields, is_dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fluentsd.verbs import answers
from fluentsd.verbs.answers import campaigns, holds, numbers
from fluentsd.verbs.answers.by_verb import ANSWERS
from fluentsd.verbs.answers.codec import decode, encode, typed
from fluentsd.verbs.answers.suggestion import Suggestion
from fluentsd.verbs.catalogue import VERBS

FOLDER = Path(answers.__file__).parent
MODULES = [import_module(f"fluentsd.verbs.answers.{file.stem}") for file in sorted(FOLDER.glob("*.py"))]
CLASSES = sorted(
    {value for module in MODULES for value in vars(module).values() if isinstance(value, type) and is_dataclass(value)},
    key=lambda one: one.__qualname__ + one.__module__,
)
PLAIN = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
NESTED = PLAIN | st.lists(PLAIN, max_size=3) | st.dictionaries(st.text(max_size=5), PLAIN, max_size=3)
JSON = NESTED | st.lists(NESTED, max_size=3) | st.dictionaries(st.text(max_size=5), NESTED, max_size=3)


def test_nested_answers_come_back_as_they_were() -> None:
    hold = holds.Hold("campaign", "q2", "failures", "fluentsd", 5, None, (holds.Case("a1", "q2", to=None),))
    status = campaigns.Status(id=1, ref="q2", total=3, holds=(hold,), held_people={"no_consent": 2})
    assert decode(campaigns.Status, encode(status)) == status
    started = campaigns.Started(warnings=("w",), suggestions={"w": Suggestion("numbers add", {"tag": ["x"]})})
    assert decode(campaigns.Started, encode(started)) == started


def test_unknown_fields_are_ignored_and_missing_ones_get_their_default() -> None:
    newer = {"numbers": [{"e164": "+12125550123", "colour": "red"}], "weather": "fine"}
    assert decode(numbers.Listing, newer) == numbers.Listing((numbers.CallerId("+12125550123"),))
    assert decode(campaigns.Status, {"ref": "q2"}) == campaigns.Status(ref="q2")


def test_what_an_answer_does_not_have_is_not_in_its_json() -> None:
    assert encode(numbers.Changed("+12125550123", removed=True)) == {"number": "+12125550123", "removed": True}
    assert encode(campaigns.Campaign())["starts_at"] is None


@pytest.mark.parametrize(
    "value", [None, 3, "text", [], {"numbers": 3}, {"numbers": [3, None]}, {"numbers": {"e164": 1}}]
)
def test_a_value_of_another_shape_gives_defaults(value: Any) -> None:
    assert decode(numbers.Listing, value) == numbers.Listing()


def test_a_flag_is_not_taken_for_a_count() -> None:
    assert decode(campaigns.Settled, {"people": True, "ref": 5}) == campaigns.Settled()


@pytest.mark.parametrize("answer_type", CLASSES, ids=lambda one: f"{one.__module__.rpartition('.')[2]}.{one.__name__}")
@settings(max_examples=8)
@given(data=st.data())
def test_every_answer_reads_everything_without_an_error(answer_type: type[Any], data: st.DataObject) -> None:
    names = [one.name for one in fields(answer_type)]
    given_value = data.draw(st.dictionaries(st.sampled_from([*names, "unknown"]), JSON, max_size=6))
    first = decode(answer_type, given_value)
    assert decode(answer_type, encode(first)) == first


def test_answers_import_nothing_of_fluentsd_from_outside() -> None:
    for file in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("fluentsd"):
                assert (node.module or "").startswith("fluentsd.verbs.answers"), file.name


def test_every_declared_answer_is_a_class_of_a_verb() -> None:
    assert set(ANSWERS) <= set(VERBS)
    for verb in ANSWERS:
        assert type(typed(ANSWERS, verb, {})) in CLASSES, verb
