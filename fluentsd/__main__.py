"""`fluentsd` and `python -m fluentsd`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from fluentsd.cli.words import plain_verb, without_config

#: Set by the shell's completion, which wants to know words and runs nothing.
COMPLETES = "_FLUENTSD_COMPLETE"


def main() -> None:
    """Run the shell. A plain `run` starts the daemon, and a plain verb is sent, without the general parser; words for a
    completion are that parser's."""
    words = sys.argv[1:]
    config, rest = without_config(words)
    if rest == ["run"]:
        from fluentsd.cli.runner import Shell
        from fluentsd.cli.service import run_daemon

        run_daemon(Shell(None if config is None else Path(config)))
    elif COMPLETES not in os.environ and (plain := plain_verb(words)) is not None:
        from fluentsd.cli.perform import run_plain

        run_plain(plain)
    else:
        from fluentsd.cli.app import main as shell

        shell()


if __name__ == "__main__":
    main()
