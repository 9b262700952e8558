"""`fluentsd backup` and `fluentsd restore`: copies of the database of this machine.

`backup` reads the file beside a running daemon; `restore` needs the database to itself. Neither speaks to the daemon.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import trio
import typer

from fluentsd.cli.format import when
from fluentsd.cli.runner import Shell, fail, refusals
from fluentsd.cli.views import show

if TYPE_CHECKING:
    from fluentsd.config import Settings

JsonFlag = Annotated[bool, typer.Option("--json", help="print the answer as JSON")]


def backup(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="the file to write; it must not exist")],
    as_json: JsonFlag = False,
) -> None:
    """Copy the database to a file, also while the daemon runs; the copy is checked."""
    from fluentsd.store.db.copies import make_copy

    shell, _, database = _begin(
        context,
        as_json,
        "fluentsd backup copies a SQLite file, and this installation uses a PostgreSQL server; nothing was written. "
        "Use the server's own tool: pg_dump --format=custom --file=FILE DATABASE",
    )
    with refusals():
        copy = trio.run(make_copy, database, file.absolute())
    if as_json:
        show(shell.screen, "", {"wrote": str(file), "people": copy.people, "schema": copy.schema})
        return
    shell.screen.say(f"copied {database} to {file}: {copy.people} people, checked and readable only by you", "green")
    shell.screen.say("fluentsd.key and fluentsd.erased beside the database are not in it; keep them in another place")


def restore(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="a copy that `fluentsd backup` made")],
    as_json: JsonFlag = False,
) -> None:
    """Put a copy of the database back; the replaced database stays beside it. No daemon may run."""
    shell, settings, database = _begin(
        context,
        as_json,
        "fluentsd restore puts back a SQLite file, and this installation uses a PostgreSQL server; nothing was "
        "changed. Stop the daemon and use the server's own tool: pg_restore --clean --dbname=DATABASE FILE",
    )
    with refusals():
        answer = trio.run(_restore, settings, database, file.absolute())
    if as_json:
        show(shell.screen, "", answer)
        return
    shell.screen.say(f"put {file} back as {database}: {answer['people']} people", "green")
    if answer["kept"]:
        shell.screen.say(f"the database that was there is now {answer['kept']}; delete it when you no longer need it")
    if answer["is_older"]:
        until = when(answer["contacts_until"]) if answer["contacts_until"] else "no contact at all"
        shell.screen.say(
            f"this copy is older than what was sent (it knows contacts until: {until}), so the next start holds "
            "everything and contacts nobody; see: fluentsd holds",
            "yellow",
        )
    shell.screen.say("next: fluentsd check, then fluentsd run")


async def _restore(settings: Settings, database: Path, file: Path) -> dict[str, Any]:
    from contextlib import nullcontext

    from fluentsd.bootstrap import place_of
    from fluentsd.engine.held_start import is_older
    from fluentsd.store.db.copies import put_back
    from fluentsd.store.db.high_water import HighWaterMark
    from fluentsd.store.db.lock import AlreadyRunning, file_to_itself, sole_writer

    stamp = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%SZ")
    try:
        async with sole_writer(settings.database_url, database, ""):
            there = await trio.Path(database).exists()
            with file_to_itself(database) if there else nullcontext():
                copy, kept = await put_back(file, database, stamp)
    except AlreadyRunning as why:
        fail(f"{why.holder} works with {database}; nothing was changed. Stop the daemon, then repeat this")
    marks = HighWaterMark(database.parent)
    return {
        "restored": str(database),
        "kept": str(kept) if kept else None,
        "people": copy.people,
        "schema": copy.schema,
        "contacts_until": copy.claimed_at,
        "is_older": is_older(marks, copy.database, copy.claims, place_of(settings)),
    }


def _begin(context: typer.Context, as_json: bool, without_file: str) -> tuple[Shell, Settings, Path]:
    """The shell, the settings and the database's file; ends with a message if the database is not a file."""
    shell: Shell = context.obj
    shell.as_json = as_json
    settings = shell.settings(secrets=False)
    if settings.database_file is None:
        fail(without_file)
    return shell, settings, settings.database_file.resolve()
