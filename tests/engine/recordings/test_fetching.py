"""Recordings: fetched once, kept for their owner alone, heard through links that expire, gone with the person."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from fluentsd.api import Inbound, Outcome, Rejected, Unavailable
from fluentsd.domain.time.durations import SECOND
from fluentsd.engine.recordings.erasing import sweep
from fluentsd.engine.recordings.folder import LINK_LASTS, Recordings
from tests.engine.calls.test_inbound_calls import CALLER, OURS, calls_us
from tests.engine.stage import MINUTE, MONDAY, Stage, person, spec

CALL = {"id": "call", "channel": "phone", "agent": "a"}
NAME = "0" * 32 + ".mp3"
URL = "https://api.example/Recordings/RE1"


class Tape:
    """A provider of recordings; `trouble` is raised first."""

    def __init__(self, *trouble: Exception, kind: str = "audio/mpeg", data: bytes = b"ID3 words") -> None:
        self.trouble, self.kind, self.data, self.asked = list(trouble), kind, data, list[str]()

    async def fetch_recording(self, url: str, write: Callable[[bytes], Awaitable[None]]) -> str:
        self.asked.append(url)
        await write(self.data[:4])
        if self.trouble:
            raise self.trouble.pop(0)
        await write(self.data[4:])
        return self.kind


def files(folder: Path) -> list[str]:
    """The recordings in a folder, whole or not."""
    return [file.name for file in folder.iterdir() if file.suffix in (".mp3", ".wav", ".part")]


async def recorded(stage: Stage, folder: Path, tape: Tape) -> dict[str, Any]:
    """A call whose recording is reported; its row in the history."""
    stage.phone.fetch_recording = tape.fetch_recording  # type: ignore[attr-defined]
    stage.resolve("phone")
    stage.runtime.recordings = Recordings(folder, "https://calls.example")
    await stage.launch(spec(CALL), person(1))
    await stage.until(MONDAY + MINUTE)
    token = stage.phone.accepted[-1][0].token
    await stage.inbox.take(Inbound(Outcome.answered, token, recording=URL), token_is_ours=True)
    await stage.until(MONDAY + 5 * MINUTE)
    [call] = (await stage.do("calls"))["calls"]
    return call


async def test_a_recording_is_fetched_kept_privately_and_heard_by_link(stage: Stage, tmp_path: Path) -> None:
    folder, tape = tmp_path / "recordings", Tape(Unavailable("not yet", 5.0))
    call = await recorded(stage, folder, tape)
    assert tape.asked == [URL, URL]
    [file] = folder.glob("*.mp3")
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (b"ID3 words", 0o600)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert re.fullmatch(r"https://calls\.example/r/\S+", call["recording"])
    token = call["recording"].rpartition("/")[2]
    assert stage.runtime.recordings.read(token, stage.clock.now()) == file.name
    (folder / ("f" * 32 + ".mp3")).write_bytes(b"left by a crash")
    (folder / ("e" * 32 + ".part")).write_bytes(b"half")
    await sweep(stage.runtime)
    assert files(folder) == [file.name]
    await stage.do("contacts erase", person="+12125550001", because="asked")
    assert files(folder) == []


async def test_the_recording_of_a_call_to_us_is_fetched_once(stage: Stage, tmp_path: Path) -> None:
    folder, tape = tmp_path / "recordings", Tape()
    stage.phone.fetch_recording = tape.fetch_recording  # type: ignore[attr-defined]
    stage.runtime.recordings = Recordings(folder, "https://calls.example")
    await stage.do("numbers add", number=OURS, tag=["us"])
    await stage.launch(spec(CALL | {"after": "1 hour"}), person(1))
    await calls_us(stage)
    for _ in range(2):  # reported twice
        await stage.inbox.take(Inbound(Outcome.unknown, None, "CA1", CALLER, recording=URL, called_us=True))
    await stage.inbox.take(Inbound(Outcome.answered, None, "CA1", CALLER, called_us=True))
    await stage.until(MONDAY + 5 * MINUTE)
    assert tape.asked == [URL]
    [call] = [one for one in (await stage.do("calls", ref="test"))["calls"] if one["direction"] == "in"]
    assert call["recording"].startswith("https://calls.example/r/")
    assert (await stage.do("listen", attempt=call["id"]))["link"]
    await stage.do("contacts erase", person=CALLER, because="asked")
    assert files(folder) == []


@pytest.mark.parametrize("fault", [{"trouble": Rejected("it is gone")}, {"kind": "text/html"}])
async def test_what_is_no_recording_is_not_kept(stage: Stage, tmp_path: Path, fault: dict[str, Any]) -> None:
    tape = Tape(*[fault["trouble"]] if "trouble" in fault else [], kind=fault.get("kind", "audio/mpeg"))
    call = await recorded(stage, tmp_path, tape)
    assert (call["recording"], tape.asked) == (URL, [URL])
    assert files(tmp_path) == []


def test_a_link_is_good_for_its_file_and_its_time_alone(tmp_path: Path) -> None:
    kept = Recordings(tmp_path, "https://calls.example")
    token = kept.sign(NAME, MONDAY + LINK_LASTS)
    assert kept.read(token, MONDAY) == NAME
    assert kept.read(token, MONDAY + LINK_LASTS - SECOND) == NAME
    assert kept.read(token, MONDAY + LINK_LASTS) is None
    until, name, ending, mac = token.split(".")
    for forged in (
        f"{int(until, 16) + 9:x}.{name}.{ending}.{mac}", f"{until}.{'1' * 32}.{ending}.{mac}",
        f"{until}.{name}.wav.{mac}",
        f"{until}.{name}.{ending}.{mac[:-1]}", f"{until}.{name}.{ending}.", "", "...", "é.é", f"{until}.../../x.{mac}",
    ):  # fmt: skip
        assert kept.read(forged, MONDAY) is None, forged
    assert Recordings(tmp_path).read(token, MONDAY) == NAME  # the key stays with the folder
    assert Recordings(tmp_path / "other").read(token, MONDAY) is None
    assert Recordings(tmp_path).link(NAME, MONDAY) is None  # without a public address
