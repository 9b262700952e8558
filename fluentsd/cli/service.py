"""`fluentsd run`: starts the daemon without loading the shell."""

from __future__ import annotations

import signal
from functools import partial

import trio

from fluentsd.cli.runner import Shell, refusals
from fluentsd.clock import SystemClock
from fluentsd.config import Settings, load
from fluentsd.daemon import run
from fluentsd.log import configure
from fluentsd.plugins import discover


def run_daemon(shell: Shell) -> None:
    """Run until a signal; a reload starts again with the settings as they are then. An error at start is one message
    and exit status 1."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # between two starts; a running daemon handles it
    settings: Settings | None = shell.settings()
    plugins = discover()
    with refusals():
        while settings is not None:
            log, read = configure(settings.log_format, settings.log_level), partial(load, settings.path)
            settings = trio.run(partial(run, settings, clock=SystemClock(), plugins=plugins, log=log, read=read))
