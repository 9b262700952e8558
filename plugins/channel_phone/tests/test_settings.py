"""The table of the configuration: every mistake at once, and no secret in a message."""

from __future__ import annotations

import pytest
from fluentsd_channel_phone.settings import read_settings

from fluentsd.api import ConfigProblem

GOOD = {"account_sid": "AC" + "0" * 32, "auth_token": "secret-token"}


def test_a_short_table_is_enough():
    settings = read_settings(GOOD)
    assert (settings.ring, settings.interval, settings.model, settings.concurrency) == (25, 1_000_000, None, None)


def test_every_mistake_is_named_at_once():
    table = {**GOOD, "account_sid": "x", "ring": "5 s", "calls": "fast", "concurrency": 0, "sender": "12",
             "machine_detection": "yes", "fallback": {"base_url": "ftp://x", "model": ""}, "rng": "1",
             "minute_price": 0.5, "kind": "sms"}  # fmt: skip
    with pytest.raises(ConfigProblem) as why:
        read_settings(table)
    said = str(why.value)
    for words in ("account_sid", 'from "15 s" to "120 s"', "calls", "concurrency", "sender", "machine_detection",
                  "fallback: there is no model", "fallback.base_url", "fallback.model", "did you mean 'ring'",
                  "minute_price", "makes phone calls"):  # fmt: skip
        assert words in said
    assert "secret-token" not in said


def test_secrets_are_not_printed():
    model = {"base_url": "https://api.example.com/v1", "model": "m", "key": "secret-key"}
    settings = read_settings({**GOOD, "model": model})
    assert "secret" not in repr(settings)
    assert settings.model.key == "secret-key"
