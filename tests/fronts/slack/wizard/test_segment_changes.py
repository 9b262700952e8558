"""Changed segments of a started campaign in the review."""

from __future__ import annotations

from fluentsd.fronts.slack.wizard.segment_changes import lines
from fluentsd.verbs.answers.campaigns import Change
from fluentsd.verbs.answers.sources import Followed

ROWS = (Followed("hubspot", "Everybody", "list:1", people=2000, as_of_at=1),)
NAMES = {"hubspot: list:1": "Everybody", "hubspot: list:2": "Autumn fair", "hubspot: v1.5": "v1.5"}


def of(source_and_id: str, *more: tuple[str, str]) -> dict[str, object]:
    source, _, id_ = source_and_id.partition(": ")
    return {"source": source, "segment": id_, **dict(more)}


def test_a_replaced_segment_says_who_stays_and_who_enters() -> None:
    changes = [
        Change("segment.hubspot: list:1.leaves", "exit after 1 hour", None),
        Change("segment.hubspot: list:1.consent.by", "Dana", None),
        Change("segment.hubspot: list:2.leaves", None, "exit after 1 hour"),
    ]
    assert lines(changes, {"segment": [of("hubspot: list:2")]}, ROWS, NAMES) == [
        "no longer follows *Everybody* in hubspot: nobody enters by it; the 2,000 people of it stay in the campaign "
        "and are contacted",
        "follows *Autumn fair* in hubspot: its people enter at once, as far as they are not in the campaign",
    ]


def test_a_changed_value_of_a_segment_is_in_the_words_of_its_form() -> None:
    changes = [Change("segment.hubspot: list:1.leaves", "exit after 1 hour", "stay")]
    [line] = lines(changes, {"segment": [of("hubspot: list:1")]}, ROWS, NAMES)
    assert line.startswith("follows *Everybody* in hubspot · *When a person leaves it*: ")
    assert "exits after 1 hour → " in line


def test_a_name_with_dots_is_whole() -> None:
    changes = [Change("segment.hubspot: v1.5.consent.by", "Dana", "Kim")]
    [line] = lines(changes, {"segment": [of("hubspot: v1.5")]}, (), NAMES)
    assert line == "follows *v1.5* in hubspot · *Confirmed by*: Dana → Kim"
    gone = [Change("segment.hubspot: v1.6.consent.by", "Dana", None)]
    assert lines(gone, {}, (), {}) == [
        "no longer follows *v1.6* in hubspot: nobody enters by it; those who have entered stay in the campaign and are "
        "contacted"
    ]
