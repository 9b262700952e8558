"""The process of an import that a test interrupts: it leads a session of its own, as on a terminal, and reads any file
by a subprocess."""

from __future__ import annotations

import os

from fluentsd.cli import importing
from tests import processes


def run(*words: str) -> None:
    os.setsid()
    importing.SUBPROCESS_FROM = 0
    processes.program(*words)
