"""Attack: kill the daemon between its commit and the provider. Only attempts that began may end in doubt."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from fluentsd.engine.dispatch import journal as journals
from fluentsd.engine.dispatch.journal import Journal, new_run
from fluentsd.engine.dispatch.reconciler import Reconciler
from tests.attack.scene import SECOND, Provider, opened, started
from tests.engine.stage import MINUTE, SMS, person, spec

PEOPLE = [person(n) for n in range(40)]


async def outcomes(stage: Any) -> dict[str, int]:
    found: dict[str, int] = {}
    for row in (await stage.do("history", ref="test", most=500))["calls"]:
        found[row["outcome"]] = found.get(row["outcome"], 0) + 1
    return found


async def test_what_never_began_is_sent_again_within_seconds_of_the_restart(database_url: str, tmp_path: Path) -> None:
    async with opened(database_url) as (store, clock):
        sms = Provider("sms", clock, script=lambda message, attempt: "stuck before")
        async with started(store, clock, tmp_path, sms=sms) as stage:
            await stage.launch(spec(SMS), *PEOPLE)
            await stage.until(clock.now() + 2 * SECOND)
        assert sms.begun == []
        sms.script = lambda message, attempt: "ok"
        async with started(store, clock, tmp_path, sms=sms) as stage:
            await stage.until(clock.now() + 5 * SECOND)
            assert len(sms.messages) == len(PEOPLE)
            assert set(sms.counts().values()) == {1}
            found = await outcomes(stage)
            assert found == {"sent": 40, "not_sent": 40}


async def test_what_began_stays_in_doubt_and_is_not_sent_again(database_url: str, tmp_path: Path) -> None:
    async with opened(database_url) as (store, clock):
        stuck = iter(["stuck"] * 7)
        sms = Provider("sms", clock, script=lambda message, attempt: next(stuck, "stuck before"))
        async with started(store, clock, tmp_path, sms=sms) as stage:
            await stage.launch(spec(SMS), *PEOPLE)
            await stage.until(clock.now() + 2 * SECOND)
        assert len(sms.begun) == 7
        sms.script = lambda message, attempt: "ok"
        async with started(store, clock, tmp_path, sms=sms) as stage:
            await stage.until(clock.now() + 10 * MINUTE)
            found = await outcomes(stage)
        assert found == {"unknown": 7, "sent": 33, "not_sent": 33}
        assert set(sms.counts().values()) == {1}


@pytest.mark.parametrize("damage", ["gone", "another run", "another boot", "no boot id"])
async def test_without_the_journal_of_the_last_run_everything_counts_as_begun(
    database_url: str, tmp_path: Path, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(database_url) as (store, clock):
        sms = Provider("sms", clock, script=lambda message, attempt: "stuck before")
        async with started(store, clock, tmp_path, sms=sms) as stage:
            await stage.launch(spec(SMS), *PEOPLE[:5])
            await stage.until(clock.now() + 2 * SECOND)
        if damage == "gone":
            (tmp_path / f"fluentsd{journals.SUFFIX}").unlink()
        elif damage == "another run":
            other = Journal(tmp_path)
            other.start(new_run(), ())
            other.close()
        else:
            monkeypatch.setattr(journals, "_BOOT_ID", tmp_path / "boot")
            if damage == "another boot":
                (tmp_path / "boot").write_text("00000000-0000-4000-8000-000000000001\n")
        sms.script = lambda message, attempt: "ok"
        with capture_logs() as logs:
            async with started(store, clock, tmp_path, sms=sms) as stage:
                await stage.until(clock.now() + 10 * MINUTE)
                assert await outcomes(stage) == {"unknown": 5}
        assert sms.messages == []
        warned = [entry["event"] for entry in logs].count("journal.boot_unknown")
        assert warned == (damage == "no boot id" and sys.platform == "linux")


async def test_doubt_left_by_an_earlier_run_takes_no_capacity(database_url: str, tmp_path: Path) -> None:
    async with opened(database_url) as (store, clock):
        sms = Provider("sms", clock, script=lambda message, attempt: "stuck", lookup_after=600 * SECOND)
        async with started(store, clock, tmp_path, sms=sms) as stage:
            await stage.launch(spec(SMS), *PEOPLE[:40])
            await stage.until(clock.now() + 2 * SECOND)
        assert len(sms.begun) == 40
        sms.script = lambda message, attempt: "ok"
        async with started(store, clock, tmp_path, sms=sms) as stage:
            await stage.launch(spec(SMS, ref="more", name="More"), *[person(n) for n in range(100, 140)])
            await stage.until(clock.now() + 5 * SECOND)
            assert len(sms.messages) == 40


async def test_a_look_up_that_cannot_be_made_is_made_until_it_can(database_url: str, tmp_path: Path) -> None:
    async with opened(database_url) as (store, clock):
        sms = Provider("sms", clock, script=lambda message, attempt: "lost")
        async with started(store, clock, tmp_path, sms=sms) as stage:
            sms.is_down = True
            await stage.launch(spec(SMS), person(1))
            await stage.until(clock.now() + 30 * MINUTE)
            assert (await stage.overview())["active"] == 1
            sms.is_down = False
            await stage.until(clock.now() + 2 * MINUTE)
            assert await outcomes(stage) == {"delivered": 1}


async def test_absent_is_not_asked_for_until_it_can_be_proved(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a server another host may still send for a while after our start, so "absent" proves nothing until then."""
    monkeypatch.setattr(Reconciler, "_alone_at", lambda self, channel_state: self._began_at + MINUTE)
    async with opened(database_url) as (store, clock):
        sms = Provider("sms", clock, lookup_is_final=True, script=lambda message, attempt: "stuck")
        async with started(store, clock, tmp_path, sms=sms) as stage:
            await stage.launch(spec(SMS), person(1))
            await stage.until(clock.now() + SECOND)
            assert len(sms.begun) == 1
        answers = iter(["lost before"])
        sms.script = lambda message, attempt: next(answers, "ok")
        async with started(store, clock, tmp_path, sms=sms) as stage:
            await stage.enroll(person(2))
            await stage.until(clock.now() + 50 * SECOND)
            assert await outcomes(stage) == {None: 1, "not_sent": 1, "sent": 1}  # our own is proved at once
            await stage.until(clock.now() + MINUTE)
            assert await outcomes(stage) == {"not_sent": 2, "sent": 2}
        assert set(sms.counts().values()) == {1}


def test_a_full_journal_is_written_again_with_what_is_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journals, "ROOM", 8)
    journal, run = Journal(tmp_path), new_run()
    journal.start(run, [f"{100:032x}"])
    for n in range(1, 100):
        journal.begin(f"{n:032x}")
        if n % 10:
            journal.end(f"{n:032x}")
    journal.close()
    kept = Journal(tmp_path).of_run(run)
    assert kept is not None
    assert kept >= {f"{n:032x}" for n in range(10, 101, 10)}
    assert (tmp_path / f"fluentsd{journals.SUFFIX}").stat().st_mode & 0o777 == 0o600
    assert Journal(tmp_path).of_run(new_run()) is None
