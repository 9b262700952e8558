"""The process of an import that a test interrupts: it leads a session of its own, as on a terminal, reads any file by a
subprocess, and takes its time after each batch."""

from __future__ import annotations

import os
from typing import Any

import trio

from fluentsd.cli import importing
from tests import processes

_take = importing.VerbIngest.take


async def _unhurried(self: Any, *given: Any, **more: Any) -> Any:
    counts = await _take(self, *given, **more)
    await trio.sleep(0.2)
    return counts


def run(*words: str) -> None:
    os.setsid()
    importing.SUBPROCESS_FROM = 0
    importing.VerbIngest.take = _unhurried  # type: ignore[method-assign]
    processes.program(*words)
