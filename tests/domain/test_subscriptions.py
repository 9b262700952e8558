"""Subscriptions: topics by name or by their beginning; a topic that does not exist is an error."""

from __future__ import annotations

import pytest

from fluentsd.domain.events import TOPICS, ForgetTask
from fluentsd.domain.subscriptions import AFTER_CALLS, LOG_TOPICS, NOBODY, TASKS, WEBHOOK_TOPICS, Subscriptions


def test_a_target_gets_the_topics_it_names_and_those_of_its_groups() -> None:
    both = Subscriptions({"one": ["campaign.*"], "two": ["campaign.started", "attempt.recorded"]})
    assert both.targets("campaign.started") == ("one", "two")
    assert both.targets("campaign.paused") == ("one",)
    assert both.targets("attempt.recorded") == ("two",)
    assert both.targets("hold.placed") == ()
    assert both.names == (TASKS, AFTER_CALLS, "one", "two")


def test_tasks_go_to_the_daemon_and_nothing_else_does() -> None:
    for subscriptions in (NOBODY, Subscriptions({"one": ["campaign.*"]})):
        assert subscriptions.targets(ForgetTask.topic) == (TASKS,)
        assert not any(TASKS in subscriptions.targets(topic) for topic in TOPICS)


@pytest.mark.parametrize("pattern", ["campaign.begun", "*", "campaign", "camp.*", "", "task.forget", "task.*"])
def test_a_pattern_that_matches_no_topic_is_refused_with_the_topics(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"is not a topic; known are campaign\.scheduled, .*enrollment\.ended"):
        Subscriptions({"one": [pattern]})


def test_the_log_and_the_usual_webhook_hear_of_no_attempt() -> None:
    usual = Subscriptions({"log": LOG_TOPICS, "webhook": WEBHOOK_TOPICS})
    for topic in ("attempt.recorded", "enrollment.ended", "reply.received"):
        assert usual.targets(topic) == ()
    assert usual.targets("hold.placed") == ("log",)
    assert usual.targets("number.held") == ("log", "webhook")
