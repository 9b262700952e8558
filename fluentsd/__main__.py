"""`fluentsd` and `python -m fluentsd`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

_CONFIG = ("-c", "--config")


def main() -> None:
    """Run the shell; a plain `run` starts the daemon directly, without the memory of the shell's parser and views."""
    config = plain_run(sys.argv[1:])
    if config is None:
        from fluentsd.cli.app import main as shell

        shell()
    else:
        from fluentsd.cli.runner import Shell
        from fluentsd.cli.service import run_daemon

        run_daemon(Shell(*config))


def plain_run(given: Sequence[str]) -> tuple[Path | None] | None:
    """The configuration file (or None) of `run` and `-c FILE run`; None for every other command line."""
    match given:
        case ["run"]:
            return (None,)
        case [option, file, "run"] if option in _CONFIG:
            return (Path(file),)
        case [option, "run"] if option.startswith("--config="):
            return (Path(option.removeprefix("--config=")),)
    return None


if __name__ == "__main__":
    main()
