"""Test support for plugin authors: tools, conformance suites, realistic providers.

Public: it changes with the same care as `fluentsd.api`. A plugin's tests call `exercise_channel` to prove that the
plugin keeps the promises that the engine relies on; our own plugins and fakes pass the same suite. This package imports
nothing of the daemon, and the daemon imports nothing from here.
"""

from __future__ import annotations

from fluentsd.clock import SimClock
from fluentsd.plugins import discover
from fluentsd.testing.bad_answers import exercise_bad_answers
from fluentsd.testing.conformance import CHECKS, exercise_channel
from fluentsd.testing.conformance_agent import AGENT_CHECKS, exercise_agent_provider
from fluentsd.testing.conformance_source import SOURCE_CHECKS, MergesRecords, SourceControl, exercise_source
from fluentsd.testing.follower import Follower, change_pages, walk_pages
from fluentsd.testing.histories import SegmentOwner, exercise_history
from fluentsd.testing.loopback import Answer, Asked, LoopbackServer
from fluentsd.testing.run_checks import ConformanceFailure
from fluentsd.testing.smtp_faults import Phase, SinkFault
from fluentsd.testing.smtp_sink import Mail, SinkUnavailable, SmtpSink
from fluentsd.testing.toolbox import SkippingClock, TrioClock, tools
from fluentsd.testing.trial import Case, Fault, ProviderControl, Trial

__all__ = [
    "AGENT_CHECKS",
    "CHECKS",
    "SOURCE_CHECKS",
    "Answer",
    "Asked",
    "Case",
    "ConformanceFailure",
    "Fault",
    "Follower",
    "LoopbackServer",
    "Mail",
    "MergesRecords",
    "Phase",
    "ProviderControl",
    "SegmentOwner",
    "SimClock",
    "SinkFault",
    "SinkUnavailable",
    "SkippingClock",
    "SmtpSink",
    "SourceControl",
    "Trial",
    "TrioClock",
    "change_pages",
    "discover",
    "exercise_agent_provider",
    "exercise_bad_answers",
    "exercise_channel",
    "exercise_history",
    "exercise_source",
    "tools",
    "walk_pages",
]
