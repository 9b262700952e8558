"""`fluentsd run`: starts the daemon without loading the shell."""

from __future__ import annotations

import trio

from fluentsd.cli.runner import Shell, refusals
from fluentsd.clock import SystemClock
from fluentsd.daemon import run
from fluentsd.log import configure
from fluentsd.plugins import discover


def run_daemon(shell: Shell) -> None:
    """Run until a signal. An error at start is one message and exit status 1."""
    settings = shell.settings()
    log = configure(settings.log_format, settings.log_level)
    with refusals():
        trio.run(lambda: run(settings, clock=SystemClock(), plugins=discover(), log=log))
