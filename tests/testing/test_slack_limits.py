"""The fake Slack refuses what Slack refuses: mistakes that were put in one by one."""

from __future__ import annotations

from typing import Any

import pytest

from fluentsd.fronts.slack.blocks.layout import actions, button, message, modal, option, plain_text, section
from fluentsd.testing.slack.limits import error_problems, problems, suggestion_problems

ONE = option("one", "1")


def input_of(**element: Any) -> dict[str, Any]:
    made = {"action_id": "x", "type": "static_select", "options": [ONE]} | element
    return {"type": "input", "block_id": "b", "label": plain_text("Label", 75), "element": made}


def form(*blocks: dict[str, Any], **more: Any) -> dict[str, Any]:
    return modal("Title", "callback", {}, blocks, "Save") | more


def test_what_is_right_is_not_refused() -> None:
    assert problems(form(input_of(initial_option=ONE)), "modal") == []
    assert problems(message("text", section("a"), actions(button("b", "c", {}))).body(), "message") == []
    assert suggestion_problems({"option_groups": [{"label": plain_text("CRM", 75), "options": [ONE]}]}) == []
    assert error_problems(form(input_of()), {"b": "wrong"}) == []


@pytest.mark.parametrize(
    "view",
    [
        form(input_of(options=[ONE | {"text": {"type": "plain_text", "text": "x" * 76}}])),
        form(input_of(options=[ONE | {"value": "x" * 151}])),
        form(input_of(options=[ONE | {"description": {"type": "plain_text", "text": "x" * 76}}])),
        form(input_of(initial_option=option("two", "2"))),
        form(input_of(type="checkboxes", options=[option(f"{n}", f"{n}") for n in range(11)])),
        form(input_of(type="radio_buttons", options=[option(f"{n}", f"{n}") for n in range(11)])),
        form(input_of(placeholder={"type": "plain_text", "text": "x" * 151})),
        form(input_of() | {"label": {"type": "plain_text", "text": ""}}),
        form(input_of() | {"hint": {"type": "plain_text", "text": "x" * 2001}}),
        form(input_of(), input_of()),
        form(input_of(), private_metadata="x" * 3001),
        form(input_of(), title=plain_text("x" * 25, 25)),
        modal("Title", "callback", {}, [input_of()]),
    ],
)
def test_a_view_with_a_mistake_is_refused(view: dict[str, Any]) -> None:
    assert problems(view, "modal")


def test_options_and_errors_with_a_mistake_are_refused() -> None:
    assert suggestion_problems({"options": [ONE] * 101})
    assert suggestion_problems({"option_groups": [{"label": plain_text("CRM", 75), "options": []}]})
    assert suggestion_problems({"option_groups": [{"label": {"text": "x" * 76}, "options": [ONE]}]})
    assert suggestion_problems({"views": []})
    assert error_problems(form(input_of()), {"c": "wrong"})
    assert error_problems(form(input_of()), {"b": ""})
