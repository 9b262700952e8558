"""A reload takes in new settings, loses no attempt, and refuses a file with mistakes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import structlog
import trio

from fluentsd import daemon
from fluentsd.api import Attempt, Message, Receipt
from fluentsd.clock import SystemClock
from fluentsd.config import Settings
from fluentsd.fronts.control.client import connect
from fluentsd.verbs import Refused
from tests.engine.stage import SMS, person, spec
from tests.installation import ALWAYS, Place, launch, until

LIMITS = '[limits]\nper_contact = "3/day"\n'


async def run(
    place: Place, settings: Settings, read: Callable[[], Settings], said: list[Any], is_up: trio.Event
) -> None:
    """A daemon's life; what it wants to run with next is appended to `said`."""
    following = await daemon.run(
        settings, clock=SystemClock(), plugins=place.plugins, log=structlog.get_logger(), ready=is_up.set, read=read
    )
    said.append(following)


async def test_a_send_in_progress_ends_once_and_the_new_settings_count(place: Place) -> None:
    released, begun, said = trio.Event(), trio.Event(), list[Any]()

    async def send(message: Message, attempt: Attempt) -> Receipt:
        begun.set()
        await released.wait()
        place.channels["sms"].accept(message, attempt)
        return Receipt(f"ref-{attempt.token}")

    settings = place.settings()
    async with trio.open_nursery() as nursery:
        is_up = trio.Event()
        nursery.start_soon(run, place, settings, partial(place.settings, LIMITS), said, is_up)
        await is_up.wait()
        async with connect(settings.socket) as client:
            place.channels["sms"].always = send
            await launch(client, spec(SMS, window=ALWAYS), person(1))
            await begun.wait()
            assert await client.ask("reload") == {"reloads": True}
        await trio.sleep(0.4)
        released.set()
    [following] = said
    assert (settings.per_contact, following.per_contact is not None) == (None, True)
    assert place.logged("daemon.reloads")
    accepted = len(place.channels["sms"].accepted)
    async with trio.open_nursery() as nursery:
        is_up = trio.Event()
        nursery.start_soon(run, place, following, place.settings, said, is_up)
        await is_up.wait()
        await until(lambda: place.ask("SELECT count(*) FROM attempt WHERE state = 'settled' OR outcome IS NOT NULL"))
        os.kill(os.getpid(), signal.SIGTERM)
    assert said[-1] is None
    assert (accepted, len(place.channels["sms"].accepted)) == (1, 0)
    assert place.ask("SELECT count(*) FROM attempt") == [(1,)]


async def test_a_file_with_mistakes_is_refused_and_nothing_stops(place: Place) -> None:
    settings, said = place.settings(), list[Any]()
    async with trio.open_nursery() as nursery:
        is_up = trio.Event()
        broken = '[limits]\nper_contact = "often"\n[log]\nlevel = "loud"\n'
        nursery.start_soon(run, place, settings, partial(place.settings, broken), said, is_up)
        await is_up.wait()
        async with connect(settings.socket) as client:
            with pytest.raises(Refused) as refused:
                await client.ask("reload")
            assert "limits.per_contact" in str(refused.value)
            assert "log.level" in str(refused.value)
            assert "goes on with the settings that it has" in str(refused.value)
            os.kill(os.getpid(), signal.SIGHUP)
            await until(lambda: place.logged("daemon.reload_refused"))
            assert (await client.ask("state"))["closing"] is False
        os.kill(os.getpid(), signal.SIGTERM)
    assert said == [None]


async def test_a_plugin_that_refuses_its_keys_stops_nothing(place: Place) -> None:
    settings, said = place.settings(), list[Any]()
    async with trio.open_nursery() as nursery:
        is_up = trio.Event()
        unknown = '[source.crm]\nplugin = "nobody-has-it"\n'
        nursery.start_soon(run, place, settings, partial(place.settings, unknown), said, is_up)
        await is_up.wait()
        async with connect(settings.socket) as client:
            with pytest.raises(Refused, match="nobody-has-it"):
                await client.ask("reload")
            assert (await client.ask("state"))["closing"] is False
        os.kill(os.getpid(), signal.SIGTERM)
    assert said == [None]


@pytest.mark.slow
def test_sighup_reloads_a_real_process(tmp_path: Path) -> None:
    file = tmp_path / "fluentsd.toml"
    sandbox = '[channel.{kind}]\nplugin = "sandbox"\n'
    file.write_text(sandbox.format(kind="sms"), "utf-8")
    command = [sys.executable, "-m", "fluentsd", "run"]
    ready = 0
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        try:
            for line in process.stderr or ():
                if "daemon.ready" not in line:
                    continue
                ready += 1
                if "email" in line:
                    process.send_signal(signal.SIGTERM)
                else:
                    file.write_text(sandbox.format(kind="sms") + sandbox.format(kind="email"), "utf-8")
                    process.send_signal(signal.SIGHUP)
            assert process.wait(30) == 0
        finally:
            process.kill()
    assert ready == 2
