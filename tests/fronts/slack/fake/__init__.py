"""A stateful Slack for tests: Web API and Socket Mode on loopback. It refuses what Slack refuses."""

from tests.fronts.slack.fake.workspace import LateAck, Shown, Workspace, fake_slack

__all__ = ["LateAck", "Shown", "Workspace", "fake_slack"]
