"""`history` and `calls`: attempts on the screen, as JSON, or as a CSV file that no spreadsheet runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from fluentsd.cli.format import iso
from fluentsd.cli.runner import Shell, fail, local_moment, run_verb, with_client
from fluentsd.csv_output import SafeWriter, open_private

_COLUMNS = ("id", "claimed_at", "direction", "ref", "step", "try_no", "channel", "to", "sender", "outcome",
            "disposition", "reason", "callback_at", "duration_s", "cost_micros", "currency", "summary", "reply",
            "recording", "transcript")  # fmt: skip


_Ref = Annotated[str | None, typer.Argument(metavar="REF", help="only this campaign")]
_Outcome = Annotated[str | None, typer.Option("--outcome", help="only this outcome")]
_Disposition = Annotated[str | None, typer.Option("--disposition", help="only conversations that came to this")]
_Channel = Annotated[str | None, typer.Option("--channel", help="only this channel")]
_Attempt = Annotated[str | None, typer.Option("--attempt", help="only this attempt, by its id, with its words")]
_Person = Annotated[str | None, typer.Option("--person", help="only this person (a number or address)")]
_Most = Annotated[int, typer.Option("--most", help="maximum number of rows")]
_Since = Annotated[str | None, typer.Option("--since", help="only attempts after this time")]
_Csv = Annotated[Path | None, typer.Option("--csv", help="write this file instead, - for standard output")]
_Json = Annotated[bool, typer.Option("--json", help="print the answer as JSON")]


def history(
    context: typer.Context,
    ref: _Ref = None,
    outcome: _Outcome = None,
    disposition: _Disposition = None,
    channel: _Channel = None,
    attempt: _Attempt = None,
    person: _Person = None,
    most: _Most = 50,
    since: _Since = None,
    csv: _Csv = None,
    as_json: _Json = False,
) -> None:
    """History of attempts on all channels."""
    asked = {"ref": ref, "outcome": outcome, "disposition": disposition, "channel": channel, "attempt": attempt,
             "person": person, "most": most, "since": since}  # fmt: skip
    _show(context.obj, "history", asked, csv, as_json=as_json)


def calls(
    context: typer.Context,
    ref: _Ref = None,
    outcome: _Outcome = None,
    disposition: _Disposition = None,
    attempt: _Attempt = None,
    person: _Person = None,
    most: _Most = 50,
    since: _Since = None,
    csv: _Csv = None,
    as_json: _Json = False,
) -> None:
    """History of phone calls."""
    asked = {"ref": ref, "outcome": outcome, "disposition": disposition, "attempt": attempt, "person": person,
             "most": most, "since": since}  # fmt: skip
    _show(context.obj, "calls", asked, csv, as_json=as_json)


def _show(shell: Shell, verb: str, asked: dict[str, Any], csv: Path | None, *, as_json: bool) -> None:
    """Run the verb and print its answer, or write it as CSV."""
    shell.as_json = as_json
    given = {name: value for name, value in asked.items() if value is not None}
    if "since" in given and "ref" not in given:
        given["since"] = local_moment(given["since"], days=True)
    if csv is None:
        run_verb(shell, verb, given)
        return
    rows = with_client(shell, lambda client: client.perform(verb, given))["calls"]
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
        cells |= {name: iso(row[name]) if row[name] else "" for name in ("claimed_at", "callback_at")}
        writer.writerow(cells[name] for name in _COLUMNS)
