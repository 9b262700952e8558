"""The fake Slack refuses what Slack refuses: mistakes that were put in one by one, by what is wrong with them."""

from __future__ import annotations

from typing import Any

import pytest

from fluentsd.fronts.slack.blocks.layout import actions, button, message, modal, option, plain_text, section
from fluentsd.testing.slack.limits import error_problems, problems, suggestion_problems

ONE = option("one", "1")
MRKDWN = {"type": "mrkdwn", "text": "a"}
BAR = {"type": "bar", "series": [{"name": "people", "data": [{"label": "Mon", "value": 1}]}],
       "axis_config": {"categories": ["Mon"]}}  # fmt: skip
RICH = {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "a"}]}]}


def input_of(**element: Any) -> dict[str, Any]:
    made = {"action_id": "x", "type": "static_select", "options": [ONE]} | element
    return {"type": "input", "block_id": "b", "label": plain_text("Label", 75), "element": made}


def said(*blocks: dict[str, Any], text: str = "text", **more: Any) -> dict[str, Any]:
    return {"text": text, "blocks": list(blocks)} | more


def chart(**more: Any) -> dict[str, Any]:
    return {"type": "data_visualization", "title": "Answers", "chart": BAR | more}


def form(*blocks: dict[str, Any], **more: Any) -> dict[str, Any]:
    return modal("Title", "callback", {}, blocks, "Save") | more


def test_what_is_right_is_not_refused() -> None:
    assert problems(form(input_of(initial_option=ONE)), "modal") == []
    assert problems(message("text", section("a"), actions(button("b", "c", {}))).body(), "message") == []
    assert problems(said(chart(), chart(type="line"), {"type": "table", "rows": [[RICH]]}), "message") == []
    assert problems({"type": "home", "blocks": [section("a"), chart()]}, "home") == []
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
        form(input_of(), colour="red"),
        form(input_of(type="button", text=plain_text("a", 75))),
        form(input_of(type="slider")),
        form(input_of(options=[ONE, ONE])),
        form(input_of(options=[])),
        form(input_of(max_items=3)),
        form(input_of() | {"label": MRKDWN}),
        form(blocks=[section("a")] * 101),
        form({"type": "table", "rows": [[RICH]]}),
        form(chart()),
        form(input_of(type="file_input", max_files=11)),
    ],
)
def test_a_view_with_a_mistake_is_refused(view: dict[str, Any]) -> None:
    assert problems(view, "modal")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (said(section("a"), text=""), "shorter than 1"),
        (said(*[section("a")] * 51), "more than 50 items"),
        (said({"type": "section", "text": MRKDWN | {"text": "x" * 3001}}), "longer than 3000"),
        (said({"type": "section", "fields": [MRKDWN | {"text": "x" * 2001}]}), "longer than 2000"),
        (said({"type": "section", "fields": [MRKDWN] * 11}), "more than 10 items"),
        (said({"type": "section"}), "a section without text and fields"),
        (said({"type": "section", "text": "a"}), 'is not of type "object"'),
        (said({"type": "section", "text": MRKDWN, "colour": "red"}), "'colour' was unexpected"),
        (said({"type": "section", "text": MRKDWN, "accessory": {"type": "plain_text_input"}}), "is not one of"),
        (said({"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}), "longer than 150"),
        (said({"type": "header", "text": MRKDWN}), '"plain_text" was expected'),
        (said({"type": "context", "elements": [MRKDWN] * 11}), "more than 10 items"),
        (said({"type": "context", "elements": [MRKDWN | {"text": ""}]}), "shorter than 1"),
        (said({"type": "poem"}), "is not one of"),
        (said(actions()), "less than 1 item"),
        (said(actions(button("a", "b", {}) | {"style": "green"})), "is not one of"),
        (said(actions(button("a", "b", {}) | {"value": "x" * 2001})), "longer than 2000"),
        (said(actions(button("a", "b", {}) | {"text": {"type": "plain_text", "text": "x" * 76}})), "longer than 75"),
        (said(actions(button("a", "b", {}), button("c", "b", {}))), "duplicate action_id"),
        (said(actions(button("a", "b", {}) | {"confirm": {"text": MRKDWN}})), "confirm without"),
        (said(actions({"type": "overflow", "action_id": "x", "options": [ONE] * 6})), "more than 5 items"),
        (said({"type": "table", "rows": [[RICH]] * 101}), "more than 100 items"),
        (said({"type": "table", "rows": [[RICH] * 21]}), "more than 20 items"),
        (said({"type": "table", "rows": [[{"type": "number", "value": 1}]]}), "is not one of"),
        (said(chart(), chart(), chart()), "3 charts"),
        (said(chart() | {"title": "x" * 51}), "longer than 50"),
        (said(chart() | {"title": {"type": "plain_text", "text": "Answers"}}), 'is not of type "string"'),
        (said(chart(type="radar")), "is not one of"),
        (said(chart(axis_config={"categories": ["Mon", "Tue"]})), "other labels than the chart has categories"),
        (said(chart(axis_config={"categories": ["Mon", "Mon"]})), "non-unique"),
        (said(chart(series=BAR["series"] * 2)), "two series of a chart with one name"),
        (said(section("a"), mrkdwn=True), "'mrkdwn' was unexpected"),
        (said(*[section("x" * 2900)] * 5), "msg_blocks_too_long"),
        (said(section("a") | {"block_id": "b"}, section("a") | {"block_id": "b"}), "duplicate block_id"),
    ],
)
def test_a_message_with_a_mistake_is_refused_for_it(body: dict[str, Any], words: str) -> None:
    assert words in "; ".join(problems(body, "message"))


def test_options_and_errors_with_a_mistake_are_refused() -> None:
    assert suggestion_problems({"options": [ONE] * 101})
    assert suggestion_problems({"option_groups": [{"label": plain_text("CRM", 75), "options": []}]})
    assert suggestion_problems({"option_groups": [{"label": {"text": "x" * 76}, "options": [ONE]}]})
    assert suggestion_problems({"views": []})
    assert error_problems(form(input_of()), {"c": "wrong"})
    assert error_problems(form(input_of()), {"b": ""})
