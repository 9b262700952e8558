"""The daemon's loops in a process that will be killed.

LABEL names a point: `before-commit:UNIT`, `after-commit:UNIT` (UNIT is the name of a unit of work), `before-send`,
`after-send`, `before-analysis`, `after-analysis`, `after-fetch` (a page of a segment), `before-write`, `after-write`
(to a CRM). At its NTH passing the process sends itself SIGKILL. Without a label it runs until the campaign is
completed and written back, or until it is killed from outside. What campaigns follow is walked at the start. The ends
of calls to us in `received.json` are reported at every start, as by a provider that had no answer; when the work after
them is done, somebody decides that their people's campaigns go on.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import structlog
import trio

from fluentsd.api import Inbound, Outcome
from fluentsd.clock import SystemClock
from fluentsd.config import load
from fluentsd.daemon import open_runtime
from fluentsd.engine.dispatch.inbound import Inbox
from fluentsd.engine.nursery import running
from fluentsd.engine.runtime import Runtime
from fluentsd.engine.sync.write_back import WriteBack
from fluentsd.engine.sync.write_back import write_backs as sync_write_backs
from fluentsd.plugins import discover
from fluentsd.store import outbox
from fluentsd.store.db.bridge import Store
from fluentsd.verbs import Call
from fluentsd.verbs.call import Refused
from fluentsd.verbs.execute import execute


class Fuse:
    """Burns at the nth passing of one point."""

    def __init__(self, label: str | None, nth: int) -> None:
        self.label, self.left = label, nth

    def passes(self, label: str) -> None:
        if label == self.label:
            self.left -= 1
            if self.left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)


def rig_store(fuse: Fuse) -> None:
    """Put the fuse around every transaction."""
    for name in ("run", "run_whole"):
        original = getattr(Store, name)

        async def rigged(self: Store, unit: Any, *args: Any, _original: Any = original, **kwargs: Any) -> Any:
            async def watched(conn: Any, *a: Any, **k: Any) -> Any:
                answer = await unit(conn, *a, **k)
                fuse.passes(f"before-commit:{_name(unit)}")
                return answer

            answer = await _original(self, watched, *args, **kwargs)
            fuse.passes(f"after-commit:{_name(unit)}")
            return answer

        setattr(Store, name, rigged)


def _name(unit: Any) -> str:
    names = {"_answered": "record", "record": "record-received"}
    return names.get(unit.__name__, str(unit.__name__))


def rig_channels(runtime: Runtime, fuse: Fuse) -> None:
    """Put the fuse around every send and every analysis."""
    for channel_state in runtime.channels.values():
        original = channel_state.channel.send

        async def rigged(message: Any, attempt: Any, _original: Any = original) -> Any:
            fuse.passes("before-send")
            receipt = await _original(message, attempt)
            fuse.passes("after-send")
            return receipt

        channel_state.channel.send = rigged  # type: ignore[method-assign]
        if channel_state.abilities.analyses is not None:
            _rig_analysis(channel_state.channel, fuse)


def _rig_analysis(channel: Any, fuse: Fuse) -> None:
    original = channel.analyse

    async def rigged(request: Any) -> Any:
        fuse.passes("before-analysis")
        answer = await original(request)
        fuse.passes("after-analysis")
        return answer

    channel.analyse = rigged


def rig_sources(runtime: Runtime, fuse: Fuse) -> None:
    """Put the fuse around every page of a segment and every write to a CRM."""

    def rigged(source: Any, name: str, before: str, after: str) -> None:
        original = getattr(source, name)

        async def watched(*given: Any) -> Any:
            fuse.passes(before)
            answer = await original(*given)
            fuse.passes(after)
            return answer

        setattr(source, name, watched)

    for source in runtime.sources.values():
        for name in ("walk", "changes"):
            rigged(source, name, "before-fetch", "after-fetch")
        rigged(source, "write", "before-write", "after-write")


def write_backs(runtime: Runtime) -> list[WriteBack]:
    """The write-back of each source, without its pause for more events."""
    WriteBack.gathers = 0
    return [one for name, source in runtime.sources.items() for one in sync_write_backs(runtime, name, source)]


async def receive(runtime: Runtime, inbox: Inbox, file: Path) -> None:
    """Report the ends of calls to us, and let the campaigns go on once the work after the calls is done."""
    found = json.loads(await trio.Path(file).read_text())
    ends = [Inbound(Outcome.answered, None, called_us=True, **end) for end in found]
    for end in ends:
        await inbox.take(end)

    async def do(verb: str, **arguments: Any) -> Any:
        return await execute(runtime, verb, arguments, Call("crash", runtime.clock.now(), role="admin"))

    done = 0
    while done < len(ends):
        await trio.sleep(0.05)
        calls = (await do("calls", most=1000))["calls"]
        done = sum(one["direction"] == "in" and one["analysis_state"] == "done" for one in calls)
    for end in ends:
        with suppress(Refused):  # decided in an earlier life
            await do("contacts resume", person=end.address)


async def main(folder: Path, fuse: Fuse) -> None:
    rig_store(fuse)
    log = structlog.wrap_logger(structlog.PrintLogger(sys.stderr))
    async with open_runtime(load(folder / "fluentsd.toml"), SystemClock(), discover(), log=log) as runtime:
        rig_channels(runtime, fuse)
        rig_sources(runtime, fuse)
        async with running(runtime, write_backs(runtime), grace=1.0) as inbox, trio.open_nursery() as nursery:
            if (received := folder / "received.json").exists():
                nursery.start_soon(receive, runtime, inbox, received)
            for source in runtime.sources:
                with suppress(Refused):  # nothing of it is followed
                    call = Call("crash", runtime.clock.now(), role="admin")
                    await execute(runtime, "sync now", {"source": source}, call)
            while True:
                call = Call("crash", runtime.clock.now(), role="admin")
                state = (await execute(runtime, "campaign status", {"ref": "crash"}, call))["state"]
                left = await runtime.store.read(outbox.counts) if runtime.sources else {}
                if state == "completed" and not any(target.startswith(("source:", "opt-outs:")) for target, _ in left):
                    return
                await trio.sleep(0.2)


def live(folder: str, label: str | None = None, nth: str = "0") -> None:
    """Run in this process."""
    trio.run(main, Path(folder), Fuse(label, int(nth)))
