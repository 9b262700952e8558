"""/metrics: figures in Prometheus' text format, without personal data.

Figures of the process come from memory. Figures of the database are read at most once in ten seconds, and less often if
a read is slow, whatever the number of requests. Attempts are counted over the last day, because a count of all attempts
would cost more each month.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import trio
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from fluentsd.domain.time.durations import SECOND
from fluentsd.engine.runtime import Runtime
from fluentsd.fronts.web.stats import WebStats
from fluentsd.unavailable import StoreUnavailable
from fluentsd.verbs import queries

DAY = 86_400 * SECOND
#: Least seconds between two reads of the database, and least multiple of the time that a read takes.
READ_EVERY, READ_SHARE = 10.0, 50
#: Seconds until a read times out.
PATIENCE = 5.0
TYPE = "text/plain; version=0.0.4; charset=utf-8"

Labels = tuple[tuple[str, str], ...]
Samples = Iterable[tuple[Labels, float]]


class Metrics:
    """Writes the figures on request."""

    def __init__(self, runtime: Runtime, stats: WebStats) -> None:
        self._runtime, self._stats = runtime, stats
        self._turn = trio.Lock()
        self._read_again = -1.0
        self._up = False
        self._figures = queries.Figures({}, {}, {}, {})

    async def show(self, _request: Request) -> Response:
        """GET /metrics."""
        async with self._turn:
            if trio.current_time() >= self._read_again:
                await self._read()
        return PlainTextResponse(self.text(), media_type=TYPE)

    async def _read(self) -> None:
        began = trio.current_time()
        now_at = self._runtime.clock.now()
        try:
            with trio.fail_after(PATIENCE):
                self._figures = await queries.figures(self._runtime, now_at - DAY, now_at)
        except (StoreUnavailable, trio.TooSlowError):
            self._up = False  # the last figures stay, and store_up says that they are old
        else:
            self._up = True
        now = trio.current_time()
        self._read_again = now + max(READ_EVERY, READ_SHARE * (now - began))

    def text(self) -> str:
        """All metric families as text."""
        runtime, stats = self._runtime, self._stats
        families = [
            _family("store_up", "gauge", "1 if the database answered the last read", _one(self._up)),
            _family("attempts_last_day", "gauge", "attempts claimed in the last 24 hours",
                    _labelled(("channel", "outcome"), self._figures.attempts)),
            _family("people", "gauge", "people in each campaign by state",
                    _labelled(("campaign", "state"), self._figures.people)),
            _family("breakers_tripped", "gauge", "open holds placed by breakers, by scope",
                    [((("scope", scope),), count) for scope, count in sorted(self._figures.tripped.items())]),
            _family("outbox_deliveries", "gauge", "events that wait for a target, or are dead letters",
                    _labelled(("target", "state"), self._figures.deliveries)),
            _family("in_flight", "gauge", "attempts without an outcome",
                    [((("channel", kind),), runtime.in_flight.of(kind)) for kind in runtime.channels]),
            _family("dispatcher_passes_total", "counter", "passes of the dispatcher", _one(runtime.wakeups)),
            _family("webhooks_total", "counter", "webhooks by result",
                    _labelled(("channel", "result"), stats.webhooks)),
            _family("web_answers_total", "counter", "responses by status",
                    [((("status", str(status)),), count) for status, count in sorted(stats.answers.items())]),
            _family("web_faults_total", "counter", "requests and connections ended by a bug", _one(stats.faults)),
            _family("web_unsubscribed_total", "counter", "uses of an unsubscribe link", _one(stats.opt_outs)),
            _family("web_connections", "gauge", "open connections", _one(stats.connections)),
            _family("live_calls", "gauge", "calls whose WebSocket is open", _one(self._runtime.calls.in_progress)),
            _family("resident_memory_bytes", "gauge", "resident memory of the process", _one(resident())),
            _family("cpu_seconds_total", "counter", "processor time of the process", _one(time.process_time())),
        ]  # fmt: skip
        return "".join(families)


def resident() -> int:
    """Bytes of resident memory of the process; 0 if the kernel does not report it."""
    try:
        return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0


def _one(value: float) -> Samples:
    return [((), float(value))]


def _labelled(names: tuple[str, str], counts: Mapping[tuple[str, str], int]) -> Samples:
    return [(tuple(zip(names, key, strict=True)), count) for key, count in sorted(counts.items())]


def _family(name: str, kind: str, description: str, samples: Samples) -> str:
    lines = [f"# HELP fluentsd_{name} {description}", f"# TYPE fluentsd_{name} {kind}"]
    for labels, value in samples:
        shown = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels)
        lines.append(f"fluentsd_{name}{{{shown}}} {value:.15g}" if shown else f"fluentsd_{name} {value:.15g}")
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
