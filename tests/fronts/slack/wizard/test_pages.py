"""Every field of a campaign file has an input of the wizard, or a reason why not; inputs show and read their values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args, get_origin

import pytest
from pydantic import BaseModel

from fluentsd.domain.campaign import CampaignFile, read_campaign
from fluentsd.domain.review import POSSIBLE
from fluentsd.fronts.slack.forms.conditions import EndedIn, Goal, Written, goal_of_field, goal_words, outcome_words
from fluentsd.fronts.slack.forms.fields import filled
from fluentsd.fronts.slack.wizard.entries import entries, entry_fields, entry_form, moved, place_in_list, with_entry
from fluentsd.fronts.slack.wizard.pages import BY_KEY, ENDED_IN, PAGES, WITHOUT_INPUT, pages_of
from fluentsd.fronts.slack.wizard.view_state import Place, place_in
from fluentsd.verbs import presets
from tests.engine.stage import SMS, spec
from tests.fronts.slack.modals import _initial

#: A table of several values in one input.
AS_ONE = ("window.override", "limits.cost", "window.hours")


def leaves(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """The path of every value of a file."""
    for name, field in model.model_fields.items():
        path = f"{prefix}{name}"
        inner = next(iter(models(field.annotation)), None)
        if inner is None or path in AS_ONE:
            yield path
        else:
            yield from leaves(inner, f"{path}.")


def models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) is not None:
        for one in get_args(annotation):
            yield from models(one)


def test_every_field_of_a_campaign_file_has_an_input_or_a_reason() -> None:
    inputs = {field.path for page in BY_KEY.values() for field in page.fields}
    missing = {path for path in leaves(CampaignFile) if path not in inputs}
    reasons = {path for path in missing if any(path == one or path.startswith(f"{one}.") for one in WITHOUT_INPUT)}
    assert missing == reasons
    assert inputs <= set(leaves(CampaignFile))


#: A file in which every field with an input has a value that is not its default.
FULL = spec(
    {"id": "call", "channel": "phone", "agent": "sales", "after": "2 hours", "hours": "10:00-12:00", "days": ["mon"],
     "when": "last.outcome == 'busy'", "retry": {"no_answer": "2 hours", "busy": "30 min", "voicemail": "1 day",
                                                 "failed": "1 hour", "agent_error": "1 hour", "limit": 4}},
    {"id": "mail", "channel": "email", "subject": "Hi", "sender": "a@example.com", "reply_to": "b@example.com",
     "text": "Hello\n\nyou", "html": "<p>Hello</p>", "retry": {"bounced": "1 day"}},
    {"id": "stored", "channel": "sms", "template": "hello", "before": "2 days", "of": "due_at"},
    {"id": "details", "channel": "sms", "text": "Details", "after_call": ["interested", "callback"], "after": "5 min"},
    {"id": "one", "channel": "sms", "text": "Details", "after_call": ["voicemail"]},
    {"id": "big", "channel": "sms", "text": "Details", "after_call": "call.fields.budget > 1000"},
    description="For the fair", priority=70, exclusive=True,
    window={"days": ["mon", "sat"], "hours": "9-17", "timezone": "America/Chicago", "unknown_timezone": "hold",
            "conflicting_timezone": "hold", "blackout": ["2026-12-24", "us-federal-holidays"],
            "override": [{"date": "2026-12-31", "hours": "09:00-12:00"}]},
    numbers={"numbers": ["+12125550100"], "tags": ["sales"], "local_presence": False, "pace": "20/hour"},
    exit={"on": ["answered", "opted_out"], "unreachable_after": 5, "goal": "contact.stage == 'x'", "reenter": "always"},
    limits={"per_contact": "3/week", "gap": "1 day", "pace": "200/hour", "concurrency": 3, "budget": "50 USD/day",
            "cost": {"phone": 0.12}, "on_resume": "skip"},
    law={"purpose": "informational", "waive": [{"rule": "US.hours", "because": "agreed with counsel", "by": "Ada"}]},
    segment=[{"source": "hubspot", "segment": "7", "leaves": "stay", "reenter": "after 90 days",
              "no_opt_out_field": "Ada",
              "consent": {"basis": "written", "date": "2026-01-02", "scope": ["phone"], "by": "Ada",
                          "scrubbed": "2026-01-03", "proof": "vault"}}],
)  # fmt: skip


def through_forms(file: dict[str, Any]) -> dict[str, Any]:
    """The file after every form was opened and submitted as it was."""
    for page in PAGES:
        file = filled(page.fields, file, drawn(page.fields, file))
    for kind in ("step", "segment", "waiver"):
        for nth in range(len(entries(file, BY_KEY[kind].entries))):
            place = Place(kind, nth=nth)
            form = entry_form(file, place)
            fields = BY_KEY[kind].fields
            file = with_entry(file, place, filled(fields, form, drawn(fields, form)))
    return file


def drawn(fields: Any, file: dict[str, Any]) -> dict[str, Any]:
    blocks = [one for field in fields if (one := field.block(file))["type"] == "input"]
    return {one["block_id"]: {one["element"]["action_id"]: _initial(one["element"])} for one in blocks}


@pytest.mark.parametrize("file", [spec(SMS), FULL, *(presets.preset(one).file for one in presets.names())])
def test_a_form_that_is_submitted_as_it_is_changes_nothing(file: dict[str, Any]) -> None:
    assert read_campaign(through_forms(file)) == read_campaign(file)


def test_follow_ups_stand_behind_the_flow_whatever_is_added_or_moved() -> None:
    call = {"id": "call", "channel": "phone", "agent": "a"}
    details = {"id": "details", "channel": "sms", "text": "Hi", "after_call": "interested"}
    file = spec(call, details)
    new = {"step": SMS | {"after": "1 day"}}
    place = Place("step", new="sms")
    assert place_in_list(file, place, new) == 1
    added = with_entry(file, place, new)
    assert [one["id"] for one in added["step"]] == ["call", "text", "details"]
    assert moved(added, "step", 1, 1)["step"] == added["step"]
    follows = {"step": SMS | {"after_call": ["angry"]}}
    place = Place("step", nth=1)
    assert place_in_list(added, place, follows) == 1
    assert [one["id"] for one in with_entry(added, place, follows)["step"]] == ["call", "text", "details"]
    first = {"step": call | {"id": "first"}}
    assert place_in_list(added, Place("step", new="phone"), first) == 2


def test_hours_of_single_days_stand_in_one_line() -> None:
    file = spec(SMS, window={"hours": {"mon": "09:00-12:00", "sat": "10:00-14:00"}})
    block = next(field.block(file) for field in BY_KEY["window"].fields if field.path == "window.hours")
    assert block["element"]["initial_value"] == "mon 09:00-12:00; sat 10:00-14:00"
    assert read_campaign(through_forms(file)) == read_campaign(file)


def test_a_view_remembers_ids_within_slacks_limit() -> None:
    place = Place("segment", "r" * 63, "9999999.9999999", 49, "email", "F" * 20, 99, more=True)
    view = {"callback_id": "wizard:segment"}
    assert place_in(view, place.as_json()) == place
    assert len(str(place.as_json())) < 400
    assert place_in(view, {"nth": "1", "ref": 5, "page": "x", "round": True, "more": 1}) == Place("segment")


def test_what_an_input_cannot_hold_is_left_as_it_is() -> None:
    mail = {"id": "mail", "channel": "email", "subject": "Hi", "text": "x" * 9000}
    many = [f"+1212555{n:04d}" for n in range(101)]
    far = {"source": "crm", "segment": "s" * 400}
    file = spec(mail, numbers={"numbers": many}, segment=[far])
    assert read_campaign(through_forms(file)) == read_campaign(file)
    block = next(one.block({"step": mail}) for one in BY_KEY["step"].fields if one.path == "step.text")
    assert "longer than a form of Slack holds" in block["elements"][0]["text"]


@pytest.mark.parametrize(
    ("picked", "written", "kept"),
    [
        (["voicemail"], "", "last.outcome == 'voicemail'"),
        (["voicemail", "no_answer", "busy"], "",
         "last.outcome == 'voicemail' or last.outcome == 'no_answer' or last.outcome == 'busy'"),
        (None, "contact.stage == 'new'", "contact.stage == 'new'"),
        (None, "last.outcome != 'bounced'", "last.outcome != 'bounced'"),
        (None, "last.outcome=='busy'", "last.outcome=='busy'"),  # written in another way, it stays as it is
        ([], "", None),
    ],
)  # fmt: skip
def test_a_condition_is_shown_by_the_input_that_can_hold_it(
    picked: list[str] | None, written: str, kept: str | None
) -> None:
    kind = EndedIn()
    if picked is None:
        assert kept is not None
        assert kept in kind.instead(kept).replace("\u200b", "")
    else:
        assert [one["value"] for one in kind.element(kept).get("initial_options", [])] == picked
    assert Written(picked=kind).show(kept) == written


WHEN = [field for field in BY_KEY["step"].fields if field.path == "step.when"]


def entered(picked: list[str] | None, written: str | None) -> dict[str, Any]:
    """The answers of a form that shows one of the inputs of a condition, or both."""
    options = [{"value": one} for one in picked or ()]
    answers = {"step.when.picked": {"step.when.picked": {"type": "multi_static_select", "selected_options": options}}}
    typed = {"step.when": {"step.when": {"type": "plain_text_input", "value": written}}}
    return (answers if picked is not None else {}) | (typed if written is not None else {})


@pytest.mark.parametrize(
    ("before", "answers", "after"),
    [
        (None, entered(["busy"], None), "last.outcome == 'busy'"),
        ("last.outcome == 'busy'", entered([], None), None),
        ("last.outcome == 'busy'", entered(["failed"], ""), "last.outcome == 'failed'"),
        ("contact.a == 1", entered([], None), "contact.a == 1"),
        ("contact.a == 1", entered(None, ""), None),
        ("contact.a == 1", entered(["busy"], None), "last.outcome == 'busy'"),
        ("last.outcome == 'busy'", entered(["busy"], "contact.a == 1"), "contact.a == 1"),
        ("last.outcome == 'busy'", entered(None, ""), "last.outcome == 'busy'"),
    ],
)  # fmt: skip
def test_what_is_typed_counts_in_place_of_what_is_picked_and_nothing_else_gets_lost(
    before: str | None, answers: dict[str, Any], after: str | None
) -> None:
    file = {"step": {"channel": "sms", **({"when": before} if before else {})}}
    assert filled(WHEN, file, answers)["step"].get("when") == after


@pytest.mark.parametrize("typed", ["no-answer or Busy", "no answer; busy", "no_answer,busy"])
def test_outcomes_may_be_typed_as_people_write_them(typed: str) -> None:
    kept = "last.outcome == 'no_answer' or last.outcome == 'busy'"
    assert Written(picked=EndedIn()).parse(typed) == kept
    assert outcome_words(kept) == "no answer or busy"


@pytest.mark.parametrize(
    ("typed", "goal"),
    [
        ("stage is customer", "contact.stage == 'customer'"),
        ("Deal stage = Closed won", "contact.deal_stage == 'Closed won'"),
        ("contact.status: 'paid'", "contact.status == 'paid'"),
        ("customer", ""),
        ("stage is it's", ""),
        ("", ""),
    ],
)
def test_a_goal_is_typed_as_a_sentence(typed: str, goal: str) -> None:
    assert goal_of_field(typed) == goal
    assert bool(goal_words(goal)) == bool(goal)


def test_goals_that_can_be_picked_and_those_that_cannot() -> None:
    assert goal_words("status == 'paid'") == "status is paid"
    assert goal_words("steps['call-2'].outcome == 'no_answer'") == "the step call-2 came to no answer"
    assert not Goal().holds("contact.deals > 3")
    assert "contact.deals &gt; 3" in Goal().instead("contact.deals > 3")


def test_outcomes_that_are_offered_are_possible_on_the_channel() -> None:
    for channel, offered in ENDED_IN.items():
        assert set(offered) <= POSSIBLE[channel]  # type: ignore[index]


def shown(file: dict[str, Any], place: Place) -> set[str]:
    return {field.id for field in entry_fields(file, place, entry_form(file, place))}


def test_a_step_asks_only_what_can_hold() -> None:
    call, text = {"id": "call", "channel": "phone", "agent": "a"}, SMS | {"id": "text"}
    assert not {"step.when.picked", "step.after_call.picked"} & shown(spec(call), Place("step", nth=0))
    assert {"step.id", "step.after_call.picked", "step.when.picked"} <= shown(spec(call), Place("step", new="sms"))
    later = shown(spec(text, SMS), Place("step", nth=1))
    assert "step.when.picked" in later
    assert not {"step.id", "step.after_call.picked", "step.agent", "step.subject"} & later
    assert "step.when.picked" in shown(spec(SMS | {"when": "last.outcome == 'failed'"}), Place("step", nth=0))


def test_few_inputs_are_shown_at_first_on_every_page_and_form() -> None:
    for page in BY_KEY.values():
        for channel in ("phone", "sms", "email") if page.key == "step" else ("",):
            at_first = [one for one in page.fields if not one.more and (not one.channels or channel in one.channels)]
            assert len(at_first) <= 6, (page.key, channel)


def test_pages_that_matter_to_no_step_are_left_out() -> None:
    mail = {"id": "mail", "channel": "email", "subject": "Hi", "text": "Hello"}
    keys = [page.key for page in pages_of(spec(mail))]
    assert keys == ["name", "window", "flow", "people", "exit", "limits", "review"]
    assert [page.key for page in pages_of(spec(SMS))] == [page.key for page in PAGES]
    assert "law" in {page.key for page in pages_of(spec(mail, law={"purpose": "informational"}))}
    assert "numbers" in {page.key for page in pages_of(spec(mail), "numbers")}
