"""`suppression import` and `suppression export`: the suppression list from and to a file on the user's machine.

The import reads a file of numbers and addresses, one or more per line, as any system exports its do-not-contact list.
The export opens in a spreadsheet and is readable by its owner alone.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from fluentsd.cli.client import Client
from fluentsd.cli.format import iso
from fluentsd.cli.runner import Shell, fail, with_client
from fluentsd.cli.views import show
from fluentsd.csv_output import SafeWriter, open_private

#: Numbers and addresses in one request.
BATCH = 500
#: Entries of an export in one request.
PAGE = 10_000
_COLUMNS = ("value", "kind", "channel", "reason", "by", "at", "evidence")


def import_list(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="a CSV file with numbers or addresses in any of its columns")],
    because: Annotated[str, typer.Option("--because", help="the origin of the list; kept with each entry")],
    channel: Annotated[str, typer.Option("--channel", help="phone, sms or email; * is every channel")] = "*",
    as_json: Annotated[bool, typer.Option("--json", help="print the answer as JSON")] = False,
) -> None:
    """Add every number and address of a file to the suppression list; existing entries stay as they are."""
    from fluentsd.domain.contacts.mapping import CsvError
    from fluentsd.domain.contacts.reader import Reject
    from fluentsd.engine.ingest.csv_file import open_csv

    shell: Shell = context.obj
    shell.as_json = as_json
    try:
        with open_csv(file, header=None) as opened:
            points = [cell for _, row in opened if not isinstance(row, Reject) for cell in row if _may_be_point(cell)]
            if opened.header is not None:
                points = [cell for cell in opened.header if _may_be_point(cell)] + points
    except CsvError as why:
        fail(str(why))
    if not points:
        fail(f"{file} has no numbers and no addresses; nothing was changed")
    answer = with_client(shell, lambda client: _send(client, points, channel, because))
    if not answer["added"] and not answer["known"]:
        first = answer["bad"][0]
        fail(f"{file} has no number and no address that can be read; nothing was changed. The first is "
             f"{first['text']!r}: {first['reason']}")  # fmt: skip
    show(shell.screen, "suppression import", answer)


def _may_be_point(cell: str) -> bool:
    return "@" in cell or sum(map(str.isdigit, cell)) >= 7


async def _send(client: Client, points: list[str], channel: str, because: str) -> dict[str, Any]:
    result: dict[str, Any] = {"added": 0, "known": 0, "bad": []}
    for start in range(0, len(points), BATCH):
        batch = {"points": points[start : start + BATCH], "channel": channel, "because": because}
        answer = await client.perform("suppression take", batch)
        for key in result:
            result[key] += answer[key]
    return result


def export_list(
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="the file to write; default: standard output")] = None,
) -> None:
    """Write the suppression list as CSV."""
    shell: Shell = context.obj
    rows = with_client(shell, _all_entries)
    if file is None:
        _write(sys.stdout, rows)
        return
    try:
        with open_private(file) as out:
            _write(out, rows)
    except OSError as why:
        fail(f"{file} cannot be written: {why.strerror}")


async def _all_entries(client: Client) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    while True:
        since = rows[-1]["id"] if rows else 0
        page = (await client.perform("suppression list", {"since": since, "most": PAGE}))["entries"]
        if not page:
            return rows
        rows += page


def _write(out: Any, rows: list[dict[str, Any]]) -> None:
    writer = SafeWriter(out)
    writer.writerow(_COLUMNS)
    for row in rows:
        cells = {**row, "at": iso(row["at"]), "evidence": row["evidence"] or ""}
        writer.writerow(cells[name] for name in _COLUMNS)
