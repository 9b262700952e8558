"""A stateful Slack for tests and the preview: Web API and Socket Mode on loopback. It refuses what Slack refuses."""

from fluentsd.testing.slack.workspace import LateAck, Shown, Workspace, fake_slack, serving

__all__ = ["LateAck", "Shown", "Workspace", "fake_slack", "serving"]
