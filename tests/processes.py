"""Processes that tests start and kill: real ones, forked from one that has imported the program already.

To import the program costs more processor time than most of what such a test looks at. What must not live here: what a
test of the start itself needs; such a test runs `python -m fluentsd`.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
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
    "fluentsd.cli.service",
    "fluentsd.daemon",
    "fluentsd.fronts.control.client",
    "fluentsd.fronts.web",
    "fluentsd.store.db.sqlite_driver",
    "pymap.main",
    "tests.preloaded",
    "twilio.rest",
)


@cache
def _forking() -> Any:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*IMPORTED, __name__])
    return context


def _live(
    function: str, arguments: tuple[str, ...], outputs: tuple[str, str], folder: str, environ: Mapping[str, str]
) -> None:
    """The whole life of a child."""
    for number, output in enumerate(outputs, 1):
        written = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(written, number)
        os.close(written)
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115 - open until the end, as in a new process
    sys.stderr = open(2, "w", 1, errors="backslashreplace", closefd=False)  # noqa: SIM115
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    module, name = function.split(":")
    sys.argv = [name, *arguments]
    getattr(importlib.import_module(module), name)(*arguments)


@dataclass(frozen=True, slots=True)
class Child:
    """A process, with the methods of `subprocess.Popen` that tests need. `output`: the file of what it prints."""

    process: ForkServerProcess
    output: Path

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

    def wait_printed(self, line: str, within: float = 20) -> None:
        """Return when it has printed this line."""
        give_up_at = time.monotonic() + within
        while line not in self.output.read_text().splitlines():
            assert self.poll() is None, self.output.read_text()
            assert time.monotonic() < give_up_at, self.output.read_text()
            time.sleep(0.005)

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def terminate(self) -> None:
        self.process.terminate()

    def kill(self) -> None:
        self.process.kill()


def start(
    function: str, *arguments: str, output: Path, folder: Path, errors: Path | None = None, **environ: str
) -> Child:
    """Call a function ("module:name") in a process of its own, in a folder and with more of an environment; what it
    prints is added to a file, and to a second one what it prints as errors."""
    output.touch()
    given = (function, arguments, (str(output), str(errors or output)), str(folder), os.environ | environ)
    process = _forking().Process(target=_live, args=given, daemon=True)
    process.start()
    return Child(process, output)


def program(*words: str) -> None:
    """`fluentsd` with these words."""
    from fluentsd.__main__ import main

    sys.argv = ["fluentsd", *words]
    main()


def run_program(*words: str, folder: Path, within: float = 60, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run `fluentsd` with these words in a folder and with more of an environment, to its end."""
    with tempfile.TemporaryDirectory(prefix="fsd-") as beside:
        out, err = Path(beside) / "out", Path(beside) / "err"
        out.touch()
        err.touch()
        child = start(f"{__name__}:program", *words, output=out, errors=err, folder=folder, **environ)
        status = child.wait(within)
        return subprocess.CompletedProcess(words, status, out.read_text(), err.read_text())
