"""Subscriptions: which targets receive the events of a topic. Pure.

A target is a name: the log, the operator's webhook, Slack, the daemon's own tasks. It subscribes to topics, exact
(`attempt.recorded`) or with a common beginning (`campaign.*`). Subscriptions come from the settings, so a command of
the shell posts the same deliveries as the daemon.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from fluentsd.domain.events import TOPICS, AfterCallTask, ForgetTask, RecordingTask

LOG, WEBHOOK, SLACK = "log", "webhook", "slack"
#: The daemon's own target. It is always subscribed, and alone: a task may hold a provider's reference.
TASKS = "tasks"
#: The work after calls, also the daemon's own: it waits for a model, and delays no other task.
AFTER_CALLS = "after-calls"
LOG_TOPICS = ("campaign.*", "number.*", "hold.*", "sync.*")
#: What the operator's webhook receives unless `[notify]` names topics.
WEBHOOK_TOPICS = ("campaign.*", "number.*")
#: What the cards, threads and alerts of Slack show.
SLACK_TOPICS = ("campaign.*", "number.*", "hold.*", "sync.*", "reply.received", "call.analysed", "call.received")


#: What is written back to a CRM.
WRITE_BACK_TOPICS = ("attempt.recorded", "reply.received", "call.analysed", "call.received")
#: What is written back by a target of its own, so that it waits neither behind notes nor for the quota that these have.
OPT_OUT_TOPICS = ("contact.opted_out",)


def write_back_target(source: str) -> str:
    """The target that writes to a source."""
    return f"source:{source}"


def opt_out_target(source: str) -> str:
    """The target that writes opt-outs to a source."""
    return f"opt-outs:{source}"


def write_back_subscriptions(source: str) -> dict[str, tuple[str, ...]]:
    """The targets that write to a source, and their topics."""
    return {write_back_target(source): WRITE_BACK_TOPICS, opt_out_target(source): OPT_OUT_TOPICS}


class Subscriptions:
    """The targets of every topic; immutable."""

    __slots__ = ("_targets", "names")

    def __init__(self, topics: Mapping[str, Iterable[str]] | None = None) -> None:
        """`topics`: patterns by target. Raises `ValueError` for a pattern that matches no topic."""
        patterns = {target: tuple(wanted) for target, wanted in (topics or {}).items()}
        for pattern in (pattern for wanted in patterns.values() for pattern in wanted):
            check_pattern(pattern)
        self.names = (TASKS, AFTER_CALLS, *patterns)  #: of all targets
        self._targets = {
            topic: tuple(name for name, wanted in patterns.items() if any(matches(one, topic) for one in wanted))
            for topic in TOPICS
        }
        self._targets |= {ForgetTask.topic: (TASKS,), RecordingTask.topic: (TASKS,)}
        self._targets |= {AfterCallTask.topic: (AFTER_CALLS,)}

    def targets(self, topic: str) -> tuple[str, ...]:
        """The targets of a topic; KeyError for a topic that does not exist."""
        return self._targets[topic]


def matches(pattern: str, topic: str) -> bool:
    """Whether a topic is the pattern, or begins like `campaign.*`."""
    return topic == pattern or (pattern.endswith(".*") and topic.startswith(pattern[:-1]))


def check_pattern(pattern: str) -> str:
    """The pattern. Raises `ValueError` if it matches no topic; the message lists the topics."""
    if not any(matches(pattern, topic) for topic in TOPICS):
        raise ValueError(f'{pattern!r} is not a topic; known are {", ".join(TOPICS)}, and groups like "campaign.*"')
    return pattern


#: Only the daemon's own tasks.
NOBODY = Subscriptions()
