"""`campaign people`: the people of a campaign on the screen, as JSON, or as a CSV file that no spreadsheet runs."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from fluentsd.cli.client import Client
from fluentsd.cli.format import iso, people
from fluentsd.cli.runner import Shell, fail, run_verb, with_client
from fluentsd.csv_output import open_private
from fluentsd.verbs import people_file
from fluentsd.verbs.answers.by_verb import ANSWERS
from fluentsd.verbs.answers.codec import typed
from fluentsd.verbs.options import STATES

_VERB = "campaign people"


def list_people(
    context: typer.Context,
    ref: Annotated[str, typer.Argument(metavar="REF", help="the campaign's ref")],
    state: Annotated[
        list[str] | None, typer.Option("--state", help=f"only people in these states ({', '.join(STATES)})")
    ] = None,
    after: Annotated[int, typer.Option("--after", help="go on after the person with this id")] = 0,
    most: Annotated[int, typer.Option("--most", help="maximum number of rows")] = 50,
    csv: Annotated[
        Path | None, typer.Option("--csv", help="write everybody to this file instead, - for standard output")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the answer as JSON")] = False,
) -> None:
    """People of a campaign: state and why, step, next contact, tries, last outcome, lists."""
    shell: Shell = context.obj
    shell.as_json = as_json
    if csv is None:
        run_verb(shell, _VERB, {"ref": ref, "state": state or [], "after": after, "most": most})
        return
    count = with_client(shell, partial(_write, ref, state or [], csv))
    if str(csv) != "-":
        shell.screen.say(f"wrote {people(count)} to {csv}")


async def _write(ref: str, states: list[str], csv: Path, client: Client) -> int:
    """Write everybody to the file; a refusal leaves an older file as it is."""

    async def perform(verb: str, arguments: dict[str, Any]) -> Any:
        return typed(ANSWERS, verb, await client.perform(verb, arguments))

    await people_file.begin(perform, ref, states)
    if str(csv) == "-":
        return await people_file.write(perform, ref, states, sys.stdout, iso)
    try:
        with open_private(csv) as out:
            return await people_file.write(perform, ref, states, out, iso)
    except OSError as why:
        fail(f"{csv} cannot be written: {why.strerror}")
