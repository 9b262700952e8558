"""The settings of the channel, and its name."""

from __future__ import annotations

import pytest
from fluentsd_channel_fluents import register_channels
from fluentsd_channel_fluents.settings import read_settings

from fluentsd.api import (
    ConfigProblem,
)


def test_every_mistake_of_the_settings_is_named_without_a_secret() -> None:
    wrong = {"sender": "12", "agents": {"a": "b"}, "webhook_secret": "short", "poll": 0, "no_human": "x", "strange": 1}
    with pytest.raises(ConfigProblem) as why:
        read_settings(wrong)
    assert all(
        name in str(why.value) for name in ("key", "sender", "agents", "webhook_secret", "poll", "no_human", "strange")
    )
    assert "short" not in str(why.value)


def test_it_registers_under_a_name_of_its_own() -> None:
    names: list[str] = []
    register_channels(lambda name, factory: names.append(name))
    assert names == ["fluents"]
