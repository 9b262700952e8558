"""`calls`: the history of attempts on the screen, as JSON, or as a CSV file that no spreadsheet runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from fluentsd.cli.format import when
from fluentsd.cli.runner import Shell, fail, run_verb, with_client
from fluentsd.csv_output import SafeWriter, open_private

_COLUMNS = ("id", "claimed_at", "direction", "ref", "step", "try_no", "channel", "to", "sender", "outcome",
            "disposition", "reason", "callback_at", "duration_s", "cost_micros", "currency", "summary", "reply",
            "recording", "transcript")  # fmt: skip


def calls(
    context: typer.Context,
    ref: Annotated[str | None, typer.Argument(metavar="REF", help="only this campaign")] = None,
    outcome: Annotated[str | None, typer.Option("--outcome", help="only this outcome")] = None,
    disposition: Annotated[
        str | None, typer.Option("--disposition", help="only conversations that came to this")
    ] = None,
    channel: Annotated[str | None, typer.Option("--channel", help="only this channel")] = None,
    attempt: Annotated[
        str | None, typer.Option("--attempt", help="only this attempt, by its id, with its words")
    ] = None,
    person: Annotated[str | None, typer.Option("--person", help="only this person (a number or address)")] = None,
    most: Annotated[int, typer.Option("--most", help="maximum number of rows")] = 50,
    since: Annotated[str | None, typer.Option("--since", help="only attempts after this time")] = None,
    csv: Annotated[Path | None, typer.Option("--csv", help="write this file instead, - for standard output")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the answer as JSON")] = False,
) -> None:
    """History of attempts."""
    shell: Shell = context.obj
    shell.as_json = as_json
    asked = {"ref": ref, "outcome": outcome, "disposition": disposition, "channel": channel, "attempt": attempt,
             "person": person, "most": most, "since": since}  # fmt: skip
    given = {name: value for name, value in asked.items() if value is not None}
    if csv is None:
        run_verb(shell, "calls", given)
        return
    rows = with_client(shell, lambda client: client.perform("calls", given))["calls"]
    if str(csv) == "-":
        _write(sys.stdout, rows)
        return
    try:
        with open_private(csv) as out:
            _write(out, rows)
    except OSError as why:
        fail(f"{csv} cannot be written: {why.strerror}")
    shell.screen.say(f"wrote {len(rows):,} attempts to {csv}")


def _write(out: Any, rows: list[dict[str, Any]]) -> None:
    writer = SafeWriter(out)
    writer.writerow(_COLUMNS)
    for row in rows:
        cells = {name: "" if row[name] is None else row[name] for name in _COLUMNS}
        cells |= {name: when(row[name]) if row[name] else "" for name in ("claimed_at", "callback_at")}
        writer.writerow(cells[name] for name in _COLUMNS)
