"""`fluentsd run`: starts the daemon without loading the shell, and says by its exit status whether to start it again.

A server that is away, a full disk, a lock or a port in use pass: status 1, and a supervisor tries again. A mistake in
the settings or a database that cannot be used stay until a person mends them: status 78 (`EX_CONFIG` of sysexits.h),
which deploy/fluentsd.service does not repeat.
"""

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

#: The exit status of a start that only a person can help.
MEND_FIRST = 78


def run_daemon(shell: Shell) -> None:
    """Run until a signal; a reload starts again with the settings as they are then. An error at start is one message
    and an exit status."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # between two starts; a running daemon handles it
    settings: Settings | None = shell.settings(status=MEND_FIRST)
    plugins = discover()
    with refusals(_status_of):
        while settings is not None:
            log, read = configure(settings.log_format, settings.log_level), partial(load, settings.path)
            settings = trio.run(partial(run, settings, clock=SystemClock(), plugins=plugins, log=log, read=read))


def _status_of(why: Exception) -> int:
    from fluentsd.fronts.control.protocol import ControlProblem
    from fluentsd.store.db.lock import AlreadyRunning
    from fluentsd.store.db.upgrade import BackupFailed, UpgradeFailed
    from fluentsd.store.nodes import Fenced
    from fluentsd.unavailable import StoreUnavailable
    from fluentsd.validation import AddressInUse

    passing = (StoreUnavailable, BackupFailed, UpgradeFailed, AlreadyRunning, ControlProblem, Fenced, AddressInUse)
    if isinstance(why, IsADirectoryError | NotADirectoryError):
        return MEND_FIRST
    return 1 if isinstance(why, (*passing, OSError)) else MEND_FIRST
