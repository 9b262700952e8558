"""`fluentsd` and `python -m fluentsd`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from fluentsd.cli.quick_parser import param_at_end, plain_verb, without_config

#: Set by the shell's completion, which wants to know words and runs nothing.
COMPLETES = "_FLUENTSD_COMPLETE"


def main() -> None:
    """Run the shell. A plain `run` starts the daemon, a plain verb is sent, and its values are completed in bash, all
    without the general parser."""
    words = sys.argv[1:]
    config, rest = without_config(words)
    if rest == ["run"]:
        from fluentsd.cli.runner import Shell
        from fluentsd.cli.service import run_daemon

        run_daemon(Shell(None if config is None else Path(config)))
    elif os.environ.get(COMPLETES) == "complete_bash" and (values := _completed()) is not None:
        sys.stdout.write("".join(f"{value}\n" for value in values))
    elif COMPLETES not in os.environ and (plain := plain_verb(words)) is not None:
        from fluentsd.cli.perform import run_plain

        run_plain(plain)
    else:
        from fluentsd.cli.app import main as shell

        shell()


def _completed() -> list[str] | None:
    """The values for the last word of bash's line; None for commands, options and texts, which are the parser's."""
    line, cursor = os.environ.get("COMP_WORDS", ""), os.environ.get("COMP_CWORD", "")
    if not cursor.isdecimal() or set(line) & set("\"'\\"):
        return None
    words, at = line.split()[1:], int(cursor) - 1
    incomplete = words[at] if 0 <= at < len(words) else ""
    config, rest = without_config(words[: max(at, 0)])
    param = None if incomplete.startswith("-") or rest[-1:] in (["-c"], ["--config"]) else param_at_end(rest)
    if param is None:
        return None
    from fluentsd.cli.completion import can_offer, offered

    return offered(param, None if config is None else Path(config), incomplete) if can_offer(param) else None


if __name__ == "__main__":
    main()
