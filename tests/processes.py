"""Processes that tests start and kill: real ones, forked from one that has imported the program already.

To import the program costs more processor time than most of what such a test looks at. What must not live here: tests
of the start itself; those run `python -m fluentsd`.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

#: What the forking process imports: what most children need. It must start no thread.
IMPORTED = (
    "asyncpg",
    "fluentsd.bootstrap",
    "fluentsd.cli.app",
    "fluentsd.daemon",
    "fluentsd.fronts.control.client",
    "fluentsd.store.db.engines",
    "fluentsd_channel_email",
    "fluentsd_channel_sandbox",
    "fluentsd_channel_sms",
    "fluentsd_channel_phone",
    "twilio.rest",
)


@cache
def _forking() -> Any:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*IMPORTED, __name__])
    return context


def _live(function: str, arguments: tuple[str, ...], output: str, folder: str, environ: Mapping[str, str]) -> None:
    """The whole life of a child."""
    written = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for number in (1, 2):
        os.dup2(written, number)
    os.close(written)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    module, name = function.split(":")
    sys.argv = [name, *arguments]
    getattr(importlib.import_module(module), name)(*arguments)


@dataclass(frozen=True, slots=True)
class Child:
    """A process, with the methods of `subprocess.Popen` that tests need."""

    process: ForkServerProcess

    @property
    def pid(self) -> int:
        return self.process.pid or 0

    def poll(self) -> int | None:
        """Its status, minus the signal's number if a signal ended it; None while it runs."""
        return self.process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """The status at its end. Raises `subprocess.TimeoutExpired`."""
        self.process.join(timeout)
        status = self.process.exitcode
        if status is None:
            raise subprocess.TimeoutExpired("a child", timeout or 0.0)
        return status

    def terminate(self) -> None:
        self.process.terminate()

    def kill(self) -> None:
        self.process.kill()


def start(function: str, *arguments: str, output: Path, folder: Path) -> Child:
    """Call a function ("module:name") in a process of its own, in a folder; what it prints is added to a file."""
    given = (function, arguments, str(output), str(folder), dict(os.environ))
    process = _forking().Process(target=_live, args=given, daemon=True)
    process.start()
    return Child(process)
